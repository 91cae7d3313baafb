import { randomBytes, timingSafeEqual } from 'node:crypto';
import {
  type CloudContext,
  type Identity,
  type StandInRequest,
  type StandInResponse,
  type StandInServer,
  startServer,
} from '../kit';

export interface TokenServers {
  /** Where people and test programs get tokens, over HTTPS. */
  token: string;
  /** For `IDENTITY_ENDPOINT`: plain HTTP, as App Service offers it to the app's own machine. */
  identityEndpoint: string;
  /** For `IDENTITY_HEADER`. */
  identityHeader: string;
  close(): Promise<void>;
}

export interface TokenServerOptions {
  /** Who is meant when the managed identity endpoint is asked without an id. */
  appIdentity: Identity;
  /** Who is meant when the token address is asked without a name. */
  defaultIdentity: Identity;
  tokenPort: number;
  identityPort: number;
  identityHeader?: string;
}

/**
 * The two ways to a token. The managed identity endpoint speaks as App Service's does (Azure's documentation "How to use managed
 * identities for App Service", api-version 2019-08-01); the token address is the sandbox's own, with the form of Entra ID's.
 */
export async function startTokenServers(context: CloudContext, options: TokenServerOptions): Promise<TokenServers> {
  const identityHeader = options.identityHeader ?? randomBytes(16).toString('hex');
  const operationOf = (): string => 'getToken';
  const token = await startServer(context, {
    standIn: 'token',
    name: 'token',
    port: options.tokenPort,
    tls: true,
    operationOf,
    handle: async (request) =>
      request.path === '/introspect'
        ? introspect(context, request)
        : answerAnybody(context, options.defaultIdentity, request),
  });
  const managed: StandInServer = await startServer(context, {
    standIn: 'token',
    name: 'managed-identity',
    port: options.identityPort,
    tls: false,
    operationOf,
    handle: async (request) => answerApp(context, options.appIdentity, identityHeader, request),
  });
  return {
    token: token.url,
    identityEndpoint: `${managed.url}/msi/token`,
    identityHeader,
    close: async () => {
      await Promise.all([token.close(), managed.close()]);
    },
  };
}

function answerApp(context: CloudContext, app: Identity, header: string, request: StandInRequest): StandInResponse {
  if (!same(request.headers['x-identity-header'], header))
    return refuse(401, 'unauthorized', 'X-IDENTITY-HEADER is missing or wrong.');
  if (request.query.get('api-version') !== '2019-08-01')
    return refuse(400, 'bad_request', 'api-version must be 2019-08-01.');
  const names = ['client_id', 'principal_id', 'object_id', 'mi_res_id', 'msi_res_id'];
  const wanted = names.map((name) => request.query.get(name)).find((value) => value !== null);
  const identity = wanted === undefined || wanted === null ? app : context.tokens.find(wanted);
  if (identity === undefined) return refuse(400, 'invalid_client', 'No managed identity of this app has that id.');
  return grant(context, identity, request.query.get('resource'));
}

/** GET with `resource` and `identity`, or POST of a client credentials form; any secret will do: everything here is local and made up. */
function answerAnybody(context: CloudContext, standard: Identity, request: StandInRequest): StandInResponse {
  const form = request.method === 'POST' ? new URLSearchParams(request.raw.toString('utf8')) : request.query;
  if (request.method === 'POST' && form.get('grant_type') !== 'client_credentials') {
    return refuse(400, 'unsupported_grant_type', 'grant_type must be client_credentials.');
  }
  const wanted = form.get('identity') ?? form.get('client_id');
  const identity = wanted === null ? standard : context.tokens.find(wanted);
  if (identity === undefined)
    return refuse(400, 'unauthorized_client', `Nobody here has the name or client id '${wanted}'.`);
  return grant(context, identity, form.get('resource') ?? form.get('scope')?.replace(/\/\.default$/, '') ?? null);
}

/** Who holds a token for the app: what App Service's authentication finds out by the signature. */
function introspect(context: CloudContext, request: StandInRequest): StandInResponse {
  const holder = context.tokens.verify(request.headers.authorization, [APP_AUDIENCE]);
  if (holder === undefined)
    return refuse(401, 'invalid_token', 'The token is missing, forged, expired or for another audience.');
  const { appRoles = [] } = context.tokens.find(holder.principalId) ?? {};
  return { status: 200, body: { ...holder, appRoles } };
}

/** What tokens for the app's own API are for. */
const APP_AUDIENCE = 'api://keyturn';

function grant(context: CloudContext, identity: Identity, resource: string | null): StandInResponse {
  if (resource === null || resource === '')
    return refuse(400, 'invalid_resource', 'The parameter resource is missing.');
  const now = Math.floor(Date.now() / 1000);
  const { lifetimeSeconds } = context.tokens;
  return {
    status: 200,
    headers: { 'Cache-Control': 'no-store' },
    body: {
      access_token: context.tokens.issue(identity.principalId, resource),
      client_id: identity.clientId,
      expires_in: String(lifetimeSeconds),
      // Text, as App Service sends it.
      expires_on: String(now + lifetimeSeconds),
      not_before: String(now),
      resource,
      token_type: 'Bearer',
    },
  };
}

function refuse(status: number, error: string, description: string): StandInResponse {
  return { status, body: { error, error_description: description } };
}

function same(given: string | string[] | undefined, expected: string): boolean {
  const one = Buffer.from(String(given));
  const other = Buffer.from(expected);
  return one.length === other.length && timingSafeEqual(one, other);
}
