import type { Check, Reason } from '../contracts/rotation';
import { byCreation, capability, validity } from './choose-version';
import { kidOf, sameKey } from './key-identifier';
import { weaknesses } from './key-strength';
import { about, type KeyCheck } from './plan-check';
import type { PlanFacts, ReplacementFacts } from './plan-facts';
import type { KeyVersion } from './ports';

/** Which version of the replacement is next: the one on record, the one asked for, else the newest that can be used. None is ever made. */
export function chooseOfReplacement({
  key,
  versions,
  wanted,
  now,
}: {
  readonly key: string;
  readonly versions: readonly KeyVersion[];
  readonly wanted: string | null;
  readonly now: Date;
}): { readonly use: string; readonly why: string } | { readonly refuse: Reason } {
  if (versions.length === 0) {
    const message = `Key Vault has no key ${key}. Create it, or name another one.`;
    return { refuse: { code: 'replacement-not-found', message } };
  }
  const newestFirst = versions.toSorted(byCreation).toReversed();
  const candidates = wanted === null ? newestFirst : newestFirst.filter(({ version }) => version === wanted);
  const usable = candidates.find((version) => validity(version, now).length === 0);
  if (usable !== undefined) {
    const why = wanted === null ? `it is the newest usable version of ${key}` : 'it was asked for by name';
    return { use: usable.version, why };
  }
  const [first] = candidates;
  const [flaw] = first === undefined ? [] : validity(first, now);
  if (flaw === undefined) {
    const message = `${kidOf(key, wanted ?? '')} does not exist. Name a version that Key Vault lists, or none.`;
    return { refuse: { code: 'version-not-found', message } };
  }
  return { refuse: { code: flaw.code, message: `No version of ${key} can be used. ${flaw.message}` } };
}

/** The bare version that the run would move to; null if there is none. */
export function nextOfReplacement({ key, versions, toVersion }: ReplacementFacts, now: Date): string | null {
  const choice = chooseOfReplacement({ key, versions, wanted: toVersion, now });
  return 'use' in choice ? choice.use : null;
}

/** Make sure that the key to move to is another one, allowed, there, able, and not weaker than what is left behind. */
export const replacementFit: KeyCheck = (facts) => {
  const { key, replacement, now } = facts;
  if (replacement === undefined) return [];
  const no = (code: string, message: string): readonly Check[] => about('key', code, 'no', message);
  if (sameKey(replacement.key, key)) {
    return no(
      'same-key',
      `${key} is to replace itself. Name another key; a rotation goes to a new version of this one.`,
    );
  }
  if (!replacement.configured) {
    return no(
      'replacement-not-configured',
      `${replacement.key} is none of the "replacements" of ${key} in rotation.json, so nothing was asked of its vault. Add it there if it is meant.`,
    );
  }
  if (replacement.busy !== null) return no(replacement.busy.code, replacement.busy.message);
  const choice = chooseOfReplacement({ ...replacement, wanted: replacement.toVersion, now });
  if ('refuse' in choice) return no(choice.refuse.code, choice.refuse.message);
  const { next } = replacement;
  if (next === null) {
    return no('replacement-unreadable', `${kidOf(replacement.key, choice.use)} cannot be read. Grant keys/read on it.`);
  }
  const flaws = capability(next);
  if (flaws.length > 0) return flaws.flatMap(({ code, message }) => no(code, `${next.kid}: ${message}`));
  return [...notWeaker(facts, replacement), ...opens(replacement, next.kid)];
};

function notWeaker({ inUseDetails }: PlanFacts, { next }: ReplacementFacts): readonly Check[] {
  if (next === null) return [];
  if (inUseDetails.length === 0) {
    const message = 'Of the versions in use none can be read, so whether the replacement is weaker cannot be said.';
    return about('key', 'replacement-not-weaker', 'unknown', message);
  }
  const found = new Map(
    inUseDetails.flatMap((from) => weaknesses(from, next)).map((reason) => [reason.message, reason]),
  );
  const weaker = [...found.values()];
  if (weaker.length > 0) return weaker.flatMap(({ code, message }) => about('key', code, 'no', message));
  return about('key', 'replacement-not-weaker', 'yes', `${next.kid} is not weaker than what it replaces.`);
}

/** What nobody has used yet is proved by no use: a data key made up here was wrapped with it and unwrapped by its vault. */
function opens({ failed }: ReplacementFacts, kid: string): readonly Check[] {
  if (failed !== null) return about('key', failed.code, 'no', failed.message);
  return about('key', 'replacement-opens', 'yes', `A data key wrapped with ${kid} was unwrapped again by its vault.`);
}
