import type { Direction, LeftDataKey, RunPolicy, RunReference } from '../../shared/contracts/activities';
import type { Reason } from '../../shared/contracts/rotation';
import type { PassOver } from '../../shared/rotation/data-keys-left';
import { type OrchestrationContext, type RunContext, type Story, StoryEnd, step } from '../durable';

export const moveDataKeysName = 'moveDataKeys';

/** How far a pass has come: where it goes on, and what it has counted. */
export interface PassAt extends PassOver {
  readonly continuation: string | null;
}

export interface DataKeysMove extends PassAt {
  readonly run: RunReference;
  readonly policy: RunPolicy;
  readonly target: number;
  readonly direction: Direction;
}

/** `at` says where it stood. */
export type DataKeysMoved =
  | { readonly end: 'moved'; readonly at: PassAt }
  | { readonly end: StoryEnd['kind']; readonly reason: Reason; readonly at: PassAt };

/** History is replayed whole at every turn, so it is started afresh after this many stretches of the pass. */
const stretchesPerGeneration = 20;

/** One pass over a store of data keys, stretch by stretch. The store itself is the checkpoint: records met again are found moved. */
export function* moveDataKeys(context: OrchestrationContext): Story<DataKeysMoved> {
  const input = context.df.getInput<DataKeysMove>() as DataKeysMove;
  const { run, policy, target, direction } = input;
  const on: RunContext = { context, run, policy, pauseEnds: true };
  let at: PassAt = { continuation: input.continuation, done: input.done, left: input.left, named: input.named };
  try {
    for (let stretch = 0; stretch < stretchesPerGeneration; stretch++) {
      const { continuation, done, left } = at;
      const moved = yield* step(on, 'moveDataKeysPage', { target, direction, continuation, done, left });
      const named: readonly LeftDataKey[] = [...at.named, ...moved.named];
      at = { continuation: moved.continuation, done: moved.done, left: moved.left, named };
      if (moved.continuation === null) return { end: 'moved', at };
    }
  } catch (error) {
    if (!(error instanceof StoryEnd)) throw error;
    return { end: error.kind, reason: error.reason, at };
  }
  context.df.continueAsNew({ ...input, ...at });
  return { end: 'moved', at };
}
