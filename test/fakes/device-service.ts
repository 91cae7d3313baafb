import type { Reason } from '../../shared/contracts/rotation';
import { FaultError, PreconditionError, RefusalError } from '../../shared/rotation/errors';
import type { RawResource } from '../../shared/rotation/ports';
import type { FakeClock } from './clock';
import { carriesEncryption, identitiesIn, type Policy, policiesAfter, referenceIn } from './device-body';
import { type ServiceData, VaultTrouble } from './service-data';

type Failure = Reason & { readonly mayHeal?: true };

/** One hub or DPS of the fake: how it is stored, and how it behaves from now on. Tests write to it freely. */
export interface FakeService {
  readonly kind: 'iotHub' | 'dps';
  body: Record<string, unknown>;
  policies: Policy[];
  etag: string;
  state: string;
  provisioningState: string;
  /** Looks at an operation before it ends; 0: the PUT answers that it is done. Of no account where operations take time. */
  polls: number;
  /** Virtual seconds that an operation takes; null: it ends by the number of looks. */
  operationSeconds: number | null;
  /** What the next operation ends with instead of success. */
  failWith: Failure | null;
  /** Which key identifier GET shows while an operation runs: nobody outside Azure knows. */
  whileBusy: 'next' | 'previous';
  /** What a PUT without SAS keys does to them. */
  sasKeys: 'wiped' | 'kept';
  /** Reads that answer 404 after an operation has succeeded. */
  staleReads: number;
  hidden: boolean;
  echoes: boolean;
  /** What a PUT in an api-version without `encryption` does to the block. */
  otherVersionPut: 'drops' | 'keeps';
  /** Whether a PUT of a hub has to carry If-Match. */
  ifMatch: 'required' | 'optional';
  /** What an operation does while its vault is away: ends so, or tries again for half an hour. */
  vaultUnreachable: 'fails' | 'waits';
  /** `provisioningState` after a failed operation. */
  afterFailure: 'Failed' | 'Succeeded';
  /** What is encrypted under its key; null: no key is asked for. */
  data: ServiceData | null;
}

/** Properties that a service fills in itself: a PUT without them, or with others, changes nothing. */
const ownProperties = ['state', 'provisioningState', 'hostName', 'serviceOperationsHostName'];
const retryMilliseconds = 30_000;
const patienceMilliseconds = 30 * 60_000;

interface Operation {
  readonly before: Pick<FakeService, 'body' | 'policies'>;
  readonly startedAt: number;
  readonly failWith: Failure | null;
  pollsLeft: number;
  /** An operation ends whether anybody polls it or not: here after so many reads of its resource. */
  readsLeft: number;
  ended: { readonly failure: Failure | null } | null;
}

export interface Put {
  readonly id: string;
  readonly apiVersion: string;
  readonly body: RawResource;
  readonly ifMatch: string | null;
}

/** A hub or DPS behind ARM: what a GET shows, what a PUT does to the resource and to the data key beneath, and when. */
export class DeviceService {
  readonly id: string;
  readonly fields: FakeService;
  readonly #clock: FakeClock | null;
  readonly #operations: Operation[] = [];
  #changes = 0;
  #staleLeft = 0;

  constructor(id: string, fields: Partial<FakeService> & Pick<FakeService, 'kind' | 'body'>, clock: FakeClock | null) {
    this.id = id;
    this.#clock = clock;
    this.fields = {
      policies: [],
      etag: this.#nextEtag(),
      state: 'Active',
      provisioningState: 'Succeeded',
      polls: 1,
      operationSeconds: null,
      failWith: null,
      whileBusy: 'next',
      sasKeys: 'wiped',
      staleReads: 0,
      hidden: false,
      echoes: true,
      otherVersionPut: 'drops',
      ifMatch: 'required',
      vaultUnreachable: 'fails',
      afterFailure: 'Failed',
      data: null,
      ...fields,
    };
  }

  /** What a GET shows; null for a 404. */
  show(apiVersion: string): RawResource | null {
    const { fields } = this;
    if (fields.hidden) return null;
    if (this.#staleLeft > 0) {
      this.#staleLeft -= 1;
      return null;
    }
    const looked = this.#running();
    if (fields.operationSeconds === null && looked !== undefined && looked.readsLeft-- <= 0) this.#end(looked);
    const busy = this.#running();
    const shown = structuredClone(
      busy !== undefined && fields.whileBusy === 'previous' ? busy.before.body : fields.body,
    );
    const properties = shown['properties'] as Record<string, unknown>;
    if (!fields.echoes || !carriesEncryption(apiVersion)) delete properties['encryption'];
    const { state, provisioningState } = fields;
    return { ...shown, etag: fields.etag, properties: { ...properties, state, provisioningState } };
  }

  /** Full replace, worked off by an operation. @returns its number, or null if it is over at once */
  put({ apiVersion, body, ifMatch }: Put, accepted: () => void): number | null {
    const { fields } = this;
    this.#refuse(body, ifMatch);
    const before = { body: fields.body, policies: fields.policies };
    const next = this.#replacement(body, apiVersion);
    const reference = referenceIn(next);
    if (fields.data !== null) this.#refuseReference(fields.data, next, reference);
    accepted();
    fields.body = next;
    fields.policies = policiesAfter((body['properties'] as RawResource)['authorizationPolicies'], fields);
    fields.etag = this.#nextEtag();
    fields.state = fields.provisioningState = 'Transitioning';
    const operation: Operation = {
      before,
      startedAt: this.#now(),
      failWith: fields.failWith,
      pollsLeft: fields.polls,
      readsLeft: fields.polls + 2,
      ended: null,
    };
    fields.failWith = null;
    this.#operations.push(operation);
    const number = this.#operations.length - 1;
    if (fields.operationSeconds !== null) this.#endLater(operation, fields.operationSeconds * 1000);
    else if (fields.polls === 0) this.#end(operation);
    return operation.ended !== null ? null : number;
  }

  /** @returns undefined if there is no such operation */
  poll(
    number: number,
  ): { readonly status: 'InProgress' | 'Succeeded' | 'Failed'; readonly error: Failure | null } | undefined {
    const operation = this.#operations[number];
    if (operation === undefined) return undefined;
    const byTime = this.fields.operationSeconds !== null;
    if (operation.ended === null && (byTime || operation.pollsLeft-- > 0)) return { status: 'InProgress', error: null };
    if (operation.ended === null) this.#end(operation);
    const failure = operation.ended?.failure ?? null;
    return { status: failure === null ? 'Succeeded' : 'Failed', error: failure };
  }

  /** Ends what runs. */
  settle(): void {
    for (const operation of this.#operations) this.#end(operation);
  }

  #endLater(operation: Operation, milliseconds: number): void {
    if (this.#clock === null) throw new Error('Operations that take time need a clock.');
    this.#clock.at(new Date(this.#now() + milliseconds), () => {
      const { vaultUnreachable } = this.fields;
      const inTime = this.#now() < operation.startedAt + patienceMilliseconds;
      this.#end(
        operation,
        vaultUnreachable === 'waits' && inTime ? () => this.#endLater(operation, retryMilliseconds) : null,
      );
    });
  }

  /** @param again what to do instead of failing while the vault is away */
  #end(operation: Operation, again: (() => void) | null = null): void {
    if (operation.ended !== null) return;
    const { fields } = this;
    let failure = operation.failWith;
    try {
      const reference = referenceIn(fields.body);
      if (failure === null && reference !== null && reference !== referenceIn(operation.before.body)) {
        fields.data?.apply(reference);
      }
    } catch (error) {
      if (!(error instanceof VaultTrouble)) throw error;
      if (error.passing && again !== null) {
        again();
        return;
      }
      const { message } = error;
      failure = error.passing
        ? { code: 'ServiceUnavailable', message, mayHeal: true }
        : { code: 'KeyVaultError', message };
    }
    operation.ended = { failure };
    if (failure !== null) Object.assign(fields, operation.before);
    else this.#staleLeft = fields.staleReads;
    fields.state = 'Active';
    fields.provisioningState = failure === null ? 'Succeeded' : fields.afterFailure;
    if (failure !== null) fields.etag = this.#nextEtag();
  }

  #refuse(body: RawResource, ifMatch: string | null): void {
    const { kind, state, etag } = this.fields;
    const refused = (message: string) => new RefusalError('resource-refused', `${this.id}: ${message}`);
    const properties = (body['properties'] ?? {}) as RawResource;
    if (typeof body['location'] !== 'string') throw refused('the location is missing.');
    if (typeof body['sku'] !== 'object') throw refused('the sku is missing.');
    const { events } = (properties['eventHubEndpoints'] ?? {}) as RawResource;
    if (kind === 'iotHub' && typeof events !== 'object') throw refused("eventHubEndpoints must contain 'events'.");
    if (state !== 'Active') {
      throw new FaultError('resource-busy', `${this.id} is not in Active state (IH409002).`, { retryAfterSeconds: 3 });
    }
    const optional = this.fields.ifMatch === 'optional' && ifMatch === null;
    if (kind === 'iotHub' && ifMatch !== etag && !optional) throw new PreconditionError(`${this.id}: IH412001`);
  }

  /** What the service itself says to the key that it is to use. */
  #refuseReference(data: ServiceData, next: Record<string, unknown>, reference: string | null): void {
    if (reference === null) return;
    const refused = (message: string) => new RefusalError('resource-refused', `${this.id}: ${message}`);
    const before = referenceIn(this.fields.body);
    if (before === null) throw refused('a key has to be configured at its creation.');
    const attached = Object.keys(((next['identity'] ?? {}) as RawResource)['userAssignedIdentities'] ?? {});
    if (!identitiesIn(next).every((each) => attached.includes(each))) throw refused('the identity is not assigned.');
    if (data.modes.wrapFailsAt !== 'put' || reference === before) return;
    try {
      data.tryOut(reference);
    } catch (error) {
      if (!(error instanceof VaultTrouble)) throw error;
      if (error.passing) throw new FaultError('unavailable', error.message);
      throw refused(error.message);
    }
  }

  #replacement(body: RawResource, apiVersion: string): Record<string, unknown> {
    const { etag: _etag, properties: sent, ...envelope } = structuredClone(body);
    const { authorizationPolicies: _policies, ...properties } = sent as Record<string, unknown>;
    const stored = this.fields.body['properties'] as Record<string, unknown>;
    for (const name of ownProperties) {
      delete properties[name];
      if (name in stored) properties[name] = stored[name];
    }
    if (!carriesEncryption(apiVersion)) {
      delete properties['encryption'];
      if (this.fields.otherVersionPut === 'keeps') properties['encryption'] = stored['encryption'];
    }
    return { ...envelope, properties };
  }

  #running(): Operation | undefined {
    return this.#operations.find(({ ended }) => ended === null);
  }

  #nextEtag(): string {
    return `e${++this.#changes}`;
  }

  #now(): number {
    return this.#clock?.now().getTime() ?? 0;
  }
}
