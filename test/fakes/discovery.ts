import type { Discovery, FoundResource, ResourceChange, UnreadSubscription } from '../../shared/rotation/ports';
import { type Fake, interference } from './interference';

interface FakeDiscoveryExtra {
  /** What is found from now on. Tests write to it freely. */
  readonly resources: FoundResource[];
  readonly unread: UnreadSubscription[];
  /** The latest change of each resource, by its id. */
  readonly changes: Map<string, ResourceChange>;
}

/** Subscriptions in memory in which nothing is found, unless a test puts it there. */
export function fakeDiscovery(effects: string[] = []): Fake<Discovery, FakeDiscoveryExtra> {
  const { interfere, run } = interference<Discovery>(effects);
  const resources: FoundResource[] = [];
  const unread: UnreadSubscription[] = [];
  const changes = new Map<string, ResourceChange>();
  return {
    interfere,
    resources,
    unread,
    changes,
    find: () => run('find', 'every hub and DPS', () => structuredClone({ resources, unread })),
    lastChange: (resourceId, since) =>
      run('lastChange', resourceId, () => {
        const change = changes.get(resourceId);
        return change === undefined || Date.parse(change.at) <= since.getTime() ? null : structuredClone(change);
      }),
  };
}
