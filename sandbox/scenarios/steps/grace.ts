import type { Rotation } from '../../run/contract';
import type { Stage } from '../../run/stage';

/** A day more than Keyturn's own grace period. */
const GRACE_DAYS = 8;

/** One whole rotation, until everybody has heard of its end. */
export async function completeAndTell(stage: Stage): Promise<Rotation> {
  await stage.nearExpiry();
  const rotation = await stage.ended();
  // Told, and the telling signed: a jump in between would make minutes of signing look like days.
  await stage.until('the history to be anchored to its end', async () => {
    const told = (await stage.operator.audit(rotation.rotationId)).at(-1)?.action === 'alert';
    return told && (await stage.operator.isAnchored());
  });
  return rotation;
}

/** One whole rotation, and then the time in which it could still have been rolled back. */
export async function completeThenWaitOutGrace(stage: Stage): Promise<Rotation> {
  const rotation = await completeAndTell(stage);
  await overGrace(stage);
  return rotation;
}

export async function overGrace(stage: Stage): Promise<void> {
  // Whatever was told of the key meanwhile is looked at before anything else is done to it.
  await stage.operator.sweepToItsEnd();
  await stage.advanceTo(
    new Date((await stage.now()).getTime() + GRACE_DAYS * 86_400_000),
    'over the grace period, at whose end the old version may be retired',
  );
}

/** Waits until the retirement says that it stands so. */
export async function retirementIs(stage: Stage, status: string): Promise<void> {
  await stage.until(`the retirement to be ${status}`, async () => {
    return (await stage.operator.keyView()).pendingRetirement?.status === status;
  });
}
