import type { Page } from '../../contracts/rotation';

export type AuditOutcome = 'intended' | 'done' | 'refused' | 'failed' | 'noted';

/** What is told; sequence number, hashes and chaining are the log's. */
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
  /** From 1, without holes. */
  readonly sequence: number;
  readonly previousHash: string;
  /** SHA-256 (hex) of the canonical JSON of everything above. */
  readonly hash: string;
}

export interface AuditVerification {
  readonly ok: boolean;
  readonly records: number;
  /** Hash of the newest record; null if there is none. */
  readonly head: string | null;
  readonly brokenAt?: { readonly sequence: number; readonly message: string };
}

export interface AuditLog {
  /** One transaction: record, idempotency row, head. The same idempotency key again answers the first record and writes nothing. */
  append(key: string, entry: AuditEntry, idempotencyKey: string): Promise<AuditRecord>;
  list(
    key: string,
    query: {
      rotationId: string | null;
      limit: number;
      continuation: string | null;
      /** By the time the record tells. */
      from?: Date | null;
      to?: Date | null;
    },
  ): Promise<Page<AuditRecord>>;
  verify(key: string): Promise<AuditVerification>;
}
