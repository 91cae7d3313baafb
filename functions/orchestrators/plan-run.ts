import type { RunPlan } from '../../shared/contracts/activities';
import type { Phase, Reason } from '../../shared/contracts/rotation';
import {
  enter,
  goOn,
  type RunContext,
  type Story,
  StoryEnd,
  sleepUntil,
  step,
  tell,
  Wait,
  type Waiting,
} from '../durable';
import { type Ending, endOtherwise, finish } from './end-run';

/**
 * Plans, and waits for whatever has to be waited for before anything is changed: an approval, a change window.
 * @param then the phase that begins with the first change
 */
export function* makePlan(on: RunContext, then: Phase = 'creating-version'): Story<RunPlan | Ending> {
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
        yield* enter(on, then);
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
