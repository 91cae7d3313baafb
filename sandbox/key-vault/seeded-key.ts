import { randomBytes } from 'node:crypto';
import type { KeySeed, KeyVersionSeed } from '../cloud/seed';
import { type Key, type KeyVersion, policyOf } from './key';
import { KeyMaterial } from './key-material';
import { nearExpiryDue, readPolicy } from './rotation-policy';

/**
 * The key that a seed describes, with its versions as old as the seed says.
 *
 * @throws Error for a key without versions or with a policy that Key Vault would refuse.
 */
export async function seededKey(seed: KeySeed, nowMilliseconds: number): Promise<Key> {
  if (seed.versions.length === 0) throw new Error(`The seeded key '${seed.name}' has no version.`);
  const versions = await Promise.all(seed.versions.map((version) => seededVersion(seed, version)));
  const key: Key = { name: seed.name, versions, policy: undefined, deleted: undefined };
  if (seed.policy !== undefined)
    key.policy = readPolicy(seed.policy, policyOf(key), Math.floor(nowMilliseconds / 1000));
  markPastAsTold(key, nowMilliseconds);
  return key;
}

async function seededVersion(key: KeySeed, seed: KeyVersionSeed): Promise<KeyVersion> {
  const created = seconds(seed.createdOn);
  return {
    version: randomBytes(16).toString('hex'),
    kty: key.kty,
    material: await KeyMaterial.generateRsa(key.size),
    keyOps: key.ops,
    tags: seed.tags ?? {},
    enabled: seed.enabled ?? true,
    nbf: seed.notBefore === undefined ? undefined : seconds(seed.notBefore),
    exp: seed.expiresOn === undefined ? undefined : seconds(seed.expiresOn),
    created,
    updated: created,
    size: key.size,
    nearExpiryTold: false,
    expiredTold: false,
  };
}

function seconds(iso: string): number {
  const milliseconds = Date.parse(iso);
  if (Number.isNaN(milliseconds)) throw new Error(`'${iso}' in the seed is not a time.`);
  return Math.floor(milliseconds / 1000);
}

/** Nobody was subscribed before the vault started: what was due before now has been told. */
function markPastAsTold(key: Key, nowMilliseconds: number): void {
  for (const version of key.versions) {
    const near = nearExpiryDue(policyOf(key), version);
    version.nearExpiryTold = near !== undefined && near <= nowMilliseconds;
    version.expiredTold = version.exp !== undefined && version.exp * 1000 <= nowMilliseconds;
  }
}
