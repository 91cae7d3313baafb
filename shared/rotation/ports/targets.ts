import type { Direction, LeftDataKey, MoveState, ProbeResult } from '../../contracts/activities';
import type { Evidence, Reason, TargetKind } from '../../contracts/rotation';

/**
 * Asks what several targets of one plan ask alike: the first to ask waits for `ask`, the others for the same answer, be it a failure.
 * @param question two of the same name must have the same answer
 */
export type Once = <T>(question: string, ask: () => Promise<T>) => Promise<T>;

/** What a plan's checks need to know of one target: everything read, nothing decided. */
export interface TargetFacts {
  readonly kind: TargetKind;
  readonly name: string;
  readonly exists: boolean;
  /** Whether the answer carried an `encryption` block at all. */
  readonly echoesEncryption: boolean;
  readonly keySource: string | null;
  /** All key identifiers the target names (data keys: distinct `kid`s of the records). */
  readonly keyIdentifiers: readonly string[];
  /** ARM state, as it came (`Active`, `Transitioning`, …); null for data keys. */
  readonly state: string | null;
  /** Principal ids that will use the key; empty when they could not be read. */
  readonly principalIds: readonly string[];
  /** Whether the identity may use the key, as far as role assignments tell. */
  readonly mayUseKey: 'yes' | 'no' | 'unknown';
  readonly mayUseKeyMessage: string;
  /** Whether the vault's network rules let the service in. */
  readonly networkAllows: 'yes' | 'no' | 'unknown';
  readonly networkMessage: string;
  readonly probe: ProbeResult;
  /** Secrets we would have to write back but only see masked, by JSON path; and properties the api-version cannot carry. */
  readonly masked: readonly string[];
  /** Records of a store of data keys; 1 for a hub or DPS. */
  readonly total: number;
  /** Records that cannot be rewrapped as they are (garbled, other key): the first hundred by name, the rest counted. */
  readonly unfit: readonly Reason[];
  /** Data keys: what a bad one means for the run, as configured; to go back where it is not said. */
  readonly onBadDataKey?: 'roll-back' | 'finish';
  /** Data keys: the identifier that most of them name; absent where none names a version of this KEK. */
  readonly standsOn?: string;
  /** Hash material: identities and encryption block, canonical JSON without secrets and without ETags. */
  readonly configuration: string;
}

/** A key and where its vault is; null where its access is not to be read. */
export interface OtherKey {
  readonly key: string;
  readonly vaultResourceId: string | null;
}

/** Called directly before each mutation; throws `InterruptedError` or `SupersededError` if it must not begin (I11). */
export type Fence = () => Promise<void>;

export interface Verification {
  readonly evidence: readonly Evidence[];
  /** The read of old data that the evidence rests on; never `unknown`. */
  readonly probe: ProbeResult;
}

/** A hub or DPS: moved as a whole by one long-running operation. */
export interface ServiceTarget {
  readonly kind: 'iotHub' | 'dps';
  readonly name: string;
  /** Its ARM id, as configured. */
  readonly resourceId: string;
  /**
   * Reads what a plan is decided from; what other targets of the plan ask too is asked by `once`.
   * @param replacement the key that it is to move to, where that is another one: access is then read of that key's vault
   */
  inspect(once: Once, replacement?: OtherKey): Promise<TargetFacts>;
  /** Read-only: what would be needed to put it back. */
  readUndo(): Promise<{ kid: string; fingerprints: Record<string, string> }>;
  /** Idempotent: answers `done` without a write when the resource already names `kid` and is Active. `accepted` is told the operation's url. */
  move(kid: string, fence: Fence, accepted: (operationUrl: string | null) => Promise<void>): Promise<MoveState>;
  /** Polls the operation if its url is known, else the resource. Refuses when the operation failed. */
  checkMove(kid: string, operationUrl: string | null): Promise<MoveState>;
  /** Refuses when the target is not on `kid` or lost a SAS key. A red probe is told, not refused: once is not confirmed. */
  verify(kid: string, fingerprints: Readonly<Record<string, string>>): Promise<Verification>;
  probe(): Promise<ProbeResult>;
  /** Bare version the resource names now. */
  currentKid(): Promise<string | null>;
  /**
   * Every identifier of this KEK that it names now, versioned or not.
   * @param when `settled`: throws a fault while it is under way, and may be on its way to another one than it shows
   */
  references(when?: 'settled'): Promise<readonly string[]>;
}

/** How far a stretch of work on a store has come. */
export interface DataKeysTally {
  /** Records that were looked at, whatever became of them. */
  readonly seen: number;
  /** Records that were written. */
  readonly moved: number;
  /** Records that stay as they were, each because of what is wrong with it. */
  readonly left: number;
  /** Records whose owner was faster every time; the next pass meets them again. */
  readonly late: number;
}

export interface DataKeysMoved extends DataKeysTally {
  /** Where the next stretch begins; null at the end of the store. */
  readonly continuation: string | null;
  /** The first of those left. */
  readonly named: readonly LeftDataKey[];
}

export interface MoveOrder {
  /** The next version's, in both directions. */
  readonly kid: string;
  readonly direction: Direction;
  /** Where a record goes back to whose owner replaced it whole; null where nothing says so. */
  readonly previousKid: string | null;
  readonly continuation: string | null;
  /** Asked right before each batch of writes. */
  readonly fence: Fence;
  /** How many of those left are to be named at most. */
  readonly mostNamed: number;
  /** Told every couple of seconds how far it is. */
  readonly progress: (tally: DataKeysTally) => Promise<void>;
}

export interface StoreVerification extends Verification {
  readonly count: number;
  /** Records that name another version than they should: bad ones, and those that their owner wrote meanwhile. */
  readonly behind: number;
}

/** A store of wrapped data keys: moved record by record. */
export interface DataKeysTarget {
  readonly kind: 'dataKeys';
  readonly name: string;
  /** @param replacement as of a hub or DPS: records that it wrapped already are fit too */
  inspect(once: Once, replacement?: OtherKey): Promise<TargetFacts>;
  /**
   * Rewraps (forward) or puts back (back) as many records as some thirty seconds allow. A bad record is left and counted; refuses when
   * the vault refuses them all.
   */
  movePage(order: MoveOrder): Promise<DataKeysMoved>;
  verify(kid: string, direction: Direction): Promise<StoreVerification>;
  /** Forgets the kept old blobs that were wrapped by one of these versions, stretch by stretch. */
  dropOldBlobs(
    versions: readonly string[],
    continuation: string | null,
    fence: Fence,
  ): Promise<{ readonly continuation: string | null; readonly dropped: number }>;
  probe(): Promise<ProbeResult>;
  currentKid(): Promise<string | null>;
  /** Distinct identifiers that its records name now; a kept old blob is not a reference. */
  references(when?: 'settled'): Promise<readonly string[]>;
}

export type Target = ServiceTarget | DataKeysTarget;
