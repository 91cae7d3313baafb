import { randomBytes } from 'node:crypto';
import { type KeyReference, KeyVaultTrouble, type ServiceKey } from '../data-plane';
import type { CloudContext, StandInResponse } from '../kit';
import { carries } from './api-versions';
import { copy, isObject, type JsonObject, objectAt, textAt } from './json';
import type { ServiceModes } from './modes';
import { type FailureOf, type Operation, Operations } from './operations';
import { armError, providerError } from './refusals';
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
    request: { apiVersion: string; ifMatch: string | undefined; armUrl: string },
  ): Promise<StandInResponse> {
    const refused = this.#refuse(body, request.ifMatch);
    if (refused !== undefined) return refused;
    const before: Snapshot = { description: this.#description, policies: this.policies };
    const next = this.#replacement(body as JsonObject, request.apiVersion);
    const [from, to] = [this.#reference(before.description), this.#reference(next)];
    const unusable = this.#refuseEncryption(from, to, next);
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
    const operation = this.#work(before, changed ? () => this.key.apply(to) : async () => undefined);
    return this.#accepted(this.kind.putStatus, operation, request);
  }

  /** PATCH changes tags and nothing else, whatever else the body says. */
  patchTags(body: unknown, request: { apiVersion: string; armUrl: string }): StandInResponse {
    const busy = this.#refuseBusy();
    if (busy !== undefined) return busy;
    const before: Snapshot = { description: this.#description, policies: this.policies };
    this.#begin({ ...this.#description, tags: copy(objectAt(body, 'tags')) });
    return this.#accepted(
      200,
      this.#work(before, async () => undefined),
      request,
    );
  }

  #refuse(body: unknown, ifMatch: string | undefined): StandInResponse | undefined {
    if (!isObject(body))
      return armError(400, 'InvalidRequestContent', 'The request content was invalid and could not be deserialized.');
    const location = textAt(body, 'location');
    if (location === undefined)
      return armError(400, 'LocationRequired', 'The location property is required for this definition.');
    if (plainLocation(location) !== plainLocation(this.#description.location)) {
      const message = `The resource '${this.name}' already exists in location '${this.#description.location}'. A resource with the same name cannot be created in location '${location}'.`;
      return armError(409, 'InvalidResourceLocation', message);
    }
    if (textAt(objectAt(body, 'sku'), 'name') === undefined) return this.#bad('The sku is missing.');
    const fault = this.kind.fault(body);
    return (fault === undefined ? undefined : this.#bad(fault)) ?? this.#refuseBusy() ?? this.#refuseEtag(ifMatch);
  }

  #bad(message: string): StandInResponse {
    return providerError(
      400,
      400001,
      `${message} If you contact a support representative please include this correlation identifier: sandbox, errorcode: ${this.kind.errorPrefix}400001.`,
    );
  }

  #refuseBusy(): StandInResponse | undefined {
    if (this.state === 'Active') return undefined;
    const code = `${this.kind.errorPrefix}409002`;
    const message = `The ${this.kind.noun} '${this.name}' is not currently in Active state. Try the request again after it is in Active state. errorcode: ${code}.`;
    return providerError(409, 409002, message);
  }

  #refuseEtag(ifMatch: string | undefined): StandInResponse | undefined {
    if (!this.kind.hasIfMatch || ifMatch === '*') return undefined;
    if (ifMatch === undefined && this.modes.ifMatch === 'optional') return undefined;
    if (ifMatch?.replace(/^"|"$/g, '') === this.etag) return undefined;
    const message = `Invalid ETag supplied. Either bad ETag was supplied or ${this.kind.noun} description was changed. errorcode: ${this.kind.errorPrefix}412001.`;
    return providerError(412, 412001, message);
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

  #refuseEncryption(
    from: KeyReference | null,
    to: KeyReference | null,
    next: Description,
  ): StandInResponse | undefined {
    if (to === null) return undefined;
    if (from === null)
      return this.#bad(`Customer-managed keys must be configured during creation of the ${this.kind.noun}.`);
    if (!/^https:\/\/[^/]+\/keys\/[^/]+(\/[^/]+)?\/?$/.test(to.keyIdentifier))
      return this.#bad('The keyIdentifier is not a Key Vault key identifier.');
    const named = this.kind.readEncryption(next.properties['encryption'])?.identity?.toLowerCase();
    const attached = Object.keys(objectAt(next.identity, 'userAssignedIdentities')).map((id) => id.toLowerCase());
    if (to.principalId !== '' && named !== undefined && attached.includes(named)) return undefined;
    return this.#bad('The user assigned identity of the encryption block is not assigned to the resource.');
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

/** `East US` and `eastus` are the same place. */
function plainLocation(location: string): string {
  return location.replaceAll(' ', '').toLowerCase();
}

function sameReference(left: KeyReference | null, right: KeyReference | null): boolean {
  return left?.keyIdentifier === right?.keyIdentifier && left?.principalId === right?.principalId;
}
