import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import type { HostClock } from '../clock';
import type { FunctionApp } from '../function-app';
import type { InFlight } from '../in-flight';
import type { HostLog } from '../log';
import { activityFailure, activityTrigger, resultJson } from './activity';
import { type Episode, EpisodeCommit } from './commit';
import type { CrashPlan } from './crash-plan';
import { runEpisode } from './episode';
import * as history from './history';
import { Instances, type LiveInstance } from './instances';
import type { QueuedActivity, Store, TimerRow } from './store';
import { TimerQueue } from './timer-queue';

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

const perCore = 10;
/** Milliseconds: an episode under this is repeated at once. */
const shortEpisode = 5;

/** Decides what runs when: episodes one at a time for each instance, activities side by side, timers when due. */
export class Dispatcher {
  readonly instances: Instances;
  private readonly parts: EngineParts;
  private readonly options: EngineOptions;
  private readonly timers: TimerQueue;
  private readonly commits: EpisodeCommit;
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
    this.instances = new Instances(parts.store, parts.clock, parts.inFlight, {
      messageFor: (instance) => this.wake(instance),
      activity: (activity) => {
        this.activities.push(activity);
        this.planPump();
      },
      timer: (timer) => this.timers.add(timer),
    });
    this.commits = new EpisodeCommit(this.instances, options.exactTimers);
  }

  /** Takes up what the store holds; nothing runs before this. */
  start(): void {
    this.stopped = false;
    this.instances.recover();
  }

  /** Starts nothing more; what runs may still commit. */
  stop(): void {
    this.stopped = true;
    this.timers.stop();
  }

  /** Messages and activities that wait for their turn. */
  get queued(): number {
    let messages = this.activities.length;
    for (const instance of this.instances.live.values()) messages += instance.inbox.length;
    return messages;
  }

  /**
   * The earliest timer, on the virtual clock, of the orchestrations that run and may pull the clock; and what those that sleep say of
   * themselves, as JSON. Both come from what was committed together.
   */
  sleeping(): { readonly nextDue: number | undefined; readonly statuses: readonly string[] } {
    let nextDue: number | undefined;
    const statuses: string[] = [];
    for (const { row, timers } of this.instances.live.values()) {
      if (row.status === 'Suspended' || this.options.noPull.has(row.name)) continue;
      const due = Math.min(...[...timers.values()].filter(({ cancelled }) => !cancelled).map((timer) => timer.due));
      if (due === Number.POSITIVE_INFINITY) continue;
      if (nextDue === undefined || due < nextDue) nextDue = due;
      if (row.customStatus !== null) statuses.push(row.customStatus);
    }
    return { nextDue, statuses };
  }

  /** Creates a root instance, silently taking the place of one with the same id. @param input JSON */
  create(name: string, instanceId: string, input: string | null): void {
    const start = { instanceId, executionId: randomUUID(), name, input, parent: null, generation: 0 };
    this.instances.atomically((after) => this.instances.create(after, start));
  }

  /** Puts an event into an instance's queue. @returns false if the instance is not live (any more) */
  send(instanceId: string, event: history.HistoryEvent): boolean {
    return this.instances.atomically((after) => this.instances.enqueue(after, instanceId, null, event));
  }

  private isLive(instance: LiveInstance): boolean {
    return this.instances.live.get(instance.row.instanceId) === instance;
  }

  private wake(instance: LiveInstance): void {
    if (instance.busy || instance.inbox.length === 0 || !this.isLive(instance)) return;
    const rest = instance.restUntil - performance.now();
    if (rest > 0 && instance.openActivities > 0) {
      this.letRest(instance, rest);
      return;
    }
    instance.busy = true;
    this.ready.push(instance);
    this.planPump();
  }

  /** Every episode replays the whole history: where that takes long, more results are let in before the next one. */
  private letRest(instance: LiveInstance, milliseconds: number): void {
    if (instance.resting) return;
    instance.resting = true;
    setTimeout(() => {
      instance.resting = false;
      this.wake(instance);
    }, milliseconds);
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
    // No activity may run that a crash could make unscheduled.
    this.parts.store.flush();
    const limit = perCore * availableParallelism();
    while (this.episodesRunning < limit) {
      const instance = this.ready.shift();
      if (instance === undefined) break;
      this.episodesRunning++;
      void this.underWay(this.runEpisode(instance)).then(() => {
        this.episodesRunning--;
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
      // What outlasts the grace period finds the store closed; its activity runs again after the next start.
      if (this.stopped) return;
      process.stderr.write(`The host failed and stops: ${error instanceof Error ? error.stack : String(error)}\n`);
      process.exit(1);
    } finally {
      end();
    }
  }

  private async runEpisode(instance: LiveInstance): Promise<void> {
    // A sub-orchestration under the same id may have taken its place while it waited for its turn.
    if (!this.isLive(instance)) return;
    const began = performance.now();
    const batch = [...instance.inbox];
    const { executionId } = instance.row;
    const meant = batch.filter((message) => message.executionId === null || message.executionId === executionId);
    const events = meant.map((message) => JSON.parse(message.event) as history.HistoryEvent);
    if (events.length === 0) this.forget(instance, batch.length);
    else await this.play({ instance, batch, fresh: [history.orchestratorStarted(this.parts.clock.now()), ...events] });
    instance.busy = false;
    const took = performance.now() - began;
    instance.restUntil = took < shortEpisode ? 0 : began + 3 * took;
    this.wake(instance);
  }

  private async play(episode: Episode): Promise<void> {
    const { instance, fresh } = episode;
    const { name, instanceId, executionId } = instance.row;
    const terminated = fresh.find((event) => event.EventType === history.EventType.ExecutionTerminated);
    if (terminated !== undefined) {
      this.commits.end(episode, 'Terminated', JSON.stringify(terminated.Reason ?? null));
      return;
    }
    const { past, pastJson } = instance;
    const result = await runEpisode({ app: this.parts.app, name, instanceId, executionId, past, pastJson, fresh });
    if (!this.isLive(instance)) return;
    if (result.outcome.kind === 'failed') {
      const message = `The orchestration failed: ${result.outcome.reason}`;
      this.parts.log.write({ level: 'warning', function: name, instanceId, message });
    }
    this.commits.commit(episode, result);
  }

  /** Drops messages that were meant for an execution which is over. */
  private forget(instance: LiveInstance, count: number): void {
    this.instances.atomically((after) => {
      for (const message of instance.inbox.slice(0, count)) this.parts.store.deleteMessage(message.id);
      after(() => instance.inbox.splice(0, count));
    });
  }

  private async runActivity(activity: QueuedActivity): Promise<void> {
    const { app, clock, crashPlan, store } = this.parts;
    const { instanceId, executionId, taskId, name } = activity;
    crashPlan.pass('before', name);
    let completion: (at: number) => history.HistoryEvent;
    try {
      const result = resultJson(await app.invoke(name, activityTrigger(activity.input), { instanceId }));
      completion = (at) => history.taskCompleted(taskId, result, at);
    } catch (error) {
      const { reason, details } = activityFailure(name, error);
      completion = (at) => history.taskFailed(taskId, reason, details, at);
    }
    crashPlan.pass('after', name);
    this.instances.atomically((after) => {
      const instance = this.instances.inExecution(instanceId, executionId);
      if (instance !== undefined) after(() => instance.openActivities--);
      store.deleteActivity(activity.id);
      this.instances.enqueue(after, instanceId, executionId, completion(clock.now()));
    });
  }

  private fireTimers(due: readonly TimerRow[]): void {
    this.instances.atomically((after) => {
      for (const { instanceId, executionId, timerId, fireAt, createdAt } of due) {
        const instance = this.instances.inExecution(instanceId, executionId);
        const timer = instance?.timers.get(timerId);
        if (timer === undefined) continue;
        this.parts.store.deleteTimer(timer);
        after(() => instance?.timers.delete(timerId));
        this.instances.enqueue(after, instanceId, executionId, history.timerFired(timerId, fireAt, createdAt));
      }
    });
  }
}
