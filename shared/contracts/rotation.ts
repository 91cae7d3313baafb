/** The words of the outside contract: what every route, record and document says about a rotation. */

export const targetKinds = ['iotHub', 'dps', 'dataKeys'] as const;
export type TargetKind = (typeof targetKinds)[number];

/**
 * What may be done with a KEK as one audited run. `revoke` cuts the services off on purpose; `restore` gives them back what the last
 * `revoke` took; `adopt` takes it under management; `replace` moves what is under it to another key.
 */
export const runs = ['rotate', 'revoke', 'restore', 'adopt', 'replace'] as const;
export type RunName = (typeof runs)[number];

export const phases = [
  'requested',
  'planning',
  'creating-version',
  'rewrapping',
  'soaking',
  'adopting',
  'revoking',
  'restoring',
  'completed',
  'rolling-back',
  'rolled-back',
  'needs-attention',
  'abandoned',
  'skipped',
  'refused',
  'cancelled',
] as const;
export type Phase = (typeof phases)[number];

export type WaitingFor = 'approval' | 'fault' | 'pause' | 'policy' | 'window' | null;

/** How strong the ground is on which a verification rests; the first is the strongest. */
export type EvidenceStrength = 'vault-log' | 'data-plane' | 'control-plane' | 'probes-only';

export interface Evidence {
  readonly strength: EvidenceStrength;
  readonly message: string;
}

/** What a retirement rests on: kept with it, and in the history. */
export interface RetirementEvidence {
  /** `vault-log`: nobody used the versions in the window. `control-plane`: nothing that can be seen refers to them, and no more. */
  readonly strength: 'vault-log' | 'control-plane';
  readonly at: string;
  /** How many targets were asked what they refer to. */
  readonly targets: number;
  /** Null where no log was asked. */
  readonly log: {
    readonly from: string;
    readonly until: string;
    /** When the newest record of the vault was made: up to there the log is known to be whole. */
    readonly newestRecord: string;
    /** Uses of the versions by Keyturn itself; of anybody else there was none. */
    readonly ownUses: number;
  } | null;
}

/** Code of the refusal of a version that this very run made: after it there is something to leave behind, so it goes back. */
export const madeVersionUnusable = 'made-version-unusable';

/** `code` is stable and for programs, `message` is a sentence for people. */
export interface Reason {
  readonly code: string;
  readonly message: string;
}

export interface TargetProgress {
  readonly kind: TargetKind;
  readonly name: string;
  /** Bare version the target stands on now; null if it is not known yet. */
  readonly version: string | null;
  /** Steps of this target done and in all: 1 of 1 for a hub or DPS, records for data keys. */
  readonly done: number;
  readonly total: number;
  /** While data keys are moving: how many a second were moved of late, and how long the rest takes at that pace. */
  readonly keysPerSecond?: number;
  readonly secondsLeft?: number;
}

/** One rotation as `GET /api/rotations/{id}` answers it. `key` is the KEK's unversioned identifier; times are ISO 8601 UTC. */
export interface Rotation {
  readonly rotationId: string;
  /** Absent in documents of before there was more than one. */
  readonly run?: RunName;
  readonly key: string;
  readonly phase: Phase;
  readonly waitingFor: WaitingFor;
  readonly reason: string;
  readonly previousVersion: string | null;
  /** Of `replace`: a version of the replacement. */
  readonly nextVersion: string | null;
  /** Unversioned identifier of the key that a `replace` moves to. */
  readonly replacement?: string;
  readonly planHash: string | null;
  readonly targets: readonly TargetProgress[];
  readonly reasons: readonly Reason[];
  readonly requestedAt: string;
  readonly endedAt: string | null;
}

export type CheckResult = 'yes' | 'no' | 'unknown';

export interface Check {
  /** `<kind>/<name>` of the target, or `key` for the KEK itself. */
  readonly target: string;
  readonly code: string;
  readonly result: CheckResult;
  readonly message: string;
}

/** What a dry run answers, and what an approver sees. */
export interface Plan {
  readonly planHash: string;
  readonly decision: 'go' | 'skip' | 'refuse';
  readonly previousVersion: string | null;
  readonly nextVersion: string | null;
  readonly checks: readonly Check[];
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly continuation: string | null;
}
