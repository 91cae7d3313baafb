import type { Scenario } from '../run/stage';
import { completeThenWaitOutGrace } from './steps/grace';

/** The vault's log shows that nobody used the old version: the strongest ground on which it can be disabled. */
export const retirementByLog: Scenario = {
  name: 'retirement-by-log',
  title:
    "the old version is retired on the vault's log too: nobody has used it, and the log is proved to be up to date first",
  withLog: true,
  settings: { retirementEvidence: 'vault-log' },
  expect: {
    phase: 'completed',
    standsOn: 'next',
    alert: 'Keyturn.Version.Retired',
    alsoAllowed: ['Keyturn.Rotation.Completed'],
  },
  async play(stage) {
    const { rotationId } = await completeThenWaitOutGrace(stage);
    await stage.operator.sweep();
    await stage.alert('Keyturn.Version.Retired');
    const proof = (await stage.operator.audit(rotationId)).findLast(({ action }) => action === 'prove-idle');
    stage.must(proof?.details['strongest'] === 'vault-log', 'the retirement does not rest on the log');
    stage.must(typeof proof?.details['logNewestRecord'] === 'string', 'the history does not say how new the log was');
    const { enabled } = await stage.people.version(stage.previousVersion);
    stage.must(!enabled, 'the old version is still enabled');
  },
};
