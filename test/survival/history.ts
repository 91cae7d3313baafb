import { createHash } from 'node:crypto';
import type { AuditRecord } from '../../sandbox/run/contract';

/** A line of `GET /api/audit`. */
export interface ChainedRecord extends AuditRecord {
  readonly rotationId: string;
  readonly previousHash: string;
  readonly hash: string;
}

/** The records in a page of one key's export; its other lines say their kind. */
export function readExport(ndjson: string): ChainedRecord[] {
  return ndjson
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ChainedRecord & { readonly kind?: string })
    .filter(({ kind }) => kind === undefined);
}

/**
 * What does not hold in a chain, by its published rule alone: numbered from 1 without holes, each naming the hash of the one before,
 * each hash the SHA-256 of the canonical JSON of the other members.
 */
export function chainProblems(records: readonly ChainedRecord[]): string[] {
  const problems: string[] = [];
  let before = '0'.repeat(64);
  for (const [index, record] of records.entries()) {
    const { hash, ...told } = record;
    if (record.sequence !== index + 1) problems.push(`audit record ${index + 1} is numbered ${record.sequence}`);
    if (record.previousHash !== before) problems.push(`audit record ${index + 1} does not follow from the one before`);
    const expected = createHash('sha256').update(canonical(told)).digest('hex');
    if (hash !== expected) problems.push(`audit record ${index + 1} does not have the hash of what it says`);
    before = hash;
  }
  if (records.length === 0) problems.push('the history is empty');
  return problems;
}

/** RFC 8785 for what an audit record holds: members in the order of their names, no spaces. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, inner]) => `${JSON.stringify(name)}:${canonical(inner)}`).join(',')}}`;
}
