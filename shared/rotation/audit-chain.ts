import { canonicalJson, sha256Hex } from './canonical-json';
import type { AuditEntry, AuditRecord, ChainBreak, ChainHead } from './ports';

/** `previousHash` of the first record of a chain that follows nothing: 64 zeros, which no SHA-256 that anybody has seen is. */
export const genesisHash = '0'.repeat(64);

/** Before the first record of the first chain. */
const genesis: ChainHead = { chain: 1, sequence: 0, hash: genesisHash };

/** `action` of the first record of every chain but the first. */
const chainBegins = 'begin-chain';

/** `rotationId` of what is told of the history itself and belongs to no run. */
export const noRotation = '-';

/** The record that continues a chain; `previous` is null for the very first. Throws `TypeError` for an entry that is no JSON. */
export function chain(previous: ChainHead | null, key: string, entry: AuditEntry): AuditRecord {
  const { chain: number, sequence, hash } = previous ?? genesis;
  const unhashed: Unhashed = {
    ...entryOf(entry),
    key,
    chain: number,
    sequence: sequence + 1,
    previousHash: hash,
  };
  return { ...unhashed, hash: sha256Hex(canonicalOf(unhashed)) };
}

/** The first record of a later chain: it follows the last record that was good, and says what became of the others. */
export function beginning(key: string, number: number, why: ChainBreak, at: string): AuditRecord {
  const { brokenChain, brokenSequence, fault, message, lastGood, told } = why;
  const link = { chain: number, sequence: 0, hash: lastGood?.hash ?? genesisHash };
  const good = lastGood === null ? 'none that is known to be good' : `record ${lastGood.sequence}`;
  return chain(link, key, {
    rotationId: noRotation,
    at,
    actor: 'keyturn',
    action: chainBegins,
    target: null,
    outcome: 'noted',
    message: `Chain ${number} begins because of chain ${brokenChain}: ${message} What follows here follows ${good} there.`,
    details: {
      brokenChain,
      brokenSequence,
      fault,
      lastGoodChain: lastGood?.chain ?? null,
      lastGoodSequence: lastGood?.sequence ?? null,
      lastGoodHash: lastGood?.hash ?? null,
      ...(told === true ? { told } : {}),
    },
  });
}

/** What the first record of a later chain must name as the hash before it; null if it is no such record. */
export function linkOf({ action, details }: AuditRecord): string | null {
  if (action !== chainBegins) return null;
  const { lastGoodHash } = details;
  return typeof lastGoodHash === 'string' ? lastGoodHash : genesisHash;
}

type Unhashed = Omit<AuditRecord, 'hash'>;

/** The hash that a record's content gives; null for content that has no canonical form, which the log cannot have hashed. */
export function hashOf(record: AuditRecord): string | null {
  try {
    return sha256Hex(canonicalOf(record));
  } catch {
    return null;
  }
}

/** Exactly the members that are hashed, in canonical order: storage may add its own (ETag, row key), which are not part of what was said. */
function canonicalOf(record: Unhashed): string {
  const { action, actor, at, chain: number, details, key, message, outcome } = record;
  const { previousHash, rotationId, sequence, target } = record;
  return canonicalJson({
    action,
    actor,
    at,
    chain: number,
    details,
    key,
    message,
    outcome,
    previousHash,
    rotationId,
    sequence,
    target,
  } satisfies Unhashed);
}

function entryOf({ rotationId, at, actor, action, target, outcome, message, details }: AuditEntry): AuditEntry {
  return { rotationId, at, actor, action, target, outcome, message, details };
}
