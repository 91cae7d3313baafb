import type { Reason } from '../contracts/rotation';
import { sameKey, versionOf } from './key-identifier';
import type { Discovered, FoundResource } from './ports';
import type { ManagedKey, RotationPorts } from './run-ports';
import { managedKey } from './run-record';

/** Code of the reason that policy may accept: not everything could be looked through. */
const discoveryUnread = 'discovery-unread';
/** Code of a hub or DPS that uses a KEK without being one of its targets. */
export const unknownResource = 'unknown-resource';

/**
 * What else than the targets stands in the way of retiring these versions: a hub or DPS that nobody configured and that names one
 * of them, or the key without a version; and, unless `acceptUnknown` says otherwise, a subscription that could not be looked
 * through, because what cannot be read is not idle (I12). Asked under the claim, right before a version is disabled (I1).
 */
export async function discoveredReferences(
  ports: Pick<RotationPorts, 'discovery' | 'managed'>,
  key: string,
  versions: readonly string[],
): Promise<readonly Reason[]> {
  const managed = managedKey(ports, key);
  const { resources, unread } = await ports.discovery.find();
  const referring = strangersOf(managed, resources).flatMap(({ kind, resourceId, kids, underWay = false }) =>
    kids
      // An unversioned identifier follows by itself, nobody knows when: it may stand on any version. So may what is under way.
      .filter((kid) => underWay || versionOf(kid) === null || versions.includes(versionOf(kid) ?? ''))
      .map(
        (kid): Reason => ({
          code: unknownResource,
          message: unknown(kind, resourceId, kid),
        }),
      ),
  );
  if (managed.acceptUnknown.includes(discoveryUnread)) return referring;
  return [...referring, ...unreadOf({ unread })];
}

/** What a sweep has to say of one KEK after it has looked through the subscriptions; `partly` if not all of them could be. */
export function discoveryFindings(
  managed: ManagedKey,
  { resources, unread }: Discovered,
): { readonly findings: readonly Reason[]; readonly partly: boolean } {
  const strangers = strangersOf(managed, resources).flatMap(({ kind, resourceId, kids }) =>
    kids.map((kid): Reason => ({ code: unknownResource, message: unknown(kind, resourceId, kid) })),
  );
  // Without what was said when it failed: that may be another sentence every time.
  const bare = managed.acceptUnknown.includes(discoveryUnread) ? [] : unread.map((each) => ({ ...each, message: '' }));
  return { findings: [...strangers, ...unreadOf({ unread: bare })], partly: unread.length > 0 };
}

/** One reason for each subscription that could not be looked through. */
const unreadOf = ({ unread }: Pick<Discovered, 'unread'>): readonly Reason[] =>
  unread.map(({ subscription, message }) => ({
    code: discoveryUnread,
    message:
      `The hubs and DPS of subscription ${subscription} could not all be read, so one that nobody configured may use this key. Give Keyturn's identity Reader there, or accept it: "acceptUnknown": ["${discoveryUnread}"]. ${message}`.trimEnd(),
  }));

interface Stranger extends FoundResource {
  /** The identifiers of this KEK that it names. */
  readonly kids: readonly string[];
}

/** The found hubs and DPS that name this KEK and are none of its targets. */
function strangersOf({ key, targets }: ManagedKey, resources: readonly FoundResource[]): readonly Stranger[] {
  const known = new Set(targets.flatMap((each) => (each.kind === 'dataKeys' ? [] : [each.resourceId.toLowerCase()])));
  return resources
    .map((each) => ({ ...each, kids: each.keyIdentifiers.filter((kid) => sameKey(kid, key)) }))
    .filter(({ resourceId, kids }) => kids.length > 0 && !known.has(resourceId.toLowerCase()));
}

const unknown = (kind: FoundResource['kind'], resourceId: string, kid: string): string =>
  `The ${kind === 'iotHub' ? 'hub' : 'DPS'} ${resourceId} is no target of this key and refers to ${kid}. Add it to rotation.json and rotate, or move it to another key.`;
