import type { Admission, RotationRequest, RunPlan } from '../../shared/contracts/activities';
import { madeVersionUnusable, type Reason } from '../../shared/contracts/rotation';
import type { ProbeWindow } from '../../shared/rotation/soak-judgement';
import {
  enter,
  goOn,
  isLong,
  now,
  type OrchestrationContext,
  type RunContext,
  type Story,
  StoryEnd,
  showStatus,
  sleepUntil,
  step,
  type Waiting,
} from '../durable';
import { admitRequest } from './admission';
import { type Ending, endOtherwise, finish, goBackOrEnd } from './end-run';
import { moveAndVerify } from './move-target';
import { makePlan } from './plan-run';
import { abandon, wordOf } from './resumed-run';
import { soak } from './soak';

/**
 * One rotation, from request to outcome; to another version, or, as a `replace`, to another key. Every effect is an activity that may run twice and converges; every decision is on
 * record in the ledger before it is acted on, so an instance that is started again from there walks the same road.
 */
export function* rotateKey(context: OrchestrationContext): Story<Ending> {
  const request = context.df.getInput<RotationRequest>() as RotationRequest & { readonly onward?: Onward };
  if (request.onward !== undefined) return yield* goOnward(context, request.onward);

  // 1. Claim: whoever loses it, or was called for nothing, ends quietly and leaves no rotation behind.
  const admission = yield* admitRequest(context, request);
  if (!admission.admitted) return { rotationId: request.rotationId, phase: null, message: admission.message };
  const on: RunContext = { context, run: admission.run, policy: admission.policy };

  try {
    if (request.cause.kind === 'resume' && request.cause.command === 'abandon') return yield* abandon(on);
    if (admission.direction === 'back') return yield* rollBack(on, admission.plan, [wordOf(request)]);
    return yield* goForward(on, admission);
  } catch (error) {
    return yield* endOtherwise(on, error, 'needs-attention');
  }
}

function* goForward(on: RunContext, admission: Admission & { admitted: true }): Story<Ending> {
  // 2. Plan: read everything, then decide. Nothing has been changed yet, so a refusal here ends the run.
  const planned = admission.plan === null ? yield* makePlan(on) : admission.plan;
  if ('phase' in planned) return planned;
  let changed = admission.plan !== null;

  try {
    // 3. Version: the way back is made sure first; then the choice is in the ledger before it is used.
    if (admission.plan !== null) yield* enter(on, 'creating-version');
    const { pinned } = yield* step(on, 'secureWayBack', {});
    changed ||= pinned.length > 0 || on.policy.expiredPrevious === 'extend';
    for (const target of pinned) yield* moveAndVerify(on, planned, target, 'back');
    yield* chooseVersion(on);
    changed = true;

    yield* enter(on, 'rewrapping');
    return yield* switchOver(on, planned, 0, null);
  } catch (error) {
    if (!changed && isRefusalOfNothing(error)) return yield* finish(on, 'refused', [error.reason]);
    return yield* turnBack(on, planned, error);
  }
}

/** @param probes what was answered so far, where the soak has begun in an earlier execution */
function* switchOver(on: RunContext, plan: RunPlan, from: number, probes: ProbeWindow | null): Story<Ending> {
  // 4 and 5. Rewrap the targets in their order, the first as canary; each is verified before the next.
  for (let target = from; target < plan.targets.length; target++) {
    if (isLong(on)) return startAfresh(on, { plan, target, probes });
    yield* moveAndVerify(on, plan, target, 'forward');
  }

  // 6. Soak: probes must stay green for as long as a service may live on a cached key.
  if (probes === null) yield* enter(on, 'soaking');
  const unfinished = yield* soak(on, probes ?? {});
  if (unfinished !== null) return startAfresh(on, { plan, target: plan.targets.length, probes: unfinished });

  // Data keys that their owner made or replaced meanwhile are moved too, before the run counts as completed.
  const left: Reason[] = [];
  for (const [target, { kind }] of plan.targets.entries()) {
    if (kind === 'dataKeys') left.push(...(yield* moveAndVerify(on, plan, target, 'forward')));
  }
  return yield* finish(on, 'completed', left, isReplacement(on) ? 'replaced' : 'completed');
}

/** The road is the same; what its end means for the configuration is not. */
const isReplacement = ({ context }: RunContext): boolean => context.df.getInput<RotationRequest>()?.run === 'replace';

/** 7. A refusal, confirmed red probes or an operator's word: all targets go back. A fault never comes here. */
function* turnBack(on: RunContext, plan: RunPlan, error: unknown): Story<Ending> {
  return yield* goBackOrEnd(on, error, (reason) => rollBack(on, plan, [reason]));
}

/** What one execution of a run hands to the next. */
interface Onward {
  readonly run: RunContext['run'];
  readonly policy: RunContext['policy'];
  readonly plan: RunPlan;
  /** The next to move; their number once all have moved. */
  readonly target: number;
  readonly probes: ProbeWindow | null;
}

/**
 * Leaves the history behind. A wake-up call that comes at this very moment may be lost with it; but its command is in the ledger, and
 * the next execution begins with a step that reads it.
 */
function startAfresh({ context, run, policy }: RunContext, at: Omit<Onward, 'run' | 'policy'>): Ending {
  const onward: Onward = { run, policy, ...at };
  context.df.continueAsNew({ ...context.df.getInput<RotationRequest>(), onward });
  return { rotationId: run.rotationId, phase: null, message: 'The rotation goes on in a new execution.' };
}

function* goOnward(context: OrchestrationContext, { run, policy, plan, target, probes }: Onward): Story<Ending> {
  const on: RunContext = { context, run, policy };
  showStatus(on, { phase: probes === null ? 'rewrapping' : 'soaking' });
  try {
    try {
      return yield* switchOver(on, plan, target, probes);
    } catch (error) {
      return yield* turnBack(on, plan, error);
    }
  } catch (error) {
    return yield* endOtherwise(on, error, 'needs-attention');
  }
}

/** A refusal before anything was changed; a version that was made and turned out unfit is a change. */
const isRefusalOfNothing = (error: unknown): error is StoryEnd =>
  error instanceof StoryEnd && error.kind === 'refusal' && error.reason.code !== madeVersionUnusable;

/** Waits while Key Vault's own policy is about to make the version, so that there are not two. */
function* chooseVersion(on: RunContext): Story<void> {
  for (let waited = false; ; waited = true) {
    const chosen = yield* step(on, 'chooseVersion', {});
    if (!('waitSeconds' in chosen)) {
      if (waited) yield* goOn(on, undefined);
      return;
    }
    const reason = { code: 'policy-about-to-rotate', message: chosen.message };
    const waiting: Waiting = { waitingFor: 'policy', reasons: [reason] };
    yield* step(on, 'noteWaiting', waiting, waiting);
    yield* sleepUntil(on.context, new Date(now(on.context).getTime() + chosen.waitSeconds * 1000));
  }
}

/** All targets that may have moved, newest first, and only after the previous version was proved to unwrap now. */
function* rollBack(on: RunContext, plan: RunPlan | null, reasons: readonly Reason[]): Story<Ending> {
  yield* enter(on, 'rolling-back', reasons);
  const { targets } = yield* step(on, 'listUndo', {});
  if (plan !== null && targets.length > 0) {
    yield* step(on, 'proveWayBack', {});
    for (const target of targets.toReversed()) yield* moveAndVerify(on, plan, target, 'back');
  }
  return yield* finish(on, 'rolled-back', reasons);
}
