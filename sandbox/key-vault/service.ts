import { randomUUID } from 'node:crypto';
import type { CloudContext, FaultRule, StandInRequest, StandInResponse } from '../kit';
import {
  badParameter,
  type Caller,
  forbiddenByFirewall,
  forbiddenByRbac,
  KeyVaultError,
  keyDisabled,
  notSupportedHere,
} from './errors';
import { bundle, deletion, keyItem, policyJson, versionItem } from './json';
import { currentVersion, type Key, type KeyVersion, requireUsable } from './key';
import { wrongKeyFor } from './key-material';
import { OPERATION_NAMES } from './operation-log';
import { page } from './paging';
import { ACTIONS, type Route, routeOf } from './routes';
import type { Vault } from './vault';

/** The audience of a Key Vault token. */
export const KEY_VAULT_RESOURCE = 'https://vault.azure.net';

/** `2025-07-01` is what `@azure/keyvault-keys` 4.10.2 sends; the others are its earlier defaults. */
const API_VERSIONS = ['7.4', '7.5', '7.6', '2025-07-01'];

interface Call {
  request: StandInRequest;
  route: Route;
  fault: FaultRule | undefined;
}

/** Key Vault's REST contract over one vault: who may call, which operation it is, what the answer looks like. */
export class KeyVaultService {
  readonly #context: CloudContext;
  readonly #vault: Vault;
  readonly #authority: string;

  /** @param authority where the challenge sends callers for a token, `https://…/<tenant>`. */
  constructor(context: CloudContext, vault: Vault, authority: string) {
    this.#context = context;
    this.#vault = vault;
    this.#authority = authority;
  }

  async handle(request: StandInRequest, fault: FaultRule | undefined): Promise<StandInResponse> {
    const { authorization } = request.headers;
    const caller = this.#context.tokens.verify(authorization, [KEY_VAULT_RESOURCE]);
    if (caller === undefined) return this.#challenge(authorization !== undefined);
    const route = routeOf(request);
    let touched: { version?: string } = {};
    let response: StandInResponse;
    try {
      if (route === undefined)
        throw new KeyVaultError(405, 'MethodNotAllowed', 'Key Vault has no such method and path.');
      this.#requireApiVersion(request);
      this.#requireNetwork(caller);
      this.#requirePermission(caller.principalId, route);
      const answer = await this.#perform({ request, route, fault });
      touched = answer.version === undefined ? {} : { version: answer.version.version };
      response = { status: answer.status ?? 200, ...(answer.body === undefined ? {} : { body: answer.body }) };
    } catch (error) {
      if (!(error instanceof KeyVaultError)) throw error;
      response = error.response();
    }
    this.#log(route, touched.version, caller, response.status);
    return { ...response, headers: { ...response.headers, 'x-ms-request-id': randomUUID() } };
  }

  #challenge(tokenWasSent: boolean): StandInResponse {
    const error = tokenWasSent ? ', error="invalid_token"' : '';
    return {
      status: 401,
      headers: {
        'WWW-Authenticate': `Bearer authorization="${this.#authority}", resource="${KEY_VAULT_RESOURCE}"${error}`,
      },
      body: {
        error: {
          code: 'Unauthorized',
          message: tokenWasSent
            ? 'AKV10046: Unable to validate the token, or its audience.'
            : 'AKV10000: Request is missing a Bearer or PoP token.',
        },
      },
    };
  }

  #requireApiVersion(request: StandInRequest): void {
    const version = request.query.get('api-version');
    if (version === null) throw badParameter('The query parameter api-version is missing.');
    if (!API_VERSIONS.includes(version)) {
      throw badParameter(
        `The specified version (${version}) is not recognized. Supported: ${API_VERSIONS.join(', ')}.`,
      );
    }
  }

  /** IoT Hub and DPS are not among the trusted services, so a firewall keeps them out like anybody else. */
  #requireNetwork(caller: { principalId: string; name: string }): void {
    const { reachableBy, name } = this.#vault;
    if (reachableBy === undefined || reachableBy.includes(caller.name)) return;
    throw forbiddenByFirewall(this.#described(caller.principalId), name, this.#context.location);
  }

  #described(principalId: string): Caller {
    const { tenantId, tokens } = this.#context;
    return { principalId, clientId: tokens.find(principalId)?.clientId, tenantId };
  }

  #requirePermission(principalId: string, route: Route): void {
    const action = ACTIONS[route.operation];
    if (action === undefined) throw notSupportedHere(route.operation);
    const { resourceId, name } = this.#vault;
    const scope = route.key === undefined ? resourceId : `${resourceId}/keys/${route.key}`;
    const full = `Microsoft.KeyVault/vaults/${action}`;
    if (this.#context.permissions.allows(principalId, scope, full)) return;
    throw forbiddenByRbac(this.#described(principalId), full, scope, name, this.#context.location);
  }

  async #perform(call: Call): Promise<{ status?: number; body?: unknown; version?: KeyVersion }> {
    const vault = this.#vault;
    const { url, recovery } = vault;
    const { route, request } = call;
    const name = route.key ?? '';
    const bundled = ({ key, version }: { key: Key; version: KeyVersion }) => ({
      body: bundle(url, key, version, recovery),
      version,
    });
    vault.quota.spend(['createKey', 'rotateKey'].includes(route.operation) ? 'create' : 'other', () =>
      this.#spentOn(route, request),
    );
    switch (route.operation) {
      case 'createKey':
        return bundled(await vault.create(name, request.body));
      case 'rotateKey':
        return bundled(await vault.rotate(name));
      case 'getKey':
        return bundled(this.#readable(name, route.version));
      case 'updateKey':
        return bundled(vault.update(name, route.version, request.body));
      case 'listKeys':
        return {
          body: page(
            request,
            vault.list(false),
            (key) => key.name,
            (key) => keyItem(url, key, recovery),
          ),
        };
      case 'listVersions': {
        const key = vault.key(name);
        return {
          body: page(
            request,
            key.versions,
            (version) => version.version,
            (version) => versionItem(url, key, version, recovery),
          ),
        };
      }
      case 'getRotationPolicy':
        return { body: policyJson(url, vault.key(name)) };
      case 'putRotationPolicy':
        return { body: policyJson(url, vault.setPolicy(name, request.body)) };
      case 'deleteKey':
        return this.#deleted(vault.remove(name));
      case 'getDeletedKey':
        return this.#deleted(vault.deletedKey(name));
      case 'listDeletedKeys':
        return {
          body: page(
            request,
            vault.list(true),
            (key) => key.name,
            (key) => ({ ...keyItem(url, key, recovery), ...deletion(url, key) }),
          ),
        };
      case 'recoverKey': {
        const key = vault.recover(name);
        return bundled({ key, version: currentVersion(key) });
      }
      case 'purgeKey':
        vault.purge(name);
        return { status: 204 };
      default:
        return this.#useKey(call);
    }
  }

  /** "Get value" is not allowed on a disabled version (Azure's documentation, key attributes, 2026-05-21). */
  #readable(name: string, versionName: string | undefined): { key: Key; version: KeyVersion } {
    const found = this.#vault.version(name, versionName);
    if (!found.version.enabled) throw keyDisabled('get');
    return found;
  }

  #deleted(key: Key): { body: unknown } {
    const { url, recovery } = this.#vault;
    return { body: { ...bundle(url, key, currentVersion(key), recovery), ...deletion(url, key) } };
  }

  async #useKey({ request, route, fault }: Call): Promise<{ body: unknown; version: KeyVersion }> {
    const { operation } = route;
    const { key, version } = this.#vault.version(route.key ?? '', route.version);
    requireUsable(version, operation, this.#vault.nowSeconds());
    const { alg, value, digest } = (request.body ?? {}) as { alg?: unknown; value?: unknown; digest?: unknown };
    if (typeof alg !== 'string' || typeof value !== 'string' || value === '') {
      throw badParameter('The body must have alg and value, a base64url text.');
    }
    const given = Buffer.from(value, 'base64url');
    if (operation === 'verify') {
      if (typeof digest !== 'string') throw badParameter('The body must have alg, digest and value.');
      return { body: { value: version.material.verify(alg, Buffer.from(digest, 'base64url'), given) }, version };
    }
    const opens = operation === 'unwrapKey' || operation === 'decrypt';
    const right = opens
      ? await version.material.decrypt(alg, given)
      : version.material[operation === 'sign' ? 'sign' : 'encrypt'](alg, given);
    if (operation === 'unwrapKey') this.#vault.tally.noteOpened(version.version, given, this.#vault.nowMilliseconds());
    const result = opens && fault?.effect.kind === 'wrongBytes' ? wrongKeyFor(right) : right;
    return {
      body: { kid: `${this.#vault.url}/keys/${key.name}/${version.version}`, value: result.toString('base64url') },
      version,
    };
  }

  /** What the quota weighs a transaction by: the version it uses, or the kind of key it asks for. */
  #spentOn(route: Route, request: StandInRequest): Pick<KeyVersion, 'kty' | 'size'> | undefined {
    const body = request.body as { kty?: KeyVersion['kty']; key_size?: number } | undefined;
    if (route.operation === 'createKey') return { kty: body?.kty ?? 'RSA', size: body?.key_size ?? 2048 };
    const key = this.#vault.list(false).find((other) => other.name.toLowerCase() === route.key?.toLowerCase());
    return key?.versions.find((version) => version.version === route.version) ?? key?.versions.at(-1);
  }

  #log(
    route: Route | undefined,
    version: string | undefined,
    caller: { principalId: string; name: string },
    status: number,
  ): void {
    if (route !== undefined) this.#vault.tally.note(route.operation, status);
    const operationName = OPERATION_NAMES[route?.operation ?? ''];
    if (operationName === undefined) return;
    this.#vault.log.append({
      time: this.#context.clock.now().toISOString(),
      vault: this.#vault.name,
      operationName,
      key: route?.key,
      version: version ?? route?.version,
      principalId: caller.principalId,
      identity: caller.name,
      status,
    });
  }
}
