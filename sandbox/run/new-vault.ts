import type { CloudSeed, KeySeed } from '../cloud/seed';
import { names, resourceIds } from './seed';

/** A second vault, and in it the key that is to take the place of the KEK. */
export const newVault = { name: 'keyturn-new-vault', key: 'fleet-kek-2' } as const;

export const newVaultResourceId = `${resourceIds.group}/providers/Microsoft.KeyVault/vaults/${newVault.name}`;

const YEAR = 365 * 24 * 3_600_000;

/** The same local cloud with a second vault, whose key everybody who uses the first one may use. */
export function withNewVault(seed: CloudSeed): CloudSeed {
  const [like] = seed.vaults.flatMap(({ keys }) => keys).filter(({ name }) => name === names.key);
  const versions = (like?.versions ?? []).map(({ createdOn }) => {
    return { createdOn, expiresOn: new Date(Date.parse(createdOn) + YEAR).toISOString() };
  });
  const policy = like?.policy === undefined ? {} : { policy: like.policy };
  const key: KeySeed = {
    name: newVault.key,
    kty: 'RSA',
    size: 3072,
    ops: ['wrapKey', 'unwrapKey'],
    ...policy,
    versions,
  };
  const vaults = [...seed.vaults, { name: newVault.name, resourceId: newVaultResourceId, keys: [key] }];
  const scope = `key:${newVault.name}/${newVault.key}`;
  const user = 'Key Vault Crypto Service Encryption User';
  const roleAssignments = [
    ...seed.roleAssignments,
    { identity: 'keyturn', role: 'Key Vault Crypto Officer', scope: `vault:${newVault.name}` },
    { identity: 'hub-identity', role: user, scope },
    { identity: 'dps-identity', role: user, scope },
    { identity: 'owner', role: 'Key Vault Crypto User', scope },
  ];
  return { ...seed, vaults, roleAssignments };
}

/** The same, but the KEK is kept in an HSM, and the key in the second vault is not. */
export function withWeakerKey(seed: CloudSeed): CloudSeed {
  const both = withNewVault(seed);
  const vaults = both.vaults.map((vault) => ({
    ...vault,
    keys: vault.keys.map((key) => (key.name === names.key ? { ...key, kty: 'RSA-HSM' as const } : key)),
  }));
  return { ...both, vaults };
}
