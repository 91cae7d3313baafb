import type { AdoptionOrder } from '../contracts/activities';
import type { Check, Reason } from '../contracts/rotation';
import { canonicalJson, sha256Hex } from './canonical-json';
import { byCreation } from './choose-version';
import { kidOf } from './key-identifier';
import { type Decided, decidePlan, type PlanFacts } from './plan';
import { about } from './plan-check';
import type { KeyVersion, RotationPolicy } from './ports';

/** Everything that an adoption is decided from: what a rotation would need, and what makes the key rotate. */
export interface AdoptionFacts extends PlanFacts {
  /** As Key Vault tells it; null if it tells none. */
  readonly rotationPolicy: RotationPolicy | null;
  /** What is to be written; null where nothing was asked for. */
  readonly order: AdoptionOrder | null;
}

/**
 * One list of all that a key, its targets, their identities and the network lack to be rotated without anybody's help, each with the way
 * to mend it. Writes are planned only where they were asked for; with nothing to write and nothing missing there is nothing to do.
 */
export function decideAdoption(facts: AdoptionFacts): Decided {
  const rotation = decidePlan(facts);
  const own = [...policyChecks(facts), ...expiryChecks(facts)];
  const idle = rotation.reasons.some(({ code }) => code === 'nothing-to-do');
  const missing: readonly Reason[] = [
    ...(idle ? [] : rotation.reasons),
    ...own.flatMap(({ code, result, message }) => (result === 'yes' ? [] : [{ code, message }])),
  ];
  const planHash = hashOf(rotation.plan.planHash, facts);
  const wrong = whatMayNotBeWritten(facts);
  const writes = wrong.length > 0 || currentOf(facts.versions) === null ? [] : whatIsWritten(facts);
  const decision = writes.length > 0 ? 'go' : missing.length + wrong.length > 0 ? 'refuse' : 'skip';
  const nothing: Reason = { code: 'nothing-missing', message: `${facts.key} lacks nothing to be rotated by itself.` };
  const checks: readonly Check[] = [
    ...rotation.plan.checks,
    ...own,
    ...wrong.flatMap(({ code, message }) => about('key', code, 'no', message)),
    ...writes.flatMap((each) => about('key', 'will-be-written', 'yes', each)),
  ];
  return {
    plan: { ...rotation.plan, planHash, decision, nextVersion: null, checks },
    runPlan: { ...rotation.runPlan, planHash },
    reasons: decision === 'skip' ? [nothing] : [...wrong, ...missing],
  };
}

/** The version that an identifier without one means, and whose expiry counts. */
export function currentOf(versions: readonly KeyVersion[]): KeyVersion | null {
  return (
    versions
      .filter(({ enabled }) => enabled)
      .toSorted(byCreation)
      .at(-1) ?? null
  );
}

/** What an order changes, in words; what is so already is not written again. */
function whatIsWritten({ key, order, versions, rotationPolicy }: AdoptionFacts): readonly string[] {
  const wanted = order?.rotationPolicy;
  const policy =
    wanted !== undefined && !isPolicy(rotationPolicy, wanted)
      ? [
          `${key} gets a rotation policy: a version lives ${wanted.expiresIn}, the next one is made ${wanted.rotatesBeforeExpiry} before its end.`,
        ]
      : [];
  const current = currentOf(versions);
  const expiresOn = order?.expiresOn;
  const expiry =
    expiresOn !== undefined && current !== null && current.expiresOn?.getTime() !== Date.parse(expiresOn)
      ? [
          `Version ${current.version} gets the expiry ${expiresOn} (before: ${current.expiresOn?.toISOString() ?? 'none'}).`,
        ]
      : [];
  return [...policy, ...expiry];
}

/** What an order would break, or could not be taken back from. */
function whatMayNotBeWritten({ key, now, order, rotationPolicy }: AdoptionFacts): readonly Reason[] {
  const reasons: Reason[] = [];
  if (order?.expiresOn !== undefined && Date.parse(order.expiresOn) <= now.getTime()) {
    const message = `expiresOn ${order.expiresOn} is past: the current version would wrap nothing any more. Give an instant to come.`;
    reasons.push({ code: 'expiry-in-the-past', message });
  }
  if (order?.rotationPolicy !== undefined && rotationPolicy === null) {
    const message = `The rotation policy of ${key} cannot be read, so it could not be put back. Write it by hand: az keyvault key rotation-policy update.`;
    reasons.push({ code: 'policy-unreadable', message });
  }
  return reasons;
}

/** Whether Key Vault tells of the policy that is wanted. */
export const isPolicy = (told: RotationPolicy | null, wanted: NonNullable<AdoptionOrder['rotationPolicy']>): boolean =>
  told?.expiresIn === wanted.expiresIn && told.rotatesBeforeExpiry === wanted.rotatesBeforeExpiry;

/** A key that was never given a policy tells of one all the same: a notice thirty days before an expiry that nobody sets. */
function policyChecks({ key, rotationPolicy }: AdoptionFacts): readonly Check[] {
  const policy = rotationPolicy;
  if (policy === null || (policy.rotatesAfterCreate === null && policy.rotatesBeforeExpiry === null)) {
    const message = `The rotation policy of ${key} makes no next version: Keyturn makes one when it is told that the key nears its expiry. To let Key Vault do it: az keyvault key rotation-policy update, or "adopt" with "rotationPolicy".`;
    return about('key', 'policy-rotates', policy?.expiresIn == null ? 'no' : 'yes', message);
  }
  const when =
    policy.rotatesBeforeExpiry === null
      ? `${policy.rotatesAfterCreate} after the last`
      : `${policy.rotatesBeforeExpiry} before expiry`;
  return about('key', 'policy-rotates', 'yes', `Key Vault makes the next version ${when}.`);
}

function expiryChecks({ key, versions, rotationPolicy }: AdoptionFacts): readonly Check[] {
  const current = currentOf(versions);
  if (current === null) return [];
  const kid = kidOf(key, current.version);
  const dated =
    current.expiresOn === null
      ? about(
          'key',
          'version-expires',
          'no',
          `${kid} has no expiry, so nobody is told when it should be rotated. Set one: az keyvault key set-attributes --id ${kid} --expires <date>, or "adopt" with "expiresOn".`,
        )
      : about('key', 'version-expires', 'yes', `${kid} expires ${current.expiresOn.toISOString()}.`);
  const next =
    rotationPolicy?.expiresIn == null
      ? about(
          'key',
          'next-version-expires',
          'no',
          `The rotation policy of ${key} gives new versions no expiry. Set "expiryTime" in it, or "adopt" with "rotationPolicy".`,
        )
      : about('key', 'next-version-expires', 'yes', `New versions live ${rotationPolicy.expiresIn}.`);
  return [...dated, ...next];
}

function hashOf(rotation: string, { order, rotationPolicy }: AdoptionFacts): string {
  return sha256Hex(
    canonicalJson({ run: 'adopt', rotation, order: JSON.stringify(order), policy: JSON.stringify(rotationPolicy) }),
  );
}
