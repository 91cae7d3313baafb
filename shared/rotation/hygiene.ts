import type { Reason } from '../contracts/rotation';
import { versionOf } from './key-identifier';
import type { DeletedKey, KeyVersion, RotationPolicy } from './ports';

/** What is known of one KEK when its hygiene is judged. */
export interface HygieneFacts {
  readonly key: string;
  readonly versions: readonly KeyVersion[];
  readonly policy: RotationPolicy | null;
  /** Of a key that has no versions: what the vault remembers of it; null if it remembers nothing or does not say. */
  readonly deleted: DeletedKey | null;
  /** The targets, each with the identifiers of this KEK that it names, or with why it could not be read. */
  readonly targets: readonly { readonly called: string; readonly names: readonly string[] | Reason }[];
  /** Versions that were disabled on purpose (`revoke`). */
  readonly revoked: readonly string[];
  /** Nobody is to open anything with the key: it was revoked, and no run is under way that changes that. */
  readonly cutOff: boolean;
  readonly now: Date;
}

/**
 * What is wrong with a key or will be, without anybody having asked; never acted upon by itself. The messages hold no ages and no
 * counts, so that the same thing is told in the same words as long as it lasts.
 */
export function findingsOf(facts: HygieneFacts): readonly Reason[] {
  const unreadable = facts.targets.flatMap(({ called, names }) =>
    isReason(names)
      ? [
          finding(
            'target-unreadable',
            `${called} cannot be read (${names.code}): correct rotation.json, or Keyturn's roles.`,
          ),
        ]
      : [],
  );
  if (facts.versions.length === 0) return [missing(facts), ...unreadable];
  return [...ofVersionsInUse(facts), ...ofRevocation(facts), ...ofPolicy(facts), ...unreadable];
}

const finding = (code: string, message: string): Reason => ({ code, message });

const isReason = (names: readonly string[] | Reason): names is Reason => !Array.isArray(names);

function missing({ key, deleted, targets }: HygieneFacts): Reason {
  const users = targets.filter(({ names }) => !isReason(names) && names.length > 0).map(({ called }) => called);
  const used = users.length === 0 ? 'its targets' : users.join(', ');
  if (deleted === null) {
    return finding(
      'key-missing',
      `The vault has no key ${key}, which ${used} depend on: create it, or correct rotation.json.`,
    );
  }
  const until = deleted.purgedOn === null ? 'some day' : `on ${deleted.purgedOn.toISOString()}`;
  return finding(
    'key-soft-deleted',
    `${key}, which ${used} depend on, is deleted and will be gone for ever ${until}: recover it now (az keyvault key recover --id ${key.replace('/keys/', '/deletedkeys/')}).`,
  );
}

/** Who uses each version, and what is wrong with it. */
function ofVersionsInUse({ key, versions, targets, revoked, now }: HygieneFacts): readonly Reason[] {
  const users = new Map<string, string[]>();
  for (const { called, names } of targets) {
    if (isReason(names)) continue;
    for (const version of new Set(names.map((kid) => versionOf(kid) ?? ''))) {
      users.set(version, [...(users.get(version) ?? []), called]);
    }
  }
  return [...users].flatMap(([version, by]) => {
    if (version === '') return [];
    const found = versions.find((each) => each.version === version);
    const who = by.join(', ');
    if (found === undefined) {
      return [
        finding('version-missing', `${who} name version ${version}, which the vault does not list under ${key}.`),
      ];
    }
    return [
      ...(found.enabled || revoked.includes(version)
        ? []
        : [
            finding(
              'disabled-version-referred-to',
              `Version ${version} is disabled and ${who} still refer to it: their data cannot be opened once no cached key is left. Enable it (az keyvault key set-attributes --enabled true --id ${found.kid}), then rotate.`,
            ),
          ]),
      ...ofExpiry(found, who, now),
    ];
  });
}

/** Key Vault's own policy goes on making versions under a key that was revoked, and each of them is a way in. */
function ofRevocation({ key, versions, cutOff }: HygieneFacts): readonly Reason[] {
  if (!cutOff) return [];
  return versions
    .filter(({ enabled }) => enabled)
    .map(({ version, kid }) =>
      finding(
        'revoked-but-enabled',
        `Version ${version} of ${key} is enabled although the key is revoked: whoever may use the key can wrap and unwrap with it. Disable it (az keyvault key set-attributes --enabled false --id ${kid}), and take away what makes or enables versions; or start "restore".`,
      ),
    );
}

function ofExpiry({ version, expiresOn }: KeyVersion, who: string, now: Date): readonly Reason[] {
  if (expiresOn === null) {
    return [
      finding(
        'no-expiry',
        `Version ${version}, which ${who} use, never expires: nothing makes it rotate in time. Set an expiry.`,
      ),
    ];
  }
  if (expiresOn > now) return [];
  return [
    finding(
      'expired-in-use',
      `Version ${version} expired on ${expiresOn.toISOString()} and ${who} still use it: it unwraps, but wraps nothing any more. Rotate.`,
    ),
  ];
}

/** Key Vault answers a policy even where nobody has set one: it then gives notice, and neither rotates nor lets anything expire. */
function ofPolicy({ key, policy }: HygieneFacts): readonly Reason[] {
  const sets = [policy?.expiresIn, policy?.rotatesAfterCreate, policy?.rotatesBeforeExpiry].some(
    (each) => each != null,
  );
  if (sets) return [];
  return [
    finding(
      'no-rotation-policy',
      `${key} has no rotation policy that sets an expiry or rotates: new versions would never expire. Set one.`,
    ),
  ];
}
