import { createHttpHeaders, createPipelineRequest, RestError } from '@azure/core-rest-pipeline';
import { type Attempt, attempt, type Service } from '../../../../shared/azure/status-codes';
import { FaultError } from '../../../../shared/rotation/errors';

const secret = 'SharedAccessKey=c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA==';
const doing = (service: Service): Attempt => ({ service, what: 'do something' });

/** What an SDK throws for an answer. The body holds a secret, which must not come out. */
function answered(status: number, body: unknown = {}, headers: Record<string, string> = {}): RestError {
  const request = createPipelineRequest({ url: 'https://example.test/' });
  const bodyAsText = JSON.stringify({ ...(body as object), extra: secret });
  const response = { request, status, headers: createHttpHeaders(headers), bodyAsText };
  return new RestError(`raw ${secret}`, { statusCode: status, request, response });
}

function networkError(code: string): RestError {
  return new RestError(`raw ${secret}`, { code, request: createPipelineRequest({ url: 'https://example.test/' }) });
}

function named(name: string, message = `raw ${secret}`): Error {
  return Object.assign(new Error(message), { name });
}

const keyVault = (code: string, innerCode?: string) => ({
  error: { code, message: secret, innererror: { code: innerCode } },
});

const outcomes: [
  sentence: string,
  service: Service,
  error: () => Error,
  expected: string,
  retryAfterSeconds?: number,
][] = [
  [
    'a disabled key version is refused',
    'key-vault',
    () => answered(403, keyVault('Forbidden', 'KeyDisabled')),
    'RefusalError version-disabled',
  ],
  [
    'a vault that forbids is a refusal, and the message says that roles take minutes',
    'key-vault',
    () => answered(403, keyVault('Forbidden')),
    'RefusalError key-vault-forbidden',
  ],
  [
    'a vault behind its firewall is a refusal of its own',
    'key-vault',
    () => answered(403, keyVault('Forbidden', 'ForbiddenByFirewall')),
    'RefusalError key-vault-network',
  ],
  [
    'wrapping with an expired version is refused as such',
    'key-vault',
    () => answered(403, keyVault('Forbidden', 'KeyExpired')),
    'RefusalError version-expired',
  ],
  [
    'a version that is not there is refused',
    'key-vault',
    () => answered(404, keyVault('KeyNotFound')),
    'RefusalError version-not-found',
  ],
  [
    'a soft-deleted key is refused',
    'key-vault',
    () => answered(409, keyVault('Conflict', 'ObjectIsDeletedButRecoverable')),
    'RefusalError key-deleted',
  ],
  [
    'a key that is being recovered is waited for',
    'key-vault',
    () => answered(409, keyVault('Conflict', 'ObjectIsBeingRecovered')),
    'FaultError resource-busy',
  ],
  [
    'a blob that the vault cannot unwrap is refused',
    'key-vault',
    () => answered(400, keyVault('BadParameter')),
    'RefusalError key-vault-refused',
  ],
  [
    'throttling is waited for as long as the service asks',
    'key-vault',
    () => answered(429, keyVault('Throttled'), { 'retry-after': '17' }),
    'FaultError throttled',
    17,
  ],
  ['throttling that says no time is waited for', 'arm', () => answered(429), 'FaultError throttled'],
  ['an internal error is waited for', 'arm', () => answered(500), 'FaultError unavailable'],
  [
    'a gateway that says when is believed',
    'key-vault',
    () => answered(503, {}, { 'retry-after': '5' }),
    'FaultError unavailable',
    5,
  ],
  ['a request that took the service too long is waited for', 'arm', () => answered(408), 'FaultError timeout'],
  ['a token that is not accepted is a fault of signing in', 'arm', () => answered(401), 'FaultError sign-in'],
  [
    'a resource that is busy with another update is waited for',
    'arm',
    () => answered(409, { code: 409002, httpStatusCode: 'Conflict', message: secret }),
    'FaultError resource-busy',
  ],
  [
    'a resource under a lock is refused',
    'arm',
    () => answered(409, { error: { code: 'ScopeLocked' } }),
    'RefusalError resource-locked',
  ],
  [
    'an old ETag is neither: it is read again',
    'arm',
    () => answered(412, { code: 412001, message: secret }),
    'PreconditionError undefined',
  ],
  [
    'a resource that is not there is refused',
    'arm',
    () => answered(404, { error: { code: 'ResourceNotFound' } }),
    'RefusalError resource-not-found',
  ],
  [
    'a resource that forbids is refused',
    'arm',
    () => answered(403, { error: { code: 'AuthorizationFailed' } }),
    'RefusalError resource-forbidden',
  ],
  [
    'a policy that forbids is refused as such',
    'arm',
    () => answered(403, { error: { code: 'RequestDisallowedByPolicy' } }),
    'RefusalError policy-disallows',
  ],
  [
    'a body that ARM does not accept is refused',
    'arm',
    () => answered(400, { code: 400000 }),
    'RefusalError resource-refused',
  ],
  ['a redirect is not followed, and not an end either', 'arm', () => answered(307), 'FaultError unavailable'],
  [
    'storage that forbids is a fault, as all of storage is',
    'storage',
    () => answered(403, { 'odata.error': { code: 'AuthorizationFailure' } }),
    'FaultError storage',
  ],
  [
    'a table that is missing is a fault',
    'storage',
    () => answered(404, { 'odata.error': { code: 'TableNotFound' } }),
    'FaultError storage',
  ],
  ['a topic that does not accept the key is a fault', 'event-grid', () => answered(401), 'FaultError sign-in'],
  ['a topic that does not accept the event is a fault', 'event-grid', () => answered(400), 'FaultError event-grid'],
  ['a connection that was reset is waited for', 'arm', () => networkError('ECONNRESET'), 'FaultError unreachable'],
  [
    'a name that does not resolve is waited for',
    'key-vault',
    () => networkError('ENOTFOUND'),
    'FaultError unreachable',
  ],
  ['a connection that timed out is waited for', 'key-vault', () => networkError('ETIMEDOUT'), 'FaultError timeout'],
  ['a request that we gave up on is waited for', 'arm', () => named('AbortError'), 'FaultError timeout'],
  [
    'a certificate that is not trusted is waited for under a name of its own',
    'arm',
    () => networkError('SELF_SIGNED_CERT_IN_CHAIN'),
    'FaultError tls',
  ],
  [
    'no identity at all is a fault of signing in',
    'key-vault',
    () => named('CredentialUnavailableError'),
    'FaultError sign-in',
  ],
  [
    'an identity that is refused its token is a fault of signing in',
    'key-vault',
    () => named('AuthenticationError'),
    'FaultError sign-in',
  ],
  [
    'a challenge for a domain that is not the vault’s is refused',
    'key-vault',
    () => named('Error', "The challenge resource 'x' does not match the requested domain."),
    'RefusalError challenge-resource',
  ],
];

describe('what a service answers becomes a fault or a refusal', () => {
  for (const [sentence, service, error, expected, retryAfterSeconds] of outcomes) {
    test(sentence, async () => {
      const thrown = await attempt(doing(service), () => Promise.reject(error())).catch((caught) => caught);
      expect(`${thrown.name} ${thrown.code}`).toBe(expected);
      expect(thrown.retryAfterSeconds).toBe(retryAfterSeconds);
      expect(thrown.message).toContain('do something');
      expect(thrown.message).not.toContain('secret');
      expect(thrown.message).not.toContain('c2Vj');
    });
  }

  test('a role that is missing comes with what to do about it, and how long that takes', async () => {
    const error = answered(403, keyVault('Forbidden'));
    await expect(attempt(doing('key-vault'), () => Promise.reject(error))).rejects.toThrow(/role.*ten minutes/);
  });

  test('a bug stays a bug', async () => {
    const bug = new TypeError('x is not a function');
    await expect(attempt(doing('arm'), () => Promise.reject(bug))).rejects.toBe(bug);
  });

  test('what is decided already is not decided again', async () => {
    const fault = new FaultError('throttled', 'Wait.', { retryAfterSeconds: 3 });
    await expect(attempt(doing('arm'), () => Promise.reject(fault))).rejects.toBe(fault);
  });
});
