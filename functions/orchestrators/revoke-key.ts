import type { Admission, RotationRequest, RunPlan } from '../../shared/contracts/activities';
import type { Reason } from '../../shared/contracts/rotation';
import { enter, type OrchestrationContext, type RunContext, type Story, step } from '../durable';
import { watchAccess } from './access-watch';
import { admitRequest } from './admission';
import { type Ending, endOtherwise, finish, goBackOrEnd } from './end-run';
import { makePlan } from './plan-run';
import { abandon, wordOf } from './resumed-run';

/**
 * Cuts the services off on purpose: planned, so that everybody sees what will stop working; approved by a second person; done;
 * and watched until every target has really lost access. Taken back whole by `rollback` while it is under way, and by a `restore` later.
 */
export function* revokeKey(context: OrchestrationContext): Story<Ending> {
  const request = context.df.getInput<RotationRequest>() as RotationRequest;
  const admission = yield* admitRequest(context, request);
  if (!admission.admitted) return { rotationId: request.rotationId, phase: null, message: admission.message };
  const on: RunContext = { context, run: admission.run, policy: admission.policy };
  try {
    if (request.cause.kind === 'resume' && request.cause.command === 'abandon') return yield* abandon(on);
    if (admission.direction === 'back') return yield* giveBack(on, [wordOf(request)]);
    return yield* cutOff(on, admission);
  } catch (error) {
    return yield* endOtherwise(on, error, 'needs-attention');
  }
}

function* cutOff(on: RunContext, admission: Admission & { admitted: true }): Story<Ending> {
  const planned: RunPlan | Ending = admission.plan ?? (yield* makePlan(on, 'revoking'));
  if ('phase' in planned) return planned;
  try {
    if (admission.plan !== null) yield* enter(on, 'revoking');
    const { revokedAt } = yield* step(on, 'revokeVersions', {});
    // A service lives on the key that it has cached: only a read that fails shows that the door is shut.
    yield* watchAccess(on, { since: revokedAt, until: 'red', otherwise: 'access-not-lost' });
    // Key Vault's own policy may have made a version meanwhile; and that the versions are disabled is what a red read alone does not prove.
    yield* step(on, 'revokeVersions', {});
    return yield* finish(on, 'completed', [], 'revoked');
  } catch (error) {
    return yield* goBackOrEnd(on, error, (reason) => giveBack(on, [reason]));
  }
}

/** What was disabled is enabled again, whole, and old data is read. */
function* giveBack(on: RunContext, reasons: readonly Reason[]): Story<Ending> {
  yield* enter(on, 'rolling-back', reasons);
  yield* step(on, 'restoreVersions', {});
  yield* watchAccess(on, { since: null, until: 'green', otherwise: 'old-data-unreadable' });
  return yield* finish(on, 'rolled-back', reasons);
}
