import { FaultError, RefusalError } from '../../shared/rotation/errors';
import type { RawResource, ResourceManager } from '../../shared/rotation/ports';
import type { FakeClock } from './clock';
import { DeviceService, type FakeService, type Put } from './device-service';
import { type Fake, interference } from './interference';

export { type Policy, sasKey } from './device-body';
export type { FakeService } from './device-service';

interface FakeResourceManagerExtra {
  addService(id: string, service: Partial<FakeService> & Pick<FakeService, 'kind' | 'body'>): FakeService;
  /** Answers of `get` and `find` for everything that is not a service, e.g. a vault. */
  readonly others: Map<string, RawResource>;
  /** Answers of `list`, by the start of the path. */
  readonly lists: Map<string, readonly RawResource[]>;
  /** Rows that every query answers. */
  readonly graph: RawResource[];
  /** Every PUT that was accepted. */
  readonly puts: Put[];
  /** The same resources for somebody else, a person or a deployment: past what a test does to our calls. */
  readonly somebody: Pick<ResourceManager, 'get' | 'put'>;
  /** Ends every operation that runs. */
  settle(): void;
}

const operations = 'https://arm.test/operations';
const pollSeconds = 15;

/**
 * ARM for hubs and DPS in memory, by its public contract: a PUT replaces the whole resource, runs as an operation, is refused
 * with 409 while another one runs and, for a hub, with 412 under an old ETag. Nothing but `listkeys` shows a SAS key.
 * @param clock for services whose operations take time
 */
export function fakeResourceManager(
  effects: string[] = [],
  clock: FakeClock | null = null,
): Fake<ResourceManager, FakeResourceManagerExtra> {
  const { interfere, run } = interference<ResourceManager>(effects);
  const services = new Map<string, DeviceService>();
  const others = new Map<string, RawResource>();
  const lists = new Map<string, readonly RawResource[]>();
  const graph: RawResource[] = [];
  const puts: Put[] = [];

  const show = (id: string, apiVersion: string): RawResource | null =>
    structuredClone(services.get(id)?.show(apiVersion) ?? others.get(id) ?? null);
  const known = (id: string): DeviceService => {
    const service = services.get(id);
    if (service === undefined) throw new RefusalError('resource-not-found', `${id} was not found.`);
    return service;
  };
  const get = (id: string, apiVersion: string): RawResource => {
    const shown = show(id, apiVersion);
    if (shown === null) throw new RefusalError('resource-not-found', `${id} was not found.`);
    return shown;
  };
  const put = (asked: Put) => {
    const number = known(asked.id).put(asked, () => puts.push({ ...asked, body: structuredClone(asked.body) }));
    if (number === null) return null;
    return { url: `${operations}/${number}${asked.id}`, retryAfterSeconds: pollSeconds };
  };
  const poll = (url: string) => {
    if (!url.startsWith(`${operations}/`)) {
      throw new RefusalError('foreign-address', `${url} is not of this ARM; no request was sent to it.`);
    }
    const [, number, id = ''] = /^\/(\d+)(\/.*)$/.exec(url.slice(operations.length)) ?? [];
    const polled = services.get(id)?.poll(Number(number));
    if (polled === undefined) throw new FaultError('operation-not-found', 'There is no such operation.');
    return { ...polled, retryAfterSeconds: pollSeconds };
  };

  return {
    interfere,
    others,
    lists,
    graph,
    puts,
    settle: () => {
      for (const service of services.values()) service.settle();
    },
    addService: (id, fields) => {
      const service = new DeviceService(id, fields, clock);
      services.set(id, service);
      return service.fields;
    },
    somebody: {
      get: async (id, apiVersion) => get(id, apiVersion),
      put: async (id, apiVersion, body, ifMatch) => put({ id, apiVersion, body, ifMatch }),
    },
    get: (id, apiVersion) => run('get', nameOf(id), () => get(id, apiVersion)),
    find: (id, apiVersion) => run('find', nameOf(id), () => show(id, apiVersion)),
    put: (id, apiVersion, body, ifMatch) => run('put', nameOf(id), () => put({ id, apiVersion, body, ifMatch })),
    post: (id, action) =>
      run('post', `${nameOf(id)} ${action}`, () => ({ value: structuredClone(known(id).fields.policies) })),
    operation: (url) => run('operation', '', () => poll(url)),
    query: () => run('query', '', () => structuredClone(graph)),
    list: (path) => run('list', '', () => [...(([...lists].find(([start]) => path.startsWith(start)) ?? [])[1] ?? [])]),
  };
}

const nameOf = (id: string): string => id.split('/').at(-1) ?? id;
