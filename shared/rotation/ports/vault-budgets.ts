/** Units that were spent, or may be, evenly from one instant to another (milliseconds). */
export interface Span {
  readonly from: number;
  readonly to: number;
  readonly units: number;
}

/** What all workers know together of one vault's quota. Instants in milliseconds, by the fastest clock that wrote. */
export interface VaultBudget {
  readonly writtenAt: number;
  /** What was given out in the last ten seconds, and ahead of now. */
  readonly spans: readonly Span[];
  /** Where the last grant ends, and where it would have ended at an even pace: later than that, time was lost and may be caught up. Beyond all time: nothing is owed. */
  readonly nextAt: number;
  readonly dueAt: number;
  /** Units in ten seconds that the vault was seen to take when it last refused; null if that is long ago. */
  readonly learned: number | null;
  /** No bulk call before this instant. */
  readonly blockedUntil: number;
  /** Refusals since a call was last let through. */
  readonly refusals: number;
  readonly refusedAt: number;
}

/** One row for each vault, shared by every worker that calls it. */
export interface VaultBudgets {
  /** `etag` null: there is no row yet, and the write must find none. */
  read(vaultUrl: string): Promise<{ readonly budget: VaultBudget | null; readonly etag: string | null }>;
  write(vaultUrl: string, budget: VaultBudget, etag: string | null): Promise<'written' | 'changed-meanwhile'>;
}
