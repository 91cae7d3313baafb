import { canonicalJson, sha256Hex } from './canonical-json';
import type { AuditEntry, AuditRecord, AuditVerification } from './ports';

/** What the newest record of a chain is remembered by, apart from the record itself, so that a cut tail shows. */
export interface ChainHead {
  readonly sequence: number;
  readonly hash: string;
}

/** `previousHash` of the first record of every chain: 64 zeros, which no SHA-256 that anybody has seen is. */
export const genesisHash = '0'.repeat(64);

/** The record that continues a chain; `previous` is null for the first. Throws `TypeError` for an entry that is no JSON. */
export function chain(previous: ChainHead | null, key: string, entry: AuditEntry): AuditRecord {
  const unhashed: Unhashed = {
    ...entryOf(entry),
    key,
    sequence: (previous?.sequence ?? 0) + 1,
    previousHash: previous?.hash ?? genesisHash,
  };
  return { ...unhashed, hash: sha256Hex(canonicalJson(unhashed)) };
}

/**
 * Checks every record, oldest first, and the head kept apart from them. Names the first record that does not hold and how: edited, removed,
 * moved, replaced, written past the head, or cut off. With `key`, a whole chain copied from another KEK is recognised too.
 * `records` counts those that hold, `head` is the hash of the last of them.
 */
export async function verifyChain(
  records: AsyncIterable<AuditRecord> | Iterable<AuditRecord>,
  head: ChainHead | null,
  key?: string,
): Promise<AuditVerification> {
  let last: ChainHead | null = null;
  for await (const record of records) {
    const broken = flaw(record, last, head, key);
    if (broken !== null) return failed(last, broken.sequence, broken.message);
    last = { sequence: record.sequence, hash: record.hash };
  }
  const held = last?.sequence ?? 0;
  if (head !== null && head.sequence > held) {
    const message = `Records ${held + 1} to ${head.sequence} are missing: the head names ${head.sequence}, the end was cut off.`;
    return failed(last, held + 1, message);
  }
  return { ok: true, records: held, head: last?.hash ?? null };
}

type Unhashed = Omit<AuditRecord, 'hash'>;
type Flaw = { readonly sequence: number; readonly message: string };

function flaw(
  record: AuditRecord,
  last: ChainHead | null,
  head: ChainHead | null,
  key: string | undefined,
): Flaw | null {
  const expected = (last?.sequence ?? 0) + 1;
  const at = (message: string): Flaw => ({ sequence: expected, message });
  if (hashOf(record) !== record.hash) return at(`Record ${expected} was edited: its content does not give its hash.`);
  if (record.sequence > expected) {
    return at(
      `Record ${expected} is not where it belongs: record ${record.sequence} stands there; it was removed or moved.`,
    );
  }
  if (record.sequence < expected) {
    return at(
      `Record ${record.sequence} stands where record ${expected} belongs: the order was changed, or it was copied.`,
    );
  }
  if (record.previousHash !== (last?.hash ?? genesisHash)) {
    return at(`Record ${expected} does not follow from the one before it: one of the two was replaced.`);
  }
  if (key !== undefined && record.key !== key) return at(`Record ${expected} was written for another key.`);
  return beyond(record, head);
}

/** The head is written in one transaction with its record: what goes past it was not written by the log. */
function beyond(record: AuditRecord, head: ChainHead | null): Flaw | null {
  const { sequence } = record;
  if (head === null || sequence > head.sequence) {
    return {
      sequence,
      message: `Record ${sequence} goes past the head, which names ${head?.sequence ?? 'no record'}.`,
    };
  }
  if (sequence === head.sequence && record.hash !== head.hash) {
    return { sequence, message: `Record ${sequence} is not the one that the head names: it was replaced.` };
  }
  return null;
}

function failed(last: ChainHead | null, sequence: number, message: string): AuditVerification {
  return { ok: false, records: last?.sequence ?? 0, head: last?.hash ?? null, brokenAt: { sequence, message } };
}

function hashOf(record: AuditRecord): string | null {
  try {
    const { key, sequence, previousHash } = record;
    return sha256Hex(canonicalJson({ ...entryOf(record), key, sequence, previousHash } satisfies Unhashed));
  } catch {
    // Content that has no canonical form cannot have been hashed by the log.
    return null;
  }
}

/** Exactly the members of an entry: storage may add its own (ETag, row key), which are not part of what was said. */
function entryOf({ rotationId, at, actor, action, target, outcome, message, details }: AuditEntry): AuditEntry {
  return { rotationId, at, actor, action, target, outcome, message, details };
}
