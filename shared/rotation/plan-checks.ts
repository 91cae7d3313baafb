import type { Check, CheckResult } from '../contracts/rotation';
import { byCreation, capability, validity } from './choose-version';
import { kidOf, parseKeyIdentifier, sameKey } from './key-identifier';
import { isEmpty, isService, longestRunSeconds, type PlanFacts, versionInUse, versionsOfTarget } from './plan-facts';
import type { TargetFacts } from './ports';

/**
 * The checks of a plan: small, pure, each answering one question with yes, no or *unknown*, under a stable code and with a sentence
 * that names the thing and, unless it is yes, the next step. A check answers nothing where its question makes no sense,
 * so that one cause gives one no. The code of a yes or an unknown names the question, the code of a no names what is wrong.
 */
export type KeyCheck = (facts: PlanFacts) => readonly Check[];
export type TargetCheck = (target: TargetFacts, facts: PlanFacts) => readonly Check[];

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

// --- A target ----------------------------------------------------------------------------------------------------------

// Make sure there is something to move.
const targetExists: TargetCheck = (target) =>
  target.exists
    ? on(target, 'target-exists', 'yes', `${nameOf(target)} exists.`)
    : on(
        target,
        'target-not-found',
        'no',
        `${nameOf(target)} was not found. Correct its id in the configuration, or create it.`,
      );

// Make sure we see what we would write back: a resource that hides its block would be replaced without it.
const encryptionEchoed: TargetCheck = (target) => {
  if (!target.exists || !isService(target)) return [];
  if (target.echoesEncryption) return on(target, 'encryption-echoed', 'yes', `${nameOf(target)} shows its encryption.`);
  const message = `${nameOf(target)} does not show its encryption, so which key it uses cannot be known. Read it with the api-version that has it.`;
  return on(target, 'encryption-not-echoed', 'no', message);
};

// Make sure that a customer-managed key is really on.
const cmkEnabled: TargetCheck = (target) => {
  if (!isReadable(target)) return [];
  if (hasCmk(target)) return on(target, 'cmk-enabled', 'yes', `${nameOf(target)} uses a customer-managed key.`);
  const message = `${nameOf(target)} does not use a customer-managed key (key source ${target.keySource ?? 'none'}). Take it out of the configuration.`;
  return on(target, 'cmk-not-enabled', 'no', message);
};

// Make sure that it is this KEK, named once; other keys beside it are allowed and stay untouched.
const keyInUse: TargetCheck = (target, { key }) => {
  if (!isReadable(target) || !hasCmk(target)) return [];
  const count = entriesOf(target, key).length;
  if (count === 1) return on(target, 'key-in-use', 'yes', `${nameOf(target)} uses ${key}.`);
  const message =
    count === 0
      ? `${nameOf(target)} uses another key than ${key}. Correct the configuration, or the resource.`
      : `${nameOf(target)} names ${key} ${count} times; leave one entry, so that it is clear which is meant.`;
  return on(target, count === 0 ? 'other-key-in-use' : 'key-named-twice', 'no', message);
};

// Make sure that the target moves when we move it, and not by itself when a version is made.
const identifierVersioned: TargetCheck = (target, { key }) => {
  const [entry, ...more] = isService(target) && usesKey(target, key) ? entriesOf(target, key) : [];
  if (entry === undefined || more.length > 0) return [];
  if (parseKeyIdentifier(entry)?.version != null) {
    return on(target, 'identifier-versioned', 'yes', `${nameOf(target)} names a version of the key.`);
  }
  const message = `${nameOf(target)} names ${key} without a version and would follow a new one by itself, without canary or order. Pin it to its present version first.`;
  return on(target, 'unversioned-identifier', 'no', message);
};

// Make sure the resource takes an update.
const resourceActive: TargetCheck = (target) => {
  if (!target.exists || !isService(target)) return [];
  if (target.state === null)
    return on(target, 'resource-active', 'unknown', `${nameOf(target)} shows no state. Look at it in the portal.`);
  if (target.state.toLowerCase() === 'active')
    return on(target, 'resource-active', 'yes', `${nameOf(target)} is Active.`);
  return on(
    target,
    'resource-not-active',
    'no',
    `${nameOf(target)} is ${target.state}, not Active. Wait until it is, then start again.`,
  );
};

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
    const message = `${kid}, on which ${nameOf(target)} stands, ${when}; soak and every deadline may last until ${until.toISOString()}, and after its expiry there is no way back. Extend its expiry, or shorten soak and deadlines, then start again.`;
    return on(target, 'previous-expires-too-soon', 'no', message);
  });
};

// Make sure that the service will be let in to the vault: by its role, and by the network.
const identityMayUseKey: TargetCheck = (target) => {
  if (!target.exists) return [];
  const code = target.mayUseKey === 'no' ? 'identity-may-not-use-key' : 'identity-may-use-key';
  return on(target, code, target.mayUseKey, target.mayUseKeyMessage);
};

const networkAllows: TargetCheck = (target) => {
  if (!target.exists) return [];
  return on(
    target,
    target.networkAllows === 'no' ? 'network-refuses' : 'network-allows',
    target.networkAllows,
    target.networkMessage,
  );
};

// Make sure that it works now: what was broken before we came would be found broken after us.
const probeGreen: TargetCheck = (target) => {
  if (!target.exists || isEmpty(target)) return [];
  const { colour, message } = target.probe;
  const result = ({ green: 'yes', red: 'no', unknown: 'unknown' } as const)[colour];
  return on(target, colour === 'red' ? 'probe-red' : 'probe-green', result, message);
};

// Make sure that a full replacement replaces nothing by asterisks.
const nothingMasked: TargetCheck = (target) => {
  if (!target.exists || !isService(target)) return [];
  if (target.masked.length === 0)
    return on(target, 'nothing-masked', 'yes', `${nameOf(target)} hides nothing that must be written back.`);
  const message = `${nameOf(target)} hides what would have to be written back: ${shorten(target.masked)}. Move these to identity-based settings, then start again.`;
  return on(target, 'secrets-masked', 'no', message);
};

// Make sure that every record can be rewrapped before the first one is.
const recordsFit: TargetCheck = (target) => {
  if (!target.exists || target.kind !== 'dataKeys') return [];
  if (target.unfit.length > 0) return target.unfit.flatMap(({ code, message }) => on(target, code, 'no', message));
  return on(target, 'records-fit', 'yes', `All ${target.total} data key(s) of ${nameOf(target)} can be rewrapped.`);
};

export const keyChecks: readonly KeyCheck[] = [keyExists, toVersionUsable, targetsAlike];

export const targetChecks: readonly TargetCheck[] = [
  targetExists,
  encryptionEchoed,
  cmkEnabled,
  keyInUse,
  identifierVersioned,
  resourceActive,
  previousEnabled,
  previousCapable,
  previousOutlastsRun,
  identityMayUseKey,
  networkAllows,
  probeGreen,
  nothingMasked,
  recordsFit,
];

/** Questions about the vault's doors that role assignments and rules often cannot answer, but a service that works now can. */
const answeredByUse: readonly string[] = ['identity-may-use-key', 'network-allows'];

/** Whether an *unknown* of this code may stand because the target opens its data with this very key today. */
export function isProvedByUse(code: string, target: TargetFacts, key: string): boolean {
  return answeredByUse.includes(code) && target.probe.colour === 'green' && usesKey(target, key);
}

/** Versions that a target would leave: all that it stands on, but for the one it was asked to go to. */
function leaving(target: TargetFacts, facts: PlanFacts): readonly string[] {
  if (!target.exists || facts.versions.length === 0) return [];
  return versionsOfTarget(target, facts).filter((version) => version !== facts.toVersion);
}

function isReadable(target: TargetFacts): boolean {
  return target.exists && isService(target) && target.echoesEncryption;
}

function hasCmk({ keySource, keyIdentifiers }: TargetFacts): boolean {
  return keySource?.toLowerCase() === 'microsoft.keyvault' && keyIdentifiers.length > 0;
}

function entriesOf({ keyIdentifiers }: TargetFacts, key: string): readonly string[] {
  return keyIdentifiers.filter((identifier) => sameKey(identifier, key));
}

function usesKey(target: TargetFacts, key: string): boolean {
  const readable = target.kind === 'dataKeys' ? target.exists : isReadable(target) && hasCmk(target);
  return readable && entriesOf(target, key).length > 0;
}

function nameOf({ kind, name }: TargetFacts): string {
  return `${kind}/${name}`;
}

function shorten(items: readonly string[]): string {
  const more = items.length - 5;
  return more > 0 ? `${items.slice(0, 5).join(', ')} and ${more} more` : items.join(', ');
}

function on(target: TargetFacts, code: string, result: CheckResult, message: string): readonly Check[] {
  return about(nameOf(target), code, result, message);
}

function about(target: string, code: string, result: CheckResult, message: string): readonly Check[] {
  return [{ target, code, result, message }];
}
