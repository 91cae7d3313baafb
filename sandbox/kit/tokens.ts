import { createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';

/** Somebody who may sign in: the app, a managed identity of a service, a person. */
export interface Identity {
  name: string;
  principalId: string;
  clientId: string;
  tenantId: string;
  /** Roles that were given to somebody in the app's own registration. */
  appRoles?: string[];
  /** Resource id of a user-assigned managed identity; absent for anybody else. */
  resourceId?: string;
}

interface Claims {
  oid: string;
  aud: string;
  exp: number;
  /** Machine milliseconds; `iat` is too coarse for what happens within a second. */
  issued: number;
}

const MOST_REMEMBERED = 1000;

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/**
 * Issues and checks access tokens: JWTs with the claims of Entra ID's v1.0 tokens, signed with a secret of this local cloud.
 * Tokens live on the machine's time, not on the virtual clock: the SDKs compare them with the machine's.
 */
export class TokenAuthority {
  readonly identities: readonly Identity[];
  lifetimeSeconds: number;
  /** Tokens issued before this (machine milliseconds) hold no more, whatever they say. */
  #heldFrom = 0;
  readonly #secret: Buffer;
  readonly #genuine = new Map<string, Claims>();

  /** @param secret keep it over restarts if tokens issued before are to hold. */
  constructor(identities: Identity[], lifetimeSeconds = 3600, secret: Buffer = randomBytes(32)) {
    this.identities = identities;
    this.lifetimeSeconds = lifetimeSeconds;
    this.#secret = secret;
  }

  /** Throws if nobody has this name: a mistake in the seed. */
  identity(name: string): Identity {
    const found = this.identities.find((identity) => identity.name === name);
    if (found === undefined) throw new Error(`The seed has no identity named '${name}'.`);
    return found;
  }

  /** By name, client id, principal id or resource id, whatever a caller happens to know. */
  find(nameOrId: string): Identity | undefined {
    const wanted = nameOrId.toLowerCase();
    return this.identities.find((identity) =>
      [identity.name, identity.clientId, identity.principalId, identity.resourceId].some(
        (id) => id?.toLowerCase() === wanted,
      ),
    );
  }

  /** @param audience what the token is for, e.g. `https://vault.azure.net`. */
  issue(principalId: string, audience: string): string {
    const identity = this.identities.find((candidate) => candidate.principalId === principalId);
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      aud: audience,
      iss: `https://sts.windows.net/${identity?.tenantId}/`,
      iat: now,
      issued: Math.max(Date.now(), this.#heldFrom),
      nbf: now,
      exp: now + this.lifetimeSeconds,
      oid: principalId,
      sub: principalId,
      tid: identity?.tenantId,
      appid: identity?.clientId,
      ver: '1.0',
      uti: randomUUID(),
      ...(identity?.resourceId === undefined ? {} : { xms_mirid: identity.resourceId }),
    };
    const unsigned = `${encode({ typ: 'JWT', alg: 'HS256' })}.${encode(claims)}`;
    return `${unsigned}.${this.#sign(unsigned)}`;
  }

  /** Ends every token issued so far, although those who hold one believe in it. */
  endAll(): void {
    this.#heldFrom = Date.now() + 1;
  }

  /**
   * Who sent this `Authorization` header, or undefined if the token is missing, forged, expired or for somebody else.
   *
   * @param audiences accepted with or without a trailing slash; an empty list accepts any.
   */
  verify(
    authorizationHeader: string | undefined,
    audiences: string[],
  ): { principalId: string; name: string } | undefined {
    const token = /^Bearer (.+)$/i.exec(authorizationHeader ?? '')?.[1];
    const claims = token === undefined ? undefined : this.#claimsOf(token);
    if (claims === undefined) return undefined;
    if (claims.exp * 1000 <= Date.now() || claims.issued < this.#heldFrom) return undefined;
    if (audiences.length > 0 && !audiences.some((audience) => sameAudience(audience, claims.aud))) return undefined;
    const name = this.identities.find((identity) => identity.principalId === claims.oid)?.name;
    return { principalId: claims.oid, name: name ?? claims.oid };
  }

  /** The claims of a token that we signed; remembered, since a client sends the same token with thousands of requests. */
  #claimsOf(token: string): Claims | undefined {
    const known = this.#genuine.get(token);
    if (known !== undefined) return known;
    const [header, body, signature] = token.split('.');
    if (header === undefined || body === undefined || signature === undefined) return undefined;
    const expected = Buffer.from(this.#sign(`${header}.${body}`));
    const given = Buffer.from(signature);
    if (expected.length !== given.length || !timingSafeEqual(expected, given)) return undefined;
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Claims;
    if (this.#genuine.size >= MOST_REMEMBERED) this.#genuine.clear();
    this.#genuine.set(token, claims);
    return claims;
  }

  #sign(text: string): string {
    return createHmac('sha256', this.#secret).update(text).digest('base64url');
  }
}

function sameAudience(one: string, other: string): boolean {
  return one.replace(/\/$/, '').toLowerCase() === other.replace(/\/$/, '').toLowerCase();
}
