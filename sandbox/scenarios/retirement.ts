import type { Scenario } from '../run/stage';
import { completeThenWaitOutGrace } from './steps/grace';

/** The way to the end of a version: proved idle, disabled, watched, and only then are the old blobs dropped. Never deleted. */
export const retirement: Scenario = {
  name: 'retirement',
  title: 'the grace period is over: the old version is proved idle, disabled, watched; the old blobs are dropped',
  expect: {
    phase: 'completed',
    standsOn: 'next',
    alert: 'Keyturn.Version.Retired',
    alsoAllowed: ['Keyturn.Rotation.Completed'],
  },
  async play(stage) {
    await completeThenWaitOutGrace(stage);
    stage.must((await stage.people.oldBlobs()) > 0, 'no old blob was kept, so that nothing could be dropped');
    await stage.operator.sweep();
    await stage.alert('Keyturn.Version.Retired');
    const { enabled } = await stage.people.version(stage.previousVersion);
    stage.must(!enabled, 'the old version is still enabled');
    stage.must((await stage.people.oldBlobs()) === 0, 'old blobs were left behind');
    const { pendingRetirement } = await stage.operator.keyView();
    stage.must(pendingRetirement === null, `a retirement is still pending: ${pendingRetirement?.status}`);
  },
};
