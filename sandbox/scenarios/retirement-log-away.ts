import type { Scenario } from '../run/stage';
import { completeThenWaitOutGrace, retirementIs } from './steps/grace';

const HOUR = 3_600_000;

/** What cannot be read is not idle; it is no reason either to hold the key's claim until it can be. */
export const retirementLogAway: Scenario = {
  name: 'retirement-log-away',
  title:
    "the vault's log cannot be read: the old version stays enabled; at a later sweep it can, and the version is retired",
  withLog: true,
  expect: {
    phase: 'completed',
    standsOn: 'next',
    alert: 'Keyturn.Version.Retired',
    alsoAllowed: ['Keyturn.Rotation.Completed', 'Keyturn.Version.RetirementRefused'],
  },
  async play(stage) {
    await completeThenWaitOutGrace(stage);
    await stage.hold();
    const back = new Date((await stage.now()).getTime() + HOUR);
    stage.say('Keyturn loses its role on the Log Analytics workspace for an hour');
    await stage.fault({
      standIn: 'logAnalytics',
      untilMilliseconds: back.getTime(),
      effect: { kind: 'status', status: 403, body: { error: { code: 'InsufficientAccessError', message: 'No.' } } },
    });
    await stage.operator.sweep();
    await retirementIs(stage, 'refused');
    const { pendingRetirement } = await stage.operator.keyView();
    const code = pendingRetirement?.reasons[0]?.code;
    stage.must(code === 'log-unreadable', `it was refused for another reason: ${code}`);
    stage.must((await stage.people.version(stage.previousVersion)).enabled, 'the old version was disabled unproved');
    await stage.release();
    await stage.advanceTo(new Date(back.getTime() + HOUR), 'to when the log can be read again');
    await stage.operator.sweep();
    await stage.alert('Keyturn.Version.Retired');
    stage.must(!(await stage.people.version(stage.previousVersion)).enabled, 'the old version is still enabled');
  },
};
