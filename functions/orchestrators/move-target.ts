import type { Direction, PlannedTarget, RunPlan } from '../../shared/contracts/activities';
import type { Reason } from '../../shared/contracts/rotation';
import { retryDelaySeconds } from '../../shared/rotation/back-off';
import { type PassOver, reasonLeft, refusalOf } from '../../shared/rotation/data-keys-left';
import { judge, type ProbeWindow } from '../../shared/rotation/soak-judgement';
import {
  goOn,
  now,
  type Pause,
  type RunContext,
  type Story,
  StoryEnd,
  sleepUntil,
  step,
  Wait,
  waitOut,
  waitOutPause,
} from '../durable';
import { type DataKeysMove, type DataKeysMoved, moveDataKeysName, type PassAt } from './move-data-keys';

/** Moves one target to the next version, or back: a hub or DPS by one long-running operation, data keys in a pass over the store. */
function* moveTarget(on: RunContext, plan: RunPlan, target: number, direction: Direction): Story<PassOver> {
  if (plan.targets[target]?.kind === 'dataKeys') return yield* moveStore(on, plan, target, direction);

  let trouble: Wait | undefined;
  for (let attempt = 1; ; attempt++) {
    const failure = yield* moveOnce(on, plan, target, direction);
    if (failure === null) break;
    // What the service needs was away: a fault like any other, with the same deadline, and no reason to go back.
    trouble = yield* waitOut(on, trouble, failure, retryDelaySeconds(attempt, undefined));
  }
  if (trouble !== undefined) yield* goOn(on, trouble);
  return wholly;
}

/** @returns null once the target has moved, or why its operation ended without */
function* moveOnce(on: RunContext, plan: RunPlan, target: number, direction: Direction): Story<Reason | null> {
  let move = yield* step(on, 'moveTarget', { target, direction });
  const wait = new Wait(on.context, on.policy.operationDeadlineSeconds);
  while (move.state === 'pending') {
    const inTime = yield* wait.sleep(on.context, Math.max(2, move.retryAfterSeconds));
    if (!inTime) throw operationTooLong(plan, target);
    move = yield* step(on, 'checkMove', { target, direction });
  }
  return move.state === 'failed' ? move.reason : null;
}

const wholly: PassOver = { done: 0, left: 0, named: [] };

/**
 * Bad data keys never hold up the others; what they mean for the rotation is asked at the end of the pass.
 * @throws StoryEnd `refusal` when they mean that it goes back, or, on the way back, that it cannot finish
 */
function* moveStore(on: RunContext, plan: RunPlan, target: number, direction: Direction): Story<PassOver> {
  let at: PassAt = { continuation: null, ...wholly };
  let pause: Pause | undefined;
  for (;;) {
    const input: DataKeysMove = { run: on.run, policy: on.policy, target, direction, ...at };
    // Its id is the engine's: a sub-orchestration with the id of a running instance would silently replace it.
    const moved = (yield on.context.df.callSubOrchestrator(moveDataKeysName, input)) as DataKeysMoved;
    ({ at } = moved);
    if (moved.end === 'moved') break;
    if (moved.end !== 'paused') throw new StoryEnd(moved.end, moved.reason);
    pause = yield* waitOutPause(on, pause, moved.reason);
  }
  if (pause !== undefined) yield* goOn(on, undefined);
  const planned = plan.targets[target] as PlannedTarget;
  const refused = direction === 'forward' ? refusalOf(planned, at) : reasonLeft(planned, at);
  if (refused !== null) throw new StoryEnd('refusal', refused);
  return at;
}

/** A red read of old data is asked again this much later; one red answer is not yet confirmed. */
const askAgainSeconds = 60;
/** Data keys that their owner wrote while a pass went by are met by the next one, but an owner who never stops must not hold the run. */
const mostPasses = 4;

/**
 * Moves one target and proves it. A refusal ends the story at once; a red read of old data only when it is confirmed. An answer
 * that is neither (I12) is waited for like a fault, up to the same deadline.
 * @returns what was left, as configured; empty when the target moved whole
 * @throws StoryEnd
 */
export function* moveAndVerify(
  on: RunContext,
  plan: RunPlan,
  target: number,
  direction: Direction,
): Story<readonly Reason[]> {
  for (let pass = 1; ; pass++) {
    const moved = yield* moveTarget(on, plan, target, direction);
    const { behind } = yield* verify(on, target, direction);
    if (direction === 'forward' && behind > moved.left && pass < mostPasses) continue;
    const reason = direction === 'forward' ? reasonLeft(plan.targets[target] as PlannedTarget, moved) : null;
    return reason === null ? [] : [reason];
  }
}

function* verify(on: RunContext, target: number, direction: Direction): Story<{ readonly behind: number }> {
  let window: ProbeWindow = {};
  let wait: Wait | undefined;
  for (let attempt = 1; ; attempt++) {
    const { probe, behind } = yield* step(on, 'verifyTarget', { target, direction });
    if (probe.colour === 'green') {
      if (wait !== undefined) yield* goOn(on, wait);
      return { behind };
    }
    const name = `${probe.kind}/${probe.name}`;
    const judged = judge(window, [probe], on.policy);
    if (judged.confirmedRed !== null) {
      const message = `${name} does not open old data: ${probe.message}`;
      throw new StoryEnd('refusal', { code: 'old-data-unreadable', message });
    }
    window = judged.window;
    if (probe.colour === 'unknown') {
      const why = {
        code: 'old-data-uncertain',
        message: `Whether ${name} opens old data is not known: ${probe.message}`,
      };
      wait = yield* waitOut(on, wait, why, retryDelaySeconds(attempt, undefined));
    } else {
      yield* sleepUntil(on.context, new Date(now(on.context).getTime() + askAgainSeconds * 1000));
    }
  }
}

function operationTooLong(plan: RunPlan, target: number): StoryEnd {
  const name = plan.targets[target]?.name ?? `target ${target}`;
  return new StoryEnd('deadline', {
    code: 'operation-deadline',
    message: `The operation on ${name} had not ended at its deadline. Look at the resource in the portal, then resume or roll back.`,
  });
}
