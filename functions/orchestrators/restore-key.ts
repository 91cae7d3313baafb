import type { RotationRequest, RunPlan } from '../../shared/contracts/activities';
import { enter, type OrchestrationContext, type RunContext, type Story, step } from '../durable';
import { watchAccess } from './access-watch';
import { admitRequest } from './admission';
import { type Ending, endOtherwise, finish } from './end-run';
import { makePlan } from './plan-run';
import { abandon } from './resumed-run';

/** Gives back what the last revocation took: planned, approved by a second person, done, and proved by reading old data. */
export function* restoreKey(context: OrchestrationContext): Story<Ending> {
  const request = context.df.getInput<RotationRequest>() as RotationRequest;
  const admission = yield* admitRequest(context, request);
  if (!admission.admitted) return { rotationId: request.rotationId, phase: null, message: admission.message };
  const on: RunContext = { context, run: admission.run, policy: admission.policy };
  try {
    if (request.cause.kind === 'resume' && request.cause.command === 'abandon') return yield* abandon(on);
    const planned: RunPlan | Ending = admission.plan ?? (yield* makePlan(on, 'restoring'));
    if ('phase' in planned) return planned;
    if (admission.plan !== null) yield* enter(on, 'restoring');
    yield* step(on, 'restoreVersions', {});
    yield* watchAccess(on, { since: null, until: 'green', otherwise: 'old-data-unreadable' });
    return yield* finish(on, 'completed', [], 'restored');
  } catch (error) {
    return yield* endOtherwise(on, error, 'needs-attention');
  }
}
