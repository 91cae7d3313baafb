import type { DataKeyChange, DataKeyStore, DataKeyWritten, WrappedDataKey } from '../../shared/rotation/ports';

/** A store of data keys to be held to the contract, and its owner's hands. */
export interface DataKeyStoreUnderTest {
  readonly store: DataKeyStore;
  /** Puts a record as its owner would, whole. */
  ownerPuts(record: Omit<WrappedDataKey, 'etag'>): Promise<void>;
  ownerRemoves(id: WrappedDataKey['id']): Promise<void>;
}

/** What Keyturn relies on of a store of wrapped data keys, held against one. `setup` gives an empty store for every test. */
export function describeDataKeyStoreContract(name: string, setup: () => Promise<DataKeyStoreUnderTest>): void {
  describe(`the data key store contract, kept by ${name}`, () => {
    let store: DataKeyStore;
    let owner: DataKeyStoreUnderTest;

    beforeEach(async () => {
      owner = await setup();
      store = owner.store;
    });

    const everything = async (size: number): Promise<WrappedDataKey[]> => {
      const all: WrappedDataKey[] = [];
      let continuation: string | null = null;
      do {
        const page = await store.page(continuation, size);
        expect(page.items.length).toBeLessThanOrEqual(size);
        all.push(...page.items);
        continuation = page.continuation;
      } while (continuation !== null);
      return all;
    };
    const read = async (rowKey: string): Promise<WrappedDataKey> => {
      const found = await store.read(idOf(rowKey));
      if (found === null) throw new Error(`Record ${rowKey} was expected to be there.`);
      return found;
    };

    /** A batch of one. */
    const replace = async (record: WrappedDataKey, to: DataKeyChange): Promise<DataKeyWritten | undefined> =>
      (await store.replace([{ record, change: to }]))[0];
    const put = async (partitionKey: string, rowKeys: readonly string[]): Promise<WrappedDataKey[]> => {
      for (const rowKey of rowKeys) await owner.ownerPuts({ ...recordOf(rowKey), id: { partitionKey, rowKey } });
      return (await everything(100)).filter(({ id }) => id.partitionKey === partitionKey);
    };
    const toNext = (records: readonly WrappedDataKey[]) => records.map((record) => ({ record, change }));
    const kidsOf = async (partitionKey: string): Promise<string[]> =>
      (await everything(100)).filter(({ id }) => id.partitionKey === partitionKey).map(({ kid }) => kid);

    test('an empty store is one empty page', async () => {
      expect(await everything(10)).toEqual([]);
    });

    test('a record is read as its owner put it, with columns that are missing as null', async () => {
      await owner.ownerPuts(recordOf('a', { check: null, previous: null }));
      expect(await store.read(idOf('a'))).toEqual({
        ...recordOf('a', { check: null, previous: null }),
        etag: expect.any(String),
      });
      expect(await store.read(idOf('b'))).toBeNull();
    });

    test('pages show every record once, and the same ones as reading each', async () => {
      const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
      for (const rowKey of names) await owner.ownerPuts(recordOf(rowKey));
      for (const size of [1, 3, 7, 100]) {
        const all = await everything(size);
        expect(all.map(({ id }) => id.rowKey).sort()).toEqual(names);
        expect(all.find(({ id }) => id.rowKey === 'c')).toEqual(await read('c'));
      }
    });

    test('the key identifiers alone come in the same pages, one for each record, whatever stands there', async () => {
      for (const rowKey of ['a', 'b', 'c', 'd']) await owner.ownerPuts(recordOf(rowKey, { kid: `kid of ${rowKey}` }));
      await owner.ownerPuts(recordOf('e', { kid: '' }));
      for (const size of [1, 2, 5, 100]) {
        const kids: string[] = [];
        let continuation: string | null = null;
        do {
          const page = await store.kids(continuation, size);
          expect(page.items.length).toBeLessThanOrEqual(size);
          kids.push(...page.items);
          continuation = page.continuation;
        } while (continuation !== null);
        expect(kids.toSorted()).toEqual(['', 'kid of a', 'kid of b', 'kid of c', 'kid of d']);
      }
    });

    test('a replacement changes the five columns, and the ETag', async () => {
      await owner.ownerPuts(recordOf('a'));
      const before = await read('a');
      expect(await replace(before, change)).toBe('written');
      const after = await read('a');
      expect(after).toEqual({ ...before, ...change, etag: after.etag });
      expect(after.etag).not.toBe(before.etag);
    });

    test('a replacement with nulls clears the columns', async () => {
      await owner.ownerPuts(recordOf('a', { check: 'Y2hlY2s', previous: '{}' }));
      expect(await replace(await read('a'), { ...change, check: null, previous: null })).toBe('written');
      expect(await read('a')).toMatchObject({ check: null, previous: null });
    });

    test('I9: what its owner changed meanwhile is not overwritten', async () => {
      await owner.ownerPuts(recordOf('a'));
      const before = await read('a');
      await owner.ownerPuts(recordOf('a', { blob: 'b3duZXI' }));
      expect(await replace(before, change)).toBe('changed-meanwhile');
      expect(await read('a')).toMatchObject({ blob: 'b3duZXI' });
    });

    test('I2: a replacement that is made again finds the record changed', async () => {
      await owner.ownerPuts(recordOf('a'));
      const before = await read('a');
      expect(await replace(before, change)).toBe('written');
      expect(await replace(before, change)).toBe('changed-meanwhile');
    });

    test('what its owner removed meanwhile is gone, and is not brought back', async () => {
      await owner.ownerPuts(recordOf('a'));
      const before = await read('a');
      await owner.ownerRemoves(idOf('a'));
      expect(await replace(before, change)).toBe('gone');
      expect(await store.read(idOf('a'))).toBeNull();
    });

    test('I9: of many replacements of one record at once, exactly one is written', async () => {
      await owner.ownerPuts(recordOf('a'));
      const before = await read('a');
      const results = await Promise.all(Array.from({ length: 5 }, () => replace(before, change)));
      expect(results.filter((result) => result === 'written')).toHaveLength(1);
      expect(results.filter((result) => result === 'changed-meanwhile')).toHaveLength(4);
    });

    test('a batch over several partitions is written whole, each record with its own change', async () => {
      const records = [...(await put('a', ['1', '2', '3'])), ...(await put('b', ['1']))];
      const writes = records.map((record, index) => ({ record, change: { ...change, blob: `bmV3${index}` } }));
      expect(await store.replace(writes)).toEqual(records.map(() => 'written'));
      const after = await everything(100);
      expect(after.map(({ blob }) => blob)).toEqual(['bmV30', 'bmV31', 'bmV32', 'bmV33']);
      expect(new Set([...records, ...after].map(({ etag }) => etag)).size).toBeGreaterThan(4);
    });

    test('one that changed and one that is gone hold up their partition, and are told from those that may be written again', async () => {
      const held = await put('a', ['1', '2', '3', '4']);
      const free = await put('b', ['1', '2']);
      await owner.ownerPuts({ ...recordOf('2', { blob: 'b3duZXI' }), id: { partitionKey: 'a', rowKey: '2' } });
      await owner.ownerRemoves({ partitionKey: 'a', rowKey: '4' });
      const results = await store.replace(toNext([...held, ...free]));
      expect(results).toEqual(['not-written', 'changed-meanwhile', 'not-written', 'gone', 'written', 'written']);
      expect(await kidsOf('a')).not.toContain(change.kid);
      const [first, , third] = held;
      if (first === undefined || third === undefined) throw new Error('The records were expected to be there.');
      expect(await store.replace(toNext([first, third]))).toEqual(['written', 'written']);
      expect(await kidsOf('a')).toEqual([change.kid, recordOf('2').kid, change.kid]);
    });

    test('a batch may merge some records and clear columns of others', async () => {
      const [first, second] = await put('a', ['1', '2']);
      if (first === undefined || second === undefined) throw new Error('The records were expected to be there.');
      expect(await store.replace(toNext([first, second]))).toEqual(['written', 'written']);
      const moved = await everything(100);
      const writes = moved.map((record, index) => ({
        record,
        change: { ...change, previous: index === 0 ? null : 'kept' },
      }));
      expect(await store.replace(writes)).toEqual(['written', 'written']);
      expect((await everything(100)).map(({ previous }) => previous)).toEqual([null, 'kept']);
    });

    test('a hundred records are one batch, and no more than a hundred', async () => {
      const names = Array.from({ length: 101 }, (_, index) => String(index).padStart(3, '0'));
      const all = await put('a', names.slice(0, 100));
      expect(new Set(await store.replace(toNext(all)))).toEqual(new Set(['written']));
      const again = await everything(1000);
      expect(new Set(again.map(({ kid }) => kid))).toEqual(new Set([change.kid]));
      await expect(store.replace(toNext([...all, ...all.slice(0, 1)]))).rejects.toThrow(RangeError);
    }, 60_000);

    test('ids with quotes and other scripts are found', async () => {
      await owner.ownerPuts(recordOf("o'hara é"));
      expect(await replace(await read("o'hara é"), change)).toBe('written');
    });
  });
}

const change = {
  kid: 'https://kv-test.vault.azure.net/keys/kek/v2',
  alg: 'RSA-OAEP',
  blob: 'bmV3',
  check: 'Y2hlY2s',
  previous: '{"kid":"https://kv-test.vault.azure.net/keys/kek/v1","alg":"RSA-OAEP-256","blob":"b2xk"}',
};

const idOf = (rowKey: string): WrappedDataKey['id'] => ({ partitionKey: 'owner', rowKey });

function recordOf(rowKey: string, more: Partial<WrappedDataKey> = {}): Omit<WrappedDataKey, 'etag'> {
  const kid = 'https://kv-test.vault.azure.net/keys/kek/v1';
  return { id: idOf(rowKey), kid, alg: 'RSA-OAEP-256', blob: 'b2xk', check: null, previous: null, ...more };
}
