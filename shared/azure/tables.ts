import type { TokenCredential } from '@azure/core-auth';
import { TableClient, type TransactionAction } from '@azure/data-tables';
import type { StorageLocation } from '../config';
import { ConflictError } from '../rotation/errors';
import { codeOf, statusOf } from './error-body';
import { clientOptions, requestTimeouts } from './requests';
import { attempt } from './status-codes';

export const ownTables = {
  ledger: 'KeyturnLedger',
  audit: 'KeyturnAudit',
  history: 'KeyturnRotations',
  alerts: 'KeyturnAlerts',
  watch: 'KeyturnWatch',
} as const;

/** Hands out clients of the storage account's tables, one for each name. */
export interface Tables {
  /** A table of Keyturn's, created when it is not there. */
  own(name: string): Promise<TableClient>;
  /** A table of somebody else's: never created. */
  foreign(name: string): TableClient;
}

/** Builds clients on first use; no request goes out before a table is used. */
export function createTables(storage: StorageLocation, credential: TokenCredential): Tables {
  const clients = new Map<string, TableClient>();
  const created = new Map<string, Promise<TableClient>>();
  const foreign = (name: string): TableClient => {
    const client = clients.get(name) ?? createClient(storage, credential, name);
    clients.set(name, client);
    return client;
  };
  return {
    foreign,
    own(name) {
      const known = created.get(name);
      if (known) return known;
      const client = foreign(name);
      const creating = attempt({ service: 'storage', what: `create table ${name}` }, () => client.createTable()).then(
        () => client,
      );
      // A failed creation must not be remembered: the next use tries again.
      creating.catch(() => created.delete(name));
      created.set(name, creating);
      return creating;
    },
  };
}

function createClient(storage: StorageLocation, credential: TokenCredential, name: string): TableClient {
  const options = clientOptions(requestTimeouts.read);
  if (storage.by === 'identity') return new TableClient(storage.tableEndpoint, name, credential, options);
  // Emulators are reached without TLS, and only a connection string can say so.
  const allowInsecureConnection = /Protocol=http(;|$)|Endpoint=http:|UseDevelopmentStorage=true/i.test(
    storage.connectionString,
  );
  return TableClient.fromConnectionString(storage.connectionString, name, { ...options, allowInsecureConnection });
}

/**
 * One entity group transaction.
 * @throws ConflictError when a row was changed or inserted meanwhile; nothing is written then
 */
export async function submit(client: TableClient, what: string, actions: TransactionAction[]): Promise<void> {
  await attempt({ service: 'storage', what }, async () => {
    try {
      await client.submitTransaction(actions);
    } catch (error) {
      const status = statusOf(error);
      // A transaction is refused as a whole: 409 for a row that exists, 412 for an old ETag, 404 for one that is gone.
      if (status === 409 || status === 412 || (status === 404 && codeOf(error) === 'ResourceNotFound')) {
        throw new ConflictError(`Somebody else wrote first: ${what}. It is read again.`);
      }
      throw error;
    }
  });
}

export type Row = Readonly<Record<string, unknown>> & { readonly etag?: string };

type StoredRow = Row & { readonly etag: string };

/** One row; null if it is not there. */
export async function readRow(client: TableClient, partitionKey: string, rowKey: string): Promise<StoredRow | null> {
  const what = `read ${client.tableName} ${partitionKey}/${rowKey}`;
  return attempt({ service: 'storage', what }, () => findRow(client, partitionKey, rowKey));
}

/** Like readRow, but throws what the SDK throws. */
export async function findRow(client: TableClient, partitionKey: string, rowKey: string): Promise<StoredRow | null> {
  try {
    return await client.getEntity<Record<string, unknown>>(partitionKey, rowKey);
  } catch (error) {
    if (statusOf(error) === 404 && codeOf(error) !== 'TableNotFound') return null;
    throw error;
  }
}

/** At most `limit` rows of a filter, in the order of their keys. */
export async function readRows(client: TableClient, filter: string, limit = Number.POSITIVE_INFINITY): Promise<Row[]> {
  return attempt({ service: 'storage', what: `list ${client.tableName}` }, async () => {
    const rows: Row[] = [];
    const pages = client
      .listEntities<Record<string, unknown>>({ queryOptions: { filter } })
      .byPage({ maxPageSize: Math.min(limit, 1000) });
    for await (const page of pages) {
      rows.push(...page);
      if (rows.length >= limit) break;
    }
    return rows.slice(0, limit);
  });
}

// --- Columns -------------------------------------------------------------------------------------------------------------

/** Longest text that one property holds: 64 KiB of UTF-16 (Azure's documentation of table storage's limits), with room left. */
const propertyCharacters = 30_000;

/** A long text as columns `name`, `name_1`, … */
export function longText(name: string, text: string): Record<string, string> {
  const columns: Record<string, string> = {};
  for (let part = 0; part === 0 || part * propertyCharacters < text.length; part++) {
    columns[part === 0 ? name : `${name}_${part}`] = text.slice(
      part * propertyCharacters,
      (part + 1) * propertyCharacters,
    );
  }
  return columns;
}

/** The text that `longText` stored; null if there is none. */
export function readLongText(row: Row, name: string): string | null {
  let text = row[name];
  if (typeof text !== 'string') return null;
  for (let part = 1; typeof row[`${name}_${part}`] === 'string'; part++) text += String(row[`${name}_${part}`]);
  return text as string;
}

/** A column's text; '' if it is missing or something else. */
export function textOf(row: Row, name: string): string {
  const value = row[name];
  return typeof value === 'string' ? value : '';
}

/** A column's text; null if it is missing, as null values are. */
export function nullableTextOf(row: Row, name: string): string | null {
  const value = row[name];
  return typeof value === 'string' ? value : null;
}

/** Cuts a text that is too long, so that the cut can be seen. Never cuts a character in half. */
export function cut(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1).toWellFormed()}…`;
}
