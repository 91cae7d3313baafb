import fc from 'fast-check';
import { chain, genesisHash } from '../../../../shared/rotation/audit-chain';
import type { AuditEntry, AuditRecord, ChainHead } from '../../../../shared/rotation/ports';
import { verifyChain } from '../../../fakes/chain-alone';

const key = 'https://kv.vault.azure.net/keys/kek';

const entryOf = (number: number): AuditEntry => ({
  rotationId: 'run',
  at: '2026-11-22T14:35:01.123Z',
  actor: 'keyturn',
  action: 'rewrap',
  target: number % 2 === 0 ? 'iotHub/hub' : null,
  outcome: 'done',
  message: `Step ${number}.`,
  details: { number, ok: true, nothing: null },
});

function chainOf(length: number): { records: AuditRecord[]; head: ChainHead | null } {
  const records: AuditRecord[] = [];
  for (let number = 1; number <= length; number++) records.push(chain(records.at(-1) ?? null, key, entryOf(number)));
  return { records, head: records.at(-1) ?? null };
}

test('a chain begins with the documented hash, and each record names the one before it', () => {
  const { records } = chainOf(3);
  expect(records.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
  expect(records.map(({ previousHash }) => previousHash)).toEqual([genesisHash, records[0]?.hash, records[1]?.hash]);
});

test('the hash of a record is fixed: a chain written by this version is verified by every later one', () => {
  expect(chainOf(1).records[0]?.hash).toBe('c5d18f218acd2b3e6f90b0d7ad8aeac019bcf74ca47c3b3867e84e605fc01a99');
});

test('an untouched chain verifies, from any kind of iterable', async () => {
  const { records, head } = chainOf(4);
  const wanted = { ok: true, records: 4, head: head?.hash };
  expect(await verifyChain(records, head, key)).toMatchObject(wanted);
  const streamed = (async function* () {
    yield* records;
  })();
  expect(await verifyChain(streamed, head)).toMatchObject(wanted);
});

test('an empty chain without a head verifies', async () => {
  expect(await verifyChain([], null)).toMatchObject({ ok: true, records: 0, head: null });
});

test('members that storage adds to a record are not part of it', async () => {
  const { records, head } = chainOf(2);
  const stored = records.map((record) => ({ ...record, etag: 'W/"1"', rowKey: 'x' }));
  expect(await verifyChain(stored, head)).toMatchObject({ ok: true });
});

type Tamper = (records: AuditRecord[], head: ChainHead) => { records: AuditRecord[]; head?: ChainHead | null };
const rehashed = (records: AuditRecord[], index: number): AuditRecord =>
  chain(records[index - 1] ?? null, key, { ...(records[index] as AuditRecord), message: 'Nothing happened.' });
const tampered: Record<string, [tamper: Tamper, sequence: number, says: RegExp]> = {
  'a record that was edited': [
    (records) => ({ records: records.with(2, { ...(records[2] as AuditRecord), message: 'Nothing happened.' }) }),
    3,
    /Record 3 was edited/,
  ],
  'a detail that was added': [
    (records) => ({ records: records.with(2, { ...(records[2] as AuditRecord), details: { number: 3, more: 1 } }) }),
    3,
    /Record 3 was edited/,
  ],
  'a record whose content is no JSON any more': [
    (records) => ({ records: records.with(2, { ...(records[2] as AuditRecord), details: { number: Number.NaN } }) }),
    3,
    /Record 3 was edited/,
  ],
  'a record that was edited and hashed again': [
    (records) => ({ records: records.with(2, rehashed(records, 2)) }),
    4,
    /Record 4 does not follow/,
  ],
  'the newest record, edited and hashed again': [
    (records) => ({ records: records.with(4, rehashed(records, 4)) }),
    5,
    /Record 5 is not the one that the head names/,
  ],
  'a record that was removed': [
    (records) => ({ records: records.toSpliced(2, 1) }),
    3,
    /Record 3 is not where it belongs/,
  ],
  'the first record, removed': [(records) => ({ records: records.slice(1) }), 1, /Record 1 is not where it belongs/],
  'two records in the wrong order': [
    (records) => ({ records: records.with(1, records[2] as AuditRecord).with(2, records[1] as AuditRecord) }),
    2,
    /Record 2 is not where it belongs/,
  ],
  'a record that is there twice': [
    (records) => ({ records: records.toSpliced(2, 0, records[1] as AuditRecord) }),
    3,
    /Record 2 stands where record 3 belongs/,
  ],
  'an end that was cut off': [(records) => ({ records: records.slice(0, 3) }), 4, /Records 4 to 5 are missing/],
  'a chain that was cut off whole': [() => ({ records: [] }), 1, /Records 1 to 5 are missing/],
  'records past the head': [
    (records) => ({ records, head: records[2] as AuditRecord }),
    4,
    /Record 4 goes past the head/,
  ],
  'a head that is gone': [
    (records) => ({ records, head: null }),
    1,
    /Record 1 goes past the head, which names no record/,
  ],
  'a whole chain of another key': [
    () => {
      const other = chain(null, `${key}-other`, entryOf(1));
      return { records: [other], head: other };
    },
    1,
    /written for another key/,
  ],
};
test.each(Object.entries(tampered))('verification names %s', async (_, [tamper, sequence, says]) => {
  const { records, head } = chainOf(5);
  const after = tamper(records, head as ChainHead);
  const verification = await verifyChain(after.records, 'head' in after ? (after.head ?? null) : head, key);
  expect(verification).toMatchObject({ ok: false, brokenAt: { sequence, message: expect.stringMatching(says) } });
  expect(verification.records).toBeLessThan(sequence);
});

test('any one change of any one member of any one record is found, at that record or the next', async () => {
  const anyChange = fc.record({
    length: fc.integer({ min: 1, max: 6 }),
    at: fc.nat(),
    member: fc.constantFrom(
      'rotationId',
      'at',
      'actor',
      'action',
      'message',
      'key',
      'previousHash',
      'hash',
      'outcome',
      'target',
    ),
    value: fc.string(),
  });
  await fc.assert(
    fc.asyncProperty(anyChange, async ({ length, at, member, value }) => {
      const { records, head } = chainOf(length);
      const index = at % length;
      const changed = { ...records[index], [member]: `changed ${value}` } as AuditRecord;
      const verification = await verifyChain(records.with(index, changed), head, key);
      expect(verification).toMatchObject({ ok: false, brokenAt: { sequence: index + 1 }, records: index });
    }),
  );
});

test('any other selection or order of the records is found', async () => {
  const anyOrder = fc
    .integer({ min: 1, max: 6 })
    .chain((length) =>
      fc.record({ length: fc.constant(length), order: fc.array(fc.nat({ max: length - 1 }), { maxLength: 8 }) }),
    );
  await fc.assert(
    fc.asyncProperty(anyOrder, async ({ length, order }) => {
      const { records, head } = chainOf(length);
      const untouched = order.length === length && order.every((from, index) => from === index);
      const shuffled = order.map((index) => records[index] as AuditRecord);
      expect((await verifyChain(shuffled, head, key)).ok).toBe(untouched);
    }),
  );
});
