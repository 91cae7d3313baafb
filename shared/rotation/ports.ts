import type { Cause, Direction, MoveState, ProbeResult, RunPlan } from '../contracts/activities';
import type { Evidence, Page, Phase, Reason, Rotation, TargetKind, WaitingFor } from '../contracts/rotation';

/**
 * The effects of Keyturn, each behind a narrow port. Adapters live in shared/azure, fakes in test/fakes. Every port may throw
 * a `FaultError` (may heal) or a `RefusalError` (will not); anything else is a bug.
 */

/** The instant it is now: the machine's clock, unless the host supplies another. */
export type Now = () => Date;

// --- Key Vault -------------------------------------------------------------------------------------------------------

export interface KeyVersion {
  readonly version: string;
  /** Versioned key identifier. */
  readonly kid: string;
  readonly createdOn: Date;
  readonly enabled: boolean;
  readonly notBefore: Date | null;
  readonly expiresOn: Date | null;
  readonly tags: Readonly<Record<string, string>>;
}

/** What can be read of an enabled version. */
export interface KeyVersionDetail extends KeyVersion {
  /** `RSA`, `RSA-HSM`, `EC`, … */
  readonly keyType: string;
  /** Bits of the modulus; 0 for what is not RSA. */
  readonly keySize: number;
  readonly operations: readonly string[];
  /** RSA public key, base64url; null for what is not RSA. */
  readonly publicKey: { readonly n: string; readonly e: string } | null;
}

export interface RotationPolicy {
  /** ISO 8601 duration after which a version of this key expires; null if the policy sets none. */
  readonly expiresIn: string | null;
  /** When Key Vault makes the next version by itself, as an ISO 8601 duration; both null if it never does. */
  readonly rotatesAfterCreate: string | null;
  readonly rotatesBeforeExpiry: string | null;
  /** How long before its expiry a version is told of as near expiry; absent where the policy does not say. */
  readonly notifiesBeforeExpiry?: string;
}

export type WrapAlgorithm = 'RSA-OAEP' | 'RSA-OAEP-256';

export interface KeyVault {
  /** All versions of the KEK, in no order; disabled ones included. Empty if the key does not exist. */
  versions(key: string): Promise<readonly KeyVersion[]>;
  /** Refuses (`version-disabled`, `version-not-found`) what Key Vault will not show. */
  version(kid: string): Promise<KeyVersionDetail>;
  rotationPolicy(key: string): Promise<RotationPolicy | null>;
  /** A new version of the same name: same type, size and operations as `like`. */
  createVersion(
    key: string,
    options: { like: KeyVersionDetail; expiresOn: Date | null; tags: Record<string, string> },
  ): Promise<KeyVersionDetail>;
  /** Always with the version named: without one the newest would be hit. */
  setEnabled(kid: string, enabled: boolean): Promise<void>;
  setExpiry(kid: string, expiresOn: Date | null): Promise<void>;
  /** Through the service; works for an expired version, not for a disabled one. */
  unwrap(kid: string, algorithm: WrapAlgorithm, blob: Uint8Array): Promise<Uint8Array>;
  wrap(kid: string, algorithm: WrapAlgorithm, dataKey: Uint8Array): Promise<Uint8Array>;
}

// --- Azure Resource Manager --------------------------------------------------------------------------------------------

export type RawResource = { readonly [name: string]: unknown };

export interface LongRunningOperation {
  readonly url: string;
  readonly retryAfterSeconds: number;
}

export interface ResourceManager {
  /** The raw body, nothing dropped. Refuses `resource-not-found` on 404 unless `missing` is asked for. */
  get(id: string, apiVersion: string): Promise<RawResource>;
  /** Like get, but null on 404 (which just after a write does not mean gone). */
  find(id: string, apiVersion: string): Promise<RawResource | null>;
  /**
   * Full-replace PUT. Answers the operation to poll, or null if the service finished at once. Throws `PreconditionError`
   * on 412 and `FaultError` code `resource-busy` on 409.
   */
  put(id: string, apiVersion: string, body: RawResource, ifMatch: string | null): Promise<LongRunningOperation | null>;
  /** POST `<id>/<action>`, e.g. listkeys. The answer may hold secrets: it must not leave the activity's memory. */
  post(id: string, action: string, apiVersion: string): Promise<unknown>;
  /** State of a long-running operation. The URL must be of this ARM endpoint, else refused. */
  operation(url: string): Promise<{
    readonly status: 'InProgress' | 'Succeeded' | 'Failed' | 'Canceled';
    readonly error: Reason | null;
    readonly retryAfterSeconds: number;
  }>;
  /** Every item of a list (all pages); path begins with `/` and carries its own query. */
  list(path: string): Promise<readonly RawResource[]>;
}

// --- Data planes -------------------------------------------------------------------------------------------------------

/** One cheap read that needs decryption. `hostName` comes from the ARM resource; `id` is the sentinel of the configuration. */
export interface DataPlane {
  /** IoT Hub: `GET /twins/{id}`. */
  readTwin(hostName: string, id: string): Promise<DataPlaneAnswer>;
  /** DPS: `GET /enrollments/{id}`. */
  readEnrollment(hostName: string, id: string): Promise<DataPlaneAnswer>;
}

/** `opened`: decrypted data came back. `unreadable`: the service answered that it cannot open it. `unknown`: 429, time-out, sign-in. */
export interface DataPlaneAnswer {
  readonly answer: 'opened' | 'unreadable' | 'not-found' | 'unknown';
  readonly message: string;
}

// --- Wrapped data keys -------------------------------------------------------------------------------------------------

export interface WrappedDataKey {
  /** Opaque to the rules: names the record in its store. */
  readonly id: { readonly partitionKey: string; readonly rowKey: string };
  readonly etag: string;
  /** As stored; a record may be garbled, so nothing here is trusted before it is checked. */
  readonly kid: string;
  readonly alg: string;
  readonly blob: string;
  readonly check: string | null;
  /** JSON `{kid, alg, blob}` of the blob that ours replaced; null if there is none. */
  readonly previous: string | null;
}

export type DataKeyChange = Pick<WrappedDataKey, 'kid' | 'alg' | 'blob' | 'check' | 'previous'>;

export interface DataKeyStore {
  page(continuation: string | null, size: number): Promise<Page<WrappedDataKey>>;
  read(id: WrappedDataKey['id']): Promise<WrappedDataKey | null>;
  /** Conditional on the record's ETag; only the five columns of ours change (merge). */
  replace(record: WrappedDataKey, change: DataKeyChange): Promise<'written' | 'changed-meanwhile' | 'gone'>;
}

// --- Ledger ------------------------------------------------------------------------------------------------------------

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
  /** What the claim is held for. */
  readonly purpose: 'rotation' | 'retirement';
  /** The rotation that held the claim last and changed something: the only one that can still be rolled back. */
  readonly lastRotationId: string | null;
  /** What that rotation needs to go back; kept apart, because later ones that change nothing make plans of their own. */
  readonly lastRun?: { readonly plan: RunPlan | null; readonly nextVersion: string | null };
  /** After a rollback no event starts a run before this instant. */
  readonly backOffUntil: string | null;
  /** When the sweep first found the claim's instance gone or ended. */
  readonly orphanedSince: string | null;
}

export type RetirementStatus = 'waiting' | 'proving' | 'watching' | 'retired' | 'refused' | 'undone' | 'ended';

/** The old versions of one completed rotation on their way out. `ended`: the rotation was rolled back first. */
export interface Retirement {
  readonly rotationId: string;
  /** Bare versions. */
  readonly versions: readonly string[];
  readonly dueAt: string;
  readonly status: RetirementStatus;
  readonly disabledAt: string | null;
  readonly reasons: readonly Reason[];
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
}

// --- History and audit -------------------------------------------------------------------------------------------------

export interface RotationQuery {
  readonly key: string | null;
  readonly phase: Phase | null;
  readonly from: Date | null;
  readonly to: Date | null;
  readonly limit: number;
  readonly continuation: string | null;
}

export interface RotationHistory {
  /** Upsert of the whole document. */
  put(rotation: Rotation): Promise<void>;
  get(rotationId: string): Promise<Rotation | null>;
  /** Newest first. */
  list(query: RotationQuery): Promise<Page<Rotation>>;
}

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

/** Full plan documents (every check), too long for a table property. */
export interface PlanStore {
  put(rotationId: string, planHash: string, document: unknown): Promise<void>;
}

// --- Alerts ------------------------------------------------------------------------------------------------------------

export interface Alert {
  /** Stable: the same alert sent twice has the same id. */
  readonly id: string;
  /** e.g. `Keyturn.Rotation.Completed`. */
  readonly type: string;
  readonly subject: string;
  readonly time: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface AlertChannel {
  /** Stable: which channel still owes an alert is kept under it. */
  readonly name: string;
  /** Within a few seconds or not at all. */
  send(alert: Alert): Promise<void>;
}

/** Alerts that a channel has not taken yet. Delivery has retries of its own, so that no channel holds up a rotation. */
export interface AlertOutbox {
  /** Kept once for each channel; the same id again changes nothing. Not due before `dueAt` (absent: the alert's time). */
  put(alert: Alert, channels: readonly string[], dueAt?: Date): Promise<void>;
  /** Those whose next attempt is due, oldest first. */
  due(now: Date, limit: number): Promise<readonly OwedAlert[]>;
  delivered(owed: Pick<OwedAlert, 'channel'> & { readonly alert: Pick<Alert, 'id'> }): Promise<void>;
  failed(owed: OwedAlert, nextAttemptAt: Date): Promise<void>;
}

export interface OwedAlert {
  readonly alert: Alert;
  readonly channel: string;
  /** Failed attempts so far. */
  readonly attempts: number;
}

// --- Targets -----------------------------------------------------------------------------------------------------------

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
  /** Records that cannot be rewrapped as they are (garbled, other key), counted by code. */
  readonly unfit: readonly Reason[];
  /** Hash material: identities and encryption block, canonical JSON without secrets and without ETags. */
  readonly configuration: string;
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
  inspect(): Promise<TargetFacts>;
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
  /** Every identifier of this KEK that it names now, versioned or not. */
  references(): Promise<readonly string[]>;
}

/** A store of wrapped data keys: moved record by record. */
export interface DataKeysTarget {
  readonly kind: 'dataKeys';
  readonly name: string;
  inspect(): Promise<TargetFacts>;
  /**
   * Rewraps (forward) or puts back (back) one page. `kid` is the next version's in both directions; `previousKid` is where a
   * record goes back to whose owner replaced it whole.
   */
  movePage(
    kid: string,
    direction: Direction,
    continuation: string | null,
    fence: Fence,
    previousKid: string | null,
  ): Promise<{ readonly continuation: string | null; readonly moved: number; readonly seen: number }>;
  verify(kid: string, direction: Direction): Promise<Verification>;
  /** Forgets the kept old blobs that were wrapped by one of these versions, page by page. */
  dropOldBlobs(
    versions: readonly string[],
    continuation: string | null,
    fence: Fence,
  ): Promise<{ readonly continuation: string | null; readonly dropped: number }>;
  probe(): Promise<ProbeResult>;
  currentKid(): Promise<string | null>;
  /** Distinct identifiers that its records name now; a kept old blob is not a reference. */
  references(): Promise<readonly string[]>;
}

export type Target = ServiceTarget | DataKeysTarget;
