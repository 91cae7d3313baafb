import type { Rotation } from '../../run/contract';
import type { Expectation, Stage } from '../../run/stage';

/** What passes by itself is no reason to go back: going back needs the same services. */
export const waitsThenCompletes: Expectation = {
  phase: 'completed',
  standsOn: 'next',
  alert: 'Keyturn.Rotation.Completed',
  // While the vault is away nothing is signed either, the history included.
  alsoAllowed: ['Keyturn.Rotation.Holding', 'Keyturn.Rotation.Recovered', 'Keyturn.History.NotSealed'],
};

/** Sees a rotation to its end that has to wait on its way, and must not go back. */
export async function endedAfterWaiting(stage: Stage): Promise<void> {
  let waited = false;
  let wentBack = false;
  await stage.waitFor('the rotation to end', (rotation: Rotation) => {
    waited ||= rotation.waitingFor === 'fault';
    wentBack ||= rotation.phase === 'rolling-back';
    return rotation.endedAt !== null;
  });
  stage.must(waited, 'the rotation never said that it waits for a fault to pass');
  stage.must(!wentBack, 'the rotation went back because of a fault');
}
