import type { StandInRequest } from '../kit';

/** What a request asks the vault for, as its path and method say it. */
export interface Route {
  operation: string;
  /** The key's name; undefined for lists over the vault. */
  key: string | undefined;
  /** Undefined: the current version. */
  version: string | undefined;
}

/** Operations on a version, by the last segment of their path. */
const ON_VERSIONS: Record<string, string> = {
  wrapkey: 'wrapKey',
  unwrapkey: 'unwrapKey',
  encrypt: 'encrypt',
  decrypt: 'decrypt',
  sign: 'sign',
  verify: 'verify',
  release: 'releaseKey',
};

const ON_KEYS: Record<string, string> = {
  'POST create': 'createKey',
  'POST rotate': 'rotateKey',
  'POST backup': 'backupKey',
  'GET versions': 'listVersions',
  'GET rotationpolicy': 'getRotationPolicy',
  'PUT rotationpolicy': 'putRotationPolicy',
};

/** The data action of Azure RBAC that each operation needs ("Azure permissions for Security", Microsoft.KeyVault). */
export const ACTIONS: Record<string, string> = {
  createKey: 'keys/create/action',
  getKey: 'keys/read',
  listKeys: 'keys/read',
  listVersions: 'keys/read',
  updateKey: 'keys/update/action',
  rotateKey: 'keys/rotate/action',
  getRotationPolicy: 'keyrotationpolicies/read',
  putRotationPolicy: 'keyrotationpolicies/write',
  wrapKey: 'keys/wrap/action',
  unwrapKey: 'keys/unwrap/action',
  encrypt: 'keys/encrypt/action',
  decrypt: 'keys/decrypt/action',
  sign: 'keys/sign/action',
  verify: 'keys/verify/action',
  deleteKey: 'keys/delete',
  getDeletedKey: 'keys/read',
  listDeletedKeys: 'keys/read',
  recoverKey: 'keys/recover/action',
  purgeKey: 'keys/purge/action',
};

/** Undefined for a path or method that Key Vault's REST API does not have. */
export function routeOf(request: Pick<StandInRequest, 'method' | 'path'>): Route | undefined {
  // The SDK writes an empty version as an empty segment.
  const segments = request.path.split('/').filter((segment) => segment !== '');
  // Names and versions hold nothing that would have to be escaped.
  if (segments.some((segment) => segment.includes('%'))) return undefined;
  const [root, key, ...rest] = segments;
  const { method } = request;
  if (root === 'deletedkeys') return deletedKeyRoute(method, key, rest);
  if (root === 'rng' && method === 'POST') return { operation: 'getRandomBytes', key: undefined, version: undefined };
  if (root !== 'keys') return undefined;
  if (key === undefined) return method === 'GET' ? { operation: 'listKeys', key, version: undefined } : undefined;
  if (key === 'restore' && rest.length === 0 && method === 'POST')
    return { operation: 'restoreKey', key: undefined, version: undefined };
  return keyRoute(method, key, rest);
}

function deletedKeyRoute(method: string, key: string | undefined, rest: string[]): Route | undefined {
  const asked = `${method} ${rest.join('/')}`.trim();
  const version = undefined;
  if (key === undefined) return asked === 'GET' ? { operation: 'listDeletedKeys', key, version } : undefined;
  const operation = { GET: 'getDeletedKey', DELETE: 'purgeKey', 'POST recover': 'recoverKey' }[asked];
  return operation === undefined ? undefined : { operation, key, version };
}

function keyRoute(method: string, key: string, rest: string[]): Route | undefined {
  const last = rest.at(-1) ?? '';
  const onKey = rest.length === 1 ? ON_KEYS[`${method} ${last}`] : undefined;
  if (onKey !== undefined) return { operation: onKey, key, version: undefined };
  const onVersion = method === 'POST' ? ON_VERSIONS[last.toLowerCase()] : undefined;
  if (onVersion !== undefined && rest.length <= 2)
    return { operation: onVersion, key, version: rest.length === 2 ? rest[0] : undefined };
  if (method === 'GET' && rest.length === 2 && last === 'attestation')
    return { operation: 'getKeyAttestation', key, version: rest[0] };
  if (rest.length > 1) return undefined;
  const operation = {
    GET: 'getKey',
    PATCH: 'updateKey',
    PUT: 'importKey',
    DELETE: rest.length === 0 ? 'deleteKey' : undefined,
  }[method];
  return operation === undefined ? undefined : { operation, key, version: rest[0] };
}
