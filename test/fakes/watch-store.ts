import { ConflictError } from '../../shared/rotation/errors';
import { partitionOf } from '../../shared/rotation/key-identifier';
import type { SweepEnd, Watched, WatchStore } from '../../shared/rotation/ports';
import { type Fake, interference } from './interference';

/** What the sweep remembers, in memory. */
export function fakeWatchStore(effects: string[] = []): Fake<WatchStore> {
  const { interfere, run } = interference<WatchStore>(effects);
  const rows = new Map<string, { watched: Watched; etag: string }>();
  let last: SweepEnd | null = null;
  let writes = 0;
  return {
    interfere,
    read: (key) =>
      run('read', 'what was found', () => structuredClone(rows.get(partitionOf(key)) ?? { watched: null, etag: null })),
    put: (key, watched, etag) =>
      run('put', 'what was found', () => {
        if ((rows.get(partitionOf(key))?.etag ?? null) !== etag) throw new ConflictError('Another sweep was faster.');
        rows.set(partitionOf(key), { watched: structuredClone(watched), etag: `"${++writes}"` });
      }),
    lastSweep: () => run('lastSweep', '', () => structuredClone(last)),
    putSweep: (end) =>
      run('putSweep', '', () => {
        last = structuredClone(end);
      }),
  };
}
