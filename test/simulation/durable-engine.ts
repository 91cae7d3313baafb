import * as events from '../../sandbox/host/engine/history';
import { replay } from '../../sandbox/host/engine/replay';
import { dueTime } from '../../sandbox/host/engine/timer-queue';
import { answerOf, orchestrators } from '../orchestration/executor';
import type { Agenda } from './agenda';

type NewWork = ReturnType<typeof replay>['newWork'][number];
export type RuntimeStatus = 'Pending' | 'Running' | 'Completed' | 'Failed' | 'Terminated';

/** An orchestration as it is stored. */
export interface Instance {
  readonly id: string;
  readonly name: string;
  readonly parent: { readonly instance: Instance; readonly executionId: string; readonly taskId: number } | null;
  readonly createdAt: number;
  executionId: string;
  input: string;
  past: events.HistoryEvent[];
  pastJson: string[];
  /** Null meets any execution. */
  inbox: { readonly executionId: string | null; readonly event: events.HistoryEvent }[];
  status: RuntimeStatus;
  output: unknown;
  customStatus: unknown;
  updatedAt: number;
}

/** An activity that was asked for and has not answered. */
export interface Task {
  readonly instance: Instance;
  readonly executionId: string;
  readonly id: number;
  readonly name: string;
  /** JSON */
  readonly input: string;
}

export const isLive = ({ status }: Pick<Instance, 'status'>): boolean => status === 'Pending' || status === 'Running';

/**
 * A durable engine in memory and in virtual time: the library's own executor, and the rules recorded from the extension that the local host
 * keeps (`replay`). Everything in here is durable, and a turn happens whole or not at all. What runs activities is somebody else's:
 * `tasks` are those that have not answered, run again after a kill.
 */
export class DurableEngine {
  readonly instances = new Map<string, Instance>();
  readonly tasks = new Set<Task>();
  readonly #agenda: Agenda;
  readonly #ready: Instance[] = [];
  #executions = 0;

  constructor(agenda: Agenda) {
    this.#agenda = agenda;
  }

  // --- What a client asks for --------------------------------------------------------------------------------------------

  /** @throws Error when an instance of this id is alive; one that has ended is silently replaced, as in Azure */
  start(name: string, id: string, input: string): void {
    const known = this.instances.get(id);
    if (known !== undefined && isLive(known)) throw new Error(`An instance with id ${id} is running.`);
    this.#create(name, id, input, null);
  }

  /** @returns false if there is no such instance */
  raise(id: string, name: string, data: string): boolean {
    const instance = this.instances.get(id);
    if (instance === undefined) return false;
    if (isLive(instance)) this.#tell(instance, null, events.eventRaised(name, data, this.#agenda.now));
    return true;
  }

  terminate(id: string): void {
    const instance = this.instances.get(id);
    if (instance === undefined || !isLive(instance)) return;
    Object.assign(instance, { status: 'Terminated', updatedAt: this.#agenda.now, inbox: [] });
    for (const task of this.tasks) if (task.instance === instance) this.tasks.delete(task);
    for (const child of this.instances.values()) if (child.parent?.instance === instance) this.terminate(child.id);
  }

  /** Forgets what has ended, by when it was begun. @returns how many */
  purge({ from, to, statuses }: { from: number; to: number; statuses: readonly string[] }): number {
    const gone = [...this.instances.values()].filter(
      (instance) =>
        !isLive(instance) &&
        instance.createdAt >= from &&
        instance.createdAt <= to &&
        statuses.includes(instance.status),
    );
    for (const { id } of gone) this.instances.delete(id);
    return gone.length;
  }

  /** The task hub is lost: nobody knows any instance any more. */
  forgetAll(): void {
    this.instances.clear();
    this.tasks.clear();
    this.#ready.splice(0);
  }

  // --- What the host does ------------------------------------------------------------------------------------------------

  get hasTurns(): boolean {
    return this.#ready.length > 0;
  }

  /** Lets one instance see what has come to it. */
  async turn(): Promise<void> {
    const instance = this.#ready.shift();
    if (instance === undefined || !isLive(instance)) return;
    const inbox = instance.inbox.splice(0);
    const batch = inbox.filter(({ executionId }) => executionId === null || executionId === instance.executionId);
    if (batch.length === 0) return;
    const at = this.#agenda.now;
    const fresh = [events.orchestratorStarted(at), ...batch.map(({ event }) => ({ ...event, Timestamp: iso(at) }))];
    const answer = await answerOf(instance, fresh);
    const { outcome, newWork } = replay([...instance.past, ...fresh], instance.executionId, answer);
    if (outcome.kind === 'failed' && outcome.reason.startsWith('Non-Det')) throw new Error(outcome.reason);
    if (outcome.kind === 'running' && (answer.isDone || answer.error !== undefined)) {
      throw new Error(`${instance.name} has returned, but a timer or a task is open: it would stay in Running.`);
    }
    Object.assign(instance, { status: 'Running', updatedAt: at, customStatus: answer.customStatus ?? null });
    const scheduled = newWork.map((work) => this.#schedule(instance, work));
    const past = [...fresh, ...scheduled, events.orchestratorCompleted(at)].map(events.asPlayed);
    instance.past.push(...past);
    instance.pastJson.push(...past.map((event) => JSON.stringify(event)));
    if (outcome.kind === 'continuedAsNew') this.#begin(instance, JSON.stringify(outcome.input), outcome.carried);
    else if (outcome.kind !== 'running') this.#end(instance, outcome);
  }

  /** An activity has answered; of an execution that is over nobody wants to know. */
  completed(task: Task, answer: unknown): void {
    const result = JSON.stringify(answer) ?? 'null';
    this.#answered(task, events.taskCompleted(task.id, result, this.#agenda.now));
  }

  failed(task: Task, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    const reason = `Activity function '${task.name}' failed: ${message}`;
    this.#answered(task, events.taskFailed(task.id, reason, '{}', this.#agenda.now));
  }

  // -----------------------------------------------------------------------------------------------------------------------

  #answered(task: Task, event: events.HistoryEvent): void {
    if (this.tasks.delete(task)) this.#tell(task.instance, task.executionId, event);
  }

  #tell(instance: Instance, executionId: string | null, event: events.HistoryEvent): void {
    instance.inbox.push({ executionId, event });
    if (!this.#ready.includes(instance)) this.#ready.push(instance);
  }

  #create(name: string, id: string, input: string, parent: Instance['parent']): void {
    if (!(name in orchestrators)) throw new Error(`The orchestrator '${name}' is not registered: Azure would hang.`);
    const at = this.#agenda.now;
    const instance: Instance = {
      ...{ id, name, parent, createdAt: at, updatedAt: at, executionId: '', input, past: [], pastJson: [], inbox: [] },
      ...{ status: 'Pending', output: null, customStatus: null },
    };
    this.instances.set(id, instance);
    this.#begin(instance, input, []);
  }

  /** Begins an execution: the first, or the next after a continue-as-new. */
  #begin(instance: Instance, input: string, carried: readonly { name: string; input: string }[]): void {
    this.#executions += 1;
    const executionId = `${instance.id}-${this.#executions}`;
    const at = this.#agenda.now;
    const later = instance.inbox.filter((message) => message.executionId === null);
    Object.assign(instance, { executionId, input, past: [], pastJson: [], inbox: [] });
    const parent = parentOf(instance);
    const start = { instanceId: instance.id, executionId, name: instance.name, input, generation: 0, parent };
    this.#tell(instance, executionId, events.executionStarted(start, at));
    for (const { name, input: body } of carried) this.#tell(instance, null, events.eventRaised(name, body, at));
    instance.inbox.push(...later);
  }

  #schedule(instance: Instance, work: NewWork): events.HistoryEvent {
    const { executionId } = instance;
    const at = this.#agenda.now;
    if (work.kind === 'timer') {
      const due = dueTime(executionId, work.id, work.fireAt, at, false);
      const fire = (): void => {
        if (isLive(instance) && instance.executionId === executionId && this.instances.get(instance.id) === instance) {
          this.#tell(instance, executionId, events.timerFired(work.id, work.fireAt, this.#agenda.now));
        }
      };
      // That somebody sleeps shows in his being alive; a timer that was cancelled fires all the same, and means nothing.
      this.#agenda.at(due, fire, { matters: false });
      return events.timerCreated(work.id, work.fireAt, at);
    }
    const input = JSON.stringify(work.input);
    if (work.kind === 'subOrchestration') {
      this.#create(work.name, work.instanceId, input, { instance, executionId, taskId: work.id });
      return events.subOrchestrationCreated(work.id, work.name, work.instanceId, at);
    }
    this.tasks.add({ instance, executionId, id: work.id, name: work.name, input });
    return events.taskScheduled(work.id, work.name, at);
  }

  #end(instance: Instance, outcome: { kind: string; output?: unknown; reason?: string }): void {
    const failure = outcome.kind === 'failed' ? (outcome.reason ?? '') : null;
    const at = this.#agenda.now;
    const status = failure === null ? 'Completed' : 'Failed';
    Object.assign(instance, { status, output: failure ?? outcome.output ?? null, updatedAt: at, inbox: [] });
    if (instance.parent === null) return;
    const { instance: parent, executionId, taskId } = instance.parent;
    const event =
      failure === null
        ? events.subOrchestrationCompleted(taskId, JSON.stringify(outcome.output ?? null), at)
        : events.subOrchestrationFailed(taskId, failure, '', at);
    if (isLive(parent)) this.#tell(parent, executionId, event);
  }
}

const iso = (milliseconds: number): string => new Date(milliseconds).toISOString();

function parentOf({ parent }: Instance): events.ParentInstance | null {
  if (parent === null) return null;
  return {
    Name: parent.instance.name,
    OrchestrationInstance: { InstanceId: parent.instance.id, ExecutionId: parent.executionId },
    TaskScheduleId: parent.taskId,
    Version: null,
  };
}
