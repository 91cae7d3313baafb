import { randomUUID } from 'node:crypto';
import { TokenBucket } from '../data-plane';
import {
  type CloudContext,
  type FaultRule,
  type StandInRequest,
  type StandInResponse,
  type StandInServer,
  startServer,
} from '../kit';
import { actionOf, policyAnswer } from './device-actions';
import type { DeviceResource } from './device-resource';
import type { JsonObject } from './json';
import { assignmentBody, identityAnswer, roleAssignments, roleDefinition, roleDefinitions } from './neighbours';
import { armError, notAuthorized, notFound } from './refusals';
import { answerQuery } from './resource-graph';
import { operationOf, type Route, routeOf } from './route';

const audiences = ['https://management.azure.com/', 'https://management.core.windows.net/'];

/** Token buckets per principal (Azure update 2024-03-13): reads 250, 25 a second; writes 200, 10 a second. */
const buckets = { reads: { size: 250, perSecond: 25 }, writes: { size: 200, perSecond: 10 } };

export interface ArmInventory {
  devices: DeviceResource[];
  /** Bodies of the vaults' GET, by resource id. */
  vaults: Map<string, JsonObject>;
}

interface Call {
  request: StandInRequest;
  principalId: string;
  apiVersion: string;
  fault: FaultRule | undefined;
}

/** Azure Resource Manager over the sandbox's resources: sign-in, permission, throttle, then the resource. */
export class ArmServer {
  readonly #context: CloudContext;
  readonly #inventory: ArmInventory;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(context: CloudContext, inventory: ArmInventory) {
    this.#context = context;
    this.#inventory = inventory;
  }

  start(port: number): Promise<StandInServer> {
    return startServer(this.#context, {
      standIn: 'arm',
      name: 'arm',
      port,
      tls: true,
      operationOf: (request) => operationOf(request.method, request.path),
      handle: (request, fault) => this.#handle(request, fault),
    });
  }

  async #handle(request: StandInRequest, fault: FaultRule | undefined): Promise<StandInResponse> {
    const who = this.#context.tokens.verify(request.headers.authorization, audiences);
    if (who === undefined) return unauthenticated();
    const kind = request.method === 'GET' ? 'reads' : 'writes';
    const bucket = this.#bucket(who.principalId, kind);
    const left = bucket.take();
    const tracing = { 'x-ms-request-id': randomUUID(), 'x-ms-correlation-request-id': randomUUID() };
    if (left === undefined) {
      const headers = { ...tracing, 'Retry-After': String(bucket.retryAfterSeconds()) };
      return armError(
        429,
        'SubscriptionRequestsThrottled',
        'The number of requests for the principal has exceeded the limit.',
        headers,
      );
    }
    const response = await this.#dispatch({
      request,
      principalId: who.principalId,
      apiVersion: request.query.get('api-version') ?? '',
      fault,
    });
    const headers = {
      ...tracing,
      [`x-ms-ratelimit-remaining-subscription-${kind}`]: String(left),
      ...response.headers,
    };
    return { ...response, headers };
  }

  async #dispatch(call: Call): Promise<StandInResponse> {
    if (call.apiVersion === '')
      return armError(
        400,
        'MissingApiVersionParameter',
        'The api-version query parameter (?api-version=) is required for all requests.',
      );
    const route = routeOf(call.request.path);
    if (route === undefined) return armError(404, 'InvalidResourceType', 'The resource type could not be found here.');
    const subscription = /^\/+subscriptions\/([^/]+)/i.exec(call.request.path)?.[1]?.toLowerCase();
    if (subscription !== undefined && subscription !== this.#context.subscriptionId.toLowerCase()) {
      return armError(404, 'SubscriptionNotFound', `The subscription '${subscription}' could not be found.`);
    }
    switch (route.what) {
      case 'device':
        return this.#device(route, call);
      case 'deviceList':
        return this.#deviceList(route, call);
      case 'vault':
        return this.#vault(route, call);
      case 'identity':
        return this.#identity(route, call);
      case 'roleAssignments':
        return this.#roleAssignments(route, call);
      case 'roleDefinitions':
        return this.#roleDefinitions(route, call);
      case 'resourceGraph':
        return this.#resourceGraph(call);
    }
  }

  async #device(route: Extract<Route, { what: 'device' }>, call: Call): Promise<StandInResponse> {
    const { kind, name, group, rest } = route;
    if (!kind.versions.known.has(call.apiVersion)) {
      const supported = [...kind.versions.known].join(', ');
      return armError(
        400,
        'NoRegisteredProviderFound',
        `No registered resource provider found for api-version '${call.apiVersion}' and type '${kind.type}'. The supported api-versions are '${supported}'.`,
      );
    }
    const part = rest[0]?.toLowerCase();
    const action = actionOf(kind.type, call.request.method, part);
    if (action === undefined)
      return armError(405, 'MethodNotAllowed', `This ARM does not do ${call.request.method} here.`);
    const scope = this.#groupScope(group, kind.type, name);
    const refused = this.#refuse(call, action, scope);
    if (refused !== undefined) return refused;
    const device = this.#find(scope);
    if (device === undefined) {
      if (call.request.method === 'PUT')
        return armError(501, 'NotImplemented', 'This ARM changes the resources of its seed and creates none.');
      return notFound(kind.type, name, group);
    }
    return this.#onDevice(device, rest, part, group, call);
  }

  async #onDevice(
    device: DeviceResource,
    rest: string[],
    part: string | undefined,
    group: string,
    call: Call,
  ): Promise<StandInResponse> {
    const { request, apiVersion, fault } = call;
    const common = { apiVersion, armUrl: request.url };
    if (part === 'operationresults') {
      const url = `${request.url}${request.path}?${request.query.toString()}`;
      return device.operations.poll(
        rest[1] ?? '',
        { asyncInfo: request.query.has('asyncinfo'), apiVersion, url },
        fault,
      );
    }
    if (part === 'listkeys') return { status: 200, body: { value: device.policies } };
    if (part !== undefined) return policyAnswer(device, rest[1]);
    if (request.method === 'PUT')
      return device.put(request.body, {
        ...common,
        ifMatch: single(request.headers['if-match']),
        changedBy: { principalId: call.principalId, userAgent: single(request.headers['user-agent']) ?? '' },
      });
    if (request.method === 'PATCH') return device.patchTags(request.body, common);
    if (device.takeStaleRead()) return notFound(device.kind.type, device.name, group);
    return { status: 200, body: device.view(apiVersion) };
  }

  async #deviceList(route: Extract<Route, { what: 'deviceList' }>, call: Call): Promise<StandInResponse> {
    const scope = `/subscriptions/${this.#context.subscriptionId}${route.group === undefined ? '' : `/resourceGroups/${route.group}`}`;
    const refused = this.#refuse(call, `${route.kind.type}/read`, scope);
    if (refused !== undefined) return refused;
    const devices = this.#inventory.devices.filter((device) => device.kind === route.kind);
    return { status: 200, body: { value: devices.map((device) => device.view(call.apiVersion)) } };
  }

  /** Shows what the caller may read, and says nothing of the rest. */
  #resourceGraph({ request, principalId }: Call): StandInResponse {
    if (request.method !== 'POST')
      return armError(405, 'MethodNotAllowed', 'Azure Resource Graph takes queries by POST.');
    const readable = this.#inventory.devices.filter(({ resourceId, kind }) =>
      this.#context.permissions.allows(principalId, resourceId, `${kind.type}/read`),
    );
    const resources = readable.map(({ resourceId, kind, name }) => ({
      id: resourceId,
      name,
      type: kind.type.toLowerCase(),
    }));
    const resourcechanges = readable.flatMap((device) => device.changes.rows());
    return answerQuery(request.body, this.#context.subscriptionId, { resources, resourcechanges });
  }

  async #vault(route: Extract<Route, { what: 'vault' }>, call: Call): Promise<StandInResponse> {
    const type = 'Microsoft.KeyVault/vaults';
    const scope = this.#groupScope(route.group, type, route.name);
    const refused = this.#readOnly(call, `${type}/read`, scope);
    if (refused !== undefined) return refused;
    const body = this.#inventory.vaults.get(scope.toLowerCase());
    return body === undefined ? notFound(type, route.name, route.group) : { status: 200, body };
  }

  async #identity(route: Extract<Route, { what: 'identity' }>, call: Call): Promise<StandInResponse> {
    const type = 'Microsoft.ManagedIdentity/userAssignedIdentities';
    const scope = this.#groupScope(route.group, type, route.name);
    const refused = this.#readOnly(call, `${type}/read`, scope);
    return refused ?? identityAnswer(this.#context, scope, route.name, route.group);
  }

  async #roleAssignments(route: Extract<Route, { what: 'roleAssignments' }>, call: Call): Promise<StandInResponse> {
    const refused = this.#readOnly(call, 'Microsoft.Authorization/roleAssignments/read', route.scope);
    if (refused !== undefined) return refused;
    if (route.name === undefined) {
      return {
        status: 200,
        body: { value: roleAssignments(this.#context, route.scope, call.request.query.get('$filter')) },
      };
    }
    const found = this.#context.permissions.assignments.find(({ id }) =>
      id.toLowerCase().endsWith(`/${route.name?.toLowerCase()}`),
    );
    if (found === undefined)
      return armError(404, 'RoleAssignmentNotFound', `The role assignment '${route.name}' is not found.`);
    return { status: 200, body: assignmentBody(found) };
  }

  async #roleDefinitions(route: Extract<Route, { what: 'roleDefinitions' }>, call: Call): Promise<StandInResponse> {
    if (call.request.method !== 'GET')
      return armError(405, 'MethodNotAllowed', 'This ARM only shows role definitions.');
    // Reading role definitions needs a permission at some scope; every reader of this sandbox has one.
    if (route.name === undefined)
      return { status: 200, body: { value: roleDefinitions(this.#context, call.request.query.get('$filter')) } };
    const body = roleDefinition(this.#context, route.name);
    if (body === undefined)
      return armError(
        404,
        'RoleDefinitionDoesNotExist',
        `The specified role definition with ID '${route.name}' does not exist.`,
      );
    return { status: 200, body };
  }

  #readOnly(call: Call, action: string, scope: string): StandInResponse | undefined {
    if (call.request.method !== 'GET') return armError(405, 'MethodNotAllowed', 'This ARM only reads here.');
    return this.#refuse(call, action, scope);
  }

  #refuse({ principalId }: Call, action: string, scope: string): StandInResponse | undefined {
    return this.#context.permissions.allows(principalId, scope, action)
      ? undefined
      : notAuthorized(principalId, action, scope);
  }

  #groupScope(group: string, type: string, name: string): string {
    return `/subscriptions/${this.#context.subscriptionId}/resourceGroups/${group}/providers/${type}/${name}`;
  }

  #find(resourceId: string): DeviceResource | undefined {
    return this.#inventory.devices.find((device) => device.resourceId.toLowerCase() === resourceId.toLowerCase());
  }

  #bucket(principalId: string, kind: 'reads' | 'writes'): TokenBucket {
    const name = `${principalId} ${kind}`;
    const { size, perSecond } = buckets[kind];
    const bucket = this.#buckets.get(name) ?? new TokenBucket(this.#context.clock, size, perSecond);
    this.#buckets.set(name, bucket);
    return bucket;
  }
}

function unauthenticated(): StandInResponse {
  const challenge =
    'Bearer authorization_uri="https://login.windows.net/", error="invalid_token", error_description="The access token is missing, expired or for another audience."';
  return armError(
    401,
    'AuthenticationFailed',
    "Authentication failed. The 'Authorization' header is missing or its token is invalid.",
    {
      'WWW-Authenticate': challenge,
    },
  );
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
