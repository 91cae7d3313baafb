import type { Direction, RunPlan } from '../../shared/contracts/activities';
import { type RunContext, type Story, StoryEnd, step, Wait } from '../durable';
import { type DataKeysMove, type DataKeysMoved, moveDataKeysName } from './move-data-keys';

/** Moves one target to the next version, or back: a hub or DPS by one long-running operation, data keys page by page. */
export function* moveTarget(on: RunContext, plan: RunPlan, target: number, direction: Direction): Story<void> {
  if (plan.targets[target]?.kind === 'dataKeys') return yield* moveStore(on, target, direction);

  let move = yield* step(on, 'moveTarget', { target, direction });
  const wait = new Wait(on.context, on.policy.operationDeadlineSeconds);
  while (move.state === 'pending') {
    const inTime = yield* wait.sleep(on.context, Math.max(2, move.retryAfterSeconds));
    if (!inTime) throw operationTooLong(plan, target);
    move = yield* step(on, 'checkMove', { target, direction });
  }
}

function* moveStore(on: RunContext, target: number, direction: Direction): Story<void> {
  const input: DataKeysMove = { run: on.run, policy: on.policy, target, direction, continuation: null, done: 0 };
  // Its id is the engine's: a sub-orchestration with the id of a running instance would silently replace it.
  const moved = (yield on.context.df.callSubOrchestrator(moveDataKeysName, input)) as DataKeysMoved;
  if (moved.end !== 'moved') throw new StoryEnd(moved.end, moved.reason);
}

function operationTooLong(plan: RunPlan, target: number): StoryEnd {
  const name = plan.targets[target]?.name ?? `target ${target}`;
  return new StoryEnd('deadline', {
    code: 'operation-deadline',
    message: `The operation on ${name} had not ended at its deadline. Look at the resource in the portal, then resume or roll back.`,
  });
}
