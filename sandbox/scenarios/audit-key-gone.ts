import type { Scenario } from '../run/stage';
import { verdictOf } from './steps/history';

export const auditKeyGone: Scenario = {
  name: 'audit-key-gone',
  title: 'the key that signs histories is disabled: rotations go on, verification fails loudly, a new chain says why',
  expect: {
    phase: 'completed',
    standsOn: 'next',
    alert: 'Keyturn.History.Broken',
    alsoAllowed: ['Keyturn.Rotation.Completed'],
    rotations: 2,
    history: 'broken',
  },
  async play(stage) {
    await stage.nearExpiry();
    await stage.ended();
    await stage.alert('Keyturn.Rotation.Completed');
    await stage.until('the history to be signed', async () => (await verdictOf(stage)).assurance === 'anchored');
    await stage.people.letAuditKeySign(false);
    stage.say('the key that signs histories was disabled; a second rotation begins');
    await stage.start({ reason: 'Without a signature.' });
    await stage.ended();
    await stage.alert('Keyturn.History.Broken');
    const { ok, brokenAt, chains } = await verdictOf(stage);
    stage.must(
      !ok && brokenAt?.fault === 'signing-key-gone',
      `verification says ${brokenAt?.fault ?? 'that all is well'}`,
    );
    stage.must(chains.at(-1)?.begins?.brokenChain === 1, 'no new chain says why');
  },
};
