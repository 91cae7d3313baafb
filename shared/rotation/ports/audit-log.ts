import type { Page } from '../../contracts/rotation';
import type { SignedHead } from './sealing';

export type AuditOutcome = 'intended' | 'done' | 'refused' | 'failed' | 'noted';

/** What is told; chain, sequence number, hashes and chaining are the log's. */
export interface AuditEntry {
  readonly rotationId: string;
  readonly at: string;
  readonly actor: string;
  /** e.g. `claim`, `plan`, `create-version`, `rewrap`, `verify`, `phase`, `command`, `alert`. */
  readonly action: string;
  /** `<kind>/<name>`, or null for the run as a whole. */
  readonly target: string | null;
  readonly outcome: AuditOutcome;
  readonly message: string;
  /** Flat facts: key identifiers, hashes, counts, evidence. Never key material. */
  readonly details: Readonly<Record<string, string | number | boolean | null>>;
}

export interface AuditRecord extends AuditEntry {
  readonly key: string;
  /** From 1. The next one begins when this one was tampered with, so that runs can still be told of. */
  readonly chain: number;
  /** From 1 in each chain, without holes. */
  readonly sequence: number;
  readonly previousHash: string;
  /** SHA-256 (hex) of the canonical JSON of everything above. */
  readonly hash: string;
}

/** A place in a chain, and the hash of the record there: what the newest record is remembered by, so that a cut tail shows. */
export interface ChainHead {
  readonly chain: number;
  readonly sequence: number;
  readonly hash: string;
}

/** Why a new chain begins, and where the one before it was last known to be good; null where nothing of it is. */
export interface ChainBreak {
  readonly brokenChain: number;
  readonly brokenSequence: number;
  /** `edited`, `cut-off`, `signing-key-gone`, … */
  readonly fault: string;
  readonly message: string;
  readonly lastGood: ChainHead | null;
  /** Somebody has alerted already. */
  readonly told?: true;
}

export interface AuditQuery {
  readonly rotationId?: string | null;
  readonly target?: string | null;
  readonly actor?: string | null;
  readonly outcome?: AuditOutcome | null;
  /** By the time the record tells, both ends included. */
  readonly from?: Date | null;
  readonly to?: Date | null;
  readonly limit: number;
  readonly continuation: string | null;
}

/** Everything that the log holds of a KEK, oldest first, chain after chain. */
export interface Trail {
  /** The newest record of each chain, as it is kept apart from the records. */
  readonly heads: readonly ChainHead[];
  readonly records: AsyncIterable<AuditRecord>;
}

export interface AuditLog {
  /**
   * One transaction: record, idempotency row, head. The same idempotency key again answers the first record and writes nothing. Where
   * the chain can't be continued because rows of it are gone, a new one is begun first: a run must not stand still for that.
   */
  append(key: string, entry: AuditEntry, idempotencyKey: string): Promise<AuditRecord>;
  /** Begins the chain after `after`, unless somebody has: answers its first record, which says why. */
  beginChain(key: string, after: number, why: ChainBreak, at: string): Promise<AuditRecord>;
  list(key: string, query: AuditQuery): Promise<Page<AuditRecord>>;
  /** With `from`, only what comes after this place of its chain. */
  trail(key: string, from?: Pick<ChainHead, 'chain' | 'sequence'>): Promise<Trail>;
  /** The newest record of the newest chain; null before the first. */
  head(key: string): Promise<ChainHead | null>;
  /** Every signed head that was kept beside the records, oldest first. */
  seals(key: string): Promise<readonly SignedHead[]>;
  /** The newest signed head of one chain. */
  newestSeal(key: string, chain: number): Promise<SignedHead | null>;
  /** Kept once for each place; the same place again changes nothing. */
  keepSeal(key: string, seal: SignedHead): Promise<void>;
}
