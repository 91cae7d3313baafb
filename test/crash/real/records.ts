import { TableClient } from '@azure/data-tables';
import { makeRecords, type PublicJwk } from '../../../sandbox/run/owner';
import { type Cast, keyOf } from './cast';
import type { Ground } from './ground';

/** Few, because every play opens all of them twice. */
const RECORDS = 8;

type Owned = Pick<Ground, 'cloud' | 'storage' | 'wire' | 'tokens'>;

/** What an owner did long ago: his data keys, wrapped with the version in use, and the documents that they open. */
export async function storeRecords(ground: Owned, cast: Cast): Promise<void> {
  const table = tableOf(ground, cast);
  await table.createTable();
  const records = makeRecords(RECORDS, 'fleet', await publicKey(ground, cast));
  await table.submitTransaction(records.map((record) => ['create', { ...record }]));
}

/** The newest version's, as anybody may read it. */
export async function publicKey({ cloud, wire, tokens }: Owned, cast: Cast): Promise<PublicJwk> {
  const headers = await tokens.header('owner', 'https://vault.azure.net');
  return (await wire.ask<{ key: PublicJwk }>(`${keyOf(cloud, cast)}?api-version=7.4`, { headers })).key;
}

export function tableOf({ storage }: Pick<Ground, 'storage'>, { table }: Cast): TableClient {
  return TableClient.fromConnectionString(storage.connectionString, table, { allowInsecureConnection: true });
}
