import type { TableClient } from '@azure/data-tables';
import type { Page } from '../contracts/rotation';
import { FaultError, RefusalError } from '../rotation/errors';
import type { DataKeyStore, WrappedDataKey } from '../rotation/ports';
import { mostInPage } from '../rotation/store-limits';
import { codeOf, statusOf } from './error-body';
import { attempt } from './status-codes';
import { replaceDataKeys } from './table-data-key-writes';
import { findRow, type Row, type Tables, textOf } from './tables';

/** Wrapped data keys in a table of their owner's, one entity each; the table is never created and no other column is touched. */
export function createTableDataKeys(tables: Tables, table: string): DataKeyStore {
  const client = tables.foreign(table);
  const read = (id: WrappedDataKey['id']) =>
    reading(table, async () => {
      const row = await findRow(client, id.partitionKey, id.rowKey);
      return row && toRecord(row);
    });
  return {
    page: (continuation, size) => reading(table, () => readPage(client, { continuation, size, select }, toRecord)),
    kids: (continuation, size) =>
      reading(table, () => readPage(client, { continuation, size, select: ['kid'] }, (row) => textOf(row, 'kid'))),
    read,
    replace: (writes) => replaceDataKeys(client, writes, read),
  };
}

/** An owner's entity may hold up to a mebibyte beside our columns, so only what is needed is asked for. */
const select = ['PartitionKey', 'RowKey', 'kid', 'alg', 'blob', 'check', 'previous'];

interface Wanted {
  readonly continuation: string | null;
  readonly size: number;
  readonly select: string[];
}

async function readPage<T>(
  client: TableClient,
  { continuation, size, select }: Wanted,
  read: (row: Row) => T,
): Promise<Page<T>> {
  const pages = client.listEntities<Record<string, unknown>>({ queryOptions: { select } }).byPage({
    maxPageSize: Math.min(size, mostInPage),
    ...(continuation === null ? {} : { continuationToken: continuation }),
  });
  const { value: page } = await pages.next();
  return { items: (page ?? []).map(read), continuation: page?.continuationToken ?? null };
}

/** Without its ETag a record could only be overwritten, whoever changed it meanwhile. */
function toRecord(row: Row): WrappedDataKey {
  const { etag } = row;
  if (!etag) throw new FaultError('storage', 'Azure Storage told a data key without its ETag. It is read again.');
  return {
    id: { partitionKey: textOf(row, 'partitionKey'), rowKey: textOf(row, 'rowKey') },
    etag,
    kid: textOf(row, 'kid'),
    alg: textOf(row, 'alg'),
    blob: textOf(row, 'blob'),
    check: textOf(row, 'check') || null,
    previous: textOf(row, 'previous') || null,
  };
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
