import {
  BrokenInvariantError,
  ConflictError,
  FaultError,
  InterruptedError,
  PreconditionError,
  RefusalError,
  SupersededError,
} from '../rotation/errors';
import { type Answer, codeOf, readAnswer, statusOf } from './error-body';

/**
 * The one place that turns what a service or the network answered into a fault (may heal, is waited for) or a refusal (will
 * not, everything goes back). When in doubt it is a fault: a refusal taken for a fault costs time until a deadline, a fault
 * taken for a refusal moves every target for nothing.
 */

export type Service = 'arm' | 'key-vault' | 'storage' | 'event-grid' | 'webhook' | 'data-plane' | 'vault-log';

/** What was being done, for the message: `unwrap with https://v.vault.azure.net/keys/k/1`. Never holds a secret. */
export interface Attempt {
  readonly service: Service;
  readonly what: string;
}

const serviceNames: Readonly<Record<Service, string>> = {
  arm: 'Azure Resource Manager',
  'key-vault': 'Key Vault',
  storage: 'Azure Storage',
  'event-grid': 'Event Grid',
  webhook: 'the webhook',
  'data-plane': 'the service',
  'vault-log': 'Log Analytics',
};

/** Runs the attempt; whatever it throws leaves as a FaultError, RefusalError or PreconditionError, or as what it was if it is a bug. */
export async function attempt<T>(doing: Attempt, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw translateError(doing, error);
  }
}

/** Errors of ours pass through; a bug (TypeError and the like) stays a bug. */
export function translateError(doing: Attempt, error: unknown): unknown {
  if (isOurs(error) || !(error instanceof Error)) return error;
  const status = statusOf(error);
  if (status !== null) return translateAnswer(doing, readAnswer(status, error), error);
  return translateNetworkError(doing, error);
}

/** Turns a status outside 2xx into the error to throw. */
export function translateAnswer(doing: Attempt, answer: Answer, cause?: unknown): Error {
  const { status } = answer;
  const said = `${serviceNames[doing.service]} answered ${describe(answer)} to: ${doing.what}`;
  const fault = (code: string, next: string) =>
    new FaultError(code, `${said}. ${next}`, { retryAfterSeconds: answer.retryAfterSeconds, cause });
  if (status === 412) return new PreconditionError(`${said}. It was changed since it was read.`, { cause });
  if (status === 429) return fault('throttled', 'It is tried again later.');
  if (status === 408) return fault('timeout', 'It is tried again.');
  if (status === 401)
    return fault('sign-in', 'The token was not accepted. Check the identity and the audience settings.');
  if (status >= 500 || status < 400) return fault('unavailable', 'It is tried again.');
  if (doing.service === 'storage') {
    return fault('storage', 'Check that the tables exist and that the identity may read and write them.');
  }
  if (doing.service === 'event-grid') return fault('event-grid', 'Check the topic and its key or role assignment.');
  if (doing.service === 'webhook') return fault('webhook', 'Check KEYTURN_WEBHOOK_URL and what listens there.');
  if (doing.service === 'vault-log') {
    const next =
      'Check KEYTURN_LOG_WORKSPACE_ID, and that the identity may read the workspace (Log Analytics Data Reader).';
    return fault('vault-log', next);
  }
  const refusal = doing.service === 'key-vault' ? keyVaultRefusal(answer) : armRefusal(answer);
  if (refusal.heals) return fault(refusal.code, refusal.next);
  return new RefusalError(refusal.code, `${said}. ${refusal.next}`, { cause });
}

interface Verdict {
  readonly code: string;
  readonly next: string;
  readonly heals?: true;
}

const keyVaultInnerCodes: Readonly<Record<string, Verdict>> = {
  KeyDisabled: { code: 'version-disabled', next: 'Enable this key version in the vault if it is still needed.' },
  KeyExpired: {
    code: 'version-expired',
    next: 'An expired version still unwraps but no longer wraps; use a newer one.',
  },
  KeyNotYetValid: { code: 'version-not-yet-valid', next: 'Wait until the version becomes valid, or use another.' },
  ForbiddenByFirewall: {
    code: 'key-vault-network',
    next: "Let this app's outbound address through the vault's firewall.",
  },
  ForbiddenByConnection: {
    code: 'key-vault-network',
    next: "Reach the vault through a private endpoint, or allow this app's network.",
  },
  ObjectIsDeletedButRecoverable: { code: 'key-deleted', next: 'Recover the soft-deleted key in the vault.' },
  ObjectIsBeingDeleted: { code: 'resource-busy', next: 'It is tried again.', heals: true },
  ObjectIsBeingRecovered: { code: 'resource-busy', next: 'It is tried again.', heals: true },
};

/** Key Vault's error codes: Azure documentation, "Common error codes for Azure Key Vault" (2026-04-10). */
function keyVaultRefusal({ status, code, innerCode }: Answer): Verdict {
  const known = keyVaultInnerCodes[innerCode ?? ''] ?? keyVaultInnerCodes[code ?? ''];
  if (known) return known;
  if (status === 403) {
    return {
      code: 'key-vault-forbidden',
      next: 'Give the identity of this app a role that allows it (Key Vault Crypto Officer); a new assignment takes up to ten minutes to work, then start again.',
    };
  }
  if (status === 404) return { code: 'version-not-found', next: 'Check the name and the version in the vault.' };
  if (status === 409) return { code: 'resource-busy', next: 'It is tried again.', heals: true };
  return { code: 'key-vault-refused', next: 'Check the key type, its size and its permitted operations.' };
}

/** IoT Hub's 409 (IH409002, "not currently in Active state") is by design while another update runs: Azure/bicep issue 2549. */
function armRefusal({ status, code }: Answer): Verdict {
  if (status === 409 && code === 'ScopeLocked') {
    return { code: 'resource-locked', next: 'Remove the lock on the resource, its group or its subscription.' };
  }
  if (status === 409)
    return { code: 'resource-busy', next: 'It is tried again when the resource is Active.', heals: true };
  if (status === 403) {
    return {
      code: code === 'RequestDisallowedByPolicy' ? 'policy-disallows' : 'resource-forbidden',
      next: 'Give the identity of this app the role it needs on the resource; a new assignment takes up to ten minutes to work, then start again.',
    };
  }
  if (status === 404) {
    return {
      code: 'resource-not-found',
      next: 'Check the resource id in rotation.json, and that this identity may read it.',
    };
  }
  return { code: 'resource-refused', next: 'Check the resource in the portal; the request was not acceptable to it.' };
}

/**
 * Names that can only mean what a 408, 429 or 5xx means as a status. With which codes an operation of IoT Hub or DPS fails no
 * document says, so nothing is in here that could also be the service's own no.
 */
const passingCodes = /^(InternalServerError|ServiceUnavailable|ServerBusy|TooManyRequests|\w*Timeout|\w*TimedOut)$/i;
/** The numbers of IoT Hub and DPS begin with the status: `503001`. */
const passingNumbers = /^(408|429|5\d\d)\d{3}$/;

/**
 * Whether a long-running operation that failed with this code may succeed when it is begun anew. Any other code is taken at its
 * word: the service has decided.
 */
export const operationMayHeal = (code: string): boolean => passingCodes.test(code) || passingNumbers.test(code);

const signInErrors = new Set([
  'AuthenticationError',
  'AggregateAuthenticationError',
  'AuthenticationRequiredError',
  'CredentialUnavailableError',
  'ChainedTokenCredentialError',
  'ManagedIdentityError',
]);

const networkCodes = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'EMFILE',
  'REQUEST_SEND_ERROR',
  'PARSE_ERROR',
  'UND_ERR_SOCKET',
]);

function translateNetworkError(doing: Attempt, error: Error): unknown {
  const name = serviceNames[doing.service];
  const code = codeOf(error) ?? codeOf(error.cause);
  if (signInErrors.has(error.name)) {
    const next = 'Check the managed identity and KEYTURN_IDENTITY_CLIENT_ID. It is tried again.';
    return new FaultError('sign-in', `No token could be had for ${name} to: ${doing.what}. ${next}`, { cause: error });
  }
  if (
    error.name === 'AbortError' ||
    error.name === 'TimeoutError' ||
    code === 'ETIMEDOUT' ||
    code === 'ESOCKETTIMEDOUT'
  ) {
    return new FaultError('timeout', `${name} did not answer in time to: ${doing.what}. It is tried again.`, {
      cause: error,
    });
  }
  if (/challenge resource|challenge contains invalid/i.test(error.message)) {
    const next = 'If the vault really has this address, set KEYTURN_VERIFY_CHALLENGE_RESOURCE to false.';
    const message = `${name} asked for a token of another domain than its own, so none was sent, to: ${doing.what}. ${next}`;
    return new RefusalError('challenge-resource', message, { cause: error });
  }
  if (code !== null && isTlsCode(code)) {
    const next = `The certificate was not accepted (${code}); check the certificate authorities this app trusts.`;
    return new FaultError('tls', `${name} could not be trusted to: ${doing.what}. ${next}`, { cause: error });
  }
  if ((code !== null && networkCodes.has(code)) || error.name === 'RestError') {
    const message = `${name} could not be reached (${code ?? 'no answer'}) to: ${doing.what}. It is tried again.`;
    return new FaultError('unreachable', message, { cause: error });
  }
  return error;
}

const isTlsCode = (code: string): boolean =>
  /CERT|^ERR_TLS|^ERR_SSL|UNABLE_TO_(GET|VERIFY)_|SIGNATURE_FAILURE|^EPROTO$/.test(code);

const isOurs = (error: unknown): boolean =>
  error instanceof FaultError ||
  error instanceof RefusalError ||
  error instanceof PreconditionError ||
  error instanceof ConflictError ||
  error instanceof BrokenInvariantError ||
  error instanceof InterruptedError ||
  error instanceof SupersededError;

function describe({ status, code, innerCode }: Answer): string {
  return [status, code, innerCode].filter((part) => part !== null).join(' ');
}
