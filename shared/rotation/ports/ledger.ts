import type { AdoptionOrder, AlertKind, Cause, Direction, RunPlan } from '../../contracts/activities';
import type { Phase, Reason, RetirementEvidence, RunName, TargetKind, WaitingFor } from '../../contracts/rotation';
import type { RotationPolicy } from './key-vault';

/** One row for each KEK; every change is conditional on its ETag, and so fenced. */
export interface Claim {
  readonly key: string;
  /** Grows with every new claim and every resumed instance. */
  readonly generation: number;
  /** Null when nobody holds the claim. */
  readonly rotationId: string | null;
  readonly instanceId: string | null;
  readonly bound: boolean;
  readonly claimedAt: string;
  readonly requestedAt: string;
  readonly reason: string;
  readonly cause: Cause | null;
  readonly toVersion: string | null;
  readonly phase: Phase;
  readonly waitingFor: WaitingFor;
  readonly direction: Direction;
  readonly plan: RunPlan | null;
  readonly nextVersion: string | null;
  readonly soakStartedAt: string | null;
  /** An event came during the live run: look again when it closes. */
  readonly recheck: boolean;
  /** What is done under the claim; absent: `rotate`. */
  readonly run?: RunName;
  /** The versions that a `revoke` disabled and no `restore` has enabled again; on record before they are disabled (I3). */
  readonly revocation?: Revocation;
  /** What an `adopt` was asked to write, and what it found; absent for other runs. */
  readonly adopt?: AdoptionOrder;
  readonly adoptedFrom?: AdoptedFrom;
  /** The run has entered the phase in which it does what it is for; absent: its plan is not decided yet. */
  readonly begun?: true;
  /** Of `replace`: unversioned identifier of the key to move to, and whose versions `toVersion` and `nextVersion` are. */
  readonly replacement?: string;
  /** The key that a completed `replace` moved everything to: no run but its own rollback and retirement works on this one any more. */
  readonly replacedBy?: KeyLink;
  /** The key whose place this one took last. */
  readonly replaces?: KeyLink;
  /** What the claim is held for. `replacement`: a `replace` of `heldFor` moves to this key, and nothing else may run under it. */
  readonly purpose: 'rotation' | 'retirement' | 'replacement';
  readonly heldFor?: string;
  /** The rotation that held the claim last and changed something: the only one that can still be rolled back. */
  readonly lastRotationId: string | null;
  /** What that rotation needs to go back; kept apart, because later ones that change nothing make plans of their own. */
  readonly lastRun?: {
    readonly plan: RunPlan | null;
    readonly nextVersion: string | null;
    readonly run?: RunName;
    readonly replacement?: string;
  };
  /** After a rollback no event starts a run before this instant. */
  readonly backOffUntil: string | null;
  /** When the sweep first found the claim's instance gone or ended. */
  readonly orphanedSince: string | null;
  /** When the phase was entered, or a wait in it began or ended, or a new instance took over: what came last. */
  readonly unchangedSince: string;
  /** The `unchangedSince` of which the sweep has told that the run is stuck. */
  readonly toldStuckSince: string | null;
  /** Ends under this claim of which nobody is known yet to have been told, oldest first; absent where there is none. */
  readonly untold?: readonly UntoldEnd[];
}

/** An end that its instance is to tell of. On record together with the end, and struck off by a sweep that has seen that it was told. */
export interface UntoldEnd {
  readonly rotationId: string;
  readonly generation: number;
  readonly instanceId: string;
  readonly alert: AlertKind;
  readonly reasons: readonly Reason[];
  readonly at: string;
}

/** What a key had before an `adopt` wrote. */
export interface AdoptedFrom {
  readonly rotationPolicy: RotationPolicy | null;
  /** Bare version whose expiry is written. */
  readonly version: string;
  readonly expiresOn: string | null;
}

/** Another key, and the `replace` that ties the two together. */
export interface KeyLink {
  readonly key: string;
  readonly rotationId: string;
  readonly at: string;
}

export interface Revocation {
  readonly rotationId: string;
  /** Bare versions. */
  readonly versions: readonly string[];
  readonly at: string;
}

export type RetirementStatus = 'waiting' | 'proving' | 'watching' | 'retired' | 'refused' | 'undone' | 'kept' | 'ended';

/** The old versions of one completed rotation on their way out. `ended`: the rotation was rolled back first. `kept`: for backups. */
export interface Retirement {
  readonly rotationId: string;
  /** Bare versions. */
  readonly versions: readonly string[];
  /** When the rotation completed: since then nothing should have used them. */
  readonly completedAt: string;
  readonly dueAt: string;
  readonly status: RetirementStatus;
  readonly disabledAt: string | null;
  readonly reasons: readonly Reason[];
  /** Of `retired`: kept old blobs could not be forgotten yet; from `dueAt` on it is tried again. */
  readonly oldBlobsLeft?: true;
  /** What it rests on; absent until idleness was proved. */
  readonly evidence?: RetirementEvidence;
  /** Since when it is refused, for whatever reasons, time after time. */
  readonly refusedSince?: string;
}

/** What is needed to put one target back; saved before the step that it undoes (I3). Never holds a secret. */
export interface UndoEntry {
  readonly rotationId: string;
  readonly target: number;
  readonly kind: TargetKind;
  readonly name: string;
  readonly savedAt: string;
  /** Versioned key identifier to go back to; null for data keys, whose records name their own. */
  readonly kid: string | null;
  /** SHA-256 fingerprints of the SAS keys before the write, by policy name and key slot. */
  readonly fingerprints: Readonly<Record<string, string>>;
  /** Expiry that the previous version had before it was extended; absent if it was not. */
  readonly expiresOn?: string | null;
  /** Url of the operation under way, so that a restart polls it instead of writing again. */
  readonly operationUrl: string | null;
}

export type CommandName = 'approve' | 'cancel' | 'pause' | 'resume' | 'rollback' | 'abandon';
export interface Command {
  readonly rotationId: string;
  readonly command: CommandName;
  readonly actor: string;
  readonly at: string;
  /** Of `approve`: the plan that was approved. */
  readonly planHash?: string;
}

export interface LedgerState {
  readonly claim: Claim | null;
  readonly etag: string | null;
  /** Of the claim's rotation, in order of `savedAt`. */
  readonly undo: readonly UndoEntry[];
  /** Of the claim's rotation, oldest first. */
  readonly commands: readonly Command[];
}

export interface LedgerChange {
  readonly claim: Claim;
  readonly saveUndo?: UndoEntry;
  readonly addCommand?: Command;
  readonly putRetirement?: Retirement;
  readonly rememberAnswer?: RememberedAnswer;
}

export interface RememberedAnswer {
  readonly idempotencyKey: string;
  /** SHA-256 of the request body, so that the same key with another body is told apart. */
  readonly requestHash: string;
  readonly rotationId: string;
}

export interface SeenEvent {
  readonly eventId: string;
  readonly type: string;
  readonly version: string;
  readonly instanceId: string;
  readonly receivedAt: string;
  /** False until the orchestration was started: a redelivery then starts it again. */
  readonly started: boolean;
}

export interface Ledger {
  read(key: string): Promise<LedgerState>;
  /** One transaction, conditional on the claim's ETag (null: the row must not exist yet). Throws `ConflictError` if somebody was faster. */
  update(key: string, etag: string | null, change: LedgerChange): Promise<void>;
  /** Remembers an event under its id and under its type and version, in one transaction; if either was seen before, answers what is on record. */
  recordEvent(key: string, event: SeenEvent): Promise<{ readonly seen: boolean; readonly event: SeenEvent }>;
  markEventStarted(key: string, event: SeenEvent): Promise<void>;
  rememberedAnswer(key: string, idempotencyKey: string): Promise<RememberedAnswer | null>;
  /** Every retirement of the KEK, oldest rotation first. */
  retirements(key: string): Promise<readonly Retirement[]>;
  /** The reason in the stop switch's row; null if it is not thrown. Read before every mutation. */
  stopped(): Promise<string | null>;
  /** Throws the stop switch's row, or, with null, takes it back. */
  setStop(reason: string | null): Promise<void>;
}
