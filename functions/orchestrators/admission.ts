import type { Admission, RotationRequest, RunPolicy } from '../../shared/contracts/activities';
import { type OrchestrationContext, type RunContext, type Story, StoryEnd, sleepUntil, step } from '../durable';

/** Before admission nothing of the configuration is known here; storage or the vault may be down for a while even so. */
export const policyBeforeAdmission: RunPolicy = {
  soakSeconds: 0,
  probeEverySeconds: 3600,
  redProbes: { red: 1, of: 1 },
  faultDeadlineSeconds: 24 * 3600,
  operationDeadlineSeconds: 0,
  alertAfterSeconds: 24 * 3600,
  graceSeconds: 0,
  watchSeconds: 0,
  approval: 'none',
  approvalDeadlineSeconds: 0,
  backOffSeconds: 0,
  expiredPrevious: 'refuse',
  pin: false,
};

/** Binds the claim to this instance, or says why there is nothing to do. Waits out faults: an event must not be lost to one. */
export function* admitRequest(context: OrchestrationContext, request: RotationRequest): Story<Admission> {
  const { key, rotationId, generation } = request;
  const on: RunContext = {
    context,
    run: { key, rotationId, generation: generation ?? 0 },
    policy: policyBeforeAdmission,
  };
  if (request.notBefore !== undefined) yield* sleepUntil(context, new Date(request.notBefore));
  try {
    return yield* step(on, 'admit', { request, instanceId: context.df.instanceId });
  } catch (error) {
    if (!(error instanceof StoryEnd)) throw error;
    return { admitted: false, why: error.reason.code, message: error.reason.message };
  }
}
