import type { RunPolicy } from '../contracts/activities';
import type { Reason } from '../contracts/rotation';
import { byCreation } from './choose-version';
import { kidOf, sameKey, versionOf } from './key-identifier';
import type { KeyVersion, KeyVersionDetail, TargetFacts } from './ports';

/** Everything a plan is decided from: read beforehand, so that deciding does no reading. */
export interface PlanFacts {
  readonly key: string;
  readonly now: Date;
  readonly toVersion: string | null;
  /** As Key Vault lists them, in no order. */
  readonly versions: readonly KeyVersion[];
  /** Of the versions that targets stand on, and of the one asked for, those that can be read (a disabled one cannot). */
  readonly inUseDetails: readonly KeyVersionDetail[];
  /** In the order in which they would move. */
  readonly targets: readonly TargetFacts[];
  readonly policy: RunPolicy;
  /** Codes of checks whose *unknown* the configuration accepts. */
  readonly allowUnknown: readonly string[];
  /** Of `replace`; what the targets say of access is then about this key's vault. */
  readonly replacement?: ReplacementFacts;
}

/** The key that a `replace` is to move to. */
export interface ReplacementFacts {
  readonly key: string;
  /** Whether rotation.json lets the KEK be replaced by it; nothing was asked of its vault if not. */
  readonly configured: boolean;
  /** Bare version asked for; null for the newest that can be used. */
  readonly toVersion: string | null;
  /** As Key Vault lists them, in no order. */
  readonly versions: readonly KeyVersion[];
  /** The version that would be next; null if there is none, or it cannot be read. */
  readonly next: KeyVersionDetail | null;
  /** Why a data key wrapped with it did not come back; null if it did, or was not tried. */
  readonly failed: Reason | null;
  /** Why it cannot be moved to now, whatever it is; null if nothing stands in the way. */
  readonly busy: Reason | null;
}

type KeyFacts = Pick<PlanFacts, 'key' | 'versions'> & Partial<Pick<PlanFacts, 'policy'>>;

/**
 * Versions of the KEK that a target names, oldest first. Those that Key Vault does not list come first: nobody knows their age.
 * An identifier without a version names none, unless it is to be pinned: then it is the version that it is pinned to.
 */
export function versionsOfTarget(target: TargetFacts, facts: KeyFacts): string[] {
  const { key, versions, policy } = facts;
  const pinnedTo = policy?.pin === true && isService(target) ? currentVersion(versions) : null;
  const bare = new Set(entriesOf(target, key).flatMap((identifier) => versionOf(identifier) ?? pinnedTo ?? []));
  const listed = versions.filter(({ version }) => bare.has(version)).sort(byCreation);
  const known = listed.map(({ version }) => version);
  if (target.onBadDataKey === 'finish' && known.length > 0) return mostNamedFirst(target, known);
  return [...[...bare].filter((version) => !known.includes(version)).sort(), ...known];
}

/**
 * Data keys that an earlier run left, as configured, may name an older version for ever, or one that is not there: the store stands on
 * the one that most of them name. Else that run's own version would be chosen for the next one.
 */
function mostNamedFirst({ standsOn }: TargetFacts, known: readonly string[]): string[] {
  const most = known.filter((version) => standsOn !== undefined && version === versionOf(standsOn));
  return [...most, ...known.filter((version) => !most.includes(version))];
}

/** What an identifier without a version means: the newest version, and of those the newest that can be used at all. */
export function currentVersion(versions: readonly KeyVersion[]): string | null {
  return (
    versions
      .filter(({ enabled }) => enabled)
      .toSorted(byCreation)
      .at(-1)?.version ?? null
  );
}

/** Versions of the KEK that any target names, oldest first; what `isRelevant` calls the versions in use. */
export function versionsInUse(facts: KeyFacts & Pick<PlanFacts, 'targets'>): string[] {
  const all = facts.targets.flatMap(({ keyIdentifiers }) => keyIdentifiers);
  // As the first of them that is a service, where there is one: data keys always name a version.
  const like = facts.targets.find(isService) ?? facts.targets[0];
  return like === undefined ? [] : versionsOfTarget({ ...like, keyIdentifiers: all }, facts);
}

/** The version in use: the oldest that a hub or DPS stands on; without any, the oldest that a data key names. */
export function versionInUse(facts: KeyFacts & Pick<PlanFacts, 'targets'>): string | null {
  const services = facts.targets.filter(isService);
  return versionsInUse({ ...facts, targets: services })[0] ?? versionsInUse(facts)[0] ?? null;
}

export function isService(target: Pick<TargetFacts, 'kind'>): boolean {
  return target.kind !== 'dataKeys';
}

/** Whether a target has nothing that could move: a store of data keys without a record. */
export function isEmpty(target: TargetFacts): boolean {
  return target.kind === 'dataKeys' && target.total === 0;
}

/** The version that the plan finds a target on, if the target is to move to `next` (null: to a version yet to be made). */
export function previousOf(target: TargetFacts, facts: PlanFacts, next: string | null): string | null {
  return versionsOfTarget(target, facts).find((version) => version !== next) ?? null;
}

/** The identifier of the oldest version that a target names, spelled as the target spells it: what stood there is what would go back. */
export function previousKidOf(target: TargetFacts, facts: PlanFacts): string | null {
  const [oldest] = versionsOfTarget(target, facts);
  const isOldest = (identifier: string): boolean => sameKey(identifier, facts.key) && versionOf(identifier) === oldest;
  if (oldest === undefined) return null;
  return target.keyIdentifiers.find(isOldest) ?? (facts.policy.pin ? kidOf(facts.key, oldest) : null);
}

// --- What a target is --------------------------------------------------------------------------------------------------

/** Whether the target is a resource whose encryption block can be seen. */
export function isReadable(target: TargetFacts): boolean {
  return target.exists && isService(target) && target.echoesEncryption;
}

export function hasCmk({ keySource, keyIdentifiers }: TargetFacts): boolean {
  return keySource?.toLowerCase() === 'microsoft.keyvault' && keyIdentifiers.length > 0;
}

/** The identifiers, as the target spells them, that name this KEK. */
export function entriesOf({ keyIdentifiers }: TargetFacts, key: string): readonly string[] {
  return keyIdentifiers.filter((identifier) => sameKey(identifier, key));
}

/** Whether the target's data lies under this KEK. */
export function usesKey(target: TargetFacts, key: string): boolean {
  const readable = target.kind === 'dataKeys' ? target.exists : isReadable(target) && hasCmk(target);
  return readable && entriesOf(target, key).length > 0;
}

/**
 * The longest that a run over these targets may take and still end by itself, in seconds: planning, the choice of the version, every
 * target forward, the soak with its grace, the proof of the way back, every target back; each phase and each target waiting once
 * until just before its deadline, and every operation taking until its own. Until then the previous version must be able to wrap,
 * because a service that is put back wraps with it.
 */
export function longestRunSeconds(policy: RunPolicy, targets: readonly Pick<TargetFacts, 'kind'>[]): number {
  const waits = 2 + targets.length + 1 + 1 + targets.length;
  const operations = 2 * targets.filter(isService).length;
  return policy.soakSeconds + waits * policy.faultDeadlineSeconds + operations * policy.operationDeadlineSeconds;
}
