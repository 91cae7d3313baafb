import { activities } from '../../functions/activities';
import type { OrchestrationContext, Story } from '../../functions/durable';
import * as events from '../../sandbox/host/engine/history';
import { replay } from '../../sandbox/host/engine/replay';
import { dueTime } from '../../sandbox/host/engine/timer-queue';
import type { ActivityName } from '../../shared/contracts/activities';
import { type Action, answerOf, type OrchestratorAnswer, orchestrators } from './executor';
import { callScript, type Script, told, type World } from './script';

type NewWork = ReturnType<typeof replay>['newWork'][number];

export interface Play {
  readonly orchestrator?: string;
  readonly input: object;
  readonly script: Script;
  /** Decides how early each timer fires. */
  readonly seed?: number;
  /** Events of this name reach the root instance so many seconds after its start. */
  readonly raise?: readonly { readonly name: string; readonly atSeconds: number }[];
  readonly mostTurns?: number;
  readonly story?: (context: OrchestrationContext) => Story<unknown>;
}

/** One call of an activity. `told` is its name and the inputs that tell it from the next. */
export interface Step {
  readonly name: ActivityName;
  readonly input: Readonly<Record<string, unknown>>;
  readonly told: string;
  readonly atSeconds: number;
}

/** An execution that ended in a continue-as-new. */
export interface LeftBehind {
  readonly history: readonly events.HistoryEvent[];
  /** Input of the execution that came after it. */
  readonly goesOn: unknown;
}

export interface Played {
  readonly steps: readonly Step[];
  /** The steps by their `told`, in order. */
  readonly told: readonly string[];
  /** Steps and waits in order; a wait as `wait <seconds asked for>`. */
  readonly diary: readonly string[];
  readonly output: unknown;
  /** Null, or what the failed root instance says. */
  readonly failure: string | null;
  /** Of the root's last execution. */
  readonly history: readonly events.HistoryEvent[];
  /** The root's executions that went on as new ones, in order. */
  readonly leftBehind: readonly LeftBehind[];
  readonly executions: number;
  /** Events that all turns together were handed: each replays the whole history of its execution. */
  readonly replayed: number;
  readonly largestStatus: number;
  /** What the root instance said of itself each time it began to sleep. */
  readonly asleep: readonly unknown[];
  readonly seconds: number;
}

interface Instance {
  readonly id: string;
  readonly name: string;
  readonly parent: { readonly instance: Instance; readonly taskId: number } | null;
  executionId: string;
  input: string;
  past: events.HistoryEvent[];
  actions: readonly Action[];
  ended: boolean;
}

interface Occurrence {
  readonly at: number;
  readonly instance: Instance;
  /** Null for an external event, which outlives a continue-as-new. */
  readonly executionId: string | null;
  readonly event: (at: number) => events.HistoryEvent;
}

const startedAt = Date.parse('2026-11-22T03:00:00.000Z');
const activityMilliseconds = 100;
/** Far under the extension's own 16 KB. */
const customStatusLimit = 2048;

/**
 * Plays an orchestrator on durable-functions' own executor in virtual time. Every turn replays the whole history, as the
 * Durable extension has it; its answer is turned into new events by the rules recorded from the extension (the local
 * host's `replay`, held to test/golden/durable-wire). Timers fire up to 999 ms early, a cancelled timer fires all the same.
 * What the real extension would hang on, or lose without a word, fails here at once, by name.
 */
export const play = (what: Play): Promise<Played> => new Engine(what).run();

class Engine implements World {
  readonly #what: Play;
  readonly #root: Instance;
  readonly #queue: Occurrence[] = [];
  readonly #steps: Step[] = [];
  readonly #diary: string[] = [];
  readonly #calls = new Map<string, number>();
  #now = startedAt;
  #executions = 0;
  #replayed = 0;
  #largestStatus = 0;
  readonly #asleep: unknown[] = [];
  readonly #leftBehind: LeftBehind[] = [];
  #end: { readonly output: unknown; readonly failure: string | null } | undefined;

  constructor(what: Play) {
    this.#what = what;
    this.#root = this.#create(what.orchestrator ?? 'rotateKey', 'root', what.input, null);
    for (const { name, atSeconds } of what.raise ?? []) this.#raiseAt(name, startedAt + atSeconds * 1000);
  }

  get now(): string {
    return new Date(this.#now).toISOString();
  }

  raise(name: string, afterSeconds: number): void {
    this.#raiseAt(name, this.#now + afterSeconds * 1000);
  }

  async run(): Promise<Played> {
    for (let turns = 0; this.#end === undefined; turns++) {
      if (turns > (this.#what.mostTurns ?? 400)) throw new Error(`The story does not end: ${this.#diary.slice(-20)}`);
      const batch = this.#nextBatch();
      if (batch.length === 0) throw new Error('Nothing is due and the root instance is still running: it hangs.');
      await this.#turn((batch[0] as Occurrence).instance, batch);
    }
    return {
      steps: this.#steps,
      told: this.#steps.map((step) => step.told),
      diary: this.#diary,
      ...this.#end,
      history: this.#root.past,
      leftBehind: this.#leftBehind,
      executions: this.#executions,
      replayed: this.#replayed,
      largestStatus: this.#largestStatus,
      asleep: this.#asleep,
      seconds: (this.#now - startedAt) / 1000,
    };
  }

  #create(name: string, id: string, input: unknown, parent: Instance['parent']): Instance {
    if (!(name in orchestrators)) throw new Error(`The orchestrator '${name}' is not registered: Azure would hang.`);
    const json = JSON.stringify(input);
    const instance = { id, name, parent, executionId: '', input: json, past: [], actions: [], ended: false };
    this.#start(instance, json, []);
    return instance;
  }

  /** Begins an execution: the first, or the next after a continue-as-new. */
  #start(instance: Instance, input: string, carried: readonly { name: string; input: string }[]): void {
    this.#executions += 1;
    const executionId = `${this.#what.seed ?? 1}-${instance.id}-${this.#executions}`;
    Object.assign(instance, { executionId, input, past: [], actions: [] });
    const parent = instance.parent?.instance;
    const start = {
      instanceId: instance.id,
      executionId,
      name: instance.name,
      input,
      generation: 0,
      parent:
        parent === undefined
          ? null
          : {
              Name: parent.name,
              OrchestrationInstance: { InstanceId: parent.id, ExecutionId: parent.executionId },
              TaskScheduleId: instance.parent?.taskId ?? 0,
              Version: null,
            },
    };
    this.#plan({ at: this.#now, instance, executionId, event: (at) => events.executionStarted(start, at) });
    for (const { name, input: body } of carried) {
      this.#plan({ at: this.#now, instance, executionId, event: (at) => events.eventRaised(name, body, at) });
    }
  }

  #raiseAt(name: string, at: number): void {
    const event = (raisedAt: number) => events.eventRaised(name, '{}', raisedAt);
    this.#plan({ at, instance: this.#root, executionId: null, event });
  }

  #plan(occurrence: Occurrence): void {
    const later = this.#queue.findIndex(({ at }) => at > occurrence.at);
    this.#queue.splice(later < 0 ? this.#queue.length : later, 0, occurrence);
  }

  /** What happens next; what comes to one instance at the same instant comes in one turn. */
  #nextBatch(): Occurrence[] {
    for (;;) {
      const first = this.#queue.shift();
      if (first === undefined) return [];
      const isGone = ({ instance, executionId }: Occurrence) =>
        instance.ended || (executionId !== null && executionId !== instance.executionId);
      if (isGone(first)) continue;
      const batch = [first];
      while (this.#queue[0]?.at === first.at && this.#queue[0].instance === first.instance) {
        const next = this.#queue.shift() as Occurrence;
        if (!isGone(next)) batch.push(next);
      }
      this.#now = Math.max(this.#now, first.at);
      return batch;
    }
  }

  async #turn(instance: Instance, batch: readonly Occurrence[]): Promise<void> {
    const fresh = [events.orchestratorStarted(this.#now), ...batch.map(({ event }) => event(this.#now))];
    this.#replayed += instance.past.length + fresh.length;
    const answer = await answerOf(instance, fresh, this.#what.story);
    this.#refuseOtherActions(instance, answer);
    this.#largestStatus = Math.max(this.#largestStatus, 2 * JSON.stringify(answer.customStatus ?? null).length);
    if (this.#largestStatus > customStatusLimit)
      throw new Error(`The custom status takes ${this.#largestStatus} bytes.`);
    const { outcome, newWork } = replay([...instance.past, ...fresh], instance.executionId, answer);
    if (outcome.kind === 'failed' && outcome.reason.startsWith('Non-Det')) throw new Error(outcome.reason);
    if (outcome.kind === 'running' && (answer.isDone || answer.error !== undefined)) {
      throw new Error(`${instance.name} has returned, but a timer or a task is open: it would stay in Running.`);
    }
    if (instance === this.#root && newWork.some(({ kind }) => kind === 'timer')) this.#asleep.push(answer.customStatus);
    const scheduled = newWork.map((work) => this.#schedule(instance, work));
    instance.past.push(...[...fresh, ...scheduled, events.orchestratorCompleted(this.#now)].map(events.asPlayed));
    if (outcome.kind === 'continuedAsNew') {
      if (instance === this.#root) this.#leftBehind.push({ history: instance.past, goesOn: outcome.input });
      this.#start(instance, JSON.stringify(outcome.input), outcome.carried);
    } else if (outcome.kind !== 'running') this.#finish(instance, outcome);
  }

  /** A replay must ask for what it asked for before, inputs included; only a timer may have been cancelled since. */
  #refuseOtherActions(instance: Instance, answer: OrchestratorAnswer): void {
    const actions = answer.actions[0] ?? [];
    const known = JSON.stringify(instance.actions, withoutCancelling);
    const again = JSON.stringify(actions.slice(0, instance.actions.length), withoutCancelling);
    if (known !== again) throw new Error(`The replay asks for other actions: ${again} instead of ${known}`);
    instance.actions = actions;
  }

  #schedule(instance: Instance, work: NewWork): events.HistoryEvent {
    const { executionId } = instance;
    const at = this.#now;
    if (work.kind === 'timer') {
      this.#diary.push(`wait ${(work.fireAt - at) / 1000}`);
      const due = dueTime(executionId, work.id, work.fireAt, at, false);
      const event = (firedAt: number) => events.timerFired(work.id, work.fireAt, firedAt);
      this.#plan({ at: due, instance, executionId, event });
      return events.timerCreated(work.id, work.fireAt, at);
    }
    if (work.kind === 'subOrchestration') {
      this.#create(work.name, work.instanceId, work.input, { instance, taskId: work.id });
      return events.subOrchestrationCreated(work.id, work.name, work.instanceId, at);
    }
    this.#callActivity(instance, work);
    return events.taskScheduled(work.id, work.name, at);
  }

  #callActivity(instance: Instance, work: NewWork & { kind: 'activity' }): void {
    if (!(work.name in activities)) throw new Error(`The activity '${work.name}' is not registered: Azure would hang.`);
    const name = work.name as ActivityName;
    const input = work.input as Step['input'];
    const call = (this.#calls.get(name) ?? 0) + 1;
    this.#calls.set(name, call);
    const step = { name, input, told: told(name, input), atSeconds: (this.#now - startedAt) / 1000 };
    this.#steps.push(step);
    this.#diary.push(step.told);
    const answer = callScript(this.#what.script, { name, input, call, world: this });
    const event = (at: number) =>
      answer instanceof Error
        ? events.taskFailed(work.id, `Activity function '${name}' failed: ${answer.message}`, '{}', at)
        : events.taskCompleted(work.id, JSON.stringify(answer), at);
    const { executionId } = instance;
    this.#plan({ at: this.#now + activityMilliseconds, instance, executionId, event });
  }

  #finish(instance: Instance, outcome: { kind: string; output?: unknown; reason?: string }): void {
    instance.ended = true;
    const failure = outcome.kind === 'failed' ? (outcome.reason ?? '') : null;
    if (instance.parent === null) {
      this.#end = { output: outcome.output, failure };
      return;
    }
    const { instance: parent, taskId } = instance.parent;
    const event = (at: number) =>
      failure === null
        ? events.subOrchestrationCompleted(taskId, JSON.stringify(outcome.output ?? null), at)
        : events.subOrchestrationFailed(taskId, failure, '', at);
    this.#plan({ at: this.#now, instance: parent, executionId: parent.executionId, event });
  }
}

const withoutCancelling = (key: string, value: unknown): unknown => (key === 'isCanceled' ? undefined : value);
