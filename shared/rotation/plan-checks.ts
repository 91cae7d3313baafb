import type { Check } from '../contracts/rotation';
import { sameKey, versionOf } from './key-identifier';
import { nameOf, on, type TargetCheck } from './plan-check';
import { currentVersion, entriesOf, hasCmk, isEmpty, isReadable, isService, usesKey } from './plan-facts';
import type { TargetFacts } from './ports';
import { nextOfReplacement } from './replacement-checks';
import { versionChecks } from './version-checks';

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
const keyInUse: TargetCheck = (target, { key, replacement, now }) => {
  if (!isReadable(target) || !hasCmk(target)) return [];
  const count = entriesOf(target, key).length;
  const isOther = replacement !== undefined && !sameKey(replacement.key, key);
  const there = isOther ? entriesOf(target, replacement.key) : [];
  if (isOther && there.length > 0) {
    return alreadyThere(target, { count, there, next: nextOfReplacement(replacement, now) });
  }
  if (count === 1) return on(target, 'key-in-use', 'yes', `${nameOf(target)} uses ${key}.`);
  const message =
    count === 0
      ? `${nameOf(target)} uses another key than ${key}. Correct the configuration, or the resource.`
      : `${nameOf(target)} names ${key} ${count} times; leave one entry, so that it is clear which is meant.`;
  return on(target, count === 0 ? 'other-key-in-use' : 'key-named-twice', 'no', message);
};

/** A `replace` that was given up half way left some there: they count as moved, if it is the version that the others go to. */
function alreadyThere(
  target: TargetFacts,
  { count, there, next }: { readonly count: number; readonly there: readonly string[]; readonly next: string | null },
): readonly Check[] {
  const names = there.join(', ');
  if (count > 0 || there.length > 1) {
    const message = `${nameOf(target)} names ${names} beside the key that is to be replaced. Leave one entry, so that it is clear which is meant.`;
    return on(target, 'key-named-twice', 'no', message);
  }
  if (versionOf(there[0] ?? '') === next) {
    return on(target, 'key-in-use', 'yes', `${nameOf(target)} stands on ${names} already.`);
  }
  const message = `${nameOf(target)} stands on ${names} already, and the others would go to version ${next}. Name its version as toVersion.`;
  return on(target, 'replacement-other-version', 'no', message);
}

// Make sure that the target moves when we move it, and not by itself when a version is made.
const identifierVersioned: TargetCheck = (target, { key, policy, versions }) => {
  const [entry, ...more] = isService(target) && usesKey(target, key) ? entriesOf(target, key) : [];
  if (entry === undefined || more.length > 0) return [];
  if (versionOf(entry) !== null) {
    return on(target, 'identifier-versioned', 'yes', `${nameOf(target)} names a version of the key.`);
  }
  if (policy.pin) {
    const pinned = `${nameOf(target)} names ${key} without a version; as configured it is pinned to ${currentVersion(versions)} first.`;
    return on(
      target,
      'identifier-versioned',
      'yes',
      `${pinned} Other users of such an identifier follow a new version.`,
    );
  }
  const message = `${nameOf(target)} names ${key} without a version and would follow a new one by itself, without canary or order. Pin it to its present version first, or set "pin" in rotation.json.`;
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

// Make sure that every record can be rewrapped before the first one is, or that those that cannot may stay.
const recordsFit: TargetCheck = (target) => {
  if (!target.exists || target.kind !== 'dataKeys') return [];
  if (target.unfit.length > 0 && target.onBadDataKey === 'finish') {
    const bad = shorten(target.unfit.map(({ message }) => message));
    return on(target, 'records-fit', 'yes', `As configured, what cannot be rewrapped stays as it is: ${bad}`);
  }
  if (target.unfit.length > 0) return target.unfit.flatMap(({ code, message }) => on(target, code, 'no', message));
  return on(target, 'records-fit', 'yes', `All ${target.total} data key(s) of ${nameOf(target)} can be rewrapped.`);
};

/** In the order in which people would ask. */
export const targetChecks: readonly TargetCheck[] = [
  targetExists,
  encryptionEchoed,
  cmkEnabled,
  keyInUse,
  identifierVersioned,
  resourceActive,
  ...versionChecks,
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

function shorten(items: readonly string[]): string {
  const more = items.length - 5;
  return more > 0 ? `${items.slice(0, 5).join(', ')} and ${more} more` : items.join(', ');
}
