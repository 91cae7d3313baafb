import type { RunPlan } from '../contracts/activities';
import type { Check, Plan, Reason } from '../contracts/rotation';
import { canonicalJson, sha256Hex } from './canonical-json';
import { byCreation, chooseNext } from './choose-version';
import { versionOf } from './key-identifier';
import { isProvedByUse, targetChecks } from './plan-checks';
import { isEmpty, type PlanFacts, previousKidOf, previousOf, versionInUse, versionsOfTarget } from './plan-facts';
import type { KeyVersion, TargetFacts } from './ports';
import { nextOfReplacement, replacementFit } from './replacement-checks';
import { keyChecks } from './version-checks';

export type { PlanFacts } from './plan-facts';

export interface Decided {
  /** For people: every check. */
  readonly plan: Plan;
  /** For the run: what moves from where. */
  readonly runPlan: RunPlan;
  /** Why not `go`; empty for `go`. */
  readonly reasons: readonly Reason[];
}

/**
 * Decides from facts gathered before. Skips when there is nothing to do, refuses when a check says no or when an *unknown* is accepted neither
 * by the configuration nor by the evidence of a service that works today (I12); else the run may go.
 */
export function decidePlan(facts: PlanFacts): Decided {
  const checks = [
    ...[...keyChecks, replacementFit].flatMap((check) => check(facts)),
    ...facts.targets.flatMap((target) => checksOfTarget(target, facts)),
  ];
  const idle = nothingToDo(facts);
  const reasons = idle === null ? objections(checks, facts) : [idle];
  const decision = idle !== null ? 'skip' : reasons.length > 0 ? 'refuse' : 'go';
  const nextVersion = expectedNext(facts);
  const previousVersion = previousOfRun(facts, nextVersion);
  const planHash = hashOfPlan(facts);
  return {
    plan: { planHash, decision, previousVersion, nextVersion, checks },
    runPlan: { planHash, previousVersion, targets: facts.targets.map((target) => planned(target, facts)) },
    reasons,
  };
}

function checksOfTarget(target: TargetFacts, facts: PlanFacts): readonly Check[] {
  return targetChecks
    .flatMap((check) => check(target, facts))
    .map((check) => {
      if (check.result !== 'unknown' || !isProvedByUse(check.code, target, accessKeyOf(facts))) return check;
      return { ...check, message: `${check.message} Accepted: it opens its data with this key now.` };
    });
}

/** The key about whose vault the targets' access was read. */
const accessKeyOf = ({ key, replacement }: PlanFacts): string => replacement?.key ?? key;

function objections(checks: readonly Check[], planFacts: PlanFacts): readonly Reason[] {
  const { targets, allowUnknown } = planFacts;
  return checks.flatMap(({ target, code, result, message }) => {
    if (result === 'yes') return [];
    if (result === 'no') return [{ code, message }];
    const facts = targets.find(({ kind, name }) => `${kind}/${name}` === target);
    if (allowUnknown.includes(code) || (facts !== undefined && isProvedByUse(code, facts, accessKeyOf(planFacts))))
      return [];
    const next = `Unknown is not yes: find out, or accept ${JSON.stringify(code)} in the configuration.`;
    return [{ code: `${code}-unknown`, message: `${message} ${next}` }];
  });
}

/** Looked at before the checks' answers: where nothing would be changed, nothing has to be refused. */
function nothingToDo(facts: PlanFacts): Reason | null {
  const { targets, toVersion, versions, key } = facts;
  if (targets.every((target) => target.exists && isEmpty(target))) {
    return { code: 'nothing-to-do', message: `Nothing is under ${key}: no hub, no DPS and no data key.` };
  }
  if (toVersion === null || !versions.some(({ version }) => version === toVersion)) return null;
  if (!targets.every((target) => standsOnlyOn(toVersion, target, facts))) return null;
  return { code: 'nothing-to-do', message: `Every target of ${key} stands on version ${toVersion} already.` };
}

function standsOnlyOn(version: string, target: TargetFacts, facts: PlanFacts): boolean {
  if (!target.exists || target.unfit.length > 0) return false;
  if (isEmpty(target)) return true;
  const named = versionsOfTarget(target, facts);
  return named.length === 1 && named[0] === version;
}

/** The version a run would move to if it began now; null if it would make one. */
function expectedNext(facts: PlanFacts): string | null {
  const { toVersion, versions, now, replacement } = facts;
  if (replacement !== undefined) return nextOfReplacement(replacement, now);
  const choice = chooseNext({
    ledgerVersion: null,
    toVersion,
    rotationId: null,
    versions,
    inUse: versionInUse(facts),
    now,
  });
  return 'use' in choice ? choice.use : null;
}

/** That of the first target that moves; of a run in which none would, the version in use. */
function previousOfRun(facts: PlanFacts, next: string | null): string | null {
  // Of a replacement every version of the KEK is left behind, whatever the other key's is called.
  const staying = facts.replacement === undefined ? next : null;
  const moving = facts.targets.flatMap((target) => previousOf(target, facts, staying) ?? []);
  return moving[0] ?? versionInUse(facts);
}

function planned(target: TargetFacts, facts: PlanFacts): RunPlan['targets'][number] {
  const previousKid = previousKidOf(target, facts);
  const previousVersion = previousKid === null ? null : versionOf(previousKid);
  const { kind, name, total } = target;
  const leaves = target.onBadDataKey === 'finish' ? { onBadDataKey: 'finish' as const } : {};
  return { kind, name, previousKid, previousVersion, total, ...leaves };
}

/**
 * What was checked is what is applied: over key, versions, targets, identities and encryption blocks. Not over ETags, tags or probes, which change
 * without changing what would be done, nor over record counts: owners add data keys all the time.
 */
function hashOfPlan({ key, toVersion, versions, targets, replacement }: PlanFacts): string {
  const material = {
    key,
    toVersion,
    versions: hashedVersions(versions),
    targets: targets.map(({ kind, name, keyIdentifiers, principalIds, configuration }) => ({
      kind,
      name,
      keyIdentifiers: [...keyIdentifiers].sort(),
      principalIds: [...principalIds].sort(),
      configuration,
    })),
    ...(replacement === undefined
      ? {}
      : {
          replacement: {
            key: replacement.key,
            toVersion: replacement.toVersion,
            versions: hashedVersions(replacement.versions),
          },
        }),
  };
  return sha256Hex(canonicalJson(material));
}

const hashedVersions = (versions: readonly KeyVersion[]) =>
  [...versions].sort(byCreation).map(({ version, createdOn, enabled, notBefore, expiresOn }) => ({
    version,
    enabled,
    createdOn: createdOn.toISOString(),
    notBefore: notBefore?.toISOString() ?? null,
    expiresOn: expiresOn?.toISOString() ?? null,
  }));
