import { randomUUID } from 'node:crypto';
import type { Rotation } from '../../shared/contracts/rotation';
import type { RotationHistory, RotationQuery } from '../../shared/rotation/ports';

/** What Keyturn relies on of its history, held against one. `setup` runs once; every test takes a KEK of its own. */
export function describeRotationHistoryContract(name: string, setup: () => Promise<RotationHistory>): void {
  describe(`the rotation history contract, kept by ${name}`, () => {
    let history: RotationHistory;
    let key: string;
    let suffix: string;

    beforeAll(async () => {
      history = await setup();
    });
    beforeEach(() => {
      key = `https://kv-test.vault.azure.net/keys/${randomUUID()}`;
      suffix = randomUUID().replaceAll('-', '').slice(0, 6);
    });

    const idAt = (minute: number): string => `20261122T14${String(minute).padStart(2, '0')}00000Z-abcdef-${suffix}`;
    const rotationAt = (minute: number, more: Partial<Rotation> = {}): Rotation => ({
      ...rotation,
      rotationId: idAt(minute),
      key,
      requestedAt: instant(minute).toISOString(),
      ...more,
    });
    const list = async (query: Partial<RotationQuery>): Promise<string[]> => {
      const found: string[] = [];
      let continuation: string | null = null;
      do {
        const page = await history.list({ ...everything, key, ...query, continuation });
        expect(page.items.length).toBeLessThanOrEqual(query.limit ?? everything.limit);
        found.push(...page.items.map(({ rotationId }) => rotationId));
        continuation = page.continuation;
      } while (continuation !== null);
      return found;
    };

    test('a rotation that nobody asked for is not there', async () => {
      expect(await history.get(idAt(1))).toBeNull();
      expect(await history.list({ ...everything, key })).toEqual({ items: [], continuation: null });
    });

    test('a rotation is read as it was written', async () => {
      const written = rotationAt(1, {
        reasons: [{ code: 'probes-red', message: 'é “red”' }],
        endedAt: instant(2).toISOString(),
      });
      await history.put(written);
      expect(await history.get(idAt(1))).toEqual(written);
      expect((await history.list({ ...everything, key })).items).toEqual([written]);
    });

    test('a rotation with fifty targets fits', async () => {
      const target = (index: number) =>
        ({ kind: 'iotHub', name: `hub-${index}`, version: 'f'.repeat(32), done: 1, total: 1 }) as const;
      const written = rotationAt(1, { targets: Array.from({ length: 50 }, (_, index) => target(index)) });
      await history.put(written);
      expect(await history.get(idAt(1))).toEqual(written);
    });

    test('writing again replaces the whole document, in the list too', async () => {
      await history.put(rotationAt(1, { phase: 'planning' }));
      await history.put(rotationAt(1, { phase: 'refused', reasons: [{ code: 'probe-red', message: 'Red.' }] }));
      expect(await history.get(idAt(1))).toMatchObject({ phase: 'refused' });
      expect(await list({})).toEqual([idAt(1)]);
      expect(await list({ phase: 'planning' })).toEqual([]);
      expect(await list({ phase: 'refused' })).toEqual([idAt(1)]);
    });

    test('the list is newest first, in pages that end with null', async () => {
      for (const minute of [3, 1, 5, 2, 4]) await history.put(rotationAt(minute));
      const newestFirst = [5, 4, 3, 2, 1].map(idAt);
      expect(await list({})).toEqual(newestFirst);
      expect(await list({ limit: 2 })).toEqual(newestFirst);
      expect(await list({ limit: 5 })).toEqual(newestFirst);
    });

    test('a rotation that begins while somebody turns pages shows no other twice', async () => {
      for (const minute of [1, 2, 3, 4]) await history.put(rotationAt(minute));
      const first = await history.list({ ...everything, key, limit: 2 });
      await history.put(rotationAt(5));
      const second = await history.list({ ...everything, key, limit: 2, continuation: first.continuation });
      expect([...first.items, ...second.items].map(({ rotationId }) => rotationId)).toEqual([4, 3, 2, 1].map(idAt));
    });

    test('the list is narrowed by phase, and by time with both ends included', async () => {
      for (const minute of [1, 2, 3, 4])
        await history.put(rotationAt(minute, { phase: minute % 2 === 0 ? 'completed' : 'refused' }));
      expect(await list({ phase: 'completed' })).toEqual([4, 2].map(idAt));
      expect(await list({ from: instant(2), to: instant(3) })).toEqual([3, 2].map(idAt));
      expect(await list({ phase: 'refused', limit: 1 })).toEqual([3, 1].map(idAt));
      expect(await list({ from: instant(5) })).toEqual([]);
    });

    test('the rotations of other keys are listed only when no key is asked for', async () => {
      await history.put(rotationAt(1));
      await history.put(rotationAt(2, { key: `${key}-other` }));
      expect(await list({})).toEqual([idAt(1)]);
      const all = await list({ key: null, limit: 50 });
      expect(all.filter((id) => id.endsWith(suffix))).toEqual([2, 1].map(idAt));
    });
  });
}

const everything: RotationQuery = { key: null, phase: null, from: null, to: null, limit: 100, continuation: null };

const instant = (minute: number): Date => new Date(Date.UTC(2026, 10, 22, 14, minute));

const rotation: Omit<Rotation, 'rotationId' | 'key' | 'requestedAt'> = {
  phase: 'requested',
  waitingFor: null,
  reason: 'near expiry',
  previousVersion: 'v1',
  nextVersion: null,
  planHash: null,
  targets: [{ kind: 'dataKeys', name: 'store', version: null, done: 0, total: 3 }],
  reasons: [],
  endedAt: null,
};
