import type { TableClient } from '@azure/data-tables';
import { RefusalError } from '../rotation/errors';
import type { DataKeyChange, DataKeyStore, WrappedDataKey } from '../rotation/ports';
import { codeOf, statusOf } from './error-body';
import { attempt } from './status-codes';
import { findRow, type Row, type Tables, textOf } from './tables';

/** Wrapped data keys in a table of their owner's, one entity each; the table is never created and no other column is touched. */
export function createTableDataKeys(tables: Tables, table: string): DataKeyStore {
  const client = tables.foreign(table);
  return {
    page: (continuation, size) => reading(table, () => readPage(client, continuation, size)),
    read: (id) =>
      reading(table, async () => {
        const row = await findRow(client, id.partitionKey, id.rowKey);
        return row && toRecord(row);
      }),
    replace: (record, change) => replace(client, record, change),
  };
}

async function readPage(client: TableClient, continuation: string | null, size: number) {
  const pages = client.listEntities<Record<string, unknown>>({ queryOptions: {} }).byPage({
    maxPageSize: Math.min(size, 1000),
    ...(continuation === null ? {} : { continuationToken: continuation }),
  });
  const { value: page } = await pages.next();
  return { items: (page ?? []).map(toRecord), continuation: page?.continuationToken ?? null };
}

function toRecord(row: Row): WrappedDataKey {
  return {
    id: { partitionKey: textOf(row, 'partitionKey'), rowKey: textOf(row, 'rowKey') },
    etag: row.etag ?? '',
    kid: textOf(row, 'kid'),
    alg: textOf(row, 'alg'),
    blob: textOf(row, 'blob'),
    check: textOf(row, 'check') || null,
    previous: textOf(row, 'previous') || null,
  };
}

const ours = ['kid', 'alg', 'blob', 'check', 'previous'] as const;

type Replaced = Awaited<ReturnType<DataKeyStore['replace']>>;

async function replace(client: TableClient, record: WrappedDataKey, change: DataKeyChange): Promise<Replaced> {
  const what = `write a rewrapped data key to ${client.tableName}`;
  return attempt({ service: 'storage', what }, async () => {
    try {
      const dropped = ours.filter((name) => change[name] === null && record[name] !== null);
      if (dropped.length > 0) return await replaceWhole(client, record, change);
      const columns = Object.fromEntries(ours.flatMap((name) => (change[name] === null ? [] : [[name, change[name]]])));
      await client.updateEntity({ ...record.id, ...columns }, 'Merge', { etag: record.etag });
      return 'written';
    } catch (error) {
      if (statusOf(error) === 412) return 'changed-meanwhile';
      if (statusOf(error) === 404) return 'gone';
      throw error;
    }
  });
}

/** A merge cannot take a column away. The entity is written back as it is, types included, and only if nobody touched it. */
async function replaceWhole(
  client: TableClient,
  { id, etag }: WrappedDataKey,
  change: DataKeyChange,
): Promise<Replaced> {
  const entity = await client.getEntity<Record<string, unknown>>(id.partitionKey, id.rowKey, {
    disableTypeConversion: true,
  });
  if (entity.etag !== etag) return 'changed-meanwhile';
  const { etag: _etag, timestamp: _timestamp, ...kept } = entity as Record<string, unknown>;
  for (const name of ours) {
    delete kept[name];
    if (change[name] !== null) kept[name] = change[name];
  }
  const rest = Object.fromEntries(Object.entries(kept).filter(([name]) => !name.startsWith('odata.')));
  await client.updateEntity({ ...rest, ...id }, 'Replace', { etag });
  return 'written';
}

/** A table that is not there will not appear by waiting. */
async function reading<T>(table: string, work: () => Promise<T>): Promise<T> {
  return attempt({ service: 'storage', what: `read the data keys in ${table}` }, async () => {
    try {
      return await work();
    } catch (error) {
      if (statusOf(error) !== 404 || codeOf(error) !== 'TableNotFound') throw error;
      throw new RefusalError('table-not-found', `There is no table ${table}. Check its name in rotation.json.`);
    }
  });
}
