import { randomUUID } from 'node:crypto';
import type { HostClock } from '../clock';
import type { InFlight } from '../in-flight';
import * as history from './history';
import type { InstanceRow, QueuedActivity, QueuedMessage, Store, TimerRow } from './store';

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

/** What has to happen in memory once the transaction is whole, and must not happen if it is not. */
export type After = (effect: () => void) => void;

/** Who is told that there is work; before a function of the app may see it, it must be on disk (`Store.flush`). */
export interface WorkListener {
  messageFor(instance: LiveInstance): void;
  activity(activity: QueuedActivity): void;
  timer(timer: TimerRow): void;
}

/**
 * The live orchestrations, in memory and on disk alike: every change is given to the store as a whole first, and then has its
 * effects in memory. Nothing in here waits, so that no two changes can mix.
 */
export class Instances {
  readonly live = new Map<string, LiveInstance>();
  readonly store: Store;
  readonly clock: HostClock;
  private readonly inFlight: InFlight;
  private readonly listener: WorkListener;

  constructor(store: Store, clock: HostClock, inFlight: InFlight, listener: WorkListener) {
    this.store = store;
    this.clock = clock;
    this.inFlight = inFlight;
    this.listener = listener;
  }

  /** Takes up what the last process left, and tells the listener of all of it. */
  recover(): void {
    for (const row of this.store.liveInstances()) {
      const pastJson = this.store.history(row.instanceId);
      const past = pastJson.map((event) => JSON.parse(event) as history.HistoryEvent);
      this.live.set(row.instanceId, liveInstance(row, past, pastJson));
    }
    for (const message of this.store.messages()) this.live.get(message.instanceId)?.inbox.push(message);
    for (const activity of this.store.activities()) this.addActivity(activity);
    for (const timer of this.store.timers()) this.addTimer(timer);
    for (const instance of this.live.values()) this.listener.messageFor(instance);
  }

  /** The live instance if it is still in that execution: results for an older one are dropped. */
  inExecution(instanceId: string, executionId: string): LiveInstance | undefined {
    const instance = this.live.get(instanceId);
    return instance?.row.executionId === executionId ? instance : undefined;
  }

  /** Gives `work` to the store, all of it or nothing, and then does what it asked to be done after. */
  atomically<T>(work: (after: After) => T): T {
    const effects: (() => void)[] = [];
    const result = this.store.transaction(() => work((effect) => effects.push(effect)));
    this.inFlight.mark();
    for (const effect of effects) effect();
    return result;
  }

  /**
   * Puts an event into an instance's queue, inside a transaction.
   * @param executionId null if any execution of the instance is meant
   * @returns false, and nothing is queued, if the instance is not live or in another execution
   */
  enqueue(after: After, instanceId: string, executionId: string | null, event: history.HistoryEvent): boolean {
    const instance = this.live.get(instanceId);
    if (instance === undefined || (executionId !== null && instance.row.executionId !== executionId)) return false;
    const message = this.store.addMessage(instanceId, executionId, JSON.stringify(event));
    after(() => {
      instance.inbox.push(message);
      this.listener.messageFor(instance);
    });
    return true;
  }

  /** Creates an instance inside a transaction, silently taking the place of one with the same id. */
  create(after: After, start: history.ExecutionStart): void {
    const { instanceId, executionId, name, input, parent } = start;
    const at = this.clock.now();
    const row: InstanceRow = {
      ...{ instanceId, executionId, name, status: 'Pending', input, output: null, customStatus: null },
      ...{ createdAt: at, updatedAt: at, parent },
    };
    if (this.store.getInstance(instanceId) !== undefined) this.store.deleteInstance(instanceId);
    this.store.putInstance(row);
    const message = this.store.addMessage(instanceId, executionId, JSON.stringify(history.executionStarted(start, at)));
    after(() => {
      const instance = liveInstance(row, [], []);
      instance.inbox.push(message);
      this.live.set(instanceId, instance);
      this.listener.messageFor(instance);
    });
  }

  /** Notes in memory an activity that is on disk. */
  addActivity(activity: QueuedActivity): void {
    const instance = this.inExecution(activity.instanceId, activity.executionId);
    if (instance !== undefined) instance.openActivities++;
    this.listener.activity(activity);
  }

  /** Notes in memory a timer that is on disk. */
  addTimer(timer: TimerRow): void {
    const instance = this.inExecution(timer.instanceId, timer.executionId);
    if (instance === undefined) return;
    instance.timers.set(timer.timerId, timer);
    this.listener.timer(timer);
  }
}

function liveInstance(row: InstanceRow, past: history.HistoryEvent[], pastJson: string[]): LiveInstance {
  const idle = { busy: false, openActivities: 0, restUntil: 0, resting: false };
  return { row, past, pastJson, inbox: [], timers: new Map(), ...idle };
}

/** Later executions and sub-orchestrations have ids without dashes, the first of a root with them, as recorded. */
export const newExecutionId = (): string => randomUUID().replaceAll('-', '');
