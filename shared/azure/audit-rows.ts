import { odata } from '@azure/data-tables';
import type { AuditRecord, ChainHead } from '../rotation/ports';
import { longText, type Row, readLongText, textOf } from './tables';

/** How records, heads and signed heads lie in the table: keys that sort as the records follow each other. */

export interface HeadRow extends ChainHead {
  readonly etag: string;
  /** The chain that took over from this one; null while it is the newest. */
  readonly closedBy: number | null;
}

/** Twelve digits sort as numbers do, for longer than the log will live. */
export const recordRow = ({ chain, sequence }: Pick<ChainHead, 'chain' | 'sequence'>): string =>
  `r_${chainDigits(chain)}_${sequenceDigits(sequence)}`;

export const headRow = (chain: number): string => `head_${chainDigits(chain)}`;

export const sealRow = ({ chain, sequence }: Pick<ChainHead, 'chain' | 'sequence'>): string =>
  `seal_${chainDigits(chain)}_${sequenceDigits(sequence)}`;

const chainDigits = (chain: number): string => String(chain).padStart(4, '0');
const sequenceDigits = (sequence: number): string => String(sequence).padStart(12, '0');

export const statedHead = ({ chain, sequence, hash }: ChainHead): ChainHead => ({ chain, sequence, hash });

// --- Filters -------------------------------------------------------------------------------------------------------------

/** A character after `_` is '`': all rows that begin so. */
export const headRows = (partitionKey: string): string =>
  odata`PartitionKey eq ${partitionKey} and RowKey gt ${'head_'} and RowKey lt ${'head`'}`;

/** The records of one chain after a place of it. */
export const chainBounds = (partitionKey: string, after: Pick<ChainHead, 'chain' | 'sequence'>): string =>
  odata`PartitionKey eq ${partitionKey} and RowKey gt ${recordRow(after)} and RowKey lt ${`r_${chainDigits(after.chain)}\``}`;

export const sealBounds = (partitionKey: string, chain?: number): string => {
  const prefix = chain === undefined ? 'seal' : `seal_${chainDigits(chain)}`;
  return odata`PartitionKey eq ${partitionKey} and RowKey gt ${`${prefix}_`} and RowKey lt ${`${prefix}\``}`;
};

/** A continuation comes back from outside: whatever it says, it names a place in this partition's records and nothing else. */
export function afterRecord(continuation: string | null): string {
  const rowKey = Buffer.from(continuation ?? '', 'base64url').toString('utf8');
  return /^r_\d{4}_\d{12}$/.test(rowKey) ? rowKey : 'r_';
}

// --- Rows ----------------------------------------------------------------------------------------------------------------

/** What lists are narrowed by stands in columns of its own, and must say what the record says. */
export function recordColumns(record: AuditRecord): Record<string, string> {
  const { rotationId, at, actor, target, outcome } = record;
  const filed = { rotationId, at, actor, outcome, ...(target === null ? {} : { target }) };
  return { ...filed, ...longText('record', JSON.stringify(record)) };
}

/** What cannot be read, or was filed under another name or time, has no hash that could hold: verification names it. */
export function readRecord(row: Row): AuditRecord {
  const [, chain = '', sequence = ''] = textOf(row, 'rowKey').split('_');
  try {
    const record = JSON.parse(readLongText(row, 'record') ?? '') as AuditRecord;
    const { rotationId, at, actor, outcome, target } = record;
    const filed = Object.entries({ rotationId, at, actor, outcome, target: target ?? undefined });
    if (record.chain === Number(chain) && filed.every(([column, said]) => row[column] === said)) return record;
  } catch {
    // Falls through: the record was edited.
  }
  return { chain: Number(chain), sequence: Number(sequence), hash: '', details: {} } as unknown as AuditRecord;
}

export function readHeadRow(row: Row): HeadRow {
  const { sequence, hash, closedBy, etag = '' } = row;
  return {
    chain: Number(textOf(row, 'rowKey').split('_')[1]),
    sequence: Number(sequence),
    hash: String(hash),
    etag,
    closedBy: typeof closedBy === 'number' ? closedBy : null,
  };
}
