import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { TableClient } from '@azure/data-tables';
import { ContainerClient } from '@azure/storage-blob';
import type { Storage } from '../../sandbox/run/azurite';

/** How much there is of what. */
export type Kept = Readonly<Record<string, number>>;

/** Rows by the beginning of their key; what is none of these is counted as its table's `other rows`. */
const kinds: Readonly<Record<string, readonly (readonly [name: string, rowKey: RegExp])[]>> = {
  KeyturnLedger: [
    ['claims', /^claim$/],
    ['events seen', /^event-(id|version)_/],
    ['undo entries and commands', /^run_/],
    ['retirements', /^retirement_/],
    ['vault budgets', /^budget$/],
  ],
  KeyturnAudit: [
    ['audit records', /^r_/],
    ['audit keys against repeats', /^key_/],
    ['audit heads', /^head_/],
    ['audit seals', /^seal_/],
  ],
  KeyturnRotations: [['rotation documents', /./]],
  KeyturnAlerts: [['alerts owed', /./]],
  KeyturnWatch: [['rows of the watch', /./]],
};

/** Counts what Keyturn's tables and containers hold, by its documented names alone. */
export async function countStores(storage: Storage): Promise<Kept> {
  const kept: Record<string, number> = {};
  for (const [table, names] of Object.entries(kinds)) {
    for (const [name] of names) kept[name] = 0;
    for (const rowKey of await rowKeysOf(storage, table)) {
      const name = names.find(([, pattern]) => pattern.test(rowKey))?.[0] ?? `other rows of ${table}`;
      kept[name] = (kept[name] ?? 0) + 1;
    }
  }
  kept['plans'] = await blobsOf(storage, 'keyturn-plans');
  kept['anchors'] = await blobsOf(storage, 'keyturn-anchors');
  return kept;
}

async function rowKeysOf(storage: Storage, table: string): Promise<string[]> {
  const found: string[] = [];
  const entities = tableOf(storage, table).listEntities<Record<string, unknown>>({
    queryOptions: { select: ['RowKey'] },
  });
  try {
    for await (const page of entities.byPage({ maxPageSize: 1000 }))
      for (const row of page) found.push(`${row.rowKey}`);
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode !== 404) throw error;
  }
  return found;
}

async function blobsOf(storage: Storage, name: string): Promise<number> {
  const container = new ContainerClient(storage.connectionString, name);
  let count = 0;
  try {
    for await (const _ of container.listBlobsFlat()) count += 1;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode !== 404) throw error;
  }
  return count;
}

/** Rows of one of Keyturn's tables as they are; none where there is no such table yet. */
export async function readTable(storage: Storage, table: string, filter: string): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  const entities = tableOf(storage, table).listEntities<Record<string, unknown>>({ queryOptions: { filter } });
  try {
    for await (const page of entities.byPage({ maxPageSize: 1000 })) rows.push(...page);
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode !== 404) throw error;
  }
  return rows;
}

const tableOf = (storage: Storage, table: string): TableClient =>
  TableClient.fromConnectionString(storage.connectionString, table, { allowInsecureConnection: true });

/** The task hub's file with its log, bytes. */
export async function taskHubBytes(folder: string): Promise<number> {
  const sizes = ['durable.sqlite', 'durable.sqlite-wal'].map(async (name) => {
    return (await stat(join(folder, 'host', name)).catch(() => null))?.size ?? 0;
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
