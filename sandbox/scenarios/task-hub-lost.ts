import type { Scenario, Stage } from '../run/stage';
import { recordsOf } from './steps/history';

/** More than the longest request of a lost instance could still be under way. */
const TAKE_OVER_MINUTES = 25;
const MOST_SWEEPS = 10;

/** Orchestrations, timers and all: gone. What the ledger and the history hold is enough to go on. */
export const taskHubLost: Scenario = {
  name: 'task-hub-lost',
  title:
    'the durable task hub is lost in the middle of a rotation: the sweep goes on from the ledger, no record is missing',
  expect: { phase: 'completed', standsOn: 'next', alert: 'Keyturn.Rotation.Completed' },
  async play(stage) {
    await stage.slowDownDps();
    await stage.nearExpiry();
    await stage.hubMovedAlone();
    await stage.killHost();
    stage.intruder.loseTaskHub();
    stage.say('the Functions host was killed, its task hub deleted, and it is started again');
    await stage.restartHost();
    const before = await recordsOf(stage);
    stage.must(before.length > 5, `only ${before.length} records are left`);
    // The first sweep finds the claim without a run, one that comes after the lost instance's last request takes it over; when each looks is up to the host.
    for (let round = 0; round < MOST_SWEEPS && !(await wentOn(stage)); round++) {
      await stage.operator.sweep();
      await stage.advanceTo(
        new Date((await stage.now()).getTime() + TAKE_OVER_MINUTES * 60_000),
        'over the time in which the lost instance could still have been at work',
      );
    }
    await stage.ended();
    const after = await recordsOf(stage);
    const kept = before.every(({ sequence, hash }, index) => {
      return after[index]?.sequence === sequence && after[index].hash === hash;
    });
    stage.must(kept, 'records from before the loss are missing, or others');
    const told = new Set(after.map(({ action }) => action));
    for (const action of ['claim', 'plan', 'create-version', 'rewrap', 'verify', 'sweep', 'phase']) {
      stage.must(told.has(action), `the history does not tell of ${action}`);
    }
  },
};

const wentOn = async (stage: Stage): Promise<boolean> =>
  (await recordsOf(stage)).some(({ action }) => action === 'sweep');
