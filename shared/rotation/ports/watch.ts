import type { Reason, TargetKind } from '../../contracts/rotation';

/** A hub or DPS that is not where the last completed rotation left it. */
export interface Drift {
  readonly kind: Exclude<TargetKind, 'dataKeys'>;
  readonly name: string;
  /** Bare version that it stands on; null if it names none of this key's. */
  readonly version: string | null;
  /** Bare version that the rotation left it on. */
  readonly expected: string;
  /** When the sweep first found it. */
  readonly since: string;
  /** What is likely to have done it, in a sentence; null while nothing is known. */
  readonly cause: string | null;
}

/** What the sweep has found of one KEK and told, so that it tells each thing once. */
export interface Watched {
  readonly drifts: readonly Drift[];
  /** `code` is stable; of what is found twice, the message tells which. */
  readonly findings: readonly Reason[];
  /** When anything in here was last written. */
  readonly changedAt: string;
}

/** The end of a whole sweep over every KEK. */
export interface SweepEnd {
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly keys: number;
  /** Keys that could not be swept; the next sweep tries them again. */
  readonly failed: number;
}

/** What the sweep remembers from one time to the next. */
export interface WatchStore {
  /** Null if nothing was ever found; `etag` null likewise. */
  read(key: string): Promise<{ readonly watched: Watched | null; readonly etag: string | null }>;
  /** Conditional on the ETag (null: there must be nothing yet). Throws `ConflictError` if another sweep was faster. */
  put(key: string, watched: Watched, etag: string | null): Promise<void>;
  lastSweep(): Promise<SweepEnd | null>;
  putSweep(end: SweepEnd): Promise<void>;
}
