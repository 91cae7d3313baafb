import { beginning, chain } from '../../shared/rotation/audit-chain';
import { partitionOf } from '../../shared/rotation/key-identifier';
import type { AuditLog, AuditRecord, ChainBreak, ChainHead, SignedHead } from '../../shared/rotation/ports';
import { type Fake, interference } from './interference';

interface FakeAuditLogExtra {
  /** The stored records of a KEK, oldest first: to look at, and to tamper with. */
  stored(key: string): AuditRecord[];
  /** Every record as it was told, oldest first, whatever somebody did to it since. */
  told(key: string): readonly AuditRecord[];
  /** The newest record of each chain, kept apart from the records, so that a cut tail shows; to tamper with. */
  heads(key: string): ChainHead[];
  /** Signed heads as they are kept; to tamper with. */
  kept(key: string): SignedHead[];
}

type Place = Pick<ChainHead, 'chain' | 'sequence'>;

interface Stored {
  readonly records: AuditRecord[];
  readonly told: AuditRecord[];
  readonly heads: ChainHead[];
  readonly seals: SignedHead[];
  readonly byIdempotencyKey: Map<string, Place>;
}

/** The audit log in memory: the chains of each KEK. */
export function fakeAuditLog(effects: string[] = []): Fake<AuditLog, FakeAuditLogExtra> {
  const { interfere, run } = interference<AuditLog>(effects);
  const histories = new Map<string, Stored>();
  const of = (key: string): Stored => {
    const partition = partitionOf(key);
    const found = histories.get(partition) ?? {
      records: [],
      told: [],
      heads: [],
      seals: [],
      byIdempotencyKey: new Map(),
    };
    histories.set(partition, found);
    return found;
  };
  const add = ({ records, told, heads }: Stored, record: AuditRecord): AuditRecord => {
    const { chain: number, sequence, hash } = record;
    records.push(record);
    told.push(structuredClone(record));
    const at = heads.findIndex((head) => head.chain === number);
    heads.splice(at === -1 ? heads.length : at, 1, { chain: number, sequence, hash });
    return structuredClone(record);
  };

  return {
    interfere,
    stored: (key) => of(key).records,
    told: (key) => of(key).told,
    heads: (key) => of(key).heads,
    kept: (key) => of(key).seals,
    append: (key, entry, idempotencyKey) =>
      run('append', `${entry.action} ${entry.outcome}`, () => {
        const stored = of(key);
        const place = stored.byIdempotencyKey.get(idempotencyKey);
        const known = place && recordAt(stored, place);
        if (known !== undefined) return structuredClone(known);
        // It was told, and somebody took the record of it away.
        if (place !== undefined && stored.heads.at(-1)?.chain === place.chain) {
          add(stored, beginning(key, place.chain + 1, missing(place), entry.at));
        }
        const record = add(stored, chain(stored.heads.at(-1) ?? null, key, structuredClone(entry)));
        stored.byIdempotencyKey.set(idempotencyKey, record);
        return structuredClone(record);
      }),
    beginChain: (key, after, why, at) =>
      run('beginChain', `${after + 1} ${why.fault}`, () => {
        const stored = of(key);
        const there = recordAt(stored, { chain: after + 1, sequence: 1 });
        return there ?? add(stored, beginning(key, after + 1, why, at));
      }),
    list: (key, { rotationId, target, actor, outcome, from, to, limit, continuation }) =>
      run('list', '', () => {
        const { records } = of(key);
        const begin = continuation === null ? 0 : Number(continuation);
        const wanted = [...records.entries()].filter(
          ([index, record]) =>
            index >= begin &&
            (rotationId == null || record.rotationId === rotationId) &&
            (target == null || record.target === target) &&
            (actor == null || record.actor === actor) &&
            (outcome == null || record.outcome === outcome) &&
            (from == null || Date.parse(record.at) >= from.getTime()) &&
            (to == null || Date.parse(record.at) <= to.getTime()),
        );
        const items = wanted.slice(0, limit).map(([, record]) => structuredClone(record));
        return { items, continuation: wanted.length > limit ? String(wanted[limit]?.[0]) : null };
      }),
    trail: (key, from) =>
      run('trail', '', () => {
        const { records, heads } = structuredClone({ records: of(key).records, heads: of(key).heads });
        const wanted = records.filter(
          (record) => from === undefined || (record.chain === from.chain && record.sequence > from.sequence),
        );
        return { heads, records: eachOf(wanted) };
      }),
    head: (key) => run('head', '', () => of(key).heads.at(-1) ?? null),
    seals: (key) => run('seals', '', () => structuredClone(of(key).seals)),
    newestSeal: (key, number) =>
      run('newestSeal', '', () => of(key).seals.findLast((seal) => seal.chain === number) ?? null),
    keepSeal: (key, seal) =>
      run('keepSeal', `${seal.chain}/${seal.sequence}`, () => {
        const { seals } = of(key);
        const at = seals.findIndex(
          ({ chain: number, sequence }) => number === seal.chain && sequence === seal.sequence,
        );
        seals.splice(at === -1 ? seals.length : at, 1, structuredClone(seal));
      }),
  };
}

const recordAt = ({ records }: Stored, { chain: number, sequence }: Place): AuditRecord | undefined =>
  records.find((record) => record.chain === number && record.sequence === sequence);

const missing = ({ chain: brokenChain, sequence: brokenSequence }: Place): ChainBreak => ({
  ...{ brokenChain, brokenSequence, fault: 'removed', lastGood: null },
  message: `Record ${brokenSequence} of chain ${brokenChain} is missing although it was written.`,
});

async function* eachOf<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
