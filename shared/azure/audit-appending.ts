import { createHash } from 'node:crypto';
import { odata, type TableClient, type TransactionAction } from '@azure/data-tables';
import { beginning, chain } from '../rotation/audit-chain';
import { ConflictError, FaultError } from '../rotation/errors';
import { partitionOf } from '../rotation/key-identifier';
import type { AuditEntry, AuditRecord, ChainBreak } from '../rotation/ports';
import {
  type HeadRow,
  headRow,
  headRows,
  readHeadRow,
  readRecord,
  recordColumns,
  recordRow,
  statedHead,
} from './audit-rows';
import { readRow, readRows, submit } from './tables';

/** Appends race for the head; each loser reads it again. Under one claim there are few, so a handful of rounds is plenty. */
const rounds = 12;

/** See the port. Rows that somebody took away begin a new chain; they must not keep a run from going on. */
export async function append(
  client: TableClient,
  key: string,
  entry: AuditEntry,
  idempotencyKey: string,
): Promise<AuditRecord> {
  const partitionKey = partitionOf(key);
  const once = `key_${createHash('sha256').update(idempotencyKey).digest('hex')}`;
  let lost: string | null = null;
  for (let round = 0; round < rounds; round++) {
    const told = await readRow(client, partitionKey, once);
    const place = told && { chain: Number(told['chain']), sequence: Number(told['sequence']) };
    const first = place && (await readRow(client, partitionKey, recordRow(place)));
    if (first) return readRecord(first);
    const { head, newest, trouble } = await findCurrent(client, partitionKey);
    const why =
      trouble ?? (place && missing(head, place)) ?? (head !== null && head.etag === lost ? stuck(head) : null);
    if (why !== null) {
      await beginChain(client, key, newest, why, entry.at);
      continue;
    }
    const record = chain(head, key, entry);
    try {
      await write(client, partitionKey, [once, told?.etag ?? null], record, head);
      return record;
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      lost = head?.etag ?? null;
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
  [once, toldEtag]: readonly [rowKey: string, etag: string | null],
  record: AuditRecord,
  head: HeadRow | null,
): Promise<void> {
  const { chain: number, sequence } = record;
  const told = { partitionKey, rowKey: once, chain: number, sequence };
  await submit(client, `append record ${sequence} to the audit log of ${record.key}`, [
    ...added(partitionKey, record),
    // Somebody else may have told the same since it was looked for.
    toldEtag === null ? ['create', told] : ['update', told, 'Replace', { etag: toldEtag }],
    head === null
      ? ['create', headOf(partitionKey, record)]
      : ['update', headOf(partitionKey, record), 'Replace', { etag: head.etag }],
  ]);
}

const added = (partitionKey: string, record: AuditRecord): TransactionAction[] => [
  ['create', { partitionKey, rowKey: recordRow(record), ...recordColumns(record) }],
];

const headOf = (partitionKey: string, { chain: number, sequence, hash }: AuditRecord) => ({
  partitionKey,
  rowKey: headRow(number),
  sequence,
  hash,
});

/** See the port. Only one of many who try begins it; the others find its first record. */
export async function beginChain(
  client: TableClient,
  key: string,
  after: number,
  why: ChainBreak,
  at: string,
): Promise<AuditRecord> {
  const partitionKey = partitionOf(key);
  const record = beginning(key, after + 1, why, at);
  const heads = (await readRows(client, headRows(partitionKey))).map(readHeadRow);
  const before = heads.findLast((head) => head.chain <= after);
  try {
    await submit(client, `begin chain ${record.chain} of the audit log of ${key}`, [
      ...added(partitionKey, record),
      ['create', headOf(partitionKey, record)],
      // Whoever read the head of the old chain just before must not append to it any more.
      ...(before === undefined ? [] : [closing(partitionKey, before, record.chain)]),
    ]);
    return record;
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
    const there = await readRow(client, partitionKey, recordRow(record));
    if (there === null)
      throw new FaultError(
        'storage',
        `Chain ${record.chain} of ${key} could not be begun: its rows changed meanwhile.`,
      );
    return readRecord(there);
  }
}

const closing = (partitionKey: string, { chain: number, etag }: HeadRow, closedBy: number): TransactionAction => [
  'update',
  { partitionKey, rowKey: headRow(number), closedBy },
  'Merge',
  { etag },
];

interface Current {
  readonly head: HeadRow | null;
  /** Number of the newest chain of which there is anything; 0 before the first record. */
  readonly newest: number;
  /** Why the newest chain cannot be continued; null if it can. */
  readonly trouble: ChainBreak | null;
}

/** The chain to append to: from the first, along what closed each. Its head may be gone although its records are there. */
export async function findCurrent(client: TableClient, partitionKey: string): Promise<Current> {
  for (let number = 1; ; ) {
    const row = await readRow(client, partitionKey, headRow(number));
    if (row === null) return findAmongAll(client, partitionKey, number);
    const head = readHeadRow(row);
    if (head.closedBy === null) return { head, newest: number, trouble: null };
    number = head.closedBy;
  }
}

/**
 * `expected` is a chain whose head is not there. A record and its head are written in one transaction: a head that is missing although its
 * records were seen before is gone, one that was only not there yet is found by then.
 */
async function findAmongAll(client: TableClient, partitionKey: string, expected: number): Promise<Current> {
  const read = async () => (await readRows(client, headRows(partitionKey))).map(readHeadRow);
  let newest = Math.max(0, ...(await read()).map((head) => Math.max(head.chain, head.closedBy ?? 0)));
  while (await hasRecords(client, partitionKey, newest + 1)) newest += 1;
  if (newest === 0) return { head: null, newest, trouble: null };
  const open = (await read()).findLast((head) => head.closedBy === null && head.chain >= newest);
  if (open !== undefined) return { head: open, newest: open.chain, trouble: null };
  const message = `The row that names the newest record of chain ${newest} is gone.`;
  const broken = { brokenChain: newest, brokenSequence: 1, fault: 'cut-off', message, lastGood: null };
  return { head: null, newest: Math.max(newest, expected), trouble: broken };
}

async function hasRecords(client: TableClient, partitionKey: string, number: number): Promise<boolean> {
  const filter = odata`PartitionKey eq ${partitionKey} and RowKey gt ${recordRow({ chain: number, sequence: 0 })} and RowKey lt ${recordRow({ chain: number + 1, sequence: 0 })}`;
  return (await readRows(client, filter, 1)).length > 0;
}

/** Nobody was faster, and still the place after the head is taken: the head was set back. */
function stuck(head: HeadRow): ChainBreak {
  const brokenSequence = head.sequence + 1;
  const message = `The head names record ${head.sequence}, but record ${brokenSequence} is there.`;
  return { brokenChain: head.chain, brokenSequence, fault: 'forged', message, lastGood: statedHead(head) };
}

/** It was told, and the record of it is not there any more. In a chain that was closed since, that is on record: it is only told again. */
function missing(
  head: HeadRow | null,
  place: { readonly chain: number; readonly sequence: number },
): ChainBreak | null {
  if (head !== null && head.chain > place.chain) return null;
  const message = `Record ${place.sequence} of chain ${place.chain} is missing although it was written.`;
  return { brokenChain: place.chain, brokenSequence: place.sequence, fault: 'removed', message, lastGood: null };
}
