import type { RetirementAdmission, RetirementRequest } from '../../shared/contracts/activities';
import type { Reason } from '../../shared/contracts/rotation';
import {
  now,
  type OrchestrationContext,
  type RunContext,
  type Story,
  StoryEnd,
  sleepUntil,
  step,
  tell,
} from '../durable';
import { policyBeforeAdmission } from './admission';

/**
 * Retires the previous versions of one completed rotation: proved idle, disabled, watched; enabled again at once if a probe
 * fails. Never deletes. The grace period has passed when it starts; from here to the end of the watch it holds the KEK's claim.
 */
export function* retireVersion(context: OrchestrationContext): Story<string> {
  const request = context.df.getInput<RetirementRequest>() as RetirementRequest;
  const admission = yield* begin(context, request);
  if (!admission.admitted) return admission.message;
  const { run, policy } = admission;
  const on: RunContext = { context, run, policy };
  let disabledAt = admission.disabledAt;

  try {
    if (disabledAt === null) {
      const { idle, reasons } = yield* step(on, 'proveIdle', {});
      if (!idle) return yield* end(on, 'refused', reasons);
      disabledAt = now(context).toISOString(); // from here on an end must enable again, whatever became of the answer
      ({ disabledAt } = yield* step(on, 'disableVersions', {}));
    }
    const trouble = yield* watch(on, disabledAt);
    if (trouble !== null) return yield* undo(on, [trouble]);
    yield* dropOldBlobs(on, admission.targets);
    return yield* end(on, 'retired', []);
  } catch (error) {
    if (!(error instanceof StoryEnd)) throw error;
    if (error.kind === 'superseded') return error.reason.message;
    return disabledAt === null ? yield* end(on, 'refused', [error.reason]) : yield* undo(on, [error.reason]);
  }
}

function* begin(context: OrchestrationContext, request: RetirementRequest): Story<RetirementAdmission> {
  const run = { key: request.key, rotationId: request.rotationId, generation: 0 };
  const on: RunContext = { context, run, policy: policyBeforeAdmission };
  try {
    return yield* step(on, 'beginRetirement', { request, instanceId: context.df.instanceId });
  } catch (error) {
    if (!(error instanceof StoryEnd)) throw error;
    return { admitted: false, message: error.reason.message };
  }
}

/** Probes at start + k × interval for longer than a key cache lives. The first red answer is enough: enabling again costs nothing. */
function* watch(on: RunContext, disabledAt: string): Story<Reason | null> {
  const { watchSeconds, probeEverySeconds } = on.policy;
  const start = Date.parse(disabledAt);
  const rounds = Math.max(1, Math.ceil(watchSeconds / probeEverySeconds));
  for (let round = 1; round <= rounds; round++) {
    const due = new Date(start + (round * probeEverySeconds + earlyTimerMarginSeconds) * 1000);
    while (!(yield* sleepUntil(on.context, due))) {
      // woken by a command that is none of ours: a retirement takes none
    }
    const { results } = yield* step(on, 'watchTargets', {});
    const red = results.find(({ colour }) => colour === 'red');
    if (red !== undefined) {
      return { code: 'probe-failed', message: `${red.kind}/${red.name} cannot open its data: ${red.message}` };
    }
  }
  return null;
}

const earlyTimerMarginSeconds = 2;

/** Old blobs are forgotten only now: until the watch was over they were the way back. */
function* dropOldBlobs(on: RunContext, targets: number): Story<void> {
  for (let target = 0; target < targets; target++) {
    let continuation: string | null = null;
    do {
      const page: { continuation: string | null } = yield* step(on, 'dropOldBlobs', { target, continuation });
      continuation = page.continuation;
    } while (continuation !== null);
  }
}

/** At once, and before anything is told. */
function* undo(on: RunContext, reasons: readonly Reason[]): Story<string> {
  yield* step(on, 'enableVersions', { reasons });
  return yield* end(on, 'undone', reasons);
}

function* end(on: RunContext, status: 'retired' | 'refused' | 'undone', reasons: readonly Reason[]): Story<string> {
  yield* step(on, 'endRetirement', { status, reasons });
  if (status !== 'refused') yield* tell(on, status === 'retired' ? 'retired' : 'retirement-undone', reasons, '');
  return status;
}
