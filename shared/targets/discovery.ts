import { FaultError, RefusalError } from '../rotation/errors';
import type {
  Discovered,
  Discovery,
  FoundResource,
  RawResource,
  ResourceChange,
  ResourceManager,
  UnreadSubscription,
} from '../rotation/ports';
import { readsAtOnce, settledSideBySide } from '../rotation/side-by-side';
import { isRecord, readEncryption } from './encryption';

export interface DiscoverySettings {
  /** Ids of the subscriptions to look through. */
  readonly subscriptions: readonly string[];
  readonly hubApiVersion: string;
  readonly dpsApiVersion: string;
}

interface Dialect {
  readonly kind: FoundResource['kind'];
  readonly type: string;
  readonly apiVersion: string;
}

/**
 * Finds every hub and DPS by ARM's lists: they are complete or refused, up to date, and in the api-version that carries
 * `encryption`. Azure Resource Graph is none of these (it shows what may be read, minutes late, in an api-version of its own choice),
 * so it is asked only where the lists are refused, for addresses alone, and the subscription then counts as unread.
 */
export function createDiscovery(resourceManager: ResourceManager, settings: DiscoverySettings): Discovery {
  const { subscriptions, hubApiVersion, dpsApiVersion } = settings;
  const dialects: readonly Dialect[] = [
    { kind: 'iotHub', type: 'Microsoft.Devices/IotHubs', apiVersion: hubApiVersion },
    { kind: 'dps', type: 'Microsoft.Devices/provisioningServices', apiVersion: dpsApiVersion },
  ];

  const list = async (subscription: string, { kind, type, apiVersion }: Dialect): Promise<readonly FoundResource[]> => {
    const path = `/subscriptions/${subscription}/providers/${type}?api-version=${apiVersion}`;
    return (await resourceManager.list(path)).flatMap((resource) => foundIn(kind, resource));
  };

  const lookThrough = async (subscription: string): Promise<Discovered> => {
    const listed = await Promise.allSettled(dialects.map((dialect) => list(subscription, dialect)));
    const resources = listed.flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
    const failed = listed.find((each) => each.status === 'rejected');
    return { resources, unread: failed === undefined ? [] : [{ subscription, message: toldOf(failed.reason) }] };
  };

  /** What Resource Graph has the address of, each read in the api-version that carries `encryption`. */
  const lookForWhatIsLeft = async (unread: readonly UnreadSubscription[]): Promise<readonly FoundResource[]> => {
    const types = dialects.map(({ type }) => `'${type}'`).join(', ');
    const query = `resources | where type in~ (${types}) | project id, type`;
    const rows = await resourceManager.query(
      unread.map(({ subscription }) => subscription),
      query,
    );
    const read = async ({ id, type }: RawResource): Promise<readonly FoundResource[]> => {
      const dialect = dialects.find((each) => each.type.toLowerCase() === String(type).toLowerCase());
      if (dialect === undefined || typeof id !== 'string') return [];
      const resource = await resourceManager.find(id, dialect.apiVersion);
      return resource === null ? [] : foundIn(dialect.kind, resource);
    };
    // One that cannot be read does not hide the others: its subscription counts as unread whatever is found.
    const all = await settledSideBySide(rows, readsAtOnce, read);
    return all.flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
  };

  return {
    async find() {
      const looked = await Promise.all(subscriptions.map(lookThrough));
      const listed = looked.flatMap(({ resources }) => resources);
      const unread = looked.flatMap((each) => each.unread);
      const more = unread.length === 0 ? [] : await lookForWhatIsLeft(unread).catch(nothingIfTold);
      const known = new Set(listed.map(({ resourceId }) => resourceId.toLowerCase()));
      return { resources: [...listed, ...more.filter((each) => !known.has(each.resourceId.toLowerCase()))], unread };
    },

    async lastChange(resourceId, since) {
      const subscription = subscriptionOf(resourceId);
      if (subscription === null) return null;
      const query = [
        'resourcechanges',
        `where properties.targetResourceId =~ '${resourceId}'`,
        `where todatetime(properties.changeAttributes.timestamp) > datetime(${since.toISOString()})`,
        'project properties',
      ].join(' | ');
      const changes = (await resourceManager.query([subscription], query)).flatMap(readChange);
      const newest = changes.toSorted((a, b) => Date.parse(b.at) - Date.parse(a.at));
      return newest.find(({ ofKey }) => ofKey) ?? newest[0] ?? null;
    },
  };
}

/** Id of the subscription that a resource is in; null for what is no resource id. */
const subscriptionOf = (resourceId: string): string | null =>
  /^\/subscriptions\/([\w-]+)\//i.exec(resourceId)?.[1]?.toLowerCase() ?? null;

function isUnderWay({ properties }: RawResource): boolean {
  const { state } = isRecord(properties) ? properties : {};
  return typeof state === 'string' && state.toLowerCase() !== 'active';
}

function foundIn(kind: FoundResource['kind'], resource: RawResource): readonly FoundResource[] {
  const { id } = resource;
  if (typeof id !== 'string') return [];
  const keyIdentifiers = readEncryption(resource)?.keyIdentifiers ?? [];
  return [{ kind, resourceId: id, keyIdentifiers, ...(isUnderWay(resource) ? { underWay: true } : {}) }];
}

/**
 * A row of `resourcechanges` (Azure's documentation "Get resource changes", 2024-04: `properties.changeAttributes` and
 * `properties.changes`, by the path of the property that changed).
 */
function readChange({ properties }: RawResource): readonly ResourceChange[] {
  const { changeAttributes, changes } = isRecord(properties) ? properties : {};
  const { timestamp, changedBy, clientType, correlationId } = isRecord(changeAttributes) ? changeAttributes : {};
  if (typeof timestamp !== 'string' || Number.isNaN(Date.parse(timestamp))) return [];
  const ofKey = isRecord(changes) && Object.keys(changes).some((path) => /encryption/i.test(path));
  const at = new Date(timestamp).toISOString();
  return [{ at, by: textOr(changedBy), client: textOr(clientType), correlationId: textOr(correlationId), ofKey }];
}

const textOr = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

const toldOf = (error: unknown): string => {
  if (error instanceof FaultError || error instanceof RefusalError) return error.message;
  throw error;
};

const nothingIfTold = (error: unknown): readonly FoundResource[] => {
  toldOf(error);
  return [];
};
