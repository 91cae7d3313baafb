import { createHash } from 'node:crypto';
import { odata, type TableClient } from '@azure/data-tables';
import { type ChainHead, chain, verifyChain } from '../rotation/audit-chain';
import { ConflictError, FaultError } from '../rotation/errors';
import { partitionOf } from '../rotation/key-identifier';
import type { AuditEntry, AuditLog, AuditRecord } from '../rotation/ports';
import { attempt } from './status-codes';
import {
  cut,
  longText,
  ownTables,
  type Row,
  readLongText,
  readRow,
  readRows,
  submit,
  type Tables,
  textOf,
} from './tables';

/**
 * The audit log in one table, one partition for each KEK: `r_<sequence>` rows, one `key_<hash>` row for each idempotency
 * key, and `head`, whose ETag lets records in one after the other. Rows are only ever added.
 */
export function createTableAuditLog(tables: Tables): AuditLog {
  const table = () => tables.own(ownTables.audit);
  return {
    async append(key, entry, idempotencyKey) {
      return append(await table(), key, fitting(entry), idempotencyKey);
    },
    async list(key, { rotationId, limit, continuation, from = null, to = null }) {
      const partitionKey = partitionOf(key);
      const after = continuation === null ? 'r_' : readContinuation(continuation);
      let filter = odata`PartitionKey eq ${partitionKey} and RowKey gt ${after} and RowKey lt ${'r`'}`;
      if (rotationId !== null) filter += odata` and rotationId eq ${rotationId}`;
      // ISO 8601 in UTC, always to the millisecond: the order of the texts is that of the instants.
      if (from !== null) filter += odata` and at ge ${from.toISOString()}`;
      if (to !== null) filter += odata` and at le ${to.toISOString()}`;
      const rows = await readRows(await table(), filter, limit + 1);
      const shown = rows.slice(0, limit);
      const last = rows.length > limit ? shown.at(-1)?.['rowKey'] : undefined;
      return {
        items: shown.map(readRecord),
        continuation: typeof last === 'string' ? Buffer.from(last).toString('base64url') : null,
      };
    },
    async verify(key) {
      const client = await table();
      const partitionKey = partitionOf(key);
      return attempt({ service: 'storage', what: `verify the audit log of ${key}` }, async () => {
        const head = await readHead(client, partitionKey);
        return verifyChain(records(client, partitionKey, head), head && { sequence: head.sequence, hash: head.hash });
      });
    },
  };
}

/** Appends race for the head; each loser reads it again. Under one claim there are few, so a handful of rounds is plenty. */
const rounds = 12;

async function append(
  client: TableClient,
  key: string,
  entry: AuditEntry,
  idempotencyKey: string,
): Promise<AuditRecord> {
  const partitionKey = partitionOf(key);
  const once = `key_${createHash('sha256').update(idempotencyKey).digest('hex')}`;
  for (let round = 0; round < rounds; round++) {
    const told = await readRow(client, partitionKey, once);
    if (told) return readFirst(client, partitionKey, Number(told['sequence']));
    const head = await readHead(client, partitionKey);
    const record = chain(head, key, entry);
    try {
      await write(client, partitionKey, once, record, head?.etag ?? null);
      return record;
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
    }
  }
  throw new FaultError(
    'storage',
    `The audit log of ${key} is too busy: ${rounds} attempts to append to it lost the race.`,
  );
}

async function write(
  client: TableClient,
  partitionKey: string,
  once: string,
  record: AuditRecord,
  etag: string | null,
) {
  const { sequence, hash, rotationId, at } = record;
  const head = { partitionKey, rowKey: 'head', sequence, hash };
  const columns = { rotationId, at, ...longText('record', JSON.stringify(record)) };
  await submit(client, `append record ${sequence} to the audit log of ${record.key}`, [
    ['create', { partitionKey, rowKey: recordRow(sequence), ...columns }],
    ['create', { partitionKey, rowKey: once, sequence }],
    etag === null ? ['create', head] : ['update', head, 'Replace', { etag }],
  ]);
}

async function readFirst(client: TableClient, partitionKey: string, sequence: number): Promise<AuditRecord> {
  const row = await readRow(client, partitionKey, recordRow(sequence));
  if (row) return readRecord(row);
  const message = `Audit record ${sequence} of ${partitionKey} is missing although it was written; verify the audit log.`;
  throw new FaultError('audit-record-missing', message);
}

interface Head extends ChainHead {
  readonly etag: string;
}

async function readHead(client: TableClient, partitionKey: string): Promise<Head | null> {
  const row = await readRow(client, partitionKey, 'head');
  return row && { sequence: Number(row['sequence']), hash: String(row['hash']), etag: row.etag };
}

/**
 * Oldest first. The head was read before: records past it were appended meanwhile and are left for the next time, unless
 * nothing was appended, for then they were smuggled in.
 */
async function* records(client: TableClient, partitionKey: string, head: Head | null): AsyncGenerator<AuditRecord> {
  const filter = odata`PartitionKey eq ${partitionKey} and RowKey gt ${'r_'} and RowKey lt ${'r`'}`;
  const end = head === null ? '' : recordRow(head.sequence);
  const later: AuditRecord[] = [];
  const pages = client.listEntities<Record<string, unknown>>({ queryOptions: { filter } }).byPage();
  for await (const page of pages) {
    for (const row of page) {
      if (textOf(row, 'rowKey') <= end) yield readRecord(row);
      else later.push(readRecord(row));
    }
  }
  const now = await readHead(client, partitionKey);
  if (now?.etag === head?.etag) yield* later;
}

/** Twelve digits sort as numbers do, for longer than the log will live. */
const recordRow = (sequence: number): string => `r_${String(sequence).padStart(12, '0')}`;

/** What cannot be read, or was filed under another rotation or time, has no hash that could hold: `verify` names it. */
function readRecord(row: Row): AuditRecord {
  const text = readLongText(row, 'record') ?? '';
  try {
    const record = JSON.parse(text) as AuditRecord;
    const filedAt = row['at'] ?? record.at;
    if (record.rotationId === row['rotationId'] && record.at === filedAt) return record;
  } catch {
    // Falls through: the record was edited.
  }
  return { hash: '' } as AuditRecord;
}

/** A continuation comes back from outside: whatever it says, it names a place in this partition's records and nothing else. */
function readContinuation(continuation: string): string {
  const rowKey = Buffer.from(continuation, 'base64url').toString('utf8');
  return /^r_\d{12}$/.test(rowKey) ? rowKey : 'r_';
}

const longestMessage = 24_000;
const longestDetail = 1000;

/** Cut before hashing: what is stored is what was chained. */
function fitting(entry: AuditEntry): AuditEntry {
  const details = Object.entries(entry.details)
    .slice(0, 100)
    .map(([name, value]) => [cut(name, 100), typeof value === 'string' ? cut(value, longestDetail) : value] as const);
  return {
    ...entry,
    actor: cut(entry.actor, 256),
    message: cut(entry.message, longestMessage),
    details: Object.fromEntries(details),
  };
}
