import type { Admission, RotationRequest, RunPlan } from '../../shared/contracts/activities';
import type { Phase, Reason } from '../../shared/contracts/rotation';
import { enter, now, type OrchestrationContext, type RunContext, type Story, StoryEnd, step } from '../durable';
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

  try {
    // 3. Version: the choice is in the ledger before it is used.
    if (admission.plan !== null) yield* enter(on, 'creating-version');
    yield* step(on, 'chooseVersion', {});

    // 4 and 5. Rewrap the targets in their order, the first as canary; each is verified before the next.
    yield* enter(on, 'rewrapping');
    for (const target of planned.targets.keys()) yield* moveAndVerify(on, planned, target, 'forward');

    // 6. Soak: probes must stay green for as long as a service may live on a cached key.
    yield* enter(on, 'soaking');
    yield* soak(on);

    // Data keys that their owner made or replaced meanwhile are moved too, before the run counts as completed.
    for (const [target, { kind }] of planned.targets.entries()) {
      if (kind === 'dataKeys') yield* moveAndVerify(on, planned, target, 'forward');
    }
    return yield* finish(on, 'completed', []);
  } catch (error) {
    // 7. A refusal, confirmed red probes or an operator's word: all targets go back. A fault never comes here.
    if (!(error instanceof StoryEnd) || !['refusal', 'interrupted'].includes(error.kind)) throw error;
    return yield* rollBack(on, planned, [error.reason]);
  }
}

function* makePlan(on: RunContext): Story<RunPlan | Ending> {
  try {
    yield* enter(on, 'planning');
    const decided = yield* step(on, 'makePlan', {});
    if (decided.decision === 'go') {
      // Still part of planning: whoever is refused here has nothing to roll back.
      yield* enter(on, 'creating-version');
      return decided.plan;
    }
    return yield* finish(on, decided.decision === 'skip' ? 'skipped' : 'refused', decided.reasons);
  } catch (error) {
    return yield* endOtherwise(on, error, 'refused');
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
    yield* tell(on, phase, reasons);
  }
  return { rotationId: on.run.rotationId, phase, message: reasons[0]?.message ?? `The rotation is ${phase}.` };
}

function* tell(
  on: RunContext,
  alert: 'completed' | 'rolled-back' | 'needs-attention',
  reasons: readonly Reason[],
): Story<void> {
  try {
    yield* step(on, 'sendAlert', { alert, occasion: now(on.context).toISOString(), reasons });
  } catch (error) {
    // The outcome is in the history; a channel that stays down for the whole deadline must not change it.
    if (!(error instanceof StoryEnd)) throw error;
  }
}

/** Whatever ended the story early: a newer instance goes on without us; the rest needs a person, or refuses what has not begun. */
function* endOtherwise(on: RunContext, error: unknown, phase: 'refused' | 'needs-attention'): Story<Ending> {
  const end = error instanceof StoryEnd ? error : unexpected;
  if (end.kind === 'superseded') return quietly(on, end);
  try {
    return yield* finish(on, end.kind === 'broken' ? 'needs-attention' : phase, [end.reason]);
  } catch (again) {
    if (again instanceof StoryEnd && again.kind === 'superseded') return quietly(on, again);
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

const resumed = (request: RotationRequest): Reason => ({
  code: 'operator-rollback',
  message: request.reason === '' ? 'The rollback goes on as an operator asked.' : request.reason,
});
