import type { EpisodeResult } from './episode';
import * as history from './history';
import { type After, type Instances, type LiveInstance, newExecutionId } from './instances';
import type { CarriedEvent, NewWork } from './protocol';
import type { InstanceRow, QueuedMessage, RuntimeStatus } from './store';
import { dueTime } from './timer-queue';

/** One episode: the messages it consumes, and its events as its history will hold them. */
export interface Episode {
  readonly instance: LiveInstance;
  readonly batch: readonly QueuedMessage[];
  readonly fresh: readonly history.HistoryEvent[];
}

/**
 * Writes what an episode has decided: one transaction consumes its messages and publishes everything, so that at
 * whatever instant the process dies, the episode has happened entirely or not at all.
 */
export class EpisodeCommit {
  private readonly instances: Instances;
  private readonly exactTimers: boolean;

  constructor(instances: Instances, exactTimers: boolean) {
    this.instances = instances;
    this.exactTimers = exactTimers;
  }

  commit(episode: Episode, result: EpisodeResult): void {
    const { instance } = episode;
    const { outcome } = result;
    if (result.customStatus !== undefined) instance.row = { ...instance.row, customStatus: result.customStatus };
    switch (outcome.kind) {
      case 'completed':
        this.end(episode, 'Completed', outcome.output === undefined ? 'null' : JSON.stringify(outcome.output));
        break;
      case 'failed':
        this.end(episode, 'Failed', JSON.stringify(outcome.reason), `Message: ${outcome.reason}, StackTrace: `);
        break;
      case 'continuedAsNew':
        this.continueAsNew(episode, outcome.input, outcome.carried);
        break;
      default:
        this.goOn(episode, result);
    }
  }

  /** Ends the instance and tells its parent. @param output JSON @param details for a parent, should it have failed */
  end({ instance, batch, fresh }: Episode, status: RuntimeStatus, output: string, details = ''): void {
    const { store, clock, live } = this.instances;
    const { row } = instance;
    const at = clock.now();
    const last = [history.executionCompleted(status, output, at), history.orchestratorCompleted(at)];
    const json = [...fresh, ...last].map((event) => JSON.stringify(history.asPlayed(event)));
    this.instances.atomically((after) => {
      for (const message of [...batch, ...instance.inbox]) store.deleteMessage(message.id);
      if (instance.timers.size > 0) store.deleteTimersOf(row.instanceId);
      store.appendHistory(row.instanceId, instance.past.length, json);
      store.putInstance({ ...row, status, output, updatedAt: at });
      if (row.parent !== null) this.tellParent(after, row.parent, status, output, details);
      after(() => live.delete(row.instanceId));
    });
  }

  private goOn({ instance, batch, fresh }: Episode, result: EpisodeResult): void {
    const { store, clock } = this.instances;
    const next = nextRow(instance.row, fresh, result.suspended, clock.now());
    this.instances.atomically((after) => {
      for (const message of batch) store.deleteMessage(message.id);
      const decided = result.newWork.map((work) => this.publish(after, instance, work, result.cancelledTimers));
      this.markCancelled(after, instance, result.cancelledTimers);
      const events = [...fresh, ...decided, history.orchestratorCompleted(clock.now())].map(history.asPlayed);
      const json = events.map((event) => JSON.stringify(event));
      store.appendHistory(next.instanceId, instance.past.length, json);
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
    const { store, clock } = this.instances;
    const { instanceId, executionId } = instance.row;
    const at = clock.now();
    if (work.kind === 'activity') {
      const input = work.input === undefined ? null : JSON.stringify(work.input);
      const activity = store.addActivity({ instanceId, executionId, taskId: work.id, name: work.name, input });
      after(() => this.instances.addActivity(activity));
      return history.taskScheduled(work.id, work.name, at);
    }
    if (work.kind === 'timer') {
      const due = dueTime(executionId, work.id, work.fireAt, at, this.exactTimers);
      const cancelled = cancelledTimers.includes(work.id);
      const timer = { instanceId, executionId, timerId: work.id, fireAt: work.fireAt, due, createdAt: at, cancelled };
      store.putTimer(timer);
      after(() => this.instances.addTimer(timer));
      return history.timerCreated(work.id, work.fireAt, at);
    }
    this.instances.create(after, {
      ...{ instanceId: work.instanceId, executionId: newExecutionId(), name: work.name, generation: null },
      input: work.input === undefined ? null : JSON.stringify(work.input),
      parent: parentOf(instance.row, work.id),
    });
    return history.subOrchestrationCreated(work.id, work.name, work.instanceId, at);
  }

  /** A cancelled timer still fires, as in Azure, but must not pull the clock. */
  private markCancelled(after: After, instance: LiveInstance, cancelled: readonly number[]): void {
    for (const id of cancelled) {
      const timer = instance.timers.get(id);
      if (timer === undefined || timer.cancelled) continue;
      const marked = { ...timer, cancelled: true };
      this.instances.store.putTimer(marked);
      after(() => instance.timers.set(id, marked));
    }
  }

  private continueAsNew({ instance, batch }: Episode, input: unknown, carried: readonly CarriedEvent[]): void {
    const { store, clock } = this.instances;
    const { instanceId, name, parent } = instance.row;
    const at = clock.now();
    const executionId = newExecutionId();
    const inputJson = input === undefined ? null : JSON.stringify(input);
    const changed = { executionId, input: inputJson, status: 'Running' as const, output: null, updatedAt: at };
    const row: InstanceRow = { ...instance.row, ...changed };
    const start = { instanceId, executionId, name, input: inputJson, parent, generation: 0 };
    const events = carried.map((event) => history.eventRaised(event.name, event.input, at));
    this.instances.atomically((after) => {
      const later = instance.inbox.slice(batch.length).filter((message) => message.executionId === null);
      for (const message of instance.inbox) store.deleteMessage(message.id);
      store.deleteHistory(instanceId);
      store.deleteTimersOf(instanceId);
      store.putInstance(row);
      // The start comes first and carried events keep their place before later ones, also after a crash.
      const inbox = [
        store.addMessage(instanceId, executionId, JSON.stringify(history.executionStarted(start, at))),
        ...events.map((event) => store.addMessage(instanceId, null, JSON.stringify(event))),
        ...later.map((message) => store.addMessage(instanceId, null, message.event)),
      ];
      after(() => {
        Object.assign(instance, { row, past: [], pastJson: [], inbox, openActivities: 0 });
        instance.timers.clear();
      });
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
    const at = this.instances.clock.now();
    const event =
      status === 'Completed'
        ? history.subOrchestrationCompleted(parent.TaskScheduleId, output, at)
        : history.subOrchestrationFailed(parent.TaskScheduleId, String(JSON.parse(output)), details, at);
    this.instances.enqueue(after, InstanceId, ExecutionId, event);
  }
}

/** While it is suspended an instance's output is the reason for it. */
function nextRow(
  row: InstanceRow,
  fresh: readonly history.HistoryEvent[],
  suspended: boolean,
  updatedAt: number,
): InstanceRow {
  if (!suspended) return { ...row, status: 'Running', output: null, updatedAt };
  const why = fresh.findLast((event) => event.EventType === history.EventType.ExecutionSuspended);
  const output = why === undefined ? row.output : JSON.stringify(why.Reason ?? null);
  return { ...row, status: 'Suspended', output, updatedAt };
}

const parentOf = (row: InstanceRow, taskId: number): history.ParentInstance => ({
  Name: row.name,
  OrchestrationInstance: { InstanceId: row.instanceId, ExecutionId: row.executionId },
  TaskScheduleId: taskId,
  Version: null,
});
