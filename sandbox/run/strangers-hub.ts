import type { CloudSeed } from '../cloud/seed';
import { counts, names } from './seed';

/** A hub that somebody put under the KEK without a word to whoever runs Keyturn. */
export const strangersHub = 'keyturn-strangers-hub';

export function withStrangersHub(seed: CloudSeed): CloudSeed {
  const kek = { vault: names.vault, key: names.key, versioned: true };
  const hub = { name: strangersHub, kek, identity: 'hub-identity', devices: counts.devices, stranger: true } as const;
  const roleAssignments = [
    ...seed.roleAssignments,
    { identity: 'reader', role: 'IoT Hub Data Reader', scope: `hub:${strangersHub}` },
  ];
  return { ...seed, hubs: [...seed.hubs, hub], roleAssignments };
}
