import { randomUUID } from 'node:crypto';
import { Dispatcher, type EngineOptions, type EngineParts } from './dispatch';
import { control, eventRaised, type HistoryEvent } from './history';
import type { InstanceFilter, InstanceRow, RuntimeStatus } from './store';

const ended: ReadonlySet<RuntimeStatus> = new Set(['Completed', 'Failed', 'Terminated']);

/** What became of a request about an instance, in the words of the management API's status codes. */
export type Answer = 'accepted' | 'unknown' | 'gone' | 'conflict';

/** The durable engine as its HTTP surface and the tests use it. Times are milliseconds on the virtual clock. */
export class Engine {
  private readonly parts: EngineParts;
  private readonly dispatcher: Dispatcher;

  constructor(parts: EngineParts, options: EngineOptions) {
    this.parts = parts;
    this.dispatcher = new Dispatcher(parts, options);
  }

  /** Takes up whatever the last process left. */
  start(): void {
    this.dispatcher.start();
  }

  stop(): void {
    this.dispatcher.stop();
  }

  get queued(): number {
    return this.dispatcher.queued;
  }

  sleeping(): ReturnType<Dispatcher['sleeping']> {
    return this.dispatcher.sleeping();
  }

  status(instanceId: string): InstanceRow | undefined {
    return this.dispatcher.instances.live.get(instanceId)?.row ?? this.parts.store.getInstance(instanceId);
  }

  isLive(instanceId: string): boolean {
    return this.dispatcher.instances.live.has(instanceId);
  }

  history(instanceId: string): HistoryEvent[] {
    return this.parts.store.history(instanceId).map((event) => JSON.parse(event) as HistoryEvent);
  }

  list(filter: InstanceFilter): InstanceRow[] {
    return this.parts.store.listInstances(filter);
  }

  /**
   * Starts an orchestration. If one with this id is live by now, the request is dropped without a word: so does the
   * extension with all but one of several simultaneous starts.
   * @param input JSON
   */
  startNew(name: string, instanceId: string, input: string | null): void {
    if (!this.isLive(instanceId)) this.dispatcher.create(name, instanceId, input);
  }

  /** @param input JSON */
  raiseEvent(instanceId: string, name: string, input: string): Answer {
    return this.send(instanceId, eventRaised(name, input, this.parts.clock.now()));
  }

  terminate(instanceId: string, reason: string | null): Answer {
    return this.send(instanceId, control(3, reason, this.parts.clock.now()));
  }

  suspend(instanceId: string, reason: string | null): Answer {
    if (this.status(instanceId)?.status === 'Suspended') return 'conflict';
    return this.send(instanceId, control(19, reason, this.parts.clock.now()));
  }

  resume(instanceId: string, reason: string | null): Answer {
    const status = this.status(instanceId)?.status;
    if (status === 'Running' || status === 'Pending') return 'conflict';
    return this.send(instanceId, control(20, reason, this.parts.clock.now()));
  }

  /** Starts an orchestration again with its first input. @returns the instance id, or undefined if there is none */
  restart(instanceId: string, withNewId: boolean): string | undefined {
    const row = this.status(instanceId);
    if (row === undefined) return undefined;
    const target = withNewId ? randomUUID().replaceAll('-', '') : instanceId;
    this.startNew(row.name, target, row.input);
    return target;
  }

  /** Forgets an ended instance; `conflict` if it has not ended. */
  purge(instanceId: string): Answer {
    const row = this.status(instanceId);
    if (row === undefined) return 'unknown';
    if (!ended.has(row.status)) return 'conflict';
    this.parts.store.transaction(() => this.parts.store.deleteInstance(instanceId));
    return 'accepted';
  }

  private send(instanceId: string, event: HistoryEvent): Answer {
    if (this.dispatcher.send(instanceId, event)) return 'accepted';
    return this.parts.store.getInstance(instanceId) === undefined ? 'unknown' : 'gone';
  }
}
