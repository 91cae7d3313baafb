import { randomBytes } from 'node:crypto';
import type { Reason } from '../../shared/contracts/rotation';
import { FaultError, PreconditionError, RefusalError } from '../../shared/rotation/errors';
import type { RawResource, ResourceManager } from '../../shared/rotation/ports';
import { type Fake, interference } from './interference';

export interface Policy extends RawResource {
  readonly keyName: string;
  readonly rights: string;
  readonly primaryKey: string;
  readonly secondaryKey: string;
}

/** One hub or DPS of the fake: how it is stored, and how it behaves from now on. Tests write to it freely. */
export interface FakeService {
  readonly kind: 'iotHub' | 'dps';
  body: Record<string, unknown>;
  policies: Policy[];
  etag: string;
  state: string;
  /** Looks at an operation before it ends; 0: the PUT answers that it is done. */
  polls: number;
  /** What the next operation ends with instead of success. */
  failWith: (Reason & { readonly mayHeal?: true }) | null;
  /** Which key identifier GET shows while an operation runs: nobody outside Azure knows. */
  whileBusy: 'next' | 'previous';
  /** What a PUT without SAS keys does to them. */
  sasKeys: 'wiped' | 'kept';
  /** Reads after a PUT that answer 404. */
  staleReads: number;
  hidden: boolean;
  echoes: boolean;
}

interface Put {
  readonly id: string;
  readonly apiVersion: string;
  readonly body: RawResource;
  readonly ifMatch: string | null;
}

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
  /** Ends every operation that runs. */
  settle(): void;
}

export const sasKey = (): string => randomBytes(32).toString('base64');

type Operation = {
  service: FakeService;
  pollsLeft: number;
  /** An operation ends whether anybody polls it or not: here after so many reads of its resource. */
  readsLeft: number;
  before: Pick<FakeService, 'body' | 'policies'>;
  failWith: (Reason & { readonly mayHeal?: true }) | null;
  ended: boolean;
};

/**
 * ARM for hubs and DPS in memory, by its public contract: a PUT replaces the whole resource, runs as an operation, is refused
 * with 409 while another one runs and, for a hub, with 412 under an old ETag. Nothing but `listkeys` shows a SAS key.
 */
export function fakeResourceManager(effects: string[] = []): Fake<ResourceManager, FakeResourceManagerExtra> {
  const { interfere, run } = interference<ResourceManager>(effects);
  const services = new Map<string, FakeService>();
  const operations: Operation[] = [];
  const others = new Map<string, RawResource>();
  const lists = new Map<string, readonly RawResource[]>();
  const graph: RawResource[] = [];
  const puts: Put[] = [];
  let changes = 0;
  const nextEtag = (): string => `e${++changes}`;

  const end = (operation: Operation): void => {
    if (operation.ended) return;
    operation.ended = true;
    const { service, before, failWith } = operation;
    if (failWith !== null) Object.assign(service, before);
    service.state = 'Active';
    service.etag = nextEtag();
  };
  const running = (service: FakeService) => operations.find((each) => each.service === service && !each.ended);

  const show = (id: string): RawResource | null => {
    const service = services.get(id);
    if (service === undefined) return others.get(id) ?? null;
    if (service.hidden) return null;
    if (service.staleReads > 0 && puts.some((put) => put.id === id)) {
      service.staleReads -= 1;
      return null;
    }
    const looked = running(service);
    if (looked !== undefined && looked.readsLeft-- <= 0) end(looked);
    const busy = running(service);
    const shown = busy !== undefined && service.whileBusy === 'previous' ? busy.before.body : service.body;
    const properties = structuredClone(shown['properties']) as Record<string, unknown>;
    if (!service.echoes) delete properties['encryption'];
    return { ...structuredClone(shown), etag: service.etag, properties: { ...properties, state: service.state } };
  };

  const put = ({ id, apiVersion, body, ifMatch }: Put) => {
    const service = services.get(id);
    if (service === undefined) throw new RefusalError('resource-not-found', `${id} was not found.`);
    if (service.state !== 'Active') {
      throw new FaultError('resource-busy', `${id} is not in Active state (IH409002).`, { retryAfterSeconds: 3 });
    }
    if (service.kind === 'iotHub' && ifMatch !== service.etag) throw new PreconditionError(`${id}: IH412001`);
    puts.push({ id, apiVersion, body: structuredClone(body), ifMatch });
    const before = { body: service.body, policies: service.policies };
    const { etag: _etag, properties: sent, ...envelope } = structuredClone(body);
    const { authorizationPolicies, state: _state, ...properties } = sent as Record<string, unknown>;
    service.body = { ...envelope, properties };
    service.policies = policiesAfter(authorizationPolicies, service);
    service.etag = nextEtag();
    service.state = 'Transitioning';
    const operation: Operation = {
      service,
      before,
      pollsLeft: service.polls,
      readsLeft: service.polls + 2,
      failWith: service.failWith,
      ended: false,
    };
    service.failWith = null;
    operations.push(operation);
    if (service.polls > 0)
      return { url: `https://arm.test/operations/${operations.length - 1}`, retryAfterSeconds: 15 };
    end(operation);
    return null;
  };

  return {
    interfere,
    others,
    lists,
    graph,
    puts,
    settle: () => operations.forEach(end),
    addService: (id, service) => {
      const added: FakeService = {
        policies: [],
        etag: nextEtag(),
        state: 'Active',
        polls: 1,
        failWith: null,
        whileBusy: 'next',
        sasKeys: 'wiped',
        staleReads: 0,
        hidden: false,
        echoes: true,
        ...service,
      };
      services.set(id, added);
      return added;
    },
    get: (id) =>
      run('get', nameOf(id), () => {
        const shown = show(id);
        if (shown === null) throw new RefusalError('resource-not-found', `${id} was not found.`);
        return structuredClone(shown);
      }),
    find: (id) => run('find', nameOf(id), () => structuredClone(show(id))),
    put: (id, apiVersion, body, ifMatch) => run('put', nameOf(id), () => put({ id, apiVersion, body, ifMatch })),
    post: (id, action) =>
      run('post', `${nameOf(id)} ${action}`, () => ({ value: structuredClone(services.get(id)?.policies ?? []) })),
    operation: (url) =>
      run('operation', '', () => {
        const operation = operations[Number(url.split('/').at(-1))];
        if (operation === undefined) throw new RefusalError('operation-not-found', 'No such operation.');
        if (!operation.ended && operation.pollsLeft-- > 0) {
          return { status: 'InProgress', error: null, retryAfterSeconds: 15 };
        }
        end(operation);
        const { failWith } = operation;
        return { status: failWith === null ? 'Succeeded' : 'Failed', error: failWith, retryAfterSeconds: 15 };
      }),
    query: () => run('query', '', () => structuredClone(graph)),
    list: (path) => run('list', '', () => [...(([...lists].find(([start]) => path.startsWith(start)) ?? [])[1] ?? [])]),
  };
}

/** A policy that is not sent is gone; one sent without keys loses or keeps those it had. */
function policiesAfter(sent: unknown, { policies, sasKeys }: FakeService): Policy[] {
  const stored = (keyName: unknown): Policy | undefined => policies.find((policy) => policy.keyName === keyName);
  if (!Array.isArray(sent)) {
    return sasKeys === 'kept'
      ? policies
      : policies.map((each) => ({ ...each, primaryKey: sasKey(), secondaryKey: sasKey() }));
  }
  return sent.map((policy: Policy) => ({
    ...policy,
    primaryKey: policy.primaryKey ?? (sasKeys === 'kept' ? stored(policy.keyName)?.primaryKey : undefined) ?? sasKey(),
    secondaryKey:
      policy.secondaryKey ?? (sasKeys === 'kept' ? stored(policy.keyName)?.secondaryKey : undefined) ?? sasKey(),
  }));
}

const nameOf = (id: string): string => id.split('/').at(-1) ?? id;
