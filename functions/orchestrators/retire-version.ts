import type {
  Idleness,
  RetirementAdmission,
  RetirementEnd,
  RetirementRequest,
} from '../../shared/contracts/activities';
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
  tellEnd,
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
  try {
    return yield* retire(on, admission);
  } catch (error) {
    if (error instanceof StoryEnd && error.kind === 'superseded') return error.reason.message;
    throw error;
  }
}

type Admitted = RetirementAdmission & { readonly admitted: true };

function* retire(on: RunContext, admission: Admitted): Story<string> {
  const endedEarly = admission.watched ? null : yield* disableAndWatch(on, admission);
  if (endedEarly !== null) return endedEarly;
  // The watch stayed green: from here on nothing enables the versions again. Who fails below leaves the claim, and is gone on for.
  const left = yield* dropOldBlobs(on, admission.targets);
  const reasons = left === null ? [] : [left];
  if (left === null || !admission.watched) return yield* end(on, 'retired', reasons);
  yield* step(on, 'endRetirement', { status: 'retired', reasons }); // told the first time
  return 'retired';
}

/** @returns how the retirement ended before its watch was over and green; null if it was */
function* disableAndWatch(on: RunContext, admission: Admitted): Story<string | null> {
  let disabledAt = admission.disabledAt;
  try {
    if (disabledAt === null) {
      const { idle, reasons, kept } = yield* proveIdle(on);
      if (!idle) return yield* end(on, kept ? 'kept' : 'refused', reasons);
      disabledAt = now(on.context).toISOString(); // from here on an end must enable again, whatever became of the answer
      let disabled = yield* step(on, 'disableVersions', {});
      while (disabled.unfinished) {
        const early = yield* watch(on, disabled.disabledAt);
        if (early !== null) return yield* undo(on, admission, [early]);
        disabled = yield* step(on, 'disableVersions', {});
      }
      ({ disabledAt } = disabled);
    }
    const trouble = yield* watch(on, disabledAt);
    return trouble === null ? null : yield* undo(on, admission, [trouble]);
  } catch (error) {
    const ended = error instanceof StoryEnd ? error : unexpected;
    if (ended.kind === 'superseded') throw ended;
    return disabledAt === null ? yield* end(on, 'refused', [ended.reason]) : yield* undo(on, admission, [ended.reason]);
  }
}

/** The log of the vault comes minutes late: it is asked again until it shows what must be in it, or is known to be behind. */
function* proveIdle(on: RunContext): Story<Idleness> {
  let proof = yield* step(on, 'proveIdle', {});
  while (proof.ask !== undefined) {
    const { afterSeconds, markedAt } = proof.ask;
    const due = new Date(now(on.context).getTime() + afterSeconds * 1000);
    while (!(yield* sleepUntil(on.context, due))) {
      // woken by a command that is none of ours
    }
    proof = yield* step(on, 'proveIdle', { markedAt });
  }
  return proof;
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

/**
 * Probes at start + k × interval for longer than a key cache lives, and until every target's newest answer is green: what cannot be
 * known is not green (I12). The first red answer is enough: enabling again costs nothing.
 */
function* watch(on: RunContext, disabledAt: string): Story<Reason | null> {
  const { watchSeconds, probeEverySeconds, faultDeadlineSeconds } = on.policy;
  const start = Date.parse(disabledAt);
  const last = Math.max(1, Math.ceil(watchSeconds / probeEverySeconds));
  for (let round = 0, uncertain = 0; uncertain <= Math.ceil(faultDeadlineSeconds / probeEverySeconds); ) {
    // What was missed (a resumed watch, a long fault) is not made up for: a burst of probes is one observation, not many.
    const missed = Math.floor((now(on.context).getTime() - start) / (probeEverySeconds * 1000));
    round = round < last ? Math.min(last, Math.max(round, missed) + 1) : Math.max(round, missed) + 1;
    const due = new Date(start + (round * probeEverySeconds + earlyTimerMarginSeconds) * 1000);
    while (!(yield* sleepUntil(on.context, due))) {
      // woken by a command that is none of ours: a retirement takes none
    }
    const { results } = yield* step(on, 'watchTargets', {});
    const red = results.find(({ colour }) => colour === 'red');
    if (red !== undefined) {
      return { code: 'probe-failed', message: `${red.kind}/${red.name} cannot open its data: ${red.message}` };
    }
    if (round < last) continue;
    if (results.every(({ colour }) => colour === 'green')) return null;
    uncertain += 1;
  }
  return {
    code: 'probes-uncertain',
    message: 'The watch is over, but not every target has answered a probe with green.',
  };
}

const earlyTimerMarginSeconds = 2;

/**
 * Old blobs are forgotten only now: until the watch was over they were the way back. They harm nobody where they stay, so what
 * hinders it is told, and tried again another day.
 * @returns why some are left; null if none is
 */
function* dropOldBlobs(on: RunContext, targets: number): Story<Reason | null> {
  let left: Reason | null = null;
  for (let target = 0; target < targets; target++) {
    try {
      yield* dropOldBlobsOf(on, target);
    } catch (error) {
      if (!(error instanceof StoryEnd) || error.kind === 'superseded') throw error;
      const message = `Kept old blobs are not forgotten yet: ${error.reason.message} It is tried again every day.`;
      left ??= { code: 'old-blobs-left', message };
    }
  }
  return left;
}

function* dropOldBlobsOf(on: RunContext, target: number): Story<void> {
  let continuation: string | null = null;
  do {
    const page: { continuation: string | null } = yield* step(on, 'dropOldBlobs', { target, continuation });
    continuation = page.continuation;
  } while (continuation !== null);
}

/** At once, and before anything is told. */
function* undo(on: RunContext, admission: Admitted, reasons: readonly Reason[]): Story<string> {
  yield* enableAgain(on, admission, reasons);
  return yield* end(on, 'undone', reasons);
}

/** How often it is tried to enable again what could not be enabled within the fault deadline. */
const enableAgainSeconds = 600;

/** There is no giving up: a version that stays disabled on a red probe is data that nobody can read. */
function* enableAgain(on: RunContext, { versions }: Admitted, reasons: readonly Reason[]): Story<void> {
  for (let told = false; ; told = true) {
    try {
      yield* step(on, 'enableVersions', { reasons });
      return;
    } catch (error) {
      if (!(error instanceof StoryEnd) || error.kind === 'superseded') throw error;
      if (!told) yield* tell(on, 'holding', [stillDisabled(on, versions, error.reason), ...reasons], 'still-disabled');
    }
    yield* sleepUntil(on.context, new Date(now(on.context).getTime() + enableAgainSeconds * 1000));
  }
}

function stillDisabled({ run }: RunContext, versions: readonly string[], { message }: Reason): Reason {
  const byHand = versions.map((version) => `az keyvault key set-attributes --enabled true --id ${run.key}/${version}`);
  return {
    code: 'still-disabled',
    message: `${versions.join(', ')} of ${run.key} must be enabled again and could not be: ${message} By hand: ${byHand.join('; ')}`,
  };
}

const unexpected = new StoryEnd('failed', {
  code: 'orchestrator-failed',
  message: "The retirement met an error nobody foresaw; the host's log has it.",
});

function* end(on: RunContext, status: RetirementEnd, reasons: readonly Reason[]): Story<string> {
  const { isNews } = yield* step(on, 'endRetirement', { status, reasons });
  if (status === 'retired') yield* tellEnd(on, 'retired', reasons);
  if (status === 'undone') yield* tellEnd(on, 'retirement-undone', reasons);
  if (isNews) yield* tellEnd(on, 'retirement-refused', reasons);
  return status;
}
