import type { Scenario } from '../run/stage';
import { completeThenWaitOutGrace, retirementIs } from './steps/grace';

/** The evidence was wrong: somewhere something still needed the version. The first red probe is enough. */
export const retirementUndone: Scenario = {
  name: 'retirement-undone',
  title: 'a probe fails after the old version was disabled: it is enabled again at once, an alert says so',
  expect: {
    phase: 'completed',
    standsOn: 'next',
    alert: 'Keyturn.Version.RetirementUndone',
    alsoAllowed: ['Keyturn.Rotation.Completed'],
  },
  async play(stage) {
    await completeThenWaitOutGrace(stage);
    await stage.hold();
    await stage.operator.sweep();
    await stage.until('the old version to be disabled', async () => {
      return !(await stage.people.version(stage.previousVersion)).enabled;
    });
    stage.say("the hub cannot open its data when Keyturn's probe asks for it");
    await stage.fault({
      standIn: 'iotHub',
      operation: 'getTwin',
      principal: 'keyturn',
      times: 1,
      effect: { kind: 'status', status: 500 },
    });
    await stage.release();
    await retirementIs(stage, 'undone');
    const { enabled } = await stage.people.version(stage.previousVersion);
    stage.must(enabled, 'the old version is still disabled');
    stage.must((await stage.people.oldBlobs()) > 0, 'old blobs were dropped although the version was not retired');
  },
};
