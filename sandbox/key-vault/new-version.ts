import { randomBytes } from 'node:crypto';
import { badParameter } from './errors';
import {
  type AttributesInput,
  EC_OPERATIONS,
  type KeyVersion,
  readAttributes,
  readKeyOps,
  readTags,
  requireOrderedDates,
} from './key';
import { CURVES, type Curve, type KeyMaterial, type KeyType } from './key-material';

/** What a create request asks for. */
export interface NewVersion {
  kty: KeyType;
  /** RSA modulus in bits; 0 for EC. */
  size: number;
  curve: Curve | undefined;
  keyOps: string[];
  tags: Record<string, string>;
  attributes: AttributesInput;
}

const KEY_TYPES: KeyType[] = ['RSA', 'RSA-HSM', 'EC', 'EC-HSM'];
const RSA_SIZES = [2048, 3072, 4096];
const RSA_DEFAULT_OPERATIONS = ['encrypt', 'decrypt', 'sign', 'verify', 'wrapKey', 'unwrapKey'];

/** @throws KeyVaultError 400 */
export function readKeyName(name: string): void {
  if (!/^[0-9a-zA-Z-]{1,127}$/.test(name))
    throw badParameter('The name of a key is 1 to 127 letters, digits and hyphens.');
}

/** Reads the body of a create request. @throws KeyVaultError 400 */
export function readNewVersion(body: unknown): NewVersion {
  if (typeof body !== 'object' || body === null) throw badParameter('The request has no JSON body.');
  const given = body as Record<string, unknown>;
  const kty = KEY_TYPES.find((type) => type === given['kty']);
  if (kty === undefined) throw badParameter(`The key type (kty) must be one of: ${KEY_TYPES.join(', ')}.`);
  const attributes = readAttributes(given['attributes']);
  requireOrderedDates(attributes.nbf, attributes.exp);
  const tags = readTags(given['tags']) ?? {};
  const keyOps = readKeyOps(given['key_ops'], kty);
  if (kty.startsWith('EC')) {
    const curve = CURVES.find((name) => name === (given['crv'] ?? 'P-256'));
    if (curve === undefined) throw badParameter(`The curve (crv) must be one of: ${CURVES.join(', ')}.`);
    return { kty, size: 0, curve, keyOps: keyOps ?? EC_OPERATIONS, tags, attributes };
  }
  const size = given['key_size'] ?? 2048;
  if (!RSA_SIZES.includes(size as number)) throw badParameter(`The key size must be one of: ${RSA_SIZES.join(', ')}.`);
  return { kty, size: size as number, curve: undefined, keyOps: keyOps ?? RSA_DEFAULT_OPERATIONS, tags, attributes };
}

/** The version that comes of it. Times in seconds, virtual. */
export function versionOf(
  wanted: NewVersion,
  material: KeyMaterial,
  created: number,
  exp: number | undefined,
): KeyVersion {
  return {
    version: randomBytes(16).toString('hex'),
    kty: wanted.kty,
    material,
    keyOps: wanted.keyOps,
    tags: { ...wanted.tags },
    enabled: wanted.attributes.enabled ?? true,
    nbf: wanted.attributes.nbf,
    exp,
    created,
    updated: created,
    size: wanted.size,
    nearExpiryTold: false,
    expiredTold: false,
  };
}
