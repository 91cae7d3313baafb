import type { IncomingMessage } from 'node:http';

/** Where somebody who has a token for the app is looked up: `{name, principalId, appRoles}`, or 401. */
export interface Principal {
  readonly name: string;
  readonly principalId: string;
  readonly appRoles: readonly string[];
}

const headerPrefix = 'x-ms-client-principal';

/**
 * What App Service authentication does with a request before the app sees it (Azure's documentation "Work with user identities",
 * read 2026-11-22): headers that only the platform may set are taken away, whoever sent them, and set again for whoever holds a valid
 * token. Nobody is turned away here, as with "allow unauthenticated access".
 */
export class Authentication {
  readonly #address: string;

  /** @param address asked with the caller's own `Authorization` header */
  constructor(address: string) {
    this.#address = address;
  }

  async headersOf(request: IncomingMessage): Promise<IncomingMessage['headers']> {
    const kept = Object.entries(request.headers).filter(([name]) => !name.startsWith(headerPrefix));
    const { authorization } = request.headers;
    const principal = authorization === undefined ? null : await this.#find(authorization);
    return { ...Object.fromEntries(kept), ...(principal === null ? {} : headersFor(principal)) };
  }

  async #find(authorization: string): Promise<Principal | null> {
    const answer = await fetch(this.#address, { headers: { authorization } });
    return answer.ok ? ((await answer.json()) as Principal) : null;
  }
}

function headersFor({ name, principalId, appRoles }: Principal): Record<string, string> {
  const claims = [
    { typ: 'http://schemas.microsoft.com/identity/claims/objectidentifier', val: principalId },
    { typ: 'name', val: name },
    ...appRoles.map((val) => ({ typ: 'roles', val })),
  ];
  const principal = { auth_typ: 'aad', claims, name_typ: 'name', role_typ: 'roles' };
  return {
    [headerPrefix]: Buffer.from(JSON.stringify(principal)).toString('base64'),
    [`${headerPrefix}-id`]: principalId,
    [`${headerPrefix}-name`]: name,
    [`${headerPrefix}-idp`]: 'aad',
  };
}
