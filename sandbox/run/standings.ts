import type { TableClient } from '@azure/data-tables';
import type { CloudAddresses } from './cloud-addresses';
import { versionOf } from './contract';
import { names, resourceIds } from './seed';
import type { Tokens } from './tokens';
import type { Wire } from './wire';

/** Where a target stands, read from the target itself and not from what Keyturn says of it. */
export interface Standing {
  readonly kind: 'iotHub' | 'dps' | 'dataKeys';
  readonly name: string;
  /** Bare version; null if it names none, or if its records are on more than one. */
  readonly version: string | null;
}

/** The API versions that show `encryption` (Azure REST API specifications, August 2026). */
const HUB_API = '2023-06-30-preview';
const DPS_API = '2020-09-01-preview';
const ARM_AUDIENCE = 'https://management.azure.com';

interface Encrypted {
  properties?: { encryption?: { keyVaultProperties?: { keyIdentifier?: string }[] } };
}

/** In the order in which the rotation moves them. */
export async function readStandings(
  cloud: CloudAddresses,
  table: TableClient,
  wire: Wire,
  tokens: Tokens,
): Promise<Standing[]> {
  const headers = await tokens.header('reader', ARM_AUDIENCE);
  const resource = async (id: string, apiVersion: string) => {
    const body = await wire.ask<Encrypted>(`${cloud.arm}${id}?api-version=${apiVersion}`, { headers });
    return versionOf(body.properties?.encryption?.keyVaultProperties?.[0]?.keyIdentifier);
  };
  return [
    { kind: 'iotHub', name: names.hub, version: await resource(resourceIds.hub, HUB_API) },
    { kind: 'dps', name: names.dps, version: await resource(resourceIds.dps, DPS_API) },
    { kind: 'dataKeys', name: table.tableName, version: await versionOfAll(table) },
  ];
}

async function versionOfAll(table: TableClient): Promise<string | null> {
  const versions = new Set<string | null>();
  for await (const { kid } of table.listEntities<{ kid: string }>({ queryOptions: { select: ['kid'] } })) {
    versions.add(versionOf(kid));
  }
  return versions.size === 1 ? ([...versions][0] ?? null) : null;
}
