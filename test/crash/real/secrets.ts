import type { CloudSeed } from '../../../sandbox/cloud/seed';
import { accessSecrets, sasKeys } from '../../../sandbox/run/secrets';
import { SecretSearch } from '../../../sandbox/secrets/secret-search';
import type { Ground } from './ground';
import { tableOf } from './records';

/** A search for key material in all that was written and said on a ground. */
export function searchOf(ground: Ground, seed: CloudSeed): SecretSearch {
  const { folder, cloud, storage, wire, tokens, casts } = ground;
  return new SecretSearch({
    ...{ folder, connectionString: storage.connectionString },
    dataKeys: casts.map((cast) => tableOf(ground, cast)),
    others: async () => [
      ...accessSecrets(cloud, storage.connectionString),
      ...(await sasKeys({ cloud, wire, tokens, seed }, 'keyturn')),
    ],
    alerts: async () => [JSON.stringify(await wire.ask(`${cloud.eventGrid}/alerts`))],
  });
}
