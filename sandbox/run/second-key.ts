import type { CloudSeed } from '../cloud/seed';
import { counts, names } from './seed';

/** A second KEK in the same vault, and the hub under it. */
export const secondKey = { name: 'site-kek', hub: 'keyturn-site-hub' } as const;

/** The same local cloud with a second key like the first, near its expiry at the same moment. */
export function withSecondKey(seed: CloudSeed): CloudSeed {
  const vaults = seed.vaults.map((vault) => ({
    ...vault,
    keys: vault.keys.flatMap((key) => (key.name === names.key ? [key, { ...key, name: secondKey.name }] : [key])),
  }));
  const kek = { vault: names.vault, key: secondKey.name, versioned: true };
  const hubs = [...seed.hubs, { name: secondKey.hub, kek, identity: 'hub-identity', devices: counts.devices }];
  const scope = `hub:${secondKey.hub}`;
  const roleAssignments = [
    ...seed.roleAssignments,
    { identity: 'keyturn', role: 'Contributor', scope },
    { identity: 'keyturn', role: 'IoT Hub Data Reader', scope },
    { identity: 'reader', role: 'IoT Hub Data Reader', scope },
    {
      identity: 'hub-identity',
      role: 'Key Vault Crypto Service Encryption User',
      scope: `key:${names.vault}/${secondKey.name}`,
    },
  ];
  return { ...seed, vaults, hubs, roleAssignments };
}
