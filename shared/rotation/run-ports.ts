import type { RunPolicy } from '../contracts/activities';
import type { RetirementEvidence } from '../contracts/rotation';
import type { ChangeWindow } from './change-windows';
import type {
  AlertChannel,
  AlertOutbox,
  AuditLog,
  Discovery,
  KeyVault,
  Ledger,
  Now,
  PlanStore,
  RotationHistory,
  Target,
  VaultLog,
  WatchStore,
} from './ports';
import type { Sealing } from './sealing';

/** On what old versions are retired, and which are not yet. */
export interface RetirementPolicy {
  /** The weakest evidence that is enough. */
  readonly evidence: RetirementEvidence['strength'];
  /** How long nobody may have used a version, by the vault's log; at least as long as a key cache lives. */
  readonly quietSeconds: number;
  /** What backups may still need stays enabled: the versions of so many rotations, and each for so long after it went out of use. */
  readonly keep: { readonly count: number; readonly ageSeconds: number };
}

/** A key that a KEK's targets may be moved to by `replace`. */
export interface Replacement {
  /** Unversioned identifier, as the configuration spells it. */
  readonly key: string;
  /** For its vault's network rules and role assignments; null if they are not to be read. */
  readonly vaultResourceId: string | null;
}

/** What is configured for one KEK. Targets are in the order in which they move; the first is the canary. */
export interface ManagedKey {
  readonly key: string;
  readonly targets: readonly Target[];
  readonly policy: RunPolicy;
  /** `observe`: plans and tells, and never changes anything. */
  readonly mode: 'act' | 'observe';
  /** Codes of checks that may stay *unknown* without the plan being refused. */
  readonly acceptUnknown: readonly string[];
  /** When a run may begin to change things; always, if there is none. */
  readonly windows: readonly ChangeWindow[];
  readonly retirement: RetirementPolicy;
  readonly replacements: readonly Replacement[];
  /** The key that took its place, as rotation.json says ("formerKeys"): of this one only what is left is seen to its end. */
  readonly successor?: string;
}

/** Everything a use case may touch. */
export interface RotationPorts {
  readonly now: Now;
  readonly ledger: Ledger;
  readonly auditLog: AuditLog;
  readonly history: RotationHistory;
  readonly plans: PlanStore;
  readonly keyVault: KeyVault;
  /** Null where no workspace is set that the vaults' logs go to. */
  readonly vaultLog: VaultLog | null;
  /** Finds what uses a KEK without being configured. */
  readonly discovery: Discovery;
  /** What the sweep remembers from one time to the next. */
  readonly watch: WatchStore;
  readonly alerts: readonly AlertChannel[];
  readonly outbox: AlertOutbox;
  /** What signs and anchors histories; absent where no key for that is configured. */
  readonly sealing?: Sealing;
  /** Signs and anchors what is new in a history, at the end of a run. Never fails: what it cannot do the sweep does. */
  readonly sealNow?: (key: string) => Promise<void>;
  /** Origin of this app's own API, for the commands that alerts tell; absent where the platform does not say it. */
  readonly apiOrigin?: string;
  /** Null for a KEK that the configuration does not name, whatever an event or a request claims. */
  managed(key: string): ManagedKey | null;
  /** Every configured KEK, in the order of the configuration. */
  readonly keys: readonly string[];
}
