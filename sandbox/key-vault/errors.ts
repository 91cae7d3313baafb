import type { StandInResponse } from '../kit';

/** An answer that is not a success, in Key Vault's own form: `{error: {code, message, innererror?: {code}}}`. */
export class KeyVaultError extends Error {
  readonly status: number;
  readonly code: string;
  readonly innerCode: string | undefined;
  readonly headers: Record<string, string>;

  constructor(status: number, code: string, message: string, innerCode?: string, headers: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.innerCode = innerCode;
    this.headers = headers;
  }

  response(): StandInResponse {
    const innererror = this.innerCode === undefined ? {} : { innererror: { code: this.innerCode } };
    return {
      status: this.status,
      headers: this.headers,
      body: { error: { code: this.code, message: this.message, ...innererror } },
    };
  }
}

export const badParameter = (message: string): KeyVaultError => new KeyVaultError(400, 'BadParameter', message);

export const keyNotFound = (name: string, version?: string): KeyVaultError =>
  new KeyVaultError(
    404,
    'KeyNotFound',
    `A key with (name/id) ${name}${version === undefined ? '' : `/${version}`} was not found in this key vault. ` +
      'If you recently deleted this key you may be able to recover it using the correct recovery command.',
  );

export const keyDisabled = (operation: string): KeyVaultError =>
  new KeyVaultError(403, 'Forbidden', `Operation ${operation} is not allowed on a disabled key.`, 'KeyDisabled');

/** "Not supported here" is a refusal, never a success. */
export const notSupportedHere = (operation: string): KeyVaultError =>
  new KeyVaultError(
    501,
    'NotSupportedByStandIn',
    `The local Key Vault does not do '${operation}'; see sandbox/README.md for what it does.`,
  );

export interface Caller {
  principalId: string;
  clientId: string | undefined;
  tenantId: string;
}

const callerLine = (caller: Caller): string =>
  `Caller: appid=${caller.clientId};oid=${caller.principalId};iss=https://sts.windows.net/${caller.tenantId}/`;

/** Key Vault's words when its network rules keep a caller out ("Azure Key Vault REST API error codes", 2026-04-10). */
export function forbiddenByFirewall(caller: Caller, vault: string, location: string): KeyVaultError {
  return new KeyVaultError(
    403,
    'Forbidden',
    [
      'Client address is not authorized and caller is not a trusted service.',
      'Client address: 127.0.0.1',
      callerLine(caller),
      `Vault: ${vault};location=${location}`,
    ].join('\r\n'),
    'ForbiddenByFirewall',
  );
}

/** Key Vault's words when role assignments do not allow an action (seen in "Azure RBAC for Key Vault data plane", 2026-06-16). */
export function forbiddenByRbac(
  caller: Caller,
  action: string,
  scope: string,
  vault: string,
  location: string,
): KeyVaultError {
  return new KeyVaultError(
    403,
    'Forbidden',
    [
      'Caller is not authorized to perform action on resource.',
      'If role assignments, deny assignments or role definitions were changed recently, please observe propagation time.',
      callerLine(caller),
      `Action: '${action}'`,
      `Resource: '${scope.toLowerCase()}'`,
      'Assignment: (not found)',
      'DenyAssignmentId: null',
      'DecisionReason: null',
      `Vault: ${vault};location=${location}`,
    ].join('\r\n'),
    'ForbiddenByRbac',
  );
}
