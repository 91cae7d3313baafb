import type { Evidence, Phase, Reason, RunName, TargetKind, WaitingFor } from './rotation';

/** Names the run an activity works for. The generation is the fence: a newer one on record stops every mutation. */
export interface RunReference {
  readonly key: string;
  readonly rotationId: string;
  readonly generation: number;
}

/** Why a run was asked for. `resume` continues a run from the ledger in a new instance. */
export type Cause =
  | { readonly kind: 'event'; readonly type: string; readonly version: string; readonly eventId: string }
  | {
      readonly kind: 'http';
      readonly actor: string;
      /** Who it was, by which claim, from where; absent where only a function key was needed. */
      readonly principalId?: string;
      readonly grantedBy?: string;
      readonly from?: string;
    }
  /** The sweep found what an event should have brought. */
  | { readonly kind: 'sweep'; readonly type: string; readonly version: string }
  | { readonly kind: 'resume'; readonly command: 'resume' | 'rollback' | 'abandon' };

/** What an `adopt` is to write. Durations ISO 8601, instants ISO 8601 UTC. */
export interface AdoptionOrder {
  readonly rotationPolicy?: {
    /** How long a version lives. */
    readonly expiresIn: string;
    /** When, before its end, Key Vault makes the next one. */
    readonly rotatesBeforeExpiry: string;
    readonly notifiesBeforeExpiry?: string;
  };
  /** Of the current version. */
  readonly expiresOn?: string;
}

/** Input of the orchestration. For an event nothing is claimed yet; for HTTP and resume the trigger holds the claim already. */
export interface RotationRequest {
  readonly rotationId: string;
  readonly key: string;
  readonly reason: string;
  readonly cause: Cause;
  readonly toVersion: string | null;
  /** Absent: `rotate`. */
  readonly run?: RunName;
  readonly adopt?: AdoptionOrder;
  /** Of `replace`: unversioned identifier of the key to move to; `toVersion` is one of its versions. */
  readonly replacement?: string;
  /** Generation of the claim that the trigger made; null if the first activity has to make it. */
  readonly generation: number | null;
  readonly requestedAt: string;
  /** Not before this instant is anything asked or claimed: the sweep spreads what it starts for many KEKs at once. */
  readonly notBefore?: string;
}

/** What the orchestrator needs of the configuration, fixed for the run at admission. All durations in seconds. */
export interface RunPolicy {
  readonly soakSeconds: number;
  readonly probeEverySeconds: number;
  /** Confirmed red: `red` of the last `of` answered probes of one target. */
  readonly redProbes: { readonly red: number; readonly of: number };
  readonly faultDeadlineSeconds: number;
  readonly operationDeadlineSeconds: number;
  /** A fault that lasts longer than this raises the `holding` alert. */
  readonly alertAfterSeconds: number;
  /** How long both versions stay enabled after completion. */
  readonly graceSeconds: number;
  /** How long the probes are watched after the old version was disabled: longer than a key cache lives. */
  readonly watchSeconds: number;
  readonly approval: 'none' | 'required';
  readonly approvalDeadlineSeconds: number;
  /** After a rollback an event starts no run again before this has passed. */
  readonly backOffSeconds: number;
  /** What to do about a previous version that expires before the run's longest end: its way back would be closed. */
  readonly expiredPrevious: 'refuse' | 'extend' | 'forward-only';
  /** Whether an unversioned identifier is pinned to the version in use before anything else; else it is refused. */
  readonly pin: boolean;
}

/** One target of the plan, small enough to travel through durable history fifty times over. */
export interface PlannedTarget {
  readonly kind: TargetKind;
  readonly name: string;
  /** Versioned key identifier the plan found it on (data keys: the oldest a record names); null for an empty store. */
  readonly previousKid: string | null;
  readonly previousVersion: string | null;
  readonly total: number;
  /** Data keys: what a bad one means for the run; to go back where it is not said. */
  readonly onBadDataKey?: 'finish';
  /** Of a revocation or a restoration: what it stands on could not be read, so whether it opens data has to be seen. */
  readonly unread?: true;
}

export interface RunPlan {
  readonly planHash: string;
  readonly previousVersion: string | null;
  readonly targets: readonly PlannedTarget[];
}

export type Admission =
  | { readonly admitted: false; readonly why: string; readonly message: string }
  | {
      readonly admitted: true;
      readonly run: RunReference;
      readonly policy: RunPolicy;
      readonly direction: 'forward' | 'back';
      /** Present when the run was planned before (it is being resumed). */
      readonly plan: RunPlan | null;
    };

export type PlanDecision =
  | {
      readonly decision: 'go';
      readonly plan: RunPlan;
      readonly approved: boolean;
      /** The instant at which the next change window opens, while none is open; nothing is changed before. */
      readonly opensAt?: string;
    }
  | { readonly decision: 'skip' | 'refuse'; readonly reasons: readonly Reason[] };

/**
 * `pending`: a long-running operation is under way; ask again after so many seconds. `failed`: it ended without having moved
 * anything, for a reason that may pass; the target is to be moved anew.
 */
export type MoveState =
  | { readonly state: 'done' }
  | { readonly state: 'pending'; readonly retryAfterSeconds: number }
  | { readonly state: 'failed'; readonly reason: Reason };

/** A data key that stays as it was: which, and the code of what is wrong with it; never its content. */
export interface LeftDataKey {
  /** `<partition>/<row>`, cut if it is long. */
  readonly record: string;
  readonly code: string;
}

/** What one stretch of work on a store of data keys came to; `done`, `total` and `left` count from the beginning of the pass. */
export interface DataKeysPage {
  /** Where the next stretch begins; null at the end of the store. */
  readonly continuation: string | null;
  readonly done: number;
  readonly total: number;
  /** Data keys that could not be moved, each for a reason of its own. */
  readonly left: number;
  /** Those of this stretch by name, as far as they are among the first hundred of the pass. */
  readonly named: readonly LeftDataKey[];
}

export type ProbeColour = 'green' | 'red' | 'unknown';
export interface ProbeResult {
  readonly kind: TargetKind;
  readonly name: string;
  readonly colour: ProbeColour;
  readonly message: string;
}

export type Direction = 'forward' | 'back';
interface OnRun {
  readonly run: RunReference;
  readonly now: string;
}
interface OnTarget extends OnRun {
  /** Index into the plan's targets. */
  readonly target: number;
  readonly direction: Direction;
}

export type AlertKind =
  | 'completed'
  | 'adopted'
  | 'replaced'
  | 'revoked'
  | 'restored'
  | 'rolled-back'
  | 'refused'
  | 'holding'
  | 'recovered'
  | 'needs-attention'
  | 'approval'
  | 'observed'
  | 'missed-event'
  | 'stuck'
  | 'drifted'
  | 'findings'
  | 'retired'
  | 'retirement-refused'
  | 'retirement-undone'
  | 'history-broken'
  | 'history-not-sealed';

/** Input of the retirement's orchestration. */
export interface RetirementRequest {
  readonly key: string;
  /** The completed rotation whose previous versions are to be retired. */
  readonly rotationId: string;
}

/** `kept`: for backups, by policy; it has its turn when that is over. */
export type RetirementEnd = 'retired' | 'refused' | 'undone' | 'kept';

export type RetirementAdmission =
  | { readonly admitted: false; readonly message: string }
  | {
      readonly admitted: true;
      readonly run: RunReference;
      readonly policy: RunPolicy;
      readonly versions: readonly string[];
      /** How many targets the KEK has. */
      readonly targets: number;
      /** Present when a version was disabled before this instance began: it goes on with the watch. */
      readonly disabledAt: string | null;
      /** The versions are retired; kept old blobs are all that is left. */
      readonly watched?: true;
    };

/** `ask`: the log comes late; ask again after so many seconds, with the instant up to which it must have come by then. */
export type Idleness = {
  readonly idle: boolean;
  readonly reasons: readonly Reason[];
  /** Of versions that are kept for backups. */
  readonly kept?: true;
  readonly ask?: { readonly afterSeconds: number; readonly markedAt: string };
};

/**
 * Every activity: its name, what goes in, what comes out (inside an `Outcome`). Only objects cross: the extension turns
 * booleans into the strings "True" and "False" and null into undefined when they are the whole input.
 */
export interface Activities {
  readonly admit: {
    readonly input: { request: RotationRequest; instanceId: string; now: string };
    readonly output: Admission;
  };
  readonly makePlan: { readonly input: OnRun; readonly output: PlanDecision };
  readonly chooseVersion: {
    readonly input: OnRun;
    /** `waitSeconds`: Key Vault's own policy is about to make a version; ask again then. */
    readonly output: { readonly nextVersion: string } | { readonly waitSeconds: number; readonly message: string };
  };
  readonly moveTarget: { readonly input: OnTarget; readonly output: MoveState };
  readonly checkMove: { readonly input: OnTarget; readonly output: MoveState };
  readonly moveDataKeysPage: {
    readonly input: OnTarget & {
      readonly continuation: string | null;
      readonly done: number;
      readonly left: number;
    };
    readonly output: DataKeysPage;
  };
  readonly verifyTarget: {
    readonly input: OnTarget;
    readonly output: {
      readonly evidence: readonly Evidence[];
      readonly probe: ProbeResult;
      /** Data keys that name another version than they should; 0 for a hub or DPS. */
      readonly behind: number;
    };
  };
  /** Before the version is chosen: unversioned identifiers are pinned, and a previous version is kept from expiring, as configured. */
  readonly secureWayBack: { readonly input: OnRun; readonly output: { readonly pinned: readonly number[] } };
  readonly beginSoak: { readonly input: OnRun; readonly output: { readonly soakStartedAt: string } };
  readonly probeTargets: { readonly input: OnRun; readonly output: { readonly results: readonly ProbeResult[] } };
  readonly proveWayBack: { readonly input: OnRun; readonly output: { readonly evidence: readonly Evidence[] } };
  readonly beginRetirement: {
    readonly input: { readonly request: RetirementRequest; readonly instanceId: string; readonly now: string };
    readonly output: RetirementAdmission;
  };
  /** Whether nothing that is visible refers to the versions any more, and, where there is a log, nobody used them of late. */
  readonly proveIdle: { readonly input: OnRun & { readonly markedAt?: string }; readonly output: Idleness };
  /** Proves idleness once more under the claim, then disables; answers when. */
  readonly disableVersions: {
    readonly input: OnRun;
    /** `unfinished`: interrupted between two versions; those that are disabled must be watched before it is asked again. */
    readonly output: { readonly disabledAt: string; readonly unfinished?: true };
  };
  readonly enableVersions: {
    readonly input: OnRun & { readonly reasons: readonly Reason[] };
    readonly output: { readonly enabled: readonly string[] };
  };
  /** Probes every target once, without a look at commands: for the watch after a version was disabled. */
  readonly watchTargets: { readonly input: OnRun; readonly output: { readonly results: readonly ProbeResult[] } };
  readonly dropOldBlobs: {
    readonly input: OnRun & { readonly target: number; readonly continuation: string | null };
    readonly output: { readonly continuation: string | null; readonly dropped: number };
  };
  /** Ends the retirement with a status and frees the claim. Reasons of `retired` say what is left; it has its turn again. */
  readonly endRetirement: {
    readonly input: OnRun & { readonly status: RetirementEnd; readonly reasons: readonly Reason[] };
    /** `isNews`: of a refusal, that it was not refused for this before. */
    readonly output: { readonly status: string; readonly isNews?: true };
  };
  /** Writes the rotation policy and the expiry that were asked for; answers what is still missing. */
  readonly writeAdoption: { readonly input: OnRun; readonly output: { readonly left: readonly Reason[] } };
  readonly undoAdoption: { readonly input: OnRun; readonly output: { readonly undone: boolean } };
  /** Disables every enabled version, on purpose; answers when the first was. */
  readonly revokeVersions: {
    readonly input: OnRun;
    readonly output: { readonly revokedAt: string; readonly versions: readonly string[] };
  };
  /** Enables what the revocation on record disabled. */
  readonly restoreVersions: { readonly input: OnRun; readonly output: { readonly versions: readonly string[] } };
  /** Whether the targets open old data; `before`: `<kind>/<name> <colour>` of what was seen last, and is not told again. */
  readonly lookAtAccess: {
    readonly input: OnRun & { readonly before: readonly string[] };
    readonly output: { readonly results: readonly ProbeResult[] };
  };
  /** Which targets have an undo on record, oldest first: what a rollback must visit, newest first. */
  readonly listUndo: { readonly input: OnRun; readonly output: { readonly targets: readonly number[] } };
  /** Where each target stands, for a run that is abandoned; what cannot be read is said to be unknown. */
  readonly recordStanding: { readonly input: OnRun; readonly output: { readonly reasons: readonly Reason[] } };
  /** Terminal phases also free the claim. */
  readonly enterPhase: {
    readonly input: OnRun & { readonly phase: Phase; readonly reasons: readonly Reason[] };
    readonly output: { readonly phase: Phase };
  };
  readonly noteWaiting: {
    readonly input: OnRun & { readonly waitingFor: WaitingFor; readonly reasons: readonly Reason[] };
    readonly output: { readonly noted: true };
  };
  readonly sendAlert: {
    readonly input: OnRun & {
      readonly alert: AlertKind;
      readonly occasion: string;
      readonly reasons: readonly Reason[];
    };
    readonly output: { readonly alertId: string };
  };
}

export type ActivityName = keyof Activities;

/** Code of the fault with which `sendAlert` says that neither the outbox nor every channel has the alert. */
export const alertNotHandedOver = 'alert-not-handed-over';
