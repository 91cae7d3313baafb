import type { Scenario, Stage } from '../run/stage';
import { APPROVAL_NEEDED } from './steps/approval';
import { startAndApprove } from './steps/approval-by';

export const revokeRefused: Scenario = {
  name: 'revoke-refused',
  title:
    'a revocation is not begun while a rotation runs; a restoration of a deleted key says how to recover it, then restores',
  signIn: true,
  expect: {
    phase: 'completed',
    standsOn: 'previous',
    alert: 'Keyturn.Key.Restored',
    alsoAllowed: ['Keyturn.Rotation.RolledBack', 'Keyturn.Key.Revoked', 'Keyturn.Key.Findings', APPROVAL_NEEDED],
    rotations: 4,
  },
  async play(stage) {
    await stage.slowDownDps();
    await stage.nearExpiry();
    const { rotationId } = await stage.hubMovedAlone();
    const tooEarly = await ask(stage, 'revoke');
    stage.must(tooEarly === 409, `a revocation during a rotation was answered ${tooEarly}, not 409`);
    stage.say('a revocation while the rotation runs is answered 409, with the rotation');
    const rollback = { method: 'POST', headers: await stage.as('olivia') };
    await stage.http(`/api/rotations/${rotationId}/rollback`, rollback);
    await stage.waitFor('the rotation to go back', ({ phase }) => phase === 'rolled-back');
    await stage.ended();

    stage.people.expectRevocation();
    await startAndApprove(stage, { reason: 'cut them off', run: 'revoke' });
    await stage.ended();
    await stage.people.deleteKey();
    await stage.start({ reason: 'too late', run: 'restore' }, 'olivia');
    const refused = await stage.waitFor('the restoration to be refused', ({ phase }) => phase === 'refused');
    const [why] = refused.reasons;
    stage.say(`refused: ${why?.message}`);
    stage.must(why?.message.includes('az keyvault key recover') === true, 'nobody is told how to recover the key');
    await stage.ended();
    await stage.people.recoverKey();
    await startAndApprove(stage, { reason: 'recovered', run: 'restore' });
    await stage.ended();
    stage.people.endRevocation();
  },
};

/** @returns the status of the answer */
async function ask(stage: Stage, run: string): Promise<number> {
  const body = { key: stage.key, reason: 'now', run };
  return (await stage.http('/api/rotations', { body, headers: await stage.as('olivia') })).status;
}
