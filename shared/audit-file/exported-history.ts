import { closeSync, openSync, readSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { type OtherLine, otherLine } from '../contracts/audit-export';
import type { AuditRecord, ChainHead, SignedHead } from '../rotation/ports';

/** What an export says beside its records. */
export interface ExportedEvidence {
  readonly key: string;
  readonly exportedAt: Date;
  readonly heads: readonly ChainHead[];
  readonly seals: readonly SignedHead[];
  readonly anchors: readonly ChainHead[];
}

/** Why a file cannot be verified at all: no verdict, neither good nor bad. */
export class UnfitExportError extends Error {
  override readonly name = 'UnfitExportError';
}

const opensOther = '{"kind":"';

/**
 * Reads everything but the records of an export, whose pages may lie in several files or one after the other in one. Keeps no record.
 * @throws UnfitExportError for what is no whole export: narrowed, cut short, of several keys
 */
export function readEvidence(files: readonly string[]): ExportedEvidence {
  const others: OtherLine[] = [];
  for (const lines of linesOf(files)) {
    for (const line of lines) if (line.startsWith(opensOther)) others.push(parseOther(line));
  }
  const openings = others.filter((line) => line.kind === 'export');
  const [first] = openings;
  if (first === undefined) throw new UnfitExportError('This is no export of a history: its first line must say so.');
  requireWhole(others);
  if (openings.some(({ key }) => key !== first.key)) throw new UnfitExportError('These are exports of several keys.');
  return {
    key: first.key,
    exportedAt: new Date(openings.at(-1)?.exportedAt ?? first.exportedAt),
    heads: others.flatMap((line) => (line.kind === 'head' ? [placeOf(line)] : [])),
    seals: others.flatMap((line) => (line.kind === 'seal' ? [sealOf(line)] : [])),
    anchors: others.flatMap((line) => (line.kind === 'anchor' ? [placeOf(line)] : [])),
  };
}

/** The pages follow each other, from the first to the last. */
function requireWhole(others: readonly OtherLine[]): void {
  let expected: string | null = null;
  let open = false;
  let done = false;
  for (const line of others) {
    if (line.kind === 'export') {
      if (line.narrowedBy !== null) {
        const by = Object.keys(line.narrowedBy).join(', ');
        throw new UnfitExportError(`This export was narrowed (${by}), so that it has gaps. Export it whole.`);
      }
      if (open || done || line.continuation !== expected) {
        throw new UnfitExportError('The pages of this export do not follow each other. Give them all, in their order.');
      }
      open = true;
    } else if (line.kind === 'end') {
      open = false;
      expected = line.continuation;
      done = expected === null;
    }
  }
  if (open) throw new UnfitExportError('This export ends in the middle of a page: it was not transferred whole.');
  if (!done) throw new UnfitExportError('The last pages of this export are missing: follow `continuation` to its end.');
}

/** The records, oldest first, as they stand in the files. What is no record has no hash that could hold. */
export function* readRecords(files: readonly string[]): Generator<AuditRecord> {
  for (const lines of linesOf(files)) {
    for (const line of lines) if (!line.startsWith(opensOther)) yield parseRecord(line);
  }
}

function parseRecord(line: string): AuditRecord {
  try {
    const record = JSON.parse(line) as AuditRecord | null;
    if (typeof record === 'object' && record !== null && Number.isSafeInteger(record.chain)) return record;
  } catch {
    // Falls through.
  }
  return { chain: 0, sequence: 0, hash: '' } as AuditRecord;
}

/** @throws UnfitExportError for a line that no version of this schema has */
function parseOther(line: string): OtherLine {
  try {
    return otherLine.parse(JSON.parse(line));
  } catch {
    throw new UnfitExportError(`A line is none that an export has: ${line.slice(0, 80)}`);
  }
}

const placeOf = ({ chain, sequence, hash }: ChainHead): ChainHead => ({ chain, sequence, hash });

function sealOf({ kind: _kind, ...seal }: OtherLine & { readonly kind: 'seal' }): SignedHead {
  return seal;
}

/** So much is read at a time, into one and the same buffer: memory must not grow with the file. */
const chunkBytes = 256 * 1024;

/** The lines of files, one file after the other, many at a time: a step of its own for each would cost as much as checking it. */
function* linesOf(files: readonly string[]): Generator<readonly string[]> {
  const buffer = Buffer.allocUnsafe(chunkBytes);
  for (const file of files) {
    const descriptor = openSync(file, 'r');
    try {
      const decoder = new StringDecoder('utf8');
      let rest = '';
      for (let read = readSync(descriptor, buffer); read > 0; read = readSync(descriptor, buffer)) {
        const lines = (rest + decoder.write(buffer.subarray(0, read))).split('\n');
        rest = lines.pop() ?? '';
        yield lines.filter((line) => line !== '');
      }
      rest += decoder.end();
      if (rest !== '') yield [rest];
    } finally {
      closeSync(descriptor);
    }
  }
}
