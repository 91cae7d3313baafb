import { odata, type TableClient } from '@azure/data-tables';
import { partitionOf } from '../rotation/key-identifier';
import type { AuditEntry, AuditLog, AuditQuery, AuditRecord, ChainHead, SignedHead, Trail } from '../rotation/ports';
import { append, beginChain, findCurrent } from './audit-appending';
import {
  afterRecord,
  chainBounds,
  headRows,
  readHeadRow,
  readRecord,
  recordRow,
  sealBounds,
  sealRow,
  statedHead,
} from './audit-rows';
import { attempt } from './status-codes';
import { cut, longText, ownTables, type Row, readLongText, readRows, submit, type Tables, textOf } from './tables';

/**
 * The audit log in one table, one partition for each KEK: `r_<chain>_<sequence>` rows, one `key_<hash>` row for each idempotency key,
 * a `head_<chain>` row, whose ETag lets records in one after the other, and `seal_<chain>_<sequence>` rows. Records are only ever added.
 */
export function createTableAuditLog(tables: Tables): AuditLog {
  const table = () => tables.own(ownTables.audit);
  return {
    async append(key, entry, idempotencyKey) {
      return append(await table(), key, fitting(entry), idempotencyKey);
    },
    async beginChain(key, after, why, at) {
      return beginChain(await table(), key, after, why, at);
    },
    async list(key, query) {
      const rows = await readRows(await table(), filterOf(key, query), query.limit + 1);
      const shown = rows.slice(0, query.limit);
      const last = rows.length > query.limit ? shown.at(-1)?.['rowKey'] : undefined;
      return {
        items: shown.map(readRecord),
        continuation: typeof last === 'string' ? Buffer.from(last).toString('base64url') : null,
      };
    },
    async trail(key, from) {
      return trail(await table(), key, from ?? null);
    },
    async head(key) {
      const { head } = await findCurrent(await table(), partitionOf(key));
      return head && statedHead(head);
    },
    async seals(key) {
      const rows = await readRows(await table(), sealBounds(partitionOf(key)));
      return rows.flatMap((row) => readSeal(row) ?? []);
    },
    async newestSeal(key, chain) {
      const rows = await readRows(await table(), sealBounds(partitionOf(key), chain));
      return rows.flatMap((row) => readSeal(row) ?? []).at(-1) ?? null;
    },
    async keepSeal(key, seal) {
      const row = { partitionKey: partitionOf(key), rowKey: sealRow(seal), ...longText('seal', JSON.stringify(seal)) };
      // Whoever kept one for this place before did so for the very same record: the anchor tells which of the two counts.
      await submit(await table(), `keep the signed head ${seal.sequence} of ${key}`, [['upsert', row, 'Replace']]);
    },
  };
}

function readSeal(row: Row): SignedHead | null {
  try {
    return JSON.parse(readLongText(row, 'seal') ?? '') as SignedHead;
  } catch {
    return null; // its anchor speaks for it
  }
}

function filterOf(key: string, query: AuditQuery): string {
  const { rotationId, target, actor, outcome, from, to, continuation } = query;
  const partitionKey = partitionOf(key);
  const after = afterRecord(continuation);
  let filter = odata`PartitionKey eq ${partitionKey} and RowKey gt ${after} and RowKey lt ${'r`'}`;
  for (const [column, wanted] of Object.entries({ rotationId, target, actor, outcome })) {
    if (wanted != null) filter += ` and ${column}${odata` eq ${wanted}`}`;
  }
  // ISO 8601 in UTC, always to the millisecond: the order of the texts is that of the instants.
  if (from != null) filter += odata` and at ge ${from.toISOString()}`;
  if (to != null) filter += odata` and at le ${to.toISOString()}`;
  return filter;
}

async function trail(
  client: TableClient,
  key: string,
  from: Pick<ChainHead, 'chain' | 'sequence'> | null,
): Promise<Trail> {
  const partitionKey = partitionOf(key);
  const rows = await attempt({ service: 'storage', what: `read the audit log of ${key}` }, () =>
    readRows(client, headRows(partitionKey)),
  );
  const heads = rows.map(readHeadRow);
  return { heads: heads.map(statedHead), records: records(client, partitionKey, heads.at(-1) ?? null, from) };
}

/**
 * Oldest first. The heads were read before: what goes past the newest was appended meanwhile and is left for the next time, unless
 * nothing was appended, for then it was smuggled in.
 */
async function* records(
  client: TableClient,
  partitionKey: string,
  head: (ChainHead & { readonly etag: string }) | null,
  from: Pick<ChainHead, 'chain' | 'sequence'> | null,
): AsyncGenerator<AuditRecord> {
  const end = head === null ? '' : recordRow(head);
  const filter =
    from === null
      ? odata`PartitionKey eq ${partitionKey} and RowKey gt ${'r_'} and RowKey lt ${'r`'}`
      : chainBounds(partitionKey, from);
  const later: AuditRecord[] = [];
  const pages = client.listEntities<Record<string, unknown>>({ queryOptions: { filter } }).byPage();
  const nextPage = () =>
    attempt({ service: 'storage', what: `read the audit log ${partitionKey}` }, () => pages.next());
  for (let page = await nextPage(); page.done !== true; page = await nextPage()) {
    for (const row of page.value) {
      if (textOf(row, 'rowKey') <= end) yield readRecord(row);
      else later.push(readRecord(row));
    }
  }
  if (later.length === 0) return;
  const now = (await readRows(client, headRows(partitionKey))).map(readHeadRow).at(-1);
  if (now?.etag === head?.etag) yield* later;
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
