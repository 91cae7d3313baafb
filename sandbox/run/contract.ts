/** Keyturn's HTTP answers as anybody outside sees them; written from the outside contract, not shared with the app's code. */

export interface TargetProgress {
  readonly kind: string;
  readonly name: string;
  readonly version: string | null;
  readonly done: number;
  readonly total: number;
  /** While data keys are moving. */
  readonly keysPerSecond?: number;
  readonly secondsLeft?: number;
}

export interface Rotation {
  readonly rotationId: string;
  readonly key: string;
  readonly phase: string;
  readonly waitingFor: string | null;
  readonly reason: string;
  readonly previousVersion: string | null;
  readonly nextVersion: string | null;
  readonly planHash: string | null;
  readonly targets: readonly TargetProgress[];
  readonly reasons: readonly { readonly code: string; readonly message: string }[];
  readonly requestedAt: string;
  readonly endedAt: string | null;
}

export interface AuditRecord {
  readonly chain: number;
  readonly sequence: number;
  readonly hash: string;
  readonly at: string;
  readonly action: string;
  readonly target: string | null;
  readonly outcome: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export interface AuditVerification {
  readonly ok: boolean;
  readonly records: number;
  readonly head: string | null;
  readonly brokenAt?: {
    readonly chain: number;
    readonly sequence: number;
    readonly fault: string;
    readonly message: string;
  };
  readonly assurance: 'chain' | 'signed' | 'anchored';
  readonly chains: readonly {
    readonly chain: number;
    readonly ok: boolean;
    readonly records: number;
    readonly signedTo: number;
    readonly anchoredTo: number;
    readonly begins: { readonly brokenChain: number | null } | null;
  }[];
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly continuation: string | null;
}

/** What the alert topic received. */
export interface Alert {
  readonly id: string;
  readonly eventType: string;
  readonly subject: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly copies: number;
}

/** Phases that a rotation does not leave by itself. */
const finalPhases = new Set([
  'completed',
  'rolled-back',
  'needs-attention',
  'abandoned',
  'skipped',
  'refused',
  'cancelled',
]);

export function hasEnded(rotation: Rotation): boolean {
  return finalPhases.has(rotation.phase);
}

/** The version at the end of a versioned key identifier; null if there is none. */
export function versionOf(kid: string | null | undefined): string | null {
  return /\/keys\/[^/]+\/([^/]+)$/.exec(kid ?? '')?.[1] ?? null;
}
