/** From when (included) to when (left out): ISO 8601 UTC. */
export interface LogWindow {
  readonly from: string;
  readonly until: string;
}

/** One caller's use of one version in a window, as the vault's own log tells it. */
export interface VersionUse {
  /** Bare version; null where the log names none: then it may have been any. */
  readonly version: string | null;
  /** Object id of the caller; null where the log names nobody. */
  readonly principalId: string | null;
  /** `KeyUnwrap`, … */
  readonly operation: string;
  readonly count: number;
  readonly lastAt: string;
}

/**
 * The log of the vaults (category AuditEvent), which comes minutes late. A method that cannot know throws `FaultError`; an empty
 * answer is an answer.
 */
export interface VaultLog {
  /** Object id by which the log names this app; null if that cannot be told. */
  ownPrincipal(): Promise<string | null>;
  /** When the newest record about the KEK's vault, of whatever kind, was made; null if the window has none. */
  newestRecord(key: string, window: LogWindow): Promise<string | null>;
  /**
   * Who had one of the versions used through the vault, refused attempts included; uses of which the log does not say the version
   * are among them. That nothing was unwrapped proves something; that nothing was wrapped proves nothing, since wraps are made locally.
   */
  uses(key: string, versions: readonly string[], window: LogWindow): Promise<readonly VersionUse[]>;
}
