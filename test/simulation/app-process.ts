import { AsyncResource } from 'node:async_hooks';
import { HttpRequest, type HttpResponseInit, type InvocationContext } from '@azure/functions';
import type { AzurePorts } from '../../shared/azure';
import { composeOver } from '../../shared/composition';
import type { Configuration } from '../../shared/config';
import type { LedgerState } from '../../shared/rotation/ports';
import { type Call, type Caller, calling, type Edge, withEdges } from '../edges/with-edges';
import type { Agenda } from './agenda';
import { bindClient } from './durable-client';
import type { DurableEngine } from './durable-engine';
import { type Registered, registrationsOf } from './registrations';

/** One function that runs, or ran; the ports' callers are told apart by it. */
export interface Invocation extends Caller {
  readonly number: number;
  readonly instanceId: string | null;
  readonly process: number;
  /** What its last look at the ledger showed, whether it has had an effect since, and what the stop switch said since. */
  fence: { readonly key: string; readonly state: LedgerState; used: boolean; stop: string | null | undefined } | null;
}

export interface Request {
  readonly method?: 'GET' | 'POST';
  readonly path?: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** `status` 0: the connection was lost before an answer came. */
export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

interface Surroundings {
  readonly configuration: Configuration;
  readonly azure: AzurePorts;
  readonly engine: DurableEngine;
  readonly agenda: Agenda;
  /** The app's own clock, which may be wrong. */
  readonly now: () => Date;
  readonly log: (sentence: string) => void;
  /** Between the app and the cloud; only what a living process asks comes here. */
  readonly edge: Edge;
}

/** What never comes. */
export const never = <T>(): Promise<T> => new Promise<T>(() => undefined);

let processes = 0;
let invocations = 0;

/**
 * The app in one process: composed by its own composition, with its own functions. Once it is dead, nothing that it asked for comes back, and
 * nothing that it still asks for gets out.
 */
export class AppProcess {
  readonly number = ++processes;
  readonly #surroundings: Surroundings;
  readonly #functions: ReadonlyMap<string, Registered>;
  readonly #client: ReturnType<typeof bindClient>;
  readonly #death = Promise.withResolvers<void>();
  #dead = false;
  /** Calls that wait for their answer. */
  #calls = 0;
  /** Functions that run. */
  #running = 0;
  /** Waits within the process. */
  #waits = 0;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
    const { configuration, azure, engine, now } = surroundings;
    const edge: Edge = (call, go) => this.#cross(call, go);
    const clock = {
      now,
      after: (milliseconds: number, then: () => void) => this.#after(milliseconds, then),
    };
    this.#functions = registrationsOf(composeOver(configuration, withEdges(azure, edge), clock));
    this.#client = bindClient(engine, edge);
  }

  get isDead(): boolean {
    return this.#dead;
  }

  /** Comes when it dies. */
  get died(): Promise<void> {
    return this.#death.promise;
  }

  /** Whether something runs that nothing on the agenda has to come for. */
  get isBusy(): boolean {
    return !this.#dead && (this.#calls > 0 || this.#running > this.#waits);
  }

  get hasCalls(): boolean {
    return !this.#dead && this.#calls > 0;
  }

  kill(): void {
    this.#dead = true;
    this.#client.close();
    this.#death.resolve();
  }

  /** Runs an activity. Never comes back if the process dies. */
  activity(name: string, input: unknown, instanceId: string): Promise<unknown> {
    return this.#invoke(name, input, instanceId, this.#context(name));
  }

  event(event: unknown): Promise<unknown> {
    return this.#invoke('keyEvents', event, null, this.#context('keyEvents'));
  }

  timer(name: string): Promise<unknown> {
    return this.#invoke(name, { isPastDue: false }, null, this.#context(name));
  }

  async http(
    name: string,
    { method = 'POST', path = name, params = {}, body, headers = {} }: Request,
  ): Promise<Answer> {
    const url = `https://keyturn.test/api/${path}`;
    const content = body === undefined ? {} : { body: { string: JSON.stringify(body) } };
    const request = new HttpRequest({ method, url, params, headers, ...content });
    const response = (await this.#invoke(name, request, null, this.#context(name))) as HttpResponseInit;
    return { status: response.status ?? 200, body: JSON.parse(String(response.body ?? 'null')) };
  }

  async #invoke(name: string, input: unknown, instanceId: string | null, context: InvocationContext): Promise<unknown> {
    const registered = this.#functions.get(name);
    if (registered === undefined) throw new Error(`The function '${name}' is not registered.`);
    const invocation: Invocation = {
      ...{ name, input, instanceId, number: ++invocations, process: this.number, fence: null },
    };
    this.#running += 1;
    try {
      const answer = await calling.run(invocation, async () => registered.handler(input, context));
      return this.#dead ? await never() : answer;
    } catch (error) {
      if (this.#dead) return never();
      throw error;
    } finally {
      this.#running -= 1;
    }
  }

  async #cross<T>(call: Call, go: () => Promise<T>): Promise<T> {
    if (this.#dead) return never();
    this.#calls += 1;
    try {
      const answer = await this.#surroundings.edge(call, go);
      return this.#dead ? await never() : answer;
    } catch (error) {
      if (this.#dead) return never();
      throw error;
    } finally {
      this.#calls -= 1;
    }
  }

  #after(milliseconds: number, then: () => void): () => void {
    this.#waits += 1;
    const end = (): void => {
      this.#waits -= 1;
    };
    // As a timer of the machine does, it goes on as whoever set it.
    const go = AsyncResource.bind(then);
    const cancel = this.#surroundings.agenda.in(milliseconds, () => {
      end();
      if (!this.#dead) go();
    });
    return () => {
      cancel();
      end();
    };
  }

  #context(name: string): InvocationContext {
    const client = { type: 'durableClient', name: 'client' };
    const note = (...told: unknown[]) => this.#surroundings.log(`${name}: ${told.map(String).join(' ')}`);
    return {
      ...{ invocationId: `${this.number}`, functionName: name, log: note, warn: note, error: note },
      options: { extraInputs: [client] },
      extraInputs: { get: () => this.#client.data },
    } as unknown as InvocationContext;
  }
}
