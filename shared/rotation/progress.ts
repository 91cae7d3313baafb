import type { RunReference } from '../contracts/activities';
import type { Rotation, TargetProgress } from '../contracts/rotation';
import type { RotationPorts } from './run-ports';
import { changeRotation } from './run-record';

/** What is known of one target's way; what is left out stays as it was, but for the pace, which is forgotten. */
export type Progress = Partial<Pick<TargetProgress, 'done' | 'total' | 'version'>> & Pace;
export type Pace = Pick<TargetProgress, 'keysPerSecond' | 'secondsLeft'>;

/** How fast data keys move and how long the rest takes; nothing where nothing moved yet. */
export function paceOf(moved: number, milliseconds: number, remaining: number): Pace {
  if (moved <= 0 || milliseconds <= 0) return {};
  const perSecond = (moved * 1000) / milliseconds;
  return { keysPerSecond: Math.round(perSecond * 10) / 10, secondsLeft: Math.ceil(Math.max(0, remaining) / perSecond) };
}

/** Writes the way of one target into the rotation's document. */
export async function noteProgress(
  ports: RotationPorts,
  { run, target: index }: { readonly run: RunReference; readonly target: number },
  progress: (known: TargetProgress) => Progress,
): Promise<void> {
  await changeRotation(ports, run.rotationId, (rotation) => ({
    ...rotation,
    targets: rotation.targets.map((target, at) =>
      at === index ? { ...withoutPaceOf(target), ...progress(target) } : target,
    ),
  }));
}

/** A run that waits, or has gone on to something else, moves no data keys: a pace from before would be a promise. */
export const withoutPace = (rotation: Rotation): Rotation => ({
  ...rotation,
  targets: rotation.targets.map(withoutPaceOf),
});

const withoutPaceOf = ({ keysPerSecond: _pace, secondsLeft: _left, ...target }: TargetProgress): TargetProgress =>
  target;
