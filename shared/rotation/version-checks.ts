import { byCreation, capability, validity } from './choose-version';
import { kidOf } from './key-identifier';
import { about, type KeyCheck, nameOf, on, type TargetCheck } from './plan-check';
import { isService, longestRunSeconds, type PlanFacts, versionInUse, versionsOfTarget } from './plan-facts';
import type { TargetFacts } from './ports';

// --- The KEK itself ----------------------------------------------------------------------------------------------------

const keyExists: KeyCheck = ({ key, versions }) =>
  versions.length > 0
    ? about('key', 'key-exists', 'yes', `${key} has ${versions.length} version(s).`)
    : about('key', 'key-not-found', 'no', `Key Vault has no key ${key}. Correct the configuration, or create the key.`);

const toVersionUsable: KeyCheck = (facts) => {
  const { key, toVersion, versions, now } = facts;
  if (toVersion === null || versions.length === 0) return [];
  const wanted = versions.find(({ version }) => version === toVersion);
  if (wanted === undefined) {
    return about(
      'key',
      'version-not-found',
      'no',
      `${kidOf(key, toVersion)} does not exist. Name a version that Key Vault lists.`,
    );
  }
  const [flaw] = validity(wanted, now);
  if (flaw !== undefined)
    return about('key', flaw.code, 'no', `${flaw.message} Name a version that can be used, or none.`);
  const inUse = versions.find(({ version }) => version === versionInUse(facts));
  if (inUse !== undefined && byCreation(wanted, inUse) < 0) {
    const message = `Version ${toVersion} is older than ${inUse.version}, which is in use. Name a newer version, or none.`;
    return about('key', 'to-version-older', 'no', message);
  }
  const detail = facts.inUseDetails.find(({ version }) => version === toVersion);
  const flaws = detail === undefined ? [] : capability(detail);
  if (flaws.length > 0) return flaws.flatMap((unfit) => about('key', unfit.code, 'no', unfit.message));
  return about('key', 'to-version-usable', 'yes', `Version ${toVersion} is enabled, within its dates and not older.`);
};

/** Not a condition, but worth seeing before a rollback: each target goes back to where the plan found it (I8). */
const targetsAlike: KeyCheck = (facts) => {
  const services = facts.targets.filter((target) => isService(target) && versionsOfTarget(target, facts).length > 0);
  if (services.length < 2) return [];
  const where = services.map((target) => `${nameOf(target)} on ${versionsOfTarget(target, facts).join(', ')}`);
  const alike = new Set(services.map((target) => versionsOfTarget(target, facts).join())).size === 1;
  const message = alike
    ? 'Hub and DPS begin alike'
    : 'Hub and DPS begin on different versions, and would go back to those';
  return about('key', 'starting-versions', 'yes', `${message}: ${where.join('; ')}.`);
};

// --- The versions that a target would leave -------------------------------------------------------------------------------

// Make sure that what would have to be opened can be opened: no operation works with a disabled version.
const previousEnabled: TargetCheck = (target, facts) =>
  leaving(target, facts).flatMap((version) => {
    const found = facts.versions.find((candidate) => candidate.version === version);
    const kid = kidOf(facts.key, version);
    if (found === undefined) {
      return on(
        target,
        'previous-not-found',
        'no',
        `${nameOf(target)} stands on ${kid}, which Key Vault does not list. Recover the version.`,
      );
    }
    if (found.enabled)
      return on(target, 'previous-enabled', 'yes', `${kid}, on which ${nameOf(target)} stands, is enabled.`);
    return on(
      target,
      'previous-disabled',
      'no',
      `${nameOf(target)} stands on ${kid}, which is disabled. Enable it, then start again.`,
    );
  });

// Make sure that the key is one that can wrap: a new version copies the present one.
const previousCapable: TargetCheck = (target, facts) =>
  leaving(target, facts).flatMap((version) => {
    if (facts.versions.find((candidate) => candidate.version === version)?.enabled !== true) return [];
    const detail = facts.inUseDetails.find((candidate) => candidate.version === version);
    if (detail === undefined) {
      return on(
        target,
        'key-can-wrap',
        'unknown',
        `Type and operations of ${kidOf(facts.key, version)} could not be read. Grant keys/read.`,
      );
    }
    const flaws = capability(detail);
    if (flaws.length === 0)
      return on(target, 'key-can-wrap', 'yes', `${kidOf(facts.key, version)} can wrap and unwrap.`);
    return flaws.flatMap(({ code, message }) => on(target, code, 'no', message));
  });

/**
 * Make sure that the way back stays open: an expired version unwraps but does not wrap, and a service that is put back wraps.
 * Data keys go back to blobs they had, so theirs is asked about only where no service is.
 */
const previousOutlastsRun: TargetCheck = (target, facts) => {
  if (!isService(target) && facts.targets.some(isService)) return [];
  const until = new Date(facts.now.getTime() + longestRunSeconds(facts.policy, facts.targets) * 1000);
  return leaving(target, facts).flatMap((version) => {
    const expiresOn = facts.versions.find((candidate) => candidate.version === version)?.expiresOn;
    if (expiresOn === undefined) return [];
    const kid = kidOf(facts.key, version);
    if (expiresOn === null || expiresOn > until) {
      return on(
        target,
        'previous-outlasts-run',
        'yes',
        `${kid} ${expiresOn === null ? 'does not expire' : `expires at ${expiresOn.toISOString()}, after any end of this run`}.`,
      );
    }
    const when =
      expiresOn <= facts.now ? `expired at ${expiresOn.toISOString()}` : `expires at ${expiresOn.toISOString()}`;
    const { expiredPrevious } = facts.policy;
    if (expiredPrevious !== 'refuse') {
      const next =
        expiredPrevious === 'extend'
          ? 'As configured its expiry is extended first.'
          : 'As configured the run goes on; after that time there is no way back.';
      return on(target, 'previous-outlasts-run', 'yes', `${kid}, on which ${nameOf(target)} stands, ${when}. ${next}`);
    }
    const message = `${kid}, on which ${nameOf(target)} stands, ${when}; soak and every deadline may last until ${until.toISOString()}, and after its expiry there is no way back. Extend its expiry, or shorten soak and deadlines, then start again.`;
    return on(target, 'previous-expires-too-soon', 'no', message);
  });
};

/** Versions that a target would leave: all that it stands on, but for the one it was asked to go to. */
function leaving(target: TargetFacts, facts: PlanFacts): readonly string[] {
  if (!target.exists || facts.versions.length === 0) return [];
  return versionsOfTarget(target, facts).filter((version) => version !== facts.toVersion);
}

export const keyChecks: readonly KeyCheck[] = [keyExists, toVersionUsable, targetsAlike];

export const versionChecks: readonly TargetCheck[] = [previousEnabled, previousCapable, previousOutlastsRun];
