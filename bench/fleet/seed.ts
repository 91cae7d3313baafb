import type { CloudSeed, KeySeed } from '../../sandbox/cloud/seed';
import { counts, makeSeed, names } from '../../sandbox/run/seed';

const day = 86_400_000;

/** Names of so many KEKs: the sandbox's own first, which has a DPS and data keys beside its hub. */
export const kekNames = (count: number): readonly string[] => [
  names.key,
  ...Array.from({ length: count - 1 }, (_, index) => `site-kek-${String(index + 2).padStart(2, '0')}`),
];

/**
 * So many KEKs in one vault, each with a hub of its own and two versions, of which the newer is in use. None is near its expiry by
 * its dates: what starts a rotation is the bench's doing and nobody else's.
 */
export function fleetSeed(now: Date, count: number): CloudSeed {
  const seed = makeSeed(now);
  const keys = kekNames(count);
  const hubOf = (key: string) => (key === names.key ? names.hub : `hub-of-${key}`);
  const others = keys.slice(1);
  return {
    ...seed,
    vaults: seed.vaults.map((vault) => ({
      ...vault,
      keys: vault.keys.flatMap((key) => (key.name === names.key ? keys.map((name) => lasting(key, name, now)) : [key])),
    })),
    hubs: keys.map((key) => ({
      ...{ name: hubOf(key), identity: 'hub-identity', devices: key === names.key ? counts.devices : 1 },
      kek: { vault: names.vault, key, versioned: true },
    })),
    roleAssignments: [
      ...seed.roleAssignments,
      ...others.flatMap((key) => [
        { identity: 'keyturn', role: 'Contributor', scope: `hub:${hubOf(key)}` },
        { identity: 'keyturn', role: 'IoT Hub Data Reader', scope: `hub:${hubOf(key)}` },
        {
          identity: 'hub-identity',
          role: 'Key Vault Crypto Service Encryption User',
          scope: `key:${names.vault}/${key}`,
        },
      ]),
    ],
  };
}

function lasting(like: KeySeed, name: string, now: Date): KeySeed {
  const expiresOn = new Date(now.getTime() + 1000 * day).toISOString();
  const versions = [130, 65].map((days) => ({
    createdOn: new Date(now.getTime() - days * day).toISOString(),
    expiresOn,
  }));
  return { ...like, name, versions };
}
