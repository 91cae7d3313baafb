import type { Reason } from '../contracts/rotation';
import { sameKey, versionOf } from './key-identifier';
import type { Discovered, FoundResource } from './ports';
import type { ManagedKey, RotationPorts } from './run-ports';
import { managedKey } from './run-record';

/** Code of the reason that policy may accept: not everything could be looked through. */
const discoveryUnread = 'discovery-unread';

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
  const referring = strangersOf(managed, resources).flatMap(({ kind, resourceId, kids }) =>
    kids
      // An unversioned identifier follows by itself, nobody knows when: it may stand on any version.
      .filter((kid) => versionOf(kid) === null || versions.includes(versionOf(kid) ?? ''))
      .map(
        (kid): Reason => ({
          code: 'unknown-resource',
          message: `${called(kind)} ${resourceId} is no target of this key and refers to ${kid}. Add it to rotation.json and rotate, or move it to another key.`,
        }),
      ),
  );
  if (managed.acceptUnknown.includes(discoveryUnread)) return referring;
  return [...referring, ...unreadOf({ unread })];
}

/** One reason for each subscription that could not be looked through. */
const unreadOf = ({ unread }: Pick<Discovered, 'unread'>): readonly Reason[] =>
  unread.map(({ subscription, message }) => ({
    code: discoveryUnread,
    message: `The hubs and DPS of subscription ${subscription} could not all be read, so one that nobody configured may use this key. Give Keyturn's identity Reader there, or accept it: "acceptUnknown": ["${discoveryUnread}"]. ${message}`,
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

const called = (kind: FoundResource['kind']): string => (kind === 'iotHub' ? 'The hub' : 'The DPS');
