import type { PlannedTarget } from '../contracts/activities';
import type { Check, Reason } from '../contracts/rotation';
import { canonicalJson, sha256Hex } from './canonical-json';
import { byCreation } from './choose-version';
import { versionOf } from './key-identifier';
import type { Decided } from './plan';
import { about, nameOf, on } from './plan-check';
import { entriesOf, isEmpty, usesKey } from './plan-facts';
import type { KeyVersion, Revocation, TargetFacts } from './ports';

/** Everything that a revocation or a restoration is decided from: read beforehand. */
export interface RevocationFacts {
  readonly key: string;
  /** As Key Vault lists them, in no order. */
  readonly versions: readonly KeyVersion[];
  readonly targets: readonly (TargetFacts | UnreadTarget)[];
  /** What the last revocation disabled, if no restoration has enabled it again. */
  readonly revocation: Revocation | null;
}

/** A target that refuses to be read: no reason to leave it its key, nor to keep its key from it. */
export interface UnreadTarget extends Pick<TargetFacts, 'kind' | 'name'> {
  readonly unread: string;
}

const isUnread = (target: TargetFacts | UnreadTarget): target is UnreadTarget => 'unread' in target;

const unreadable = ({ kind, name, unread }: UnreadTarget): readonly Check[] => [
  { target: `${kind}/${name}`, code: 'unreadable', result: 'unknown', message: `${kind}/${name}: ${unread}` },
];

/** What a revocation would disable: every version that anybody could still use, for one left over would be a way in. */
export const versionsToRevoke = ({ versions }: Pick<RevocationFacts, 'versions'>): readonly string[] =>
  versions
    .filter(({ enabled }) => enabled)
    .toSorted(byCreation)
    .map(({ version }) => version);

/** Shows before anything is done what will stop working. Nothing about a target stands in the way: cutting it off is what is wanted. */
export function decideRevocation(facts: RevocationFacts): Decided {
  const { key, targets, revocation } = facts;
  const versions = versionsToRevoke(facts);
  const disabling = versions.length === 0 ? 'No version is enabled.' : `Disables ${versions.join(', ')}.`;
  const checks: Check[] = [...about('key', 'versions-to-disable', versions.length === 0 ? 'no' : 'yes', disabling)];
  for (const target of targets) checks.push(...(isUnread(target) ? unreadable(target) : whatStops(target, key)));
  const reasons: Reason[] = [];
  if (revocation !== null) {
    const message = `${key} was revoked at ${revocation.at} (run ${revocation.rotationId}); start "restore" to give it back.`;
    reasons.push({ code: 'already-revoked', message });
  } else if (versions.length === 0) {
    const message = `No version of ${key} is enabled: there is nothing to revoke.`;
    reasons.push({ code: 'nothing-to-revoke', message });
  }
  return decided('revoke', facts, { checks, reasons, versions });
}

function whatStops(target: TargetFacts, key: string): readonly Check[] {
  const name = nameOf(target);
  if (!target.exists) return on(target, 'not-found', 'yes', `${name} was not found; nothing of it is cut off.`);
  if (isEmpty(target)) return on(target, 'empty', 'yes', `${name} holds no record; nothing of it is cut off.`);
  if (!usesKey(target, key)) {
    return on(
      target,
      'not-known-to-use-key',
      'yes',
      `${name} does not say that it uses ${key}; if it does, it is cut off too.`,
    );
  }
  const what =
    target.kind === 'dataKeys' ? `none of its ${target.total} data keys opens any more` : 'it stops serving its data';
  const when = target.kind === 'dataKeys' ? 'at once' : 'when the key that it has cached has gone';
  return on(target, 'will-lose-access', 'yes', `${name}: ${what}, ${when}.`);
}

/** Enables again exactly what the revocation disabled, and nothing else: what a retirement disabled stays so. */
export function decideRestoration(facts: RevocationFacts): Decided {
  const { key, targets, versions, revocation } = facts;
  const wanted = revocation?.versions ?? [];
  const gone = wanted.filter((version) => !versions.some((known) => known.version === version));
  const checks: Check[] = wanted.flatMap((version) =>
    gone.includes(version)
      ? about('key', 'version-deleted', 'no', `Version ${version} is not in the vault.`)
      : about('key', 'version-there', 'yes', `Version ${version} is in the vault and will be enabled.`),
  );
  for (const target of targets) {
    if (isUnread(target)) checks.push(...unreadable(target));
    else if (target.exists && usesKey(target, key)) {
      checks.push(...on(target, 'will-open-again', 'yes', `${nameOf(target)} will open its data again.`));
    }
  }
  const reasons: Reason[] = [];
  if (revocation === null) {
    const message = `${key} has no revocation on record: there is nothing to restore. A version that somebody else disabled is enabled by hand.`;
    reasons.push({ code: 'not-revoked', message });
  } else if (gone.length > 0) {
    reasons.push({ code: 'version-deleted', message: recovery(key, gone) });
  }
  return decided('restore', facts, { checks, reasons, versions: wanted });
}

function recovery(key: string, gone: readonly string[]): string {
  const { hostname, pathname } = new URL(key);
  const name = pathname.split('/')[2] ?? '';
  const recover = `az keyvault key recover --vault-name ${hostname.split('.')[0]} --name ${name}`;
  return `${gone.join(', ')} of ${key} cannot be found: if the key was deleted, recover it while the vault keeps it (${recover}), then start "restore" again.`;
}

function decided(
  run: 'revoke' | 'restore',
  { key, targets, versions }: RevocationFacts,
  {
    checks,
    reasons,
    versions: touched,
  }: { checks: readonly Check[]; reasons: readonly Reason[]; versions: readonly string[] },
): Decided {
  const planHash = sha256Hex(
    canonicalJson({
      run,
      key,
      versions: versions.toSorted(byCreation).map(({ version, enabled }) => ({ version, enabled })),
      touched,
      targets: targets.map((target) => ({
        kind: target.kind,
        name: target.name,
        keyIdentifiers: isUnread(target) ? null : target.keyIdentifiers.toSorted(),
      })),
    }),
  );
  const previousVersion = touched.at(-1) ?? null;
  return {
    plan: { planHash, decision: reasons.length > 0 ? 'refuse' : 'go', previousVersion, nextVersion: null, checks },
    runPlan: { planHash, previousVersion, targets: targets.map((target) => planned(target, key)) },
    reasons,
  };
}

function planned(target: TargetFacts | UnreadTarget, key: string): PlannedTarget {
  const { kind, name } = target;
  if (isUnread(target)) return { kind, name, previousKid: null, previousVersion: null, total: 1, unread: true };
  const previousKid = entriesOf(target, key)[0] ?? null;
  const previousVersion = previousKid === null ? null : versionOf(previousKid);
  return { kind: target.kind, name: target.name, previousKid, previousVersion, total: target.total };
}
