import type { DataKeyStore, DataKeyWritten, WrappedDataKey } from '../../shared/rotation/ports';
import { mostInBatch } from '../../shared/rotation/store-limits';
import { type Fake, interference } from './interference';

type StoredDataKey = Omit<WrappedDataKey, 'etag'>;

interface FakeDataKeyStoreExtra {
  /** Puts a record as its owner would, whole. */
  ownerPuts(record: StoredDataKey): void;
  /** Changes columns of a record as its owner would, leaving the others (ours among them) as they are. */
  ownerMerges(id: WrappedDataKey['id'], columns: Partial<StoredDataKey>): void;
  ownerRemoves(id: WrappedDataKey['id']): void;
  /** All records, in the order of their ids. */
  all(): WrappedDataKey[];
  /** The same as they are kept, in no order: not to be changed. */
  look(): readonly WrappedDataKey[];
}

/** An owner's store of wrapped data keys, in memory. */
export function fakeDataKeyStore(
  records: readonly StoredDataKey[] = [],
  effects: string[] = [],
): Fake<DataKeyStore, FakeDataKeyStoreExtra> {
  const { interfere, run } = interference<DataKeyStore>(effects);
  const rows = new Map<string, WrappedDataKey>();
  let writes = 0;
  const put = (record: StoredDataKey): void => {
    rows.set(nameOf(record.id), structuredClone({ ...record, etag: `"${++writes}"` }));
  };
  const all = (): WrappedDataKey[] => structuredClone([...rows.entries()].sort(byName).map(([, row]) => row));
  const stateOf = (record: WrappedDataKey): DataKeyWritten => {
    const row = rows.get(nameOf(record.id));
    if (row === undefined) return 'gone';
    return row.etag === record.etag ? 'written' : 'changed-meanwhile';
  };
  const pageOf = (continuation: string | null, size: number) => {
    const rest = all().filter(({ id }) => continuation === null || nameOf(id) > continuation);
    const items = rest.slice(0, size);
    const last = items.at(-1);
    return { items, continuation: rest.length > size && last !== undefined ? nameOf(last.id) : null };
  };
  for (const record of records) put(record);

  return {
    interfere,
    all,
    look: () => [...rows.values()],
    ownerPuts: put,
    ownerMerges: (id, columns) => {
      const row = rows.get(nameOf(id));
      if (row === undefined) throw new Error('There is no such record to merge into.');
      put({ ...row, ...columns });
    },
    ownerRemoves: (id) => {
      rows.delete(nameOf(id));
    },
    page: (continuation, size) => run('page', '', () => pageOf(continuation, size)),
    kids: (continuation, size) =>
      run('kids', '', () => {
        const { items, continuation: next } = pageOf(continuation, size);
        return { items: items.map(({ kid }) => kid), continuation: next };
      }),
    read: (id) => run('read', '', () => structuredClone(rows.get(nameOf(id)) ?? null)),
    replace: (writes) =>
      run('replace', writes.map(({ record }) => record.id.rowKey).join(' '), () => {
        if (writes.length > mostInBatch) throw new RangeError(`At most ${mostInBatch} records are written at once.`);
        const seen = writes.map((write) => ({ ...write, result: stateOf(write.record) }));
        // The records of one partition are written together or not at all.
        const heldUp = new Set(
          seen.filter(({ result }) => result !== 'written').map(({ record }) => record.id.partitionKey),
        );
        return seen.map(({ record, change, result }) => {
          if (result !== 'written') return result;
          if (heldUp.has(record.id.partitionKey)) return 'not-written';
          const { kid, alg, blob, check, previous } = change;
          put({ ...record, kid, alg, blob, check, previous });
          return 'written';
        });
      }),
  };
}

const nameOf = ({ partitionKey, rowKey }: WrappedDataKey['id']): string => `${partitionKey}\u0000${rowKey}`;
const byName = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : 1);
