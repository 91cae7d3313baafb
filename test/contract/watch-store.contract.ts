import { randomUUID } from 'node:crypto';
import { ConflictError } from '../../shared/rotation/errors';
import type { Watched, WatchStore } from '../../shared/rotation/ports';

/** What the sweep relies on of its memory, held against one. `setup` runs once; every test takes a KEK of its own. */
export function describeWatchStoreContract(name: string, setup: () => Promise<WatchStore>): void {
  describe(`the contract of what the sweep remembers, kept by ${name}`, () => {
    let store: WatchStore;
    let key: string;
    beforeAll(async () => {
      store = await setup();
    });
    beforeEach(() => {
      key = `https://kv-test.vault.azure.net/keys/${randomUUID()}`;
    });

    test('of a KEK of which nothing was found there is nothing', async () => {
      expect(await store.read(key)).toEqual({ watched: null, etag: null });
    });

    test('what was found is read as it was written, however long, for every spelling of the KEK', async () => {
      const findings = Array.from({ length: 400 }, (_, index) => ({
        code: 'no-expiry',
        message: `${index}`.repeat(100),
      }));
      await store.put(key, { ...watched, findings }, null);
      const { watched: read, etag } = await store.read(key.toUpperCase().replace('HTTPS', 'https'));
      expect(read).toEqual({ ...watched, findings });
      expect(etag).not.toBeNull();
    });

    test('of two that write at once one wins, and the other is told', async () => {
      await store.put(key, watched, null);
      await expect(store.put(key, watched, null)).rejects.toThrow(ConflictError);
      const { etag } = await store.read(key);
      await store.put(key, { ...watched, drifts: [] }, etag);
      await expect(store.put(key, watched, etag)).rejects.toThrow(ConflictError);
      expect((await store.read(key)).watched?.drifts).toEqual([]);
    });

    test('the end of the last sweep takes the place of the one before', async () => {
      await store.putSweep(end);
      await store.putSweep({ ...end, failed: 2 });
      expect(await store.lastSweep()).toEqual({ ...end, failed: 2 });
    });
  });
}

const watched: Watched = {
  drifts: [
    {
      ...{ kind: 'iotHub', name: 'hub-1', version: null, expected: '2'.repeat(32) },
      ...{ since: '2026-11-22T12:00:00.000Z', cause: null },
    },
  ],
  findings: [{ code: 'no-expiry', message: 'It never expires.' }],
  changedAt: '2026-11-22T12:00:00.000Z',
};
const end = {
  startedAt: '2026-11-22T12:00:00.000Z',
  finishedAt: '2026-11-22T12:00:07.000Z',
  keys: 3,
  failed: 1,
};
