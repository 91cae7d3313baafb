import { askOnce } from '../../../../shared/rotation/ask-once';
import { withDataKey } from '../../../../shared/rotation/data-key';
import { FaultError, InterruptedError, RefusalError } from '../../../../shared/rotation/errors';
import type {
  DataKeysMoved,
  DataKeysTarget,
  Fence,
  KeyVersionDetail,
  MoveOrder,
  WrappedDataKey,
} from '../../../../shared/rotation/ports';
import { dataKeysTarget } from '../../../../shared/targets/data-keys';
import type { Tuning } from '../../../../shared/targets/move-records';
import { fakeDataKeyStore } from '../../../fakes/data-key-store';
import { fakeKeyVault } from '../../../fakes/key-vault';
import { key, v1, v2, wrapped } from '../use-cases/world';

const open: Fence = async () => undefined;

interface StoreOptions {
  readonly check?: boolean;
  readonly tuning?: Tuning;
  /** What a look at the clock moves it on by, in milliseconds. */
  readonly step?: number;
  /** After so many looks the clock is set back by an hour. */
  readonly setBackAfter?: number;
}

function makeStore(count: number, options: StoreOptions = {}) {
  const keyVault = fakeKeyVault();
  let time = Date.parse('2026-11-22T12:00:00Z');
  let looks = 0;
  const now = (): Date => {
    time += options.step ?? 0;
    if (++looks === options.setBackAfter) time -= 3_600_000;
    return new Date(time);
  };
  const first = keyVault.addVersion({ version: v1, createdOn: new Date('2025-12-20T00:00:00Z') });
  const next = keyVault.addVersion({ version: v2, createdOn: new Date('2026-11-22T00:00:00Z') });
  const made = Array.from({ length: count }, (_, index) =>
    wrapped(first, `r${String(index).padStart(4, '0')}`, options),
  );
  const keys = new Map(made.map(({ record, dataKey }) => [record.id.rowKey, dataKey]));
  const store = fakeDataKeyStore(made.map(({ record }) => record));
  const target = dataKeysTarget(
    { name: 'keys-1', key, ...(options.tuning && { tuning: options.tuning }) },
    { store, keyVault, now },
  );
  const put = (version: KeyVersionDetail, rowKey: string, more: Partial<WrappedDataKey> = {}): void => {
    const { record, dataKey } = wrapped(version, rowKey);
    store.ownerPuts({ ...record, ...more });
    keys.set(rowKey, dataKey);
  };
  return { keyVault, first, next, store, target, keys, put };
}

type Store = ReturnType<typeof makeStore>;

const orderOf = (kid: string, more: Partial<MoveOrder> = {}): MoveOrder => ({
  kid,
  direction: 'forward',
  previousKid: null,
  continuation: null,
  fence: open,
  mostNamed: 100,
  progress: async () => undefined,
  ...more,
});

async function moveAll(target: DataKeysTarget, kid: string, direction: 'forward' | 'back', fence = open) {
  const stretches: DataKeysMoved[] = [];
  let continuation: string | null = null;
  do {
    const moved: DataKeysMoved = await target.movePage(orderOf(kid, { direction, continuation, fence }));
    stretches.push(moved);
    continuation = moved.continuation;
  } while (continuation !== null);
  return stretches;
}

/** Every data key opens to what its owner stored last. */
async function allOpen({ store, keyVault, keys }: Store): Promise<void> {
  for (const record of store.all()) {
    await withDataKey(record, key, keyVault, (opened) => {
      expect(Buffer.from(opened).equals(keys.get(record.id.rowKey) ?? Buffer.alloc(0))).toBe(true);
    });
  }
}

const kids = ({ store }: Store) => store.all().map(({ kid }) => kid);

describe('a store of data keys', () => {
  test('moves in pages, every record, and every data key stays what it was', async () => {
    const store = makeStore(60);
    expect(await moveAll(store.target, store.next.kid, 'forward')).toMatchObject([
      { seen: 60, moved: 60, left: 0, late: 0 },
    ]);
    expect(new Set(kids(store))).toEqual(new Set([store.next.kid]));
    await allOpen(store);
    expect(await store.target.currentKid()).toBe(store.next.kid);
  });

  test('I2 a page met again finds its records moved and writes nothing', async () => {
    const store = makeStore(10);
    expect(await store.target.movePage(orderOf(store.next.kid))).toMatchObject({
      moved: 10,
      seen: 10,
    });
    const before = store.store.all();
    expect(await store.target.movePage(orderOf(store.next.kid))).toMatchObject({
      moved: 0,
      seen: 10,
    });
    expect(store.store.all()).toEqual(before);
  });

  test('works on no more records side by side than it is told', async () => {
    const store = makeStore(30, { tuning: { pageSize: 10, sideBySide: 4, stretchSeconds: 30 } });
    let working = 0;
    let most = 0;
    const { unwrap } = store.keyVault;
    store.keyVault.unwrap = async (...asked) => {
      most = Math.max(most, ++working);
      try {
        return await unwrap(...asked);
      } finally {
        working -= 1;
      }
    };
    await moveAll(store.target, store.next.kid, 'forward');
    expect(most).toBe(4);
  });

  test('I11 asks the fence once right before each batch of a hundred, and begins none after it was shut', async () => {
    const store = makeStore(250);
    let asked = 0;
    const fence: Fence = async () => {
      if (++asked > 1) throw new InterruptedError('rollback', 'An operator asked for a rollback.');
    };
    await expect(store.target.movePage(orderOf(store.next.kid, { fence }))).rejects.toThrow(InterruptedError);
    expect(kids(store).filter((kid) => kid === store.next.kid)).toHaveLength(100);
    expect(asked).toBe(2);
    await allOpen(store);
  });

  test('goes back byte for byte, without the vault saying anything of next', async () => {
    const store = makeStore(30);
    const before = store.store.all().map(({ etag: _etag, ...record }) => record);
    await moveAll(store.target, store.next.kid, 'forward');
    store.keyVault.remove(v2);
    await moveAll(store.target, store.next.kid, 'back');
    expect(store.store.all().map(({ etag: _etag, ...record }) => record)).toEqual(before);
    await allOpen(store);
  });

  test.each(['disabled', 'answering wrongly'])(
    'I9 I10 stays on next while the old version is %s: the present blob is the one that opens',
    async (how) => {
      const store = makeStore(3);
      await moveAll(store.target, store.next.kid, 'forward');
      if (how === 'disabled') store.keyVault.change(v1, { enabled: false });
      else store.keyVault.answerWrongly(v1, new Uint8Array(32));
      const back = moveAll(store.target, store.next.kid, 'back');
      if (how === 'disabled') await expect(back).rejects.toThrow(RefusalError);
      else expect(await back).toMatchObject([{ seen: 3, moved: 0, left: 3 }]);
      expect(new Set(kids(store))).toEqual(new Set([store.next.kid]));
    },
  );

  test('I9 wrong bytes are caught before anything is written, also without a check value', async () => {
    for (const check of [true, false]) {
      const store = makeStore(4, { check });
      const before = store.store.all();
      const seen = new Set<string>();
      const { unwrap } = store.keyVault;
      store.keyVault.unwrap = async (...asked) => {
        const bytes = await unwrap(...asked);
        const blob = Buffer.from(asked[2]).toString('hex');
        if (seen.has(blob)) return bytes;
        seen.add(blob);
        return new Uint8Array(32).fill(seen.size);
      };
      const code = check ? 'check-value-mismatch' : 'unwraps-disagree';
      const [moved] = await moveAll(store.target, store.next.kid, 'forward');
      expect(moved).toMatchObject({ moved: 0, left: 4, seen: 4 });
      expect(new Set(moved?.named.map((left) => left.code))).toEqual(new Set([code]));
      expect(store.store.all()).toEqual(before);
    }
  });

  test('a record without a check value has one afterwards', async () => {
    const store = makeStore(2, { check: false });
    await moveAll(store.target, store.next.kid, 'forward');
    expect(store.store.all().every(({ check }) => check !== null)).toBe(true);
    await allOpen(store);
  });
});

describe('an owner at work meanwhile', () => {
  test('who replaces a record between reading and writing keeps his new data key, which is moved', async () => {
    const store = makeStore(1);
    store.store.interfere.before('replace', 1, () => store.put(store.first, 'r0000'));
    await moveAll(store.target, store.next.kid, 'forward');
    expect(kids(store)).toEqual([store.next.kid]);
    await allOpen(store);
  });

  test('I11 is not met again once the fence is shut', async () => {
    const store = makeStore(2);
    store.store.interfere.before('replace', 1, () => store.put(store.first, 'r0000'));
    let asked = 0;
    const shut: Fence = async () => {
      asked += 1;
      // The batch is sent twice: with the record that changed, and without it.
      if (asked > 2) throw new InterruptedError('pause', 'Paused.');
    };
    await expect(moveAll(store.target, store.next.kid, 'forward', shut)).rejects.toThrow(InterruptedError);
    expect(store.store.all().map(({ kid }) => kid)).toEqual([store.first.kid, store.next.kid]);
  });

  test('who writes the same record again and again is met again by the next pass', async () => {
    const store = makeStore(1);
    for (const nth of [1, 2, 3]) store.store.interfere.before('replace', nth, () => store.put(store.first, 'r0000'));
    expect(await moveAll(store.target, store.next.kid, 'forward')).toMatchObject([{ late: 1, moved: 0, left: 0 }]);
    await moveAll(store.target, store.next.kid, 'forward');
    await allOpen(store);
  });

  test('who removes a record between reading and writing has removed it', async () => {
    const store = makeStore(2);
    store.store.interfere.before('replace', 1, () => {
      for (const rowKey of ['r0000', 'r0001']) store.store.ownerRemoves({ partitionKey: 'p', rowKey });
    });
    expect(await store.target.movePage(orderOf(store.next.kid))).toMatchObject({
      moved: 0,
      seen: 2,
    });
    expect(store.store.all()).toEqual([]);
  });

  test('I9: who replaced a record after it was moved keeps his new data key when it goes back', async () => {
    const store = makeStore(3);
    await moveAll(store.target, store.next.kid, 'forward');
    const { record, dataKey } = wrapped(store.next, 'r0001');
    const { kid, alg, blob, check } = record;
    store.store.ownerMerges(record.id, { kid, alg, blob, check });
    store.keys.set('r0001', dataKey);
    await moveAll(store.target, store.next.kid, 'back');
    expect(new Set(kids(store))).toEqual(new Set([store.first.kid]));
    await allOpen(store);
  });

  test('I8: who added a record late is moved by the last pass, and until then is said to be behind', async () => {
    const store = makeStore(2);
    await moveAll(store.target, store.next.kid, 'forward');
    store.put(store.first, 'late');
    const before = await store.target.verify(store.next.kid, 'forward');
    expect(before).toMatchObject({ count: 3, behind: 1 });
    expect(before.evidence[0]?.message).toContain('written by their owner meanwhile');
    await moveAll(store.target, store.next.kid, 'forward');
    const after = await store.target.verify(store.next.kid, 'forward');
    expect(after.evidence[0]?.message).not.toContain('meanwhile');
    await allOpen(store);
  });

  test('who wrote something that is no data key of this KEK is refused by the name of the record', async () => {
    const store = makeStore(1);
    store.put(store.first, 'odd', { blob: '!!' });
    const [moved] = await moveAll(store.target, store.next.kid, 'forward');
    expect(moved).toMatchObject({ moved: 1, named: [{ record: 'p/odd', code: 'record-garbled' }] });
    const facts = await store.target.inspect(askOnce());
    expect(facts).toMatchObject({ total: 2, unfit: [{ code: 'record-garbled' }] });
    expect(JSON.stringify(facts)).not.toContain(store.store.all()[0]?.blob);
  });
});

describe('verifying and probing', () => {
  test('opens one data key of each version', async () => {
    const store = makeStore(5);
    store.put(store.next, 'new');
    const before = store.keyVault.interfere.calls('unwrap');
    const { evidence, probe } = await store.target.verify(store.next.kid, 'back');
    expect(store.keyVault.interfere.calls('unwrap') - before).toBe(2);
    expect(evidence.map(({ strength }) => strength)).toEqual(['data-plane', 'control-plane']);
    expect(probe.colour).toBe('green');
    store.keyVault.change(v2, { enabled: false });
    await expect(store.target.verify(store.next.kid, 'back')).rejects.toThrow(RefusalError);
  });

  test('I12 a probe is green when a data key opens, red when it is refused, unknown when the vault is away', async () => {
    const store = makeStore(1);
    expect((await store.target.probe()).colour).toBe('green');
    store.keyVault.interfere.fail('unwrap');
    expect((await store.target.probe()).colour).toBe('unknown');
    store.keyVault.change(v1, { enabled: false });
    expect((await store.target.probe()).colour).toBe('red');
    expect(await makeStore(0).target.probe()).toMatchObject({ colour: 'green', message: 'The store holds no record.' });
  });

  test('the oldest version that a record names is the one the store stands on', async () => {
    const store = makeStore(0);
    expect(await store.target.currentKid()).toBeNull();
    store.put(store.next, 'a');
    store.put(store.first, 'b');
    expect(await store.target.currentKid()).toBe(store.first.kid);
    expect((await store.target.inspect(askOnce())).keyIdentifiers).toEqual([store.first.kid, store.next.kid]);
  });
});

describe('a data key that cannot be moved', () => {
  const garbled = (store: Store, rowKey: string, columns: Partial<WrappedDataKey>) =>
    store.store.ownerMerges({ partitionKey: 'p', rowKey }, columns);
  const of = (version: string) => `${key}/${version}`;
  const bad: Record<string, [(store: Store) => void, code: string]> = {
    'whose blob is no base64url': [(store) => garbled(store, 'r0003', { blob: '!!' }), 'record-garbled'],
    'whose blob never was one': [(store) => garbled(store, 'r0003', { blob: 'A'.repeat(342) }), 'key-vault-refused'],
    'of another key': [(store) => garbled(store, 'r0003', { kid: `${key}2/${v1}` }), 'record-other-key'],
    'with an unknown algorithm': [(store) => garbled(store, 'r0003', { alg: 'RSA1_5' }), 'unsupported-algorithm'],
    'with the check value of another': [
      (store) => garbled(store, 'r0003', { check: 'A'.repeat(22) }),
      'check-value-mismatch',
    ],
    'of a version that is not there': [
      (store) => garbled(store, 'r0003', { kid: of('9'.repeat(32)) }),
      'version-not-found',
    ],
  };

  test.each(Object.entries(bad))(
    '%s is left, named and counted, and keeps no other from moving',
    async (_, [spoil, code]) => {
      const store = makeStore(8);
      spoil(store);
      const before = store.store.all()[3];
      const [moved, ...more] = await moveAll(store.target, store.next.kid, 'forward');
      expect(more).toEqual([]);
      expect(moved).toMatchObject({ seen: 8, moved: 7, left: 1, late: 0, named: [{ record: 'p/r0003', code }] });
      expect(store.store.all()[3]).toEqual(before);
      expect(kids(store).filter((kid) => kid === store.next.kid)).toHaveLength(7);
      // It neither speaks for the others nor against them.
      expect(await store.target.verify(store.next.kid, 'forward')).toMatchObject({ count: 8, behind: 1 });
      expect((await store.target.probe()).colour).toBe('green');
      await moveAll(store.target, store.next.kid, 'back');
      expect((await store.target.verify(store.next.kid, 'back')).probe.colour).toBe('green');
    },
  );

  test('is named up to the number that is wanted; all are counted', async () => {
    const store = makeStore(6);
    for (const { id } of store.store.all().slice(0, 5)) store.store.ownerMerges(id, { blob: '!!' });
    const moved = await store.target.movePage(orderOf(store.next.kid, { mostNamed: 2 }));
    expect(moved).toMatchObject({ moved: 1, left: 5 });
    expect(moved.named).toHaveLength(2);
  });

  test('like fifty before it in a row ends the stretch: that many speak of the vault', async () => {
    const store = makeStore(120);
    store.keyVault.answerWrongly(v1, new Uint8Array(32).fill(1));
    await expect(store.target.movePage(orderOf(store.next.kid))).rejects.toMatchObject({
      code: 'data-keys-do-not-open',
    });
    // Those that were under way when the fiftieth was seen are ended, and no others begun.
    expect(store.keyVault.interfere.calls('unwrap')).toBeLessThan(50 + 32);
    expect(new Set(kids(store))).toEqual(new Set([store.first.kid]));
  });

  test('like sixty others, good ones between, ends nothing', async () => {
    const store = makeStore(130);
    for (const [index, { id }] of store.store.all().entries()) {
      if (index % 2 === 0 && index < 120) store.store.ownerMerges(id, { check: 'A'.repeat(22) });
    }
    expect(await moveAll(store.target, store.next.kid, 'forward')).toMatchObject([{ moved: 70, left: 60 }]);
  });

  test('among sixty that its owner garbled ends nothing: the vault had no say', async () => {
    const store = makeStore(70);
    for (const { id } of store.store.all().slice(0, 60)) store.store.ownerMerges(id, { blob: '!!' });
    expect(await moveAll(store.target, store.next.kid, 'forward')).toMatchObject([{ moved: 10, left: 60 }]);
  });

  test('because the vault lets nobody in is no such data key: the stretch ends', async () => {
    const store = makeStore(10);
    store.keyVault.change(v1, { enabled: false });
    await expect(moveAll(store.target, store.next.kid, 'forward')).rejects.toMatchObject({ code: 'version-disabled' });
  });

  test('I1 I6: keeps its version referred to, and what is no identifier is not repeated to people', async () => {
    const store = makeStore(2);
    for (let index = 0; index < 60; index++) store.put(store.first, `a${index}`, { kid: `${key}${index}/${v1}` });
    for (let index = 0; index < 60; index++) store.put(store.first, `b${index}`, { kid: `my secret ${index}` });
    store.put(store.next, 'z');
    store.put(store.first, 'zz', { kid: key });
    const named = await store.target.references();
    expect(named).toEqual(expect.arrayContaining([store.first.kid, store.next.kid, key, 'no key identifier']));
    expect(named.length).toBeLessThan(30);
    expect(named.join()).not.toContain('secret');
    const alone = makeStore(0);
    alone.put(alone.first, 'c', { kid: 'nonsense' });
    expect(await alone.target.references()).toEqual(['no key identifier']);
  });

  test('I1: what a store of many pages refers to is known to its last record, of which no more is read than what it names', async () => {
    const store = makeStore(0);
    for (let index = 0; index < 1001; index++) store.put(store.first, `r${String(index).padStart(4, '0')}`);
    store.put(store.next, 'z');
    expect(await store.target.references()).toEqual([store.first.kid, store.next.kid]);
    expect(store.store.interfere.calls('kids')).toBe(2);
    expect(store.store.interfere.calls('page')).toBe(0);
  });

  test('I1: of every version of the KEK that a data key names it is known, however many there are', async () => {
    const store = makeStore(0);
    const named = Array.from({ length: 30 }, (_, index) => `${key}/${String(index).padStart(32, '0')}`);
    for (const [index, kid] of named.entries()) store.put(store.first, `r${index}`, { kid });
    expect([...(await store.target.references())].toSorted()).toEqual(named);
  });

  test('is one of the first hundred by name in the plan, the rest is counted', async () => {
    const store = makeStore(0);
    for (let index = 0; index < 150; index++)
      store.put(store.first, `odd${String(index).padStart(3, '0')}`, { blob: '!!' });
    const { unfit, total } = await store.target.inspect(askOnce());
    expect(total).toBe(150);
    expect(unfit).toHaveLength(101);
    expect(unfit.at(-1)).toMatchObject({ code: 'more-records-unfit', message: expect.stringContaining('50 more') });
  });
});

describe('a stretch', () => {
  const quick: Tuning = { pageSize: 20, sideBySide: 4, stretchSeconds: 1 };

  test('ends when its time is over, with nothing unfinished before the place where the next begins', async () => {
    const store = makeStore(90, { tuning: quick, step: 10 });
    const stretches = await moveAll(store.target, store.next.kid, 'forward');
    expect(stretches.length).toBeGreaterThan(2);
    expect(stretches.reduce((sum, { seen }) => sum + seen, 0)).toBe(90);
    expect(stretches.reduce((sum, { moved }) => sum + moved, 0)).toBe(90);
    await allOpen(store);
  });

  test('ends when the clock is set back, which says nothing of how long it was', async () => {
    const store = makeStore(90, { tuning: quick, step: 1, setBackAfter: 40 });
    const stretches = await moveAll(store.target, store.next.kid, 'forward');
    expect(stretches.length).toBe(2);
    expect(stretches.reduce((sum, { moved }) => sum + moved, 0)).toBe(90);
    await allOpen(store);
  });

  test('begins where the one before it ended although the record there has been deleted', async () => {
    const store = makeStore(40, { tuning: quick, step: 25 });
    const first = await store.target.movePage(orderOf(store.next.kid));
    const last = store.store.all()[first.seen - 1];
    if (last === undefined || first.continuation === null) throw new Error('The stretch was expected to end early.');
    expect(last.kid).toBe(store.next.kid);
    store.store.ownerRemoves(last.id);
    const unwraps = store.keyVault.interfere.calls('unwrap');
    let continuation: string | null = first.continuation;
    let seen = 0;
    while (continuation !== null) {
      const next: DataKeysMoved = await store.target.movePage(orderOf(store.next.kid, { continuation }));
      seen += next.seen;
      ({ continuation } = next);
    }
    expect(seen).toBe(40 - first.seen);
    expect(store.keyVault.interfere.calls('unwrap') - unwraps).toBe(2 * seen);
  });

  test.each([
    [true, 2],
    [false, 3],
  ])('asks the vault twice for a data key with a check value, three times without (%s)', async (check, each) => {
    const store = makeStore(120, { check });
    await moveAll(store.target, store.next.kid, 'forward');
    expect(store.keyVault.interfere.calls('unwrap')).toBe(120 * each);
    expect(store.keyVault.interfere.calls('wrap')).toBe(0);
    expect(store.keyVault.interfere.calls('version')).toBe(1);
    // Met again they cost nothing.
    await moveAll(store.target, store.next.kid, 'forward');
    expect(store.keyVault.interfere.calls('unwrap')).toBe(120 * each);
  });

  test('back asks the vault once for each version, however many data keys there are', async () => {
    const store = makeStore(120);
    await moveAll(store.target, store.next.kid, 'forward');
    const before = store.keyVault.interfere.calls('unwrap');
    await moveAll(store.target, store.next.kid, 'back');
    expect(store.keyVault.interfere.calls('unwrap') - before).toBe(1);
    await allOpen(store);
  });

  test('tells how far it is every couple of seconds, and not more often', async () => {
    const store = makeStore(60, { tuning: { ...quick, stretchSeconds: 60 }, step: 100 });
    const told: number[] = [];
    const progress = async ({ seen }: { readonly seen: number }) => void told.push(seen);
    await store.target.movePage(orderOf(store.next.kid, { progress }));
    expect(told.length).toBeGreaterThan(1);
    expect(told).toEqual([...told].sort((a, b) => a - b));
    expect(told.length).toBeLessThan(20);
  });

  test('I2 converges when the answer of a batch is lost: what was written is found moved', async () => {
    const store = makeStore(150);
    store.store.interfere.loseAnswer('replace', 1);
    await expect(moveAll(store.target, store.next.kid, 'forward')).rejects.toThrow(FaultError);
    expect(kids(store).filter((kid) => kid === store.next.kid)).not.toHaveLength(0);
    await moveAll(store.target, store.next.kid, 'forward');
    expect(new Set(kids(store))).toEqual(new Set([store.next.kid]));
    // Nothing was rewrapped twice: what is kept is the blob of the version before.
    expect(store.store.all().every(({ previous }) => previous?.includes(store.first.kid))).toBe(true);
    await allOpen(store);
  });

  test('writes what was proved before the vault went away, and asks for that no more', async () => {
    const store = makeStore(40);
    store.keyVault.interfere.fail('unwrap', 61);
    await expect(moveAll(store.target, store.next.kid, 'forward')).rejects.toThrow(FaultError);
    const moved = kids(store).filter((kid) => kid === store.next.kid).length;
    expect(moved).toBeGreaterThan(0);
    const before = store.keyVault.interfere.calls('unwrap');
    await moveAll(store.target, store.next.kid, 'forward');
    expect(store.keyVault.interfere.calls('unwrap') - before).toBe(2 * (40 - moved));
    await allOpen(store);
  });

  test('sends a batch again without the records that others wrote meanwhile, and meets those singly', async () => {
    const store = makeStore(30);
    store.store.interfere.before('replace', 1, () => {
      for (const rowKey of ['r0003', 'r0017']) store.put(store.first, rowKey);
      store.store.ownerRemoves({ partitionKey: 'p', rowKey: 'r0020' });
    });
    const batches: number[] = [];
    const { replace } = store.store;
    store.store.replace = async (writes) => {
      batches.push(writes.length);
      return replace(writes);
    };
    expect(await moveAll(store.target, store.next.kid, 'forward')).toMatchObject([{ moved: 29, left: 0, late: 0 }]);
    expect(batches.toSorted((a, b) => b - a)).toEqual([30, 27, 1, 1]);
    expect(store.keyVault.interfere.calls('unwrap')).toBe(2 * 32);
    await allOpen(store);
  });
});

describe('keys of every type and size that can wrap', () => {
  test.each(
    (['RSA', 'RSA-HSM'] as const).flatMap((type) =>
      [2048, 3072, 4096].flatMap((size) =>
        (['RSA-OAEP', 'RSA-OAEP-256'] as const).map((alg) => [type, size, alg] as const),
      ),
    ),
  )(
    '%s %i, %s: there and back, the algorithm kept',
    async (keyType, keySize, alg) => {
      const keyVault = fakeKeyVault();
      const first = keyVault.addVersion({ version: v1, keyType, keySize });
      const next = keyVault.addVersion({ version: v2, keyType, keySize });
      const { record, dataKey } = wrapped(first, 'r', { alg });
      const store = fakeDataKeyStore([record]);
      const target = dataKeysTarget({ name: 'keys-1', key }, { store, keyVault, now: () => new Date(0) });
      const opens = () =>
        withDataKey(store.all()[0] as WrappedDataKey, key, keyVault, (opened) =>
          expect(Buffer.from(opened)).toEqual(dataKey),
        );
      await moveAll(target, next.kid, 'forward');
      expect(store.all()).toMatchObject([{ kid: next.kid, alg }]);
      expect(Buffer.from(store.all()[0]?.blob ?? '', 'base64url')).toHaveLength(keySize / 8);
      await opens();
      await moveAll(target, next.kid, 'back');
      expect(store.all()).toMatchObject([{ kid: first.kid, alg, blob: record.blob }]);
      await opens();
    },
    120_000,
  );

  test('a symmetric key is no next version, and is refused by its name', async () => {
    const store = makeStore(2);
    const { version } = store.keyVault;
    store.keyVault.version = async (kid) => ({
      ...(await version(kid)),
      keyType: 'oct-HSM',
      keySize: 0,
      publicKey: null,
    });
    await expect(moveAll(store.target, store.next.kid, 'forward')).rejects.toMatchObject({
      code: 'key-type-unfit',
      message: expect.stringMatching(/oct-HSM/),
    });
  });
});
