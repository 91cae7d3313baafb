import { badParameter, KeyVaultError, keyDisabled } from './errors';
import type { KeyMaterial, KeyType } from './key-material';
import { DEFAULT_POLICY, type RotationPolicy } from './rotation-policy';

/** One version of a key. Times are seconds on the virtual clock, as Key Vault's attributes are. */
export interface KeyVersion {
  version: string;
  kty: KeyType;
  material: KeyMaterial;
  keyOps: string[];
  tags: Record<string, string>;
  enabled: boolean;
  nbf: number | undefined;
  exp: number | undefined;
  created: number;
  updated: number;
  /** RSA modulus in bits; 0 for EC. */
  size: number;
  /** An event goes out once per version. */
  nearExpiryTold: boolean;
  expiredTold: boolean;
}

export interface Key {
  name: string;
  /** Oldest first; the last one is current. Never empty. */
  versions: KeyVersion[];
  policy: RotationPolicy | undefined;
  /** Set while soft-deleted; seconds. */
  deleted: { on: number; purgeOn: number } | undefined;
}

export function currentVersion(key: Key): KeyVersion {
  return key.versions.at(-1) as KeyVersion;
}

export function policyOf(key: Key): RotationPolicy {
  return key.policy ?? DEFAULT_POLICY;
}

const KEY_OPERATIONS = ['encrypt', 'decrypt', 'sign', 'verify', 'wrapKey', 'unwrapKey', 'import', 'export'];
export const EC_OPERATIONS = ['sign', 'verify'];

/** Operations that make something new with a key: refused outside its dates. What only opens old things still works then. */
const BOUND_BY_DATES = ['wrapKey', 'encrypt', 'sign'];

/**
 * Whether an operation may be done with a version now (Azure's documentation, key attributes, 2026-05-21): a disabled version does
 * nothing; outside nbf and exp it wraps nothing but still unwraps; `key_ops` names what it does at all.
 *
 * @throws KeyVaultError 403 that says which rule forbids it.
 */
export function requireUsable(version: KeyVersion, operation: string, nowSeconds: number): void {
  if (!version.enabled) throw keyDisabled(operation);
  if (!version.keyOps.includes(operation)) {
    throw new KeyVaultError(
      403,
      'Forbidden',
      `Operation ${operation} is not permitted on this key.`,
      'KeyOperationForbidden',
    );
  }
  if (!BOUND_BY_DATES.includes(operation)) return;
  if (version.nbf !== undefined && nowSeconds < version.nbf) {
    throw new KeyVaultError(
      403,
      'Forbidden',
      `Operation ${operation} is not allowed on a key that is not yet valid.`,
      'KeyNotYetValid',
    );
  }
  if (version.exp !== undefined && nowSeconds >= version.exp) {
    throw new KeyVaultError(403, 'Forbidden', `Operation ${operation} is not allowed on an expired key.`, 'KeyExpired');
  }
}

export interface AttributesInput {
  enabled?: boolean;
  nbf?: number;
  exp?: number;
}

/** Reads the `attributes` of a request; what is left out or null is left out. @throws KeyVaultError 400 */
export function readAttributes(value: unknown): AttributesInput {
  if (value === undefined || value === null) return {};
  const { enabled, nbf, exp } = value as Record<string, unknown>;
  const attributes: AttributesInput = {};
  if (enabled !== undefined && enabled !== null) {
    if (typeof enabled !== 'boolean') throw badParameter('Attribute enabled must be true or false.');
    attributes.enabled = enabled;
  }
  for (const [name, seconds] of Object.entries({ nbf, exp })) {
    if (seconds === undefined || seconds === null) continue;
    if (!Number.isInteger(seconds)) throw badParameter(`Attribute ${name} must be a number of seconds since 1970.`);
    attributes[name as 'nbf' | 'exp'] = seconds as number;
  }
  return attributes;
}

/** @throws KeyVaultError 400 */
export function readTags(value: unknown): Record<string, string> | undefined {
  if (value === undefined || value === null) return undefined;
  const entries = Object.entries(value as Record<string, unknown>);
  if (typeof value !== 'object' || entries.some(([, tag]) => typeof tag !== 'string'))
    throw badParameter('Tags must be strings.');
  if (entries.length > 15) throw badParameter('A key has at most 15 tags.');
  return Object.fromEntries(entries) as Record<string, string>;
}

/** @throws KeyVaultError 400 */
export function readKeyOps(value: unknown, kty: KeyType): string[] | undefined {
  if (value === undefined || value === null) return undefined;
  const possible = kty.startsWith('EC') ? EC_OPERATIONS : KEY_OPERATIONS;
  if (!Array.isArray(value) || value.some((operation) => !possible.includes(operation as string))) {
    throw badParameter(`key_ops of a key of type ${kty} must be some of: ${possible.join(', ')}.`);
  }
  return [...new Set(value as string[])];
}

export function requireOrderedDates(nbf: number | undefined, exp: number | undefined): void {
  if (nbf !== undefined && exp !== undefined && exp <= nbf) throw badParameter('Attribute exp must be later than nbf.');
}
