import { randomBytes } from 'node:crypto';
import { type KeyReference, KeyVaultTrouble, type ServiceKey } from '../data-plane';
import type { CloudContext, StandInResponse } from '../kit';
import { carries } from './api-versions';
import { ChangeLog, type Changer } from './change-log';
import { copy, isObject, type JsonObject, objectAt } from './json';
import type { ServiceModes } from './modes';
import { type FailureOf, type Operation, Operations } from './operations';
import { refuseBusy, refuseEncryption, refusePut, type Subject } from './put-rules';
import { providerError } from './refusals';
import type { Description, ResourceKind } from './resource-kind';
import { makePolicy, maskSecrets, nextPolicies, type SharedAccessPolicy, unmaskSecrets } from './security-metadata';

export interface ResourceParts {
  name: string;
  resourceId: string;
  description: Description;
  /** What the service itself fills in, e.g. the host name; the port is known only once the data plane listens. */
  own: JsonObject;
  modes: ServiceModes;
  key: ServiceKey;
}

/** What an accepted change can be taken back to. */
interface Snapshot {
  description: Description;
  policies: SharedAccessPolicy[];
}

/** One IoT Hub or DPS in ARM: the resource, its ETag and state, and what a PUT does to it and to the data key beneath. */
export class DeviceResource {
  readonly kind: ResourceKind;
  readonly name: string;
  readonly resourceId: string;
  readonly key: ServiceKey;
  readonly modes: ServiceModes;
  readonly operations: Operations;
  readonly changes: ChangeLog;
  policies: SharedAccessPolicy[];
  state = 'Active';
  provisioningState = 'Succeeded';
  etag = newEtag();
  readonly #context: CloudContext;
  readonly #own: JsonObject;
  #description: Description;
  #staleReads = 0;

  constructor(context: CloudContext, kind: ResourceKind, parts: ResourceParts) {
    this.#context = context;
    this.kind = kind;
    this.name = parts.name;
    this.resourceId = parts.resourceId;
    this.key = parts.key;
    this.modes = parts.modes;
    this.#own = parts.own;
    this.#description = parts.description;
    this.policies = kind.defaultPolicies.map(({ keyName, rights }) => makePolicy(keyName, rights));
    this.operations = new Operations(context, this);
    this.changes = new ChangeLog(context.clock, parts.resourceId, kind.type);
  }

  /** The resource as it is kept, secrets included: for tests that look behind the api. */
  get description(): Description {
    return copy(this.#description);
  }

  /** True once for each stale read that an operation has left behind. */
  takeStaleRead(): boolean {
    if (this.#staleReads === 0) return false;
    this.#staleReads -= 1;
    return true;
  }

  /** The resource as GET shows it in an api-version: no SAS keys, secrets masked, nothing the api-version does not know. */
  view(apiVersion: string): JsonObject {
    const { location, tags, sku, identity, properties } = copy(this.#description);
    const shown = Object.entries(properties).filter(
      ([name]) => carries(this.kind.versions, apiVersion, name) && (name !== 'encryption' || this.modes.echoEncryption),
    );
    const identityOut = this.kind.identityOut(this.#describeIdentities(identity), apiVersion);
    return {
      id: this.resourceId,
      name: this.name,
      type: this.kind.type,
      location,
      tags,
      etag: this.etag,
      properties: {
        ...(maskSecrets(Object.fromEntries(shown)) as JsonObject),
        ...this.#own,
        state: this.state,
        provisioningState: this.provisioningState,
      },
      sku,
      ...(Object.keys(identityOut).length > 0 && { identity: identityOut }),
    };
  }

  /** PUT of an existing resource: full replace, answered at once, worked off by an operation. */
  async put(
    body: unknown,
    request: { apiVersion: string; ifMatch: string | undefined; armUrl: string; changedBy: Changer },
  ): Promise<StandInResponse> {
    const refused = refusePut(this.#subject(), body, request.ifMatch);
    if (refused !== undefined) return refused;
    const before: Snapshot = { description: this.#description, policies: this.policies };
    const next = this.#replacement(body as JsonObject, request.apiVersion);
    const [from, to] = [this.#reference(before.description), this.#reference(next)];
    const unusable = refuseEncryption(this.kind, from, to, next);
    if (unusable !== undefined) return unusable;
    const etag = this.etag;
    this.#accept(next, (body as JsonObject)['properties']);
    const changed = !sameReference(from, to);
    if (changed && this.modes.wrapFailsAt === 'put') {
      const trouble = await this.#tryOut(to);
      if (trouble !== undefined) {
        this.etag = etag;
        this.#restore(before, 'Succeeded');
        return trouble;
      }
    }
    this.changes.note(request.changedBy, from?.keyIdentifier, to?.keyIdentifier);
    const operation = this.#work(before, changed ? () => this.key.apply(to) : async () => undefined);
    return this.#accepted(this.kind.putStatus, operation, request);
  }

  /** PATCH changes tags and nothing else, whatever else the body says. */
  patchTags(body: unknown, request: { apiVersion: string; armUrl: string }): StandInResponse {
    const busy = refuseBusy(this.#subject());
    if (busy !== undefined) return busy;
    const before: Snapshot = { description: this.#description, policies: this.policies };
    this.#begin({ ...this.#description, tags: copy(objectAt(body, 'tags')) });
    return this.#accepted(
      200,
      this.#work(before, async () => undefined),
      request,
    );
  }

  #subject(): Subject {
    const { kind, name, state, etag } = this;
    return { kind, name, state, etag, location: this.#description.location, ifMatch: this.modes.ifMatch };
  }

  #replacement(body: JsonObject, apiVersion: string): Description {
    const stored = this.#description;
    const { authorizationPolicies: _policies, ...sent } = objectAt(body, 'properties');
    const carried = Object.entries(copy(sent)).filter(
      ([name]) => !this.kind.ownProperties.includes(name) && carries(this.kind.versions, apiVersion, name),
    );
    const kept = Object.entries(stored.properties).filter(
      ([name]) => this.modes.otherVersionPut === 'keeps' && !carries(this.kind.versions, apiVersion, name),
    );
    const properties = Object.fromEntries([...kept, ...carried]);
    return {
      location: stored.location,
      tags: copy(objectAt(body, 'tags')),
      sku: copy(objectAt(body, 'sku')),
      identity: this.kind.identityIn(copy(objectAt(body, 'identity')), apiVersion),
      properties:
        this.modes.maskedSecrets === 'kept' ? (unmaskSecrets(properties, stored.properties) as JsonObject) : properties,
    };
  }

  /** The key reference a description asks for; a reference whose identity nobody knows has an empty principal. */
  #reference(description: Description): KeyReference | null {
    const reading = this.kind.readEncryption(description.properties['encryption']);
    if (reading === undefined) return null;
    const identity = reading.identity === undefined ? undefined : this.#context.tokens.find(reading.identity);
    return { keyIdentifier: reading.keyIdentifier, principalId: identity?.principalId ?? '' };
  }

  async #tryOut(to: KeyReference | null): Promise<StandInResponse | undefined> {
    try {
      await this.key.tryOut(to);
      return undefined;
    } catch (error) {
      if (!(error instanceof KeyVaultTrouble)) throw error;
      if (error.transient) return providerError(503, 503001, error.message);
      return providerError(400, 400099, error.message);
    }
  }

  #accept(next: Description, sentProperties: unknown): void {
    const policies = isObject(sentProperties) ? sentProperties['authorizationPolicies'] : undefined;
    this.#begin(next);
    this.policies = nextPolicies(policies, this.policies, this.kind.defaultPolicies, this.modes.sasKeys);
  }

  #begin(next: Description): void {
    this.#description = next;
    this.etag = newEtag();
    this.state = this.kind.busyState;
    this.provisioningState = this.kind.busyState;
  }

  #restore(before: Snapshot, provisioningState: string): void {
    this.#description = before.description;
    this.policies = before.policies;
    this.state = 'Active';
    this.provisioningState = provisioningState;
  }

  #work(before: Snapshot, work: () => Promise<void>): Operation {
    return this.operations.start(work, (failure: FailureOf) => {
      if (failure !== undefined) {
        this.#restore(before, this.modes.afterFailure);
        this.etag = newEtag();
        return;
      }
      this.state = 'Active';
      this.provisioningState = 'Succeeded';
      this.#staleReads = this.modes.staleReads;
    });
  }

  #accepted(status: number, operation: Operation, request: { apiVersion: string; armUrl: string }): StandInResponse {
    const url = `${request.armUrl}${this.resourceId}/operationResults/${operation.id}?api-version=${request.apiVersion}&operationSource=sandbox`;
    const headers = {
      'Azure-AsyncOperation': `${url}&asyncinfo`,
      Location: url,
      'Retry-After': String(this.kind.retryAfterSeconds),
    };
    return { status, headers, body: this.view(request.apiVersion) };
  }

  #describeIdentities(identity: JsonObject): JsonObject {
    const assigned = identity['userAssignedIdentities'];
    if (!isObject(assigned)) return identity;
    const described = Object.keys(assigned).map((id) => {
      const known = this.#context.tokens.find(id);
      return [id, known ? { principalId: known.principalId, clientId: known.clientId } : {}];
    });
    return { ...identity, userAssignedIdentities: Object.fromEntries(described) };
  }
}

function newEtag(): string {
  return randomBytes(8).toString('base64');
}

function sameReference(left: KeyReference | null, right: KeyReference | null): boolean {
  return left?.keyIdentifier === right?.keyIdentifier && left?.principalId === right?.principalId;
}
