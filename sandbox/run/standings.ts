import type { TableClient } from '@azure/data-tables';
import type { Sandbox } from './bring-up';
import { versionOf } from './contract';
import { dpsResourceId, hubResourceId, names } from './seed';

/** Where a target stands, read from the target itself and not from what Keyturn says of it. */
export interface Standing {
  readonly kind: 'iotHub' | 'dps' | 'dataKeys';
  readonly name: string;
  /** Bare version; null if it names none, or if its records are on more than one. */
  readonly version: string | null;
  /** Name of the KEK that the seed put it under. */
  readonly key: string;
}

/** The API versions that show `encryption` (Azure REST API specifications, August 2026). */
const HUB_API = '2023-06-30-preview';
const DPS_API = '2020-09-01-preview';
const ARM_AUDIENCE = 'https://management.azure.com';

interface Encrypted {
  properties?: { encryption?: { keyVaultProperties?: { keyIdentifier?: string }[] } };
}

/** Every hub, DPS and store of data keys of the seed, in the order in which a rotation moves them. */
export async function readStandings({
  cloud,
  table,
  wire,
  tokens,
  seed,
}: Pick<Sandbox, 'cloud' | 'table' | 'wire' | 'tokens' | 'seed'>): Promise<Standing[]> {
  const headers = await tokens.header('reader', ARM_AUDIENCE);
  const resource = async (id: string, apiVersion: string) => {
    const body = await wire.ask<Encrypted>(`${cloud.arm}${id}?api-version=${apiVersion}`, { headers });
    return versionOf(body.properties?.encryption?.keyVaultProperties?.[0]?.keyIdentifier);
  };
  const standings: Standing[] = [];
  for (const { name, kek, stranger } of seed.hubs) {
    standings.push({
      kind: 'iotHub',
      name,
      version: await resource(hubResourceId(name), HUB_API),
      // What Keyturn does not know of it does not move.
      key: stranger === true ? '' : (kek?.key ?? ''),
    });
  }
  for (const { name, kek } of seed.provisioningServices) {
    standings.push({ kind: 'dps', name, version: await resource(dpsResourceId(name), DPS_API), key: kek?.key ?? '' });
  }
  return [
    ...standings,
    { kind: 'dataKeys', name: table.tableName, version: await versionOfAll(table), key: names.key },
  ];
}

async function versionOfAll(table: TableClient): Promise<string | null> {
  const versions = new Set<string | null>();
  for await (const { kid } of table.listEntities<{ kid: string }>({ queryOptions: { select: ['kid'] } })) {
    versions.add(versionOf(kid));
  }
  return versions.size === 1 ? ([...versions][0] ?? null) : null;
}
