import { durableClientBinding, managementUrls } from '../../sandbox/host/management-urls';
import type { Edge } from '../edges/with-edges';
import type { DurableEngine } from './durable-engine';

/**
 * The real durable client over an engine in memory: its requests are answered here instead of by the extension's management API, with
 * the answers that the API gives.
 */
interface Request {
  readonly url?: string;
  readonly method?: string;
  readonly data?: string;
}

interface Answer {
  readonly status: number;
  readonly data: unknown;
}

interface ClientClass {
  readonly prototype: Record<string, (this: ClientState, ...args: unknown[]) => unknown>;
}

interface ClientState {
  readonly axiosInstance: { readonly defaults: { adapter: unknown } };
}

const { DurableClient } = require('durable-functions/lib/src/durableClient/DurableClient') as {
  DurableClient: ClientClass;
};

const open = new Map<string, { readonly engine: DurableEngine; readonly edge: Edge }>();
let opened = 0;

for (const method of ['startNew', 'raiseEvent', 'getStatus', 'purgeInstanceHistoryBy']) {
  const original = DurableClient.prototype[method];
  if (original === undefined) throw new Error(`The durable client has no ${method}.`);
  DurableClient.prototype[method] = function (...args) {
    this.axiosInstance.defaults.adapter = answered;
    return Reflect.apply(original, this, args);
  };
}

/** What a `durableClient` binding carries to a trigger, for one process. `close` when the process is over. */
export function bindClient(engine: DurableEngine, edge: Edge): { readonly data: unknown; close(): void } {
  const host = `engine-${++opened}.test`;
  const base = `http://${host}/durabletask/`;
  open.set(host, { engine, edge });
  return { data: JSON.parse(durableClientBinding(managementUrls(base), base, base)()), close: () => open.delete(host) };
}

async function answered(request: Request): Promise<unknown> {
  const { hostname, pathname, searchParams } = new URL(request.url ?? '');
  const bound = open.get(hostname);
  if (bound === undefined) return new Promise(() => undefined); // of a process that is dead
  const [, , collection, first = '', second, third = ''] = decodeURIComponent(pathname).split('/');
  const { engine, edge } = bound;
  const done = ({ status, data }: Answer) => ({ status, data, statusText: '', headers: {}, config: request, request });
  if (collection === 'orchestrators') {
    const call = { port: 'durableClient', method: 'startNew', kind: 'effect', args: [first, second] } as const;
    return done(await edge(call, async () => start(engine, first, second ?? '', request.data ?? '')));
  }
  if (second === 'raiseEvent') {
    const call = { port: 'durableClient', method: 'raiseEvent', kind: 'effect', args: [first, third] } as const;
    return done(await edge(call, async () => raise(engine, first, third, request.data ?? 'null')));
  }
  if (first === '') {
    const call = { port: 'durableClient', method: 'purgeInstanceHistoryBy', kind: 'effect', args: [] } as const;
    return done(await edge(call, async () => purge(engine, searchParams)));
  }
  const call = { port: 'durableClient', method: 'getStatus', kind: 'read', args: [first] } as const;
  return done(await edge(call, async () => statusOf(engine, first)));
}

function start(engine: DurableEngine, name: string, id: string, input: string): Answer {
  try {
    engine.start(name, id, input);
    return { status: 202, data: { id } };
  } catch (error) {
    return { status: 409, data: error instanceof Error ? error.message : String(error) };
  }
}

const raise = (engine: DurableEngine, id: string, name: string, data: string): Answer =>
  engine.raise(id, name, data) ? { status: 202, data: null } : { status: 404, data: null };

function purge(engine: DurableEngine, filter: URLSearchParams): Answer {
  const instancesDeleted = engine.purge({
    from: Date.parse(filter.get('createdTimeFrom') ?? ''),
    to: Date.parse(filter.get('createdTimeTo') ?? ''),
    statuses: (filter.get('runtimeStatus') ?? '').split(','),
  });
  return instancesDeleted === 0 ? { status: 404, data: null } : { status: 200, data: { instancesDeleted } };
}

function statusOf(engine: DurableEngine, id: string): Answer {
  const instance = engine.instances.get(id);
  if (instance === undefined) return { status: 404, data: null };
  const { name, createdAt, updatedAt, input, output, status, customStatus } = instance;
  return {
    status: 200,
    data: {
      ...{ name, instanceId: id, createdTime: new Date(createdAt), lastUpdatedTime: new Date(updatedAt) },
      ...{ input: JSON.parse(input), output: output ?? null, runtimeStatus: status, customStatus },
    },
  };
}
