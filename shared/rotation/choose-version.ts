import type { Reason } from '../contracts/rotation';
import { RefusalError } from './errors';
import { addDuration } from './iso-duration';
import type { KeyVersion, KeyVersionDetail, RotationPolicy } from './ports';

export interface ChoiceFacts {
  /** `nextVersion` of this run's ledger row; null if none was chosen yet. */
  readonly ledgerVersion: string | null;
  readonly toVersion: string | null;
  /** Null in a dry run, which has none. */
  readonly rotationId: string | null;
  readonly versions: readonly KeyVersion[];
  /** The version in use, bare. */
  readonly inUse: string | null;
  readonly now: Date;
}

/** `others`: versions this run made besides the one it uses, for the audit log to name. */
export type NextChoice = (
  | { readonly use: string; readonly why: string }
  | { readonly create: true }
  | { readonly refuse: Reason }
) & { readonly others: readonly string[] };

/**
 * Which version is next. The order of the questions is the rule, because Key Vault has no conditional create and a step may run twice:
 * what is on record, what was asked for, what an earlier try of this run made, what somebody else made since; only then a new one.
 */
export function chooseNext(facts: ChoiceFacts): NextChoice {
  const { ledgerVersion, toVersion, versions, now } = facts;
  const made = versions.filter((version) => isOfRun(version, facts.rotationId)).sort(byCreation);
  const choice = (version: string | undefined, why: string): NextChoice | null =>
    version === undefined ? null : { use: version, why, others: namesBut(made, version) };

  if (ledgerVersion !== null)
    return named(ledgerVersion, facts) ?? use(ledgerVersion, 'It is on record for this run.', made);
  if (toVersion !== null) return named(toVersion, facts) ?? use(toVersion, 'It was asked for by name.', made);
  const ours = choice(made.find((version) => isUsable(version, now))?.version, 'This run made it before.');
  if (ours !== null) return ours;

  const inUse = versions.find(({ version }) => version === facts.inUse);
  if (inUse === undefined) {
    const message = `Key Vault lists no version ${facts.inUse ?? '(none is in use)'}, so which ones are newer cannot be said.`;
    return { refuse: { code: 'version-in-use-unknown', message }, others: namesBut(made, null) };
  }
  const newer = versions
    .filter((version) => version.createdOn > inUse.createdOn && isUsable(version, now))
    .sort(byCreation);
  return (
    choice(newer.at(-1)?.version, `It is the newest usable version made after ${inUse.version}, which is in use.`) ?? {
      create: true,
      others: namesBut(made, null),
    }
  );
}

/** A refusal if a version that was named is not there or not usable now; null if it is. */
function named(wanted: string, { versions, now }: ChoiceFacts): NextChoice | null {
  const found = versions.find(({ version }) => version === wanted);
  const refuse =
    found === undefined
      ? { code: 'version-not-found', message: `Key Vault lists no version ${wanted} of this key.` }
      : validity(found, now)[0];
  return refuse === undefined ? null : { refuse, others: [] };
}

function use(version: string, why: string, made: readonly KeyVersion[]): NextChoice {
  return { use: version, why, others: namesBut(made, version) };
}

function isOfRun({ tags }: KeyVersion, rotationId: string | null): boolean {
  return tags['rotationId'] === rotationId;
}

function namesBut(made: readonly KeyVersion[], used: string | null): readonly string[] {
  return made.map(({ version }) => version).filter((version) => version !== used);
}

/** Orders versions oldest first; Key Vault's dates are whole seconds, so the version decides between equals. */
export function byCreation(a: KeyVersion, b: KeyVersion): number {
  const difference = a.createdOn.getTime() - b.createdOn.getTime();
  if (difference !== 0) return difference;
  return a.version < b.version ? -1 : Number(a.version > b.version);
}

/** Whether a version is enabled and within its dates. */
function isUsable(version: KeyVersion, now: Date): boolean {
  return validity(version, now).length === 0;
}

/**
 * Why a version cannot be next; empty if it can: enabled, within its dates, RSA of 2048 bits or more, able to wrap and unwrap
 * (Azure's documentation, "Key types, algorithms, and operations", 2026-07-07: EC keys cannot wrap).
 */
export function usability(detail: KeyVersionDetail, now: Date): readonly Reason[] {
  return [...validity(detail, now), ...capability(detail)];
}

/** The half of `usability` that every version shows: enabled, and within its dates. */
export function validity({ version, enabled, notBefore, expiresOn }: KeyVersion, now: Date): readonly Reason[] {
  const reasons: Reason[] = [];
  if (!enabled) reasons.push({ code: 'version-disabled', message: `Version ${version} is disabled.` });
  if (notBefore !== null && notBefore > now) {
    const message = `Version ${version} may not be used before ${notBefore.toISOString()}.`;
    reasons.push({ code: 'version-not-yet-valid', message });
  }
  if (expiresOn !== null && expiresOn <= now) {
    reasons.push({ code: 'version-expired', message: `Version ${version} expired at ${expiresOn.toISOString()}.` });
  }
  return reasons;
}

/** The half of `usability` that time does not change: type, size and operations. */
export function capability({ version, keyType, keySize, operations, publicKey }: KeyVersionDetail): readonly Reason[] {
  const reasons: Reason[] = [];
  if (!['RSA', 'RSA-HSM'].includes(keyType) || publicKey === null) {
    reasons.push({
      code: 'key-type-unfit',
      message: `Version ${version} is of type ${keyType}; only RSA and RSA-HSM can wrap.`,
    });
  } else if (keySize < 2048) {
    reasons.push({ code: 'key-too-small', message: `Version ${version} has ${keySize} bits; 2048 are the least.` });
  }
  const missing = ['wrapKey', 'unwrapKey'].filter((operation) => !operations.includes(operation));
  if (missing.length > 0) {
    const message = `Version ${version} does not permit ${missing.join(' and ')}; add it to the key's operations.`;
    reasons.push({ code: 'key-operations-unfit', message });
  }
  return reasons;
}

/**
 * When a version made now expires by the key's own policy; null if the policy sets no expiry. Refuses `policy-unreadable` rather than
 * make a version that never expires although the policy meant it to.
 */
export function expiryFrom(policy: RotationPolicy | null, now: Date): Date | null {
  if (policy === null || policy.expiresIn === null) return null;
  const expiry = addDuration(now, policy.expiresIn);
  if (expiry !== null) return expiry;
  throw new RefusalError(
    'policy-unreadable',
    `The key's rotation policy sets the expiry ${JSON.stringify(policy.expiresIn)}, which is no ISO 8601 duration; mend the policy.`,
  );
}
