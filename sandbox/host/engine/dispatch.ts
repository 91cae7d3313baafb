import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { HostClock } from '../clock';
import type { FunctionApp } from '../function-app';
import type { InFlight } from '../in-flight';
import type { HostLog } from '../log';
import { activityFailure, activityTrigger, resultJson } from './activity';
import type { CrashPlan } from './crash-plan';
import { type EpisodeResult, runEpisode } from './episode';
import * as history from './history';
import type { CarriedEvent, NewWork } from './replay';
import type { InstanceRow, QueuedActivity, QueuedMessage, RuntimeStatus, Store, TimerRow } from './store';
import { dueTime, TimerQueue } from './timer-queue';

/** An orchestration that has not ended, as memory holds it; the store holds the same. */
export interface LiveInstance {
  row: InstanceRow;
  past: history.HistoryEvent[];
  pastJson: string[];
  inbox: QueuedMessage[];
  readonly timers: Map<number, TimerRow>;
  busy: boolean;
  /** Activities queued or running; while there are some, results may be left to gather. */
  openActivities: number;
  /** On the process's monotonic clock: a long replay is not begun again before this. */
  restUntil: number;
  resting: boolean;
}

export interface EngineOptions {
  readonly exactTimers: boolean;
  /** Activities that run at once; the extension's own default is ten for each core. */
  readonly activityConcurrency?: number | undefined;
  /** Orchestrators whose timers never pull the clock. */
  readonly noPull: ReadonlySet<string>;
}

export interface EngineParts {
  readonly app: FunctionApp;
  readonly store: Store;
  readonly clock: HostClock;
  readonly inFlight: InFlight;
  readonly log: HostLog;
  readonly crashPlan: CrashPlan;
}

/** What has to happen in memory once the transaction is on disk, and must not happen if it is not. */
type After = (effect: () => void) => void;

const perCore = 10;
/** Milliseconds: an episode under this is repeated at once. */
const shortEpisode = 5;

/**
 * The message pump: one transaction consumes an episode's messages and publishes all it decided, so that whatever
 * instant the process dies at, each step has happened entirely or not at all. Activities run at least once.
 */
export class Dispatcher {
  readonly live = new Map<string, LiveInstance>();
  private readonly parts: EngineParts;
  private readonly options: EngineOptions;
  private readonly timers: TimerQueue;
  private readonly ready: LiveInstance[] = [];
  private readonly activities: QueuedActivity[] = [];
  private episodesRunning = 0;
  private activitiesRunning = 0;
  private pumpPlanned = false;
  private stopped = true;

  constructor(parts: EngineParts, options: EngineOptions) {
    this.parts = parts;
    this.options = options;
    this.timers = new TimerQueue(parts.clock, (due) => this.fireTimers(due));
  }

  /** Takes up what the store holds; nothing runs before this. */
  start(): void {
    const { store } = this.parts;
    for (const row of store.liveInstances()) {
      const pastJson = store.history(row.instanceId);
      const past = pastJson.map((event) => JSON.parse(event) as history.HistoryEvent);
      this.live.set(row.instanceId, liveInstance(row, past, pastJson));
    }
    for (const message of store.messages()) this.live.get(message.instanceId)?.inbox.push(message);
    for (const activity of store.activities()) this.queueActivity(activity);
    this.stopped = false;
    for (const timer of store.timers()) this.addTimer(timer);
    for (const instance of this.live.values()) this.wake(instance);
    this.planPump();
  }

  /** Starts nothing more; what runs may still commit. */
  stop(): void {
    this.stopped = true;
    this.timers.stop();
  }

  /** Messages and activities that wait for their turn. */
  get queued(): number {
    let messages = this.activities.length;
    for (const instance of this.live.values()) messages += instance.inbox.length;
    return messages;
  }

  /** The earliest timer, on the virtual clock, of an orchestration that runs and may pull the clock. */
  nextDue(): number | undefined {
    let earliest: number | undefined;
    for (const { row, timers } of this.live.values()) {
      if (row.status === 'Suspended' || this.options.noPull.has(row.name)) continue;
      for (const timer of timers.values()) {
        if (!timer.cancelled && (earliest === undefined || timer.due < earliest)) earliest = timer.due;
      }
    }
    return earliest;
  }

  /** Creates an instance, silently taking the place of one with the same id. */
  create(name: string, instanceId: string, input: string | null): void {
    this.atomically((after) => {
      const executionId = randomUUID();
      this.createIn(after, { instanceId, executionId, name, input, parent: null, generation: 0 });
    });
  }

  /** Puts an event into an instance's queue. @returns false if the instance is not live (any more) */
  send(instanceId: string, event: history.HistoryEvent): boolean {
    return this.atomically((after) => this.enqueue(after, instanceId, null, event));
  }

  private atomically<T>(work: (after: After) => T): T {
    const effects: (() => void)[] = [];
    const result = this.parts.store.transaction(() => work((effect) => effects.push(effect)));
    this.parts.inFlight.mark();
    for (const effect of effects) effect();
    return result;
  }

  private enqueue(after: After, instanceId: string, executionId: string | null, event: history.HistoryEvent): boolean {
    const instance = this.live.get(instanceId);
    if (instance === undefined || (executionId !== null && instance.row.executionId !== executionId)) return false;
    const message = this.parts.store.addMessage(instanceId, executionId, JSON.stringify(event));
    after(() => {
      instance.inbox.push(message);
      this.wake(instance);
    });
    return true;
  }

  private createIn(after: After, start: history.ExecutionStart): void {
    const { store, clock } = this.parts;
    const { instanceId, executionId, name, input, parent } = start;
    const at = clock.now();
    const row: InstanceRow = {
      ...{ instanceId, executionId, name, status: 'Pending', input, output: null, customStatus: null },
      ...{ createdAt: at, updatedAt: at, parent },
    };
    store.deleteInstance(instanceId);
    store.putInstance(row);
    const message = store.addMessage(instanceId, executionId, JSON.stringify(history.executionStarted(start, at)));
    after(() => {
      const instance = liveInstance(row, [], []);
      instance.inbox.push(message);
      this.live.set(instanceId, instance);
      this.wake(instance);
    });
  }

  private wake(instance: LiveInstance): void {
    if (instance.busy || instance.inbox.length === 0 || this.live.get(instance.row.instanceId) !== instance) return;
    const rest = instance.restUntil - performance.now();
    if (rest > 0 && instance.openActivities > 0) return this.rest(instance, rest);
    instance.busy = true;
    this.ready.push(instance);
    this.planPump();
  }

  /** Every episode replays the whole history: where that takes long, more results are let in before the next one. */
  private rest(instance: LiveInstance, milliseconds: number): void {
    if (instance.resting) return;
    instance.resting = true;
    setTimeout(() => {
      instance.resting = false;
      this.wake(instance);
    }, milliseconds);
  }

  private queueActivity(activity: QueuedActivity): void {
    this.activities.push(activity);
    const instance = this.live.get(activity.instanceId);
    if (instance?.row.executionId === activity.executionId) instance.openActivities++;
  }

  /** Waits one turn of the event loop, so that results which arrive together make one episode. */
  private planPump(): void {
    if (this.pumpPlanned) return;
    this.pumpPlanned = true;
    setImmediate(() => {
      this.pumpPlanned = false;
      this.pump();
    });
  }

  private pump(): void {
    if (this.stopped) return;
    const limit = perCore * availableParallelism();
    while (this.episodesRunning < limit) {
      const instance = this.ready.shift();
      if (instance === undefined) break;
      this.episodesRunning++;
      const began = performance.now();
      void this.underWay(this.runEpisode(instance)).then(() => {
        this.episodesRunning--;
        instance.busy = false;
        const took = performance.now() - began;
        instance.restUntil = took < shortEpisode ? 0 : began + 3 * took;
        this.wake(instance);
        this.planPump();
      });
    }
    while (this.activitiesRunning < (this.options.activityConcurrency ?? limit)) {
      const activity = this.activities.shift();
      if (activity === undefined) break;
      this.activitiesRunning++;
      void this.underWay(this.runActivity(activity)).then(() => {
        this.activitiesRunning--;
        this.planPump();
      });
    }
  }

  /** An error in here is the host's own: going on could lose a message, so the process ends and recovers instead. */
  private async underWay(work: Promise<void>): Promise<void> {
    const end = this.parts.inFlight.begin();
    try {
      await work;
    } catch (error) {
      process.stderr.write(`The host failed and stops: ${error instanceof Error ? error.stack : String(error)}\n`);
      process.exit(1);
    } finally {
      end();
    }
  }

  private async runEpisode(instance: LiveInstance): Promise<void> {
    const { app, clock } = this.parts;
    const batch = [...instance.inbox];
    const { row, past, pastJson } = instance;
    const meant = batch.filter((it) => it.executionId === null || it.executionId === row.executionId);
    const events = meant.map((message) => JSON.parse(message.event) as history.HistoryEvent);
    const fresh = [history.orchestratorStarted(clock.now()), ...events];
    const { name, instanceId, executionId } = row;
    const ended = events.find((event) => event.EventType === history.EventType.ExecutionTerminated);
    if (meant.length === 0) return this.forget(instance, batch);
    if (ended !== undefined)
      return this.commitEnd(instance, batch, fresh, 'Terminated', JSON.stringify(ended.Reason), '');
    const result = await runEpisode({ app, name, instanceId, executionId, past, pastJson, fresh });
    // A sub-orchestration started under the same id has silently taken this one's place.
    if (this.live.get(instanceId) !== instance) return;
    this.commit(instance, batch, fresh, result);
  }

  private forget(instance: LiveInstance, batch: readonly QueuedMessage[]): void {
    this.atomically(() => {
      for (const message of batch) this.parts.store.deleteMessage(message.id);
    });
    instance.inbox.splice(0, batch.length);
  }

  private commit(
    instance: LiveInstance,
    batch: readonly QueuedMessage[],
    fresh: readonly history.HistoryEvent[],
    result: EpisodeResult,
  ): void {
    instance.row = { ...instance.row, customStatus: result.customStatus };
    const { outcome } = result;
    if (outcome.kind === 'completed') {
      const output = outcome.output === undefined ? 'null' : JSON.stringify(outcome.output);
      return this.commitEnd(instance, batch, fresh, 'Completed', output, '');
    }
    if (outcome.kind === 'failed') {
      const details = `Message: ${outcome.reason}, StackTrace: `;
      this.parts.log.write({
        ...{ level: 'warning', function: instance.row.name, instanceId: instance.row.instanceId },
        message: `The orchestration failed: ${outcome.reason}`,
      });
      return this.commitEnd(instance, batch, fresh, 'Failed', JSON.stringify(outcome.reason), details);
    }
    if (outcome.kind === 'continuedAsNew') return this.commitContinued(instance, batch, outcome.input, outcome.carried);
    this.commitRunning(instance, batch, fresh, result);
  }

  private commitRunning(
    instance: LiveInstance,
    batch: readonly QueuedMessage[],
    fresh: readonly history.HistoryEvent[],
    result: EpisodeResult,
  ): void {
    const { store, clock } = this.parts;
    const { row } = instance;
    const reason = fresh.findLast((event) => event.EventType === history.EventType.ExecutionSuspended)?.Reason;
    const suspendedOutput = reason === undefined ? row.output : JSON.stringify(reason);
    const next: InstanceRow = {
      ...row,
      status: result.suspended ? 'Suspended' : 'Running',
      output: result.suspended ? suspendedOutput : null,
      updatedAt: clock.now(),
    };
    this.atomically((after) => {
      for (const message of batch) store.deleteMessage(message.id);
      const decided = result.newWork.map((work) => this.publish(after, instance, work, result.cancelledTimers));
      this.markCancelled(after, instance, result.cancelledTimers);
      const events = [...fresh, ...decided, history.orchestratorCompleted(clock.now())].map(history.asPlayed);
      const json = events.map((event) => JSON.stringify(event));
      store.appendHistory(row.instanceId, instance.past.length, json);
      store.putInstance(next);
      after(() => {
        instance.row = next;
        instance.past.push(...events);
        instance.pastJson.push(...json);
        instance.inbox.splice(0, batch.length);
      });
    });
  }

  private publish(
    after: After,
    instance: LiveInstance,
    work: NewWork,
    cancelledTimers: readonly number[],
  ): history.HistoryEvent {
    const { store, clock } = this.parts;
    const { instanceId, executionId, name } = instance.row;
    const at = clock.now();
    if (work.kind === 'activity') {
      const input = work.input === undefined ? null : JSON.stringify(work.input);
      const queued = store.addActivity({ instanceId, executionId, taskId: work.id, name: work.name, input });
      after(() => {
        this.queueActivity(queued);
        this.planPump();
      });
      return history.taskScheduled(work.id, work.name, at);
    }
    if (work.kind === 'timer') {
      const due = dueTime(executionId, work.id, work.fireAt, at, this.options.exactTimers);
      const cancelled = cancelledTimers.includes(work.id);
      const timer = { instanceId, executionId, timerId: work.id, fireAt: work.fireAt, due, createdAt: at, cancelled };
      store.putTimer(timer);
      after(() => this.addTimer(timer));
      return history.timerCreated(work.id, work.fireAt, at);
    }
    const parent: history.ParentInstance = {
      Name: name,
      OrchestrationInstance: { InstanceId: instanceId, ExecutionId: executionId },
      TaskScheduleId: work.id,
      Version: null,
    };
    this.createIn(after, {
      ...{ instanceId: work.instanceId, executionId: newExecutionId(), name: work.name, parent, generation: null },
      input: work.input === undefined ? null : JSON.stringify(work.input),
    });
    return history.subOrchestrationCreated(work.id, work.name, work.instanceId, at);
  }

  private markCancelled(after: After, instance: LiveInstance, cancelled: readonly number[]): void {
    for (const id of cancelled) {
      const timer = instance.timers.get(id);
      if (timer === undefined || timer.cancelled) continue;
      const marked = { ...timer, cancelled: true };
      this.parts.store.putTimer(marked);
      after(() => instance.timers.set(id, marked));
    }
  }

  private commitContinued(
    instance: LiveInstance,
    batch: readonly QueuedMessage[],
    input: unknown,
    carried: readonly CarriedEvent[],
  ): void {
    const { store, clock } = this.parts;
    const { row } = instance;
    const { instanceId, name, parent } = row;
    const at = clock.now();
    const executionId = newExecutionId();
    const inputJson = input === undefined ? null : JSON.stringify(input);
    const next: InstanceRow = { ...row, executionId, input: inputJson, status: 'Running', output: null, updatedAt: at };
    const start = { instanceId, executionId, name, input: inputJson, parent, generation: 0 };
    const events = carried.map((event) => history.eventRaised(event.name, event.input, at));
    this.atomically((after) => {
      const later = instance.inbox.slice(batch.length).filter((message) => message.executionId === null);
      for (const message of instance.inbox) store.deleteMessage(message.id);
      store.deleteHistory(instanceId);
      store.deleteTimersOf(instanceId);
      store.putInstance(next);
      // The start comes first and carried events keep their place before later ones, also after a crash.
      const inbox = [
        store.addMessage(instanceId, executionId, JSON.stringify(history.executionStarted(start, at))),
        ...events.map((event) => store.addMessage(instanceId, null, JSON.stringify(event))),
        ...later.map((message) => store.addMessage(instanceId, null, message.event)),
      ];
      after(() => Object.assign(instance, { row: next, past: [], pastJson: [], inbox, openActivities: 0 }));
      after(() => instance.timers.clear());
    });
  }

  private commitEnd(
    instance: LiveInstance,
    batch: readonly QueuedMessage[],
    fresh: readonly history.HistoryEvent[],
    status: RuntimeStatus,
    output: string | null,
    details: string,
  ): void {
    const { store, clock } = this.parts;
    const { row } = instance;
    const at = clock.now();
    const end = [history.executionCompleted(status, output, at), history.orchestratorCompleted(at)];
    const json = [...fresh, ...end].map((event) => JSON.stringify(history.asPlayed(event)));
    this.atomically((after) => {
      for (const message of [...batch, ...instance.inbox]) store.deleteMessage(message.id);
      store.deleteTimersOf(row.instanceId);
      store.appendHistory(row.instanceId, instance.past.length, json);
      store.putInstance({ ...row, status, output, updatedAt: at });
      if (row.parent !== null) this.tellParent(after, row.parent, status, output ?? 'null', details);
      after(() => this.live.delete(row.instanceId));
    });
  }

  private tellParent(
    after: After,
    parent: history.ParentInstance,
    status: RuntimeStatus,
    output: string,
    details: string,
  ): void {
    const { InstanceId, ExecutionId } = parent.OrchestrationInstance;
    const at = this.parts.clock.now();
    const event =
      status === 'Completed'
        ? history.subOrchestrationCompleted(parent.TaskScheduleId, output, at)
        : history.subOrchestrationFailed(parent.TaskScheduleId, String(JSON.parse(output)), details, at);
    this.enqueue(after, InstanceId, ExecutionId, event);
  }

  private async runActivity(activity: QueuedActivity): Promise<void> {
    const { app, clock, crashPlan, store } = this.parts;
    const { instanceId, executionId, taskId, name } = activity;
    crashPlan.pass('before', name);
    let event: (at: number) => history.HistoryEvent;
    try {
      const result = resultJson(await app.invoke(name, activityTrigger(activity.input), { instanceId }));
      event = (at) => history.taskCompleted(taskId, result, at);
    } catch (error) {
      const { reason, details } = activityFailure(name, error);
      event = (at) => history.taskFailed(taskId, reason, details, at);
    }
    crashPlan.pass('after', name);
    const instance = this.live.get(instanceId);
    if (instance?.row.executionId === executionId) instance.openActivities--;
    this.atomically((after) => {
      store.deleteActivity(activity.id);
      this.enqueue(after, instanceId, executionId, event(clock.now()));
    });
    // Lets results that are ready at the same time join the same episode.
    await nextTurn();
  }

  private addTimer(timer: TimerRow): void {
    const instance = this.live.get(timer.instanceId);
    if (instance === undefined || instance.row.executionId !== timer.executionId) return;
    instance.timers.set(timer.timerId, timer);
    this.timers.add(timer);
  }

  private fireTimers(due: readonly TimerRow[]): void {
    this.atomically((after) => {
      for (const timer of due) {
        const instance = this.live.get(timer.instanceId);
        if (instance?.row.executionId !== timer.executionId || !instance.timers.has(timer.timerId)) continue;
        this.parts.store.deleteTimer(timer);
        after(() => instance.timers.delete(timer.timerId));
        const fired = history.timerFired(timer.timerId, timer.fireAt, timer.createdAt);
        this.enqueue(after, timer.instanceId, timer.executionId, fired);
      }
    });
  }
}

function liveInstance(row: InstanceRow, past: history.HistoryEvent[], pastJson: string[]): LiveInstance {
  const idle = { busy: false, openActivities: 0, restUntil: 0, resting: false };
  return { row, past, pastJson, inbox: [], timers: new Map(), ...idle };
}

const newExecutionId = (): string => randomUUID().replaceAll('-', '');
