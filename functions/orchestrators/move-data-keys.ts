import type { Direction, RunPolicy, RunReference } from '../../shared/contracts/activities';
import type { Reason } from '../../shared/contracts/rotation';
import { type OrchestrationContext, type RunContext, type Story, StoryEnd, step } from '../durable';

export const moveDataKeysName = 'moveDataKeys';

export interface DataKeysMove {
  readonly run: RunReference;
  readonly policy: RunPolicy;
  readonly target: number;
  readonly direction: Direction;
  readonly continuation: string | null;
  readonly done: number;
}

/** `continuation` and `done` say where it stood. */
export type DataKeysMoved =
  | { readonly end: 'moved' }
  | {
      readonly end: StoryEnd['kind'];
      readonly reason: Reason;
      readonly continuation: string | null;
      readonly done: number;
    };

/** History is replayed whole at every turn, so it is started afresh after this many pages. */
const pagesPerGeneration = 20;

/** A store of data keys, page by page. The store itself is the checkpoint: a page met again finds its records moved. */
export function* moveDataKeys(context: OrchestrationContext): Story<DataKeysMoved> {
  const input = context.df.getInput<DataKeysMove>() as DataKeysMove;
  const on: RunContext = { context, run: input.run, policy: input.policy, pauseEnds: true };
  let { continuation, done } = input;
  try {
    for (let page = 0; page < pagesPerGeneration; page++) {
      const moved = yield* step(on, 'moveDataKeysPage', {
        target: input.target,
        direction: input.direction,
        continuation,
        done,
      });
      if (moved.continuation === null) return { end: 'moved' };
      ({ continuation, done } = moved);
    }
  } catch (error) {
    if (!(error instanceof StoryEnd)) throw error;
    return { end: error.kind, reason: error.reason, continuation, done };
  }
  context.df.continueAsNew({ ...input, continuation, done });
  return { end: 'moved' };
}
