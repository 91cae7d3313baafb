import type { RotationRequest, RunPlan } from '../../shared/contracts/activities';
import type { Reason } from '../../shared/contracts/rotation';
import { enter, type OrchestrationContext, type RunContext, type Story, step } from '../durable';
import { admitRequest } from './admission';
import { type Ending, endOtherwise, finish, goBackOrEnd } from './end-run';
import { makePlan } from './plan-run';
import { abandon, wordOf } from './resumed-run';

/**
 * Takes a key under management: everything that it lacks to be rotated without help is told in one list, and what was asked for is
 * written, and put back if it cannot all be. A plan that has nothing to write ends the run: refused with the list, or skipped.
 */
export function* adoptKey(context: OrchestrationContext): Story<Ending> {
  const request = context.df.getInput<RotationRequest>() as RotationRequest;
  const admission = yield* admitRequest(context, request);
  if (!admission.admitted) return { rotationId: request.rotationId, phase: null, message: admission.message };
  const on: RunContext = { context, run: admission.run, policy: admission.policy };
  try {
    if (request.cause.kind === 'resume' && request.cause.command === 'abandon') return yield* abandon(on);
    if (admission.direction === 'back') return yield* putBack(on, [wordOf(request)]);
    const planned: RunPlan | Ending = admission.plan ?? (yield* makePlan(on, 'adopting'));
    if ('phase' in planned) return planned;
    if (admission.plan !== null) yield* enter(on, 'adopting');
    return yield* write(on);
  } catch (error) {
    return yield* endOtherwise(on, error, 'needs-attention');
  }
}

function* write(on: RunContext): Story<Ending> {
  try {
    const { left } = yield* step(on, 'writeAdoption', {});
    return yield* finish(on, 'completed', left, 'adopted');
  } catch (error) {
    return yield* goBackOrEnd(on, error, (reason) => putBack(on, [reason]));
  }
}

function* putBack(on: RunContext, reasons: readonly Reason[]): Story<Ending> {
  yield* enter(on, 'rolling-back', reasons);
  yield* step(on, 'undoAdoption', {});
  return yield* finish(on, 'rolled-back', reasons);
}
