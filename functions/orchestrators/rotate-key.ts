import type { Admission, RotationRequest, RunPlan } from '../../shared/contracts/activities';
import { madeVersionUnusable, type Phase, type Reason } from '../../shared/contracts/rotation';
import {
  enter,
  goOn,
  now,
  type OrchestrationContext,
  type RunContext,
  type Story,
  StoryEnd,
  sleepUntil,
  step,
  tell,
  Wait,
  type Waiting,
} from '../durable';
import { admitRequest } from './admission';
import { moveAndVerify } from './move-target';
import { soak } from './soak';

/** How an instance ended; kept small, because the history and the ledger hold the whole. */
export interface Ending {
  readonly rotationId: string;
  readonly phase: Phase | null;
  readonly message: string;
}

/**
 * One rotation, from request to outcome. Every effect is an activity that may run twice and converges; every decision is on
 * record in the ledger before it is acted on, so an instance that is started again from there walks the same road.
 */
export function* rotateKey(context: OrchestrationContext): Story<Ending> {
  const request = context.df.getInput<RotationRequest>() as RotationRequest;

  // 1. Claim: whoever loses it, or was called for nothing, ends quietly and leaves no rotation behind.
  const admission = yield* admitRequest(context, request);
  if (!admission.admitted) return { rotationId: request.rotationId, phase: null, message: admission.message };
  const on: RunContext = { context, run: admission.run, policy: admission.policy };

  try {
    if (request.cause.kind === 'resume' && request.cause.command === 'abandon') return yield* abandon(on);
    if (admission.direction === 'back') return yield* rollBack(on, admission.plan, [resumed(request)]);
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

    // 4 and 5. Rewrap the targets in their order, the first as canary; each is verified before the next.
    yield* enter(on, 'rewrapping');
    for (const target of planned.targets.keys()) yield* moveAndVerify(on, planned, target, 'forward');

    // 6. Soak: probes must stay green for as long as a service may live on a cached key.
    yield* enter(on, 'soaking');
    yield* soak(on);

    // Data keys that their owner made or replaced meanwhile are moved too, before the run counts as completed.
    const left: Reason[] = [];
    for (const [target, { kind }] of planned.targets.entries()) {
      if (kind === 'dataKeys') left.push(...(yield* moveAndVerify(on, planned, target, 'forward')));
    }
    return yield* finish(on, 'completed', left);
  } catch (error) {
    // 7. A refusal, confirmed red probes or an operator's word: all targets go back. A fault never comes here.
    const goBack = (reason: Reason) => rollBack(on, planned, [reason]);
    if (!changed && isRefusalOfNothing(error)) return yield* finish(on, 'refused', [error.reason]);
    if (error instanceof StoryEnd && ['refusal', 'interrupted'].includes(error.kind))
      return yield* goBack(error.reason);
    return yield* endOtherwise(on, error, 'needs-attention', goBack);
  }
}

/** A refusal before anything was changed; a version that was made and turned out unfit is a change. */
const isRefusalOfNothing = (error: unknown): error is StoryEnd =>
  error instanceof StoryEnd && error.kind === 'refusal' && error.reason.code !== madeVersionUnusable;

function* makePlan(on: RunContext): Story<RunPlan | Ending> {
  const cancel = (reason: Reason) => finish(on, 'cancelled', [reason]);
  try {
    yield* enter(on, 'planning');
    let approval: { readonly wait: Wait; readonly planHash: string } | undefined;
    let waiting: Waiting | undefined;
    for (;;) {
      // Every turn reads anew: what was approved is what is applied, and a plan that changed meanwhile is asked about again.
      const decided = yield* step(on, 'makePlan', {}, waiting);
      if (decided.decision !== 'go') {
        return yield* finish(on, decided.decision === 'skip' ? 'skipped' : 'refused', decided.reasons);
      }
      const { plan, approved, opensAt } = decided;
      if (approved && opensAt === undefined) {
        if (waiting !== undefined) yield* goOn(on, undefined);
        // Still part of planning: whoever is refused here has nothing to roll back.
        yield* enter(on, 'creating-version');
        return plan;
      }
      if (approved && opensAt !== undefined) {
        waiting = yield* waitForWindow(on, waiting, opensAt);
        continue;
      }
      // One deadline for all that is asked: a plan that changes every day is not asked about for ever.
      const wait: Wait = approval?.wait ?? new Wait(on.context, on.policy.approvalDeadlineSeconds);
      if (approval?.planHash !== plan.planHash || waiting?.waitingFor !== 'approval') {
        waiting = yield* askForApproval(on, plan.planHash);
      }
      approval = { wait, planHash: plan.planHash };
      if (!(yield* wait.sleep(on.context, approvalLookSeconds))) return yield* cancel(notApproved);
    }
  } catch (error) {
    if (error instanceof StoryEnd && error.kind === 'interrupted') return yield* cancel(error.reason);
    return yield* endOtherwise(on, error, 'refused', cancel);
  }
}

/** A command wakes the run at once; this is how late it is when the wake-up call was lost. */
const approvalLookSeconds = 6 * 3600;

const notApproved: Reason = { code: 'not-approved', message: 'Nobody approved the plan before its deadline.' };

const approvalOf = (planHash: string) => ({
  waitingFor: 'approval' as const,
  reasons: [{ code: 'approval-needed', message: `The plan ${planHash} waits for an approval.` }],
});

function* askForApproval(on: RunContext, planHash: string): Story<Waiting> {
  const waiting = approvalOf(planHash);
  yield* step(on, 'noteWaiting', waiting, waiting);
  yield* tell(on, 'approval', waiting.reasons, planHash.slice(0, 12), waiting);
  return waiting;
}

/** Nothing is changed outside the change windows. What was planned may be stale when one opens: it is planned again then. */
function* waitForWindow(on: RunContext, before: Waiting | undefined, opensAt: string): Story<Waiting> {
  const message = `No change window is open; the next opens at ${opensAt}.`;
  const waiting: Waiting = { waitingFor: 'window', reasons: [{ code: 'window-closed', message }] };
  if (before?.reasons[0]?.message !== message) yield* step(on, 'noteWaiting', waiting, waiting);
  // Timers fire early: a plan made just before the opening would be told to wait again.
  yield* sleepUntil(on.context, new Date(Date.parse(opensAt) + 2000));
  return waiting;
}

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

/** Changes nothing: says where each target stands, and gives the claim up. */
function* abandon(on: RunContext): Story<Ending> {
  const { reasons } = yield* step(on, 'recordStanding', {});
  return yield* finish(on, 'abandoned', reasons);
}

/** A phase in which the run ends, then the message about it; `skipped` and `refused` changed nothing and tell nobody. */
function* finish(on: RunContext, phase: Phase, reasons: readonly Reason[]): Story<Ending> {
  yield* enter(on, phase, reasons);
  if (phase === 'completed' || phase === 'rolled-back' || phase === 'needs-attention') {
    yield* tell(on, phase, reasons, '');
  }
  return { rotationId: on.run.rotationId, phase, message: reasons[0]?.message ?? `The rotation is ${phase}.` };
}

/**
 * Whatever ended the story early: a newer instance goes on without us; the rest needs a person, or refuses what has not begun.
 * @param obey what a command asks for that was accepted just before the end came on record: nobody else would hear of it
 */
function* endOtherwise(
  on: RunContext,
  error: unknown,
  phase: 'refused' | 'needs-attention',
  obey?: (command: Reason) => Story<Ending>,
): Story<Ending> {
  const end = error instanceof StoryEnd ? error : unexpected;
  if (end.kind === 'superseded') return quietly(on, end);
  try {
    return yield* finish(on, end.kind === 'broken' ? 'needs-attention' : phase, [end.reason]);
  } catch (again) {
    if (!(again instanceof StoryEnd)) throw again;
    if (again.kind === 'superseded') return quietly(on, again);
    if (again.kind === 'interrupted' && obey !== undefined) return yield* obey(again.reason);
    throw again;
  }
}

const quietly = (on: RunContext, { reason }: StoryEnd): Ending => ({
  rotationId: on.run.rotationId,
  phase: null,
  message: reason.message,
});

const unexpected = new StoryEnd('failed', {
  code: 'orchestrator-failed',
  message: "The rotation met an error nobody foresaw; the host's log has it.",
});

const resumed = ({ cause }: RotationRequest): Reason => ({
  code: 'operator-rollback',
  message:
    cause.kind === 'resume' && cause.command === 'rollback'
      ? 'An operator asked to go back.'
      : 'The rollback that was under way goes on.',
});
