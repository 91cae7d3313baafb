import type { OrchestrationContext, Task } from 'durable-functions';
import * as df from 'durable-functions';
import {
  type Activities,
  type ActivityName,
  type AlertKind,
  alertNotHandedOver,
  type RunPolicy,
  type RunReference,
} from '../shared/contracts/activities';
import type { Outcome } from '../shared/contracts/outcome';
import type { Phase, Reason, WaitingFor } from '../shared/contracts/rotation';
import { retryDelaySeconds } from '../shared/rotation/back-off';

/**
 * The whole of the durable task API that Keyturn's orchestrators use, typed. The next major version of the library touches
 * this file and the registrations, and nothing else.
 *
 * Why a retry loop of our own: the library's `*WithRetry` retries every error alike, with a schedule fixed in advance, and
 * fails as non-deterministic inside `Task.any` (seen on the real extension 3.14.1 and 3.19.0, 2026-11-22).
 */
export type Story<T> = Generator<Task, T, unknown>;
export type { OrchestrationContext } from 'durable-functions';

/** What every step of one run needs; fixed when the run is admitted. */
export interface RunContext {
  readonly context: OrchestrationContext;
  readonly run: RunReference;
  readonly policy: RunPolicy;
  /** In a sub-orchestration, which no command wakes: a pause ends its story, and whoever called it waits. */
  readonly pauseEnds?: true;
}

/** The durable event that wakes a waiting run. Only a wake-up call: the ledger says what to do. */
export const wakeUp = 'command';

/** How a step can end a story. Thrown inside the generator, caught once at the orchestrator's top. */
export class StoryEnd extends Error {
  override readonly name = 'StoryEnd';
  readonly kind: 'refusal' | 'interrupted' | 'paused' | 'superseded' | 'deadline' | 'broken' | 'failed';
  readonly reason: Reason;
  constructor(kind: StoryEnd['kind'], reason: Reason) {
    super(reason.message);
    this.kind = kind;
    this.reason = reason;
  }
}

type StepInput<N extends ActivityName> = Omit<Activities[N]['input'], 'now' | 'run'>;
type StepOutput<N extends ActivityName> = Activities[N]['output'];

/** The instant of this turn, the same in every replay. */
export const now = (context: OrchestrationContext): Date => new Date(context.df.currentUtcDateTime);

const later = (from: Date, seconds: number): Date => new Date(from.getTime() + seconds * 1000);
const earlier = (a: Date, b: Date): Date => (a.getTime() <= b.getTime() ? a : b);

/** A single timer of the extension may last six days; the library cuts longer ones so that cancelling them breaks. */
const longestTimerSeconds = 5 * 24 * 3600;

/**
 * The wait for a command that outlives a sleep. A sleep that its timer ended leaves its waiter behind, and the engine hands the
 * next event to that one: were it forgotten, a command that comes during a step would wake nobody.
 */
const waitingForCommand = new WeakMap<OrchestrationContext, Task>();

/**
 * Sleeps until an instant, or until a command comes; one that came since the last sleep counts, and there is no sleep at all.
 * @returns true when the time has come, false when a command woke the run. Never asks the clock afterwards: timers fire early.
 */
export function* sleepUntil(context: OrchestrationContext, until: Date): Story<boolean> {
  for (;;) {
    const command = waitingForCommand.get(context) ?? context.df.waitForExternalEvent(wakeUp);
    waitingForCommand.delete(context);
    if (command.isCompleted) return false;
    const next = earlier(until, later(now(context), longestTimerSeconds));
    const timer = context.df.createTimer(next);
    const winner = yield context.df.Task.any([timer, command]);
    if (winner !== timer) {
      // An open timer would keep the instance in Running after the story has ended.
      timer.cancel();
      return false;
    }
    waitingForCommand.set(context, command);
    if (next === until) return true;
  }
}

/**
 * A wait with a deadline fixed once, when it begins. Each sleep ends at min(now + delay, deadline); the one that was set to
 * the deadline is the last, and its end is the deadline.
 */
export class Wait {
  readonly #deadline: Date;
  #last = false;
  /** Seconds of sleep asked for so far: what `alert after` is measured by, without reading a clock. */
  asked = 0;
  alerted = false;
  /** When it began: tells the alerts of two waits for the same cause apart. */
  readonly began: string;

  constructor(context: OrchestrationContext, deadlineSeconds: number) {
    this.#deadline = later(now(context), deadlineSeconds);
    this.began = now(context).toISOString();
  }

  /** @returns false when the deadline has passed and there was no time left to sleep. */
  *sleep(context: OrchestrationContext, seconds: number): Story<boolean> {
    if (this.#last) return false;
    const until = earlier(later(now(context), seconds), this.#deadline);
    const elapsed = yield* sleepUntil(context, until);
    if (elapsed) this.asked += seconds;
    if (elapsed && until === this.#deadline) this.#last = true;
    return true;
  }
}

/** What a run says in the ledger that it waits for. */
export interface Waiting {
  readonly waitingFor: WaitingFor;
  readonly reasons: readonly Reason[];
}

const forNothing: Waiting = { waitingFor: null, reasons: [] };

/**
 * Runs one activity to a value. Faults are waited for (the activity is called again after a growing delay, or after what the
 * service asked for) until the run's fault deadline, a pause without one; everything else that is not a value ends the story.
 * @param beside what the run waits for anyhow, and waits for again once this step has got through its own trouble
 * @throws StoryEnd
 */
export function* step<N extends ActivityName>(
  on: RunContext,
  name: N,
  input: StepInput<N>,
  beside: Waiting = forNothing,
): Story<StepOutput<N>> {
  let wait: Wait | undefined;
  let pause: Pause | undefined;
  let failures = 0;
  for (let attempt = 1; ; attempt++) {
    const outcome = yield* callOnce(on, name, input);
    if (outcome.kind === 'ok') {
      if (wait !== undefined || pause !== undefined) yield* goOn(on, wait?.alerted ? wait : pause?.during, beside);
      return outcome.value;
    }
    if (outcome.kind === 'interrupted' && isPause(outcome.command)) {
      pause = yield* waitOutPause(on, pause, { ...outcome, code: `operator-${outcome.command}` }, wait);
      wait = undefined;
      continue;
    }
    if (outcome.kind === 'thrown') {
      failures += 1;
      if (failures === 3) throw new StoryEnd('failed', outcome);
    } else if (outcome.kind !== 'fault') throw endOf(outcome);
    const asked = outcome.kind === 'fault' ? outcome.retryAfterSeconds : undefined;
    wait = yield* waitOut(on, wait, outcome, retryDelaySeconds(attempt, asked));
    // Whoever pauses it again while it waits for this is noted anew.
    if (pause !== undefined) pause = { ...pause, noted: null };
  }
}

function endOf(outcome: Exclude<Outcome<unknown>, { kind: 'ok' | 'fault' }>): StoryEnd {
  const { kind, message } = outcome;
  const code = kind === 'interrupted' ? `operator-${outcome.command}` : kind === 'superseded' ? kind : outcome.code;
  return new StoryEnd(kind, { code, message });
}

/**
 * Waits for what may heal by itself: says so in the ledger when the wait begins, raises `holding` once when it has lasted, and ends
 * the story at the run's fault deadline.
 * @param wait of the same trouble, if this is not its first sleep
 * @throws StoryEnd `deadline`
 */
export function* waitOut(on: RunContext, wait: Wait | undefined, why: Reason, seconds: number): Story<Wait> {
  const reason = { code: why.code, message: why.message };
  const waiting = wait ?? (yield* beginWait(on, reason));
  const inTime = yield* waiting.sleep(on.context, seconds);
  if (!inTime) throw new StoryEnd('deadline', reason);
  yield* alertWhenLong(on, waiting, reason);
  return waiting;
}

/** Takes back what was said in the ledger; who was told that the run holds is told that it goes on. */
export function* goOn(on: RunContext, wait: Wait | undefined, to: Waiting = forNothing): Story<void> {
  yield* callQuietly(on, 'noteWaiting', to);
  if (wait?.alerted) yield* callQuietly(on, 'sendAlert', { alert: 'recovered', occasion: wait.began, reasons: [] });
}

/** Every turn replays the whole history, so a story that were never started afresh would cost the square of its length. */
const stepsPerExecution = 50;

const stepsTaken = new WeakMap<OrchestrationContext, number>();

/** Whether a story that can go on in a new execution had better do so. */
export const isLong = ({ context }: RunContext): boolean => (stepsTaken.get(context) ?? 0) >= stepsPerExecution;

type Attempted<T> = Outcome<T> | { readonly kind: 'thrown'; readonly code: string; readonly message: string };

function* callOnce<N extends ActivityName>(
  on: RunContext,
  name: N,
  input: StepInput<N>,
): Story<Attempted<StepOutput<N>>> {
  stepsTaken.set(on.context, (stepsTaken.get(on.context) ?? 0) + 1);
  if ('waitingFor' in input) showStatus(on, { waitingFor: (input as unknown as Waiting).waitingFor });
  try {
    const full = { ...input, run: on.run, now: now(on.context).toISOString() };
    return (yield on.context.df.callActivity(name, full)) as Outcome<StepOutput<N>>;
  } catch {
    // The error's own text may hold anything, so it does not travel: the host's log has it.
    return {
      kind: 'thrown',
      code: 'activity-failed',
      message: `The step ${name} failed unexpectedly; the host's log has the error.`,
    };
  }
}

/** How long a pause may go unnoticed to have ended when the wake-up call was lost. */
const pauseLookSeconds = 3600;

const isPause = (command: string): boolean => command === 'pause' || command === 'stop';

export interface Pause {
  /** What the ledger says of it, so that hours of looking leave one record. */
  readonly noted: string | null;
  /** The trouble it came into the middle of: of its `holding` the recovery is still owed. */
  readonly during: Wait | undefined;
}

/**
 * Paused, or the stop switch is thrown: no deadline, for a person's word has none. The caller's next try finds out whether it is over.
 * @throws StoryEnd `paused` where somebody else waits it out
 */
export function* waitOutPause(
  on: RunContext,
  pause: Pause | undefined,
  { code, message }: Reason,
  wait?: Wait,
): Story<Pause> {
  if (on.pauseEnds) throw new StoryEnd('paused', { code, message });
  if (pause?.noted !== code)
    yield* callQuietly(on, 'noteWaiting', { waitingFor: 'pause', reasons: [{ code, message }] });
  yield* sleepUntil(on.context, later(now(on.context), pauseLookSeconds));
  return { noted: code, during: wait?.alerted ? wait : pause?.during };
}

/** For what must not hold up the run: its failure is not the run's failure. */
function* callQuietly<N extends ActivityName>(on: RunContext, name: N, input: StepInput<N>): Story<void> {
  yield* callOnce(on, name, input);
}

function* beginWait(on: RunContext, why: Reason): Story<Wait> {
  const wait = new Wait(on.context, on.policy.faultDeadlineSeconds);
  yield* callQuietly(on, 'noteWaiting', { waitingFor: 'fault', reasons: [why] });
  return wait;
}

function* alertWhenLong(on: RunContext, wait: Wait, why: Reason): Story<void> {
  if (wait.asked < on.policy.alertAfterSeconds || wait.alerted) return;
  const outcome = yield* callOnce(on, 'sendAlert', { alert: 'holding', occasion: wait.began, reasons: [why] });
  // Neither kept nor sent: it is tried again after the next sleep. After anything else the outbox has it, or the channels.
  wait.alerted = outcome.kind !== 'fault' || outcome.code !== alertNotHandedOver;
}

/**
 * Tells the outside. The outbox has retries of its own, so this waits only for storage; and what happened is in the history:
 * an alert that could not even be kept for the whole deadline must not change it.
 */
export function* tell(
  on: RunContext,
  alert: AlertKind,
  reasons: readonly Reason[],
  occasion: string,
  beside: Waiting = forNothing,
): Story<void> {
  try {
    yield* step(on, 'sendAlert', { alert, occasion, reasons }, beside);
  } catch (error) {
    if (!(error instanceof StoryEnd)) throw error;
  }
}

/** What the durable API shows of the run, at the very moment at which it begins to sleep. */
export function showStatus({ context, run }: RunContext, changed: { phase: Phase } | { waitingFor: WaitingFor }): void {
  const shown = context.df.customStatus as { phase?: Phase } | undefined;
  const phase = shown?.phase ?? null;
  context.df.setCustomStatus({ rotationId: run.rotationId, phase, waitingFor: null, ...changed });
}

/** After so long an end that could not even be kept is told no more. */
const longestUntoldSeconds = 24 * 3600;

/** The end of a run: it is over, so that nothing waits behind this, and nobody else would ever tell of it. */
export function* tellEnd(on: RunContext, alert: AlertKind, reasons: readonly Reason[]): Story<void> {
  const faultDeadlineSeconds = Math.max(on.policy.faultDeadlineSeconds, longestUntoldSeconds);
  yield* tell({ ...on, policy: { ...on.policy, faultDeadlineSeconds } }, alert, reasons, '');
}

/** Enters a phase: on record in the audit log and the ledger before anything of that phase is done. */
export function* enter(on: RunContext, phase: Phase, reasons: readonly Reason[] = []): Story<void> {
  showStatus(on, { phase });
  yield* step(on, 'enterPhase', { phase, reasons });
}

export function registerOrchestration<T>(name: string, story: (context: OrchestrationContext) => Story<T>): void {
  df.app.orchestration(name, story);
}

/** Only objects cross to an activity: the extension mangles booleans and null when they are the whole input. */
export function registerActivity<N extends ActivityName>(
  name: N,
  run: (input: Activities[N]['input']) => Promise<Outcome<Activities[N]['output']>>,
): void {
  df.app.activity(name, { handler: run });
}
