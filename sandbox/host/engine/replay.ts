import { EventType, type HistoryEvent } from './history';
import type { Action, CarriedEvent, NewWork, OrchestratorAnswer, Outcome, Replayed, RetryOptions } from './protocol';
import { SimulatedTask, start } from './simulated-task';

/**
 * Turns "all actions since the start", which is what durable-functions answers, into the work that is new. It does what
 * the extension's OutOfProcOrchestrationShim does on DurableTask.Core: it runs the actions one after the other against
 * the history, hands out sequence ids in that order, and keeps what the history does not know yet.
 */

const maximumShortTimer = 6 * 86_400_000;
const longTimerInterval = 3 * 86_400_000;

/**
 * Replays an answer against the history.
 * @param history past events and those of this episode, in order
 * @param executionId of the running execution; sub-orchestrations get `<executionId>:<sequence id>`
 */
export function replay(history: readonly HistoryEvent[], executionId: string, answer: OrchestratorAnswer): Replayed {
  return new Replay(executionId, answer).run(history);
}

class NonDeterminism extends Error {}

type Wait = Generator<SimulatedTask, void, void>;

class Replay {
  private readonly executionId: string;
  private readonly answer: OrchestratorAnswer;
  private nextId = 0;
  private now = 0;
  private readonly openTasks = new Map<number, SimulatedTask>();
  private readonly pending = new Map<number, NewWork>();
  private readonly cancelled = new Set<number>();
  private readonly waiters = new Map<string, SimulatedTask[]>();
  private buffered: CarriedEvent[] = [];
  private main: SimulatedTask | undefined;
  private continueAsNew: { readonly input: unknown } | undefined;
  private suspended = false;
  private readonly whileSuspended: HistoryEvent[] = [];
  private readonly suspendedWork = new Map<number, NewWork>();

  constructor(executionId: string, answer: OrchestratorAnswer) {
    this.executionId = executionId;
    this.answer = answer;
  }

  run(history: readonly HistoryEvent[]): Replayed {
    try {
      for (const event of history) this.see(event);
    } catch (error) {
      if (!(error instanceof NonDeterminism)) throw error;
      const reason = `Non-Deterministic workflow detected: ${error.message}`;
      return { newWork: [], cancelledTimers: [], suspended: false, outcome: { kind: 'failed', reason } };
    }
    return {
      newWork: [...this.pending.values()],
      cancelledTimers: [...this.cancelled],
      suspended: this.suspended,
      outcome: this.outcome(),
    };
  }

  private outcome(): Outcome {
    // An open activity, timer or sub-orchestration keeps the instance running even if the function has returned.
    if (this.main?.isSettled !== true || this.openTasks.size > 0) return { kind: 'running' };
    const { error, isDone, output } = this.answer;
    if (error !== undefined) return { kind: 'failed', reason: error };
    if (this.continueAsNew !== undefined) {
      return { kind: 'continuedAsNew', input: this.continueAsNew.input, carried: this.buffered };
    }
    return isDone ? { kind: 'completed', output } : { kind: 'running' };
  }

  private see(event: HistoryEvent): void {
    switch (event.EventType) {
      case EventType.OrchestratorStarted:
        this.now = Date.parse(event.Timestamp);
        break;
      case EventType.OrchestratorCompleted:
        break;
      case EventType.ExecutionSuspended:
        this.suspend();
        break;
      case EventType.ExecutionResumed:
        this.resume();
        break;
      default:
        if (this.suspended) this.whileSuspended.push(event);
        else this.process(event);
    }
  }

  private suspend(): void {
    this.suspended = true;
    for (const [id, work] of this.pending) this.suspendedWork.set(id, work);
    this.pending.clear();
  }

  private resume(): void {
    this.suspended = false;
    for (const [id, work] of this.suspendedWork) this.pending.set(id, work);
    this.suspendedWork.clear();
    for (const event of this.whileSuspended.splice(0)) this.process(event);
  }

  private process(event: HistoryEvent): void {
    switch (event.EventType) {
      case EventType.ExecutionStarted:
        this.main = start(this.runActions(this.answer.actions[0] ?? []));
        break;
      case EventType.TaskScheduled:
        this.confirm(event, 'activity');
        break;
      case EventType.SubOrchestrationCreated:
        this.confirm(event, 'subOrchestration');
        break;
      case EventType.TimerCreated:
        this.confirm(event, 'timer');
        break;
      case EventType.EventSent:
        throw new NonDeterminism('the history holds an event sent to an entity, which this host never sends');
      case EventType.TaskCompleted:
      case EventType.SubOrchestrationCompleted:
        this.settle(event.TaskScheduledId, 'succeeded');
        break;
      case EventType.TaskFailed:
      case EventType.SubOrchestrationFailed:
        this.settle(event.TaskScheduledId, 'failed');
        break;
      case EventType.TimerFired:
        this.settle(event.TimerId, 'succeeded');
        break;
      case EventType.EventRaised:
        this.raise({ name: event.Name ?? '', input: event.Input ?? 'null' });
        break;
      default:
        break;
    }
  }

  /** The history says that this was scheduled: the replay must have scheduled the same by now. */
  private confirm(event: HistoryEvent, kind: NewWork['kind']): void {
    const work = this.pending.get(event.EventId);
    const was = `${kind}${event.Name === undefined ? '' : ` '${event.Name}'`} with sequence id ${event.EventId}`;
    if (work === undefined) {
      throw new NonDeterminism(
        `an earlier execution scheduled the ${was}, but the replay has not (yet) scheduled it. Was the orchestrator changed, or does it read a clock, a random number or the environment?`,
      );
    }
    if (work.kind !== kind)
      throw new NonDeterminism(`an earlier execution scheduled the ${was}, the replay a ${work.kind}.`);
    // Stricter than the recorded extension, which lets another name pass on replay.
    if (work.kind !== 'timer' && work.name !== event.Name) {
      throw new NonDeterminism(`an earlier execution scheduled the ${was}, the replay '${work.name}'.`);
    }
    this.pending.delete(event.EventId);
  }

  private settle(id: number | undefined, state: 'succeeded' | 'failed'): void {
    if (id === undefined) return;
    const task = this.openTasks.get(id);
    // A cancelled timer fires all the same; the extension logs a duplicate and goes on.
    if (task === undefined) return;
    this.openTasks.delete(id);
    task.settle(state);
  }

  private raise(event: CarriedEvent): void {
    // Several waiters: the extension gives the event to the last one. After continue-as-new nobody waits any more.
    const waiter = this.continueAsNew === undefined ? this.waiters.get(event.name.toLowerCase())?.pop() : undefined;
    if (waiter === undefined) this.buffered.push(event);
    else waiter.settle('succeeded');
  }

  private *runActions(actions: readonly Action[]): Wait {
    for (const action of actions) {
      const task = this.invoke(action);
      // A failure is the orchestrator function's business: it has already seen it, caught or not.
      if (!task.isSettled) yield task;
    }
  }

  private invoke(action: Action): SimulatedTask {
    switch (action.actionType) {
      case 0:
        return this.callActivity(action);
      case 1:
        return this.retried(action, () => this.callActivity(action));
      case 2:
        return this.callSubOrchestrator(action);
      case 3:
        return this.retried(action, () => this.callSubOrchestrator(action));
      case 4:
        this.continueAsNew = { input: action.input };
        return SimulatedTask.done();
      case 5:
        return this.createTimer(Date.parse(action.fireAt ?? ''), action.isCanceled === true);
      case 6:
        return this.waitForEvent((action.externalEventName ?? '').toLowerCase());
      case 11:
        return SimulatedTask.any((action.compoundActions ?? []).map((child) => this.invoke(child)));
      case 12:
        // Waits for every sibling even after a failure, as Task.WhenAll does.
        return SimulatedTask.all((action.compoundActions ?? []).map((child) => this.invoke(child)));
      default:
        throw new NonDeterminism(`action type ${action.actionType} is not supported by this local host`);
    }
  }

  private open(work: (id: number) => NewWork): { readonly id: number; readonly task: SimulatedTask } {
    const id = this.nextId++;
    const task = new SimulatedTask();
    this.pending.set(id, work(id));
    this.openTasks.set(id, task);
    return { id, task };
  }

  private callActivity(action: Action): SimulatedTask {
    return this.open((id) => ({ kind: 'activity', id, name: action.functionName ?? '', input: action.input })).task;
  }

  private callSubOrchestrator(action: Action): SimulatedTask {
    const given = action.instanceId?.trim() ? action.instanceId : undefined;
    return this.open((id) => ({
      kind: 'subOrchestration',
      id,
      name: action.functionName ?? '',
      instanceId: given ?? `${this.executionId}:${id}`,
      input: action.input,
    })).task;
  }

  private createTimer(fireAt: number, isCanceled: boolean): SimulatedTask {
    if (fireAt - this.now <= maximumShortTimer) return this.createTimerPiece(fireAt, isCanceled);
    return start(this.longTimer(fireAt, isCanceled));
  }

  /** The library and the extension both cut a timer over six days into three-day pieces, each with an id of its own. */
  private *longTimer(fireAt: number, isCanceled: boolean): Wait {
    do {
      const piece = fireAt - this.now > maximumShortTimer ? this.now + longTimerInterval : fireAt;
      const task = this.createTimerPiece(piece, isCanceled);
      if (!task.isSettled) yield task;
    } while (this.now < fireAt && !isCanceled);
  }

  private createTimerPiece(fireAt: number, isCanceled: boolean): SimulatedTask {
    const { id, task } = this.open((timerId) => ({ kind: 'timer', id: timerId, fireAt }));
    if (isCanceled) {
      this.openTasks.delete(id);
      this.cancelled.add(id);
      task.settle('cancelled');
    }
    return task;
  }

  private waitForEvent(name: string): SimulatedTask {
    const early = this.buffered.findIndex((event) => event.name.toLowerCase() === name);
    if (early >= 0) {
      this.buffered = this.buffered.toSpliced(early, 1);
      return SimulatedTask.done();
    }
    const task = new SimulatedTask();
    const waiting = this.waiters.get(name) ?? [];
    waiting.push(task);
    this.waiters.set(name, waiting);
    return task;
  }

  private retried(action: Action, call: () => SimulatedTask): SimulatedTask {
    return start(this.retryLoop(action.retryOptions, call));
  }

  private *retryLoop(options: RetryOptions | undefined, call: () => SimulatedTask): Wait {
    const attempts = options?.maxNumberOfAttempts ?? 1;
    const firstAttempt = this.now;
    for (let attempt = 0; attempt < attempts; attempt++) {
      const task = call();
      if (!task.isSettled) yield task;
      if (task.state === 'succeeded') return;
      const last = attempt + 1 === attempts;
      const delay = last ? 0 : this.retryDelay(options, attempt, firstAttempt);
      if (delay === 0 && !last) break;
      // After the last failure the extension sets one more timer, due at once, for the sake of old histories.
      const pause = this.createTimerPiece(this.now + delay, false);
      if (!pause.isSettled) yield pause;
    }
    throw new Error('every attempt failed');
  }

  private retryDelay(options: RetryOptions | undefined, attempt: number, firstAttempt: number): number {
    if (options === undefined) return 0;
    const expires = firstAttempt + (options.retryTimeoutInMilliseconds ?? Number.POSITIVE_INFINITY);
    if (this.now >= expires) return 0;
    const delay = options.firstRetryIntervalInMilliseconds * (options.backoffCoefficient ?? 1) ** attempt;
    return Math.min(delay, options.maxRetryIntervalInMilliseconds ?? Number.POSITIVE_INFINITY);
  }
}
