import type { DataKeyStore, WrappedDataKey } from '../rotation/ports';
import { mostInPage } from '../rotation/store-limits';

/** Half of what a store allows: a page is in memory several times over while it is read, and the peak of a whole rotation lay there. */
const scanPageSize = 500;

/** Every record of a store. */
export async function* everyRecord(store: DataKeyStore): AsyncGenerator<WrappedDataKey> {
  let continuation: string | null = null;
  do {
    const page: Awaited<ReturnType<DataKeyStore['page']>> = await store.page(continuation, scanPageSize);
    yield* page.items;
    continuation = page.continuation;
  } while (continuation !== null);
}

/** What every record of a store names, in the largest pages there are: a thousand identifiers are no more to hold than a hundred records. */
export async function* everyKid(store: DataKeyStore): AsyncGenerator<string> {
  let continuation: string | null = null;
  do {
    const page: Awaited<ReturnType<DataKeyStore['kids']>> = await store.kids(continuation, mostInPage);
    yield* page.items;
    continuation = page.continuation;
  } while (continuation !== null);
}

/** The records of a store one after the other, from a place and up to a place: for many takers at once. */
export interface RecordSource {
  /** The next record; null at the end of the store. */
  next(): Promise<WrappedDataKey | null>;
  /** Where to go on once everything that was handed out has been worked on; null at the end of the store. */
  place(): string | null;
}

/** A page of the list, and the last record of it that was worked on. */
interface Place {
  readonly page: string | null;
  readonly after: WrappedDataKey['id'] | null;
}

type Listed = Awaited<ReturnType<DataKeyStore['page']>>;

export function recordSource(store: DataKeyStore, continuation: string | null, pageSize: number): RecordSource {
  const begin = readPlace(continuation);
  let token = begin.page;
  let listed: Listed | null = null;
  let index = 0;
  let ahead: Promise<Listed> | null = null;
  let turning: Promise<void> | null = null;

  const turn = async (): Promise<void> => {
    if (listed === null) {
      listed = await store.page(token, pageSize);
      index = firstAfter(listed.items, begin.after);
      return;
    }
    if (listed.continuation === null) return;
    const asked = ahead ?? store.page(listed.continuation, pageSize);
    ahead = null;
    const next = await asked;
    token = listed.continuation;
    listed = next;
    index = 0;
  };

  /** Reads ahead while the second half is worked on. Whether that failed is told to whoever needs the page. */
  const readAhead = (page: Listed): void => {
    if (ahead !== null || page.continuation === null || index < page.items.length / 2) return;
    ahead = store.page(page.continuation, pageSize);
    ahead.catch(() => undefined);
  };

  return {
    async next() {
      for (;;) {
        const record = listed?.items[index];
        if (listed !== null && record !== undefined) {
          index += 1;
          readAhead(listed);
          return record;
        }
        if (listed !== null && listed.continuation === null) return null;
        turning ??= turn().finally(() => {
          turning = null;
        });
        await turning;
      }
    },
    place() {
      if (listed === null) return continuation;
      if (index < listed.items.length) return writePlace({ page: token, after: listed.items[index - 1]?.id ?? null });
      return listed.continuation === null ? null : writePlace({ page: listed.continuation, after: null });
    },
  };
}

/** Should the record that was worked on last have been deleted since, the order of the keys tells. */
function firstAfter(items: readonly WrappedDataKey[], after: WrappedDataKey['id'] | null): number {
  if (after === null) return 0;
  const at = items.findIndex(({ id }) => id.partitionKey === after.partitionKey && id.rowKey === after.rowKey);
  if (at >= 0) return at + 1;
  const next = items.findIndex(({ id }) => isBehind(id, after));
  return next < 0 ? items.length : next;
}

const isBehind = (id: WrappedDataKey['id'], other: WrappedDataKey['id']): boolean =>
  id.partitionKey === other.partitionKey ? id.rowKey > other.rowKey : id.partitionKey > other.partitionKey;

const writePlace = (place: Place): string => JSON.stringify(place);

function readPlace(continuation: string | null): Place {
  return continuation === null ? { page: null, after: null } : (JSON.parse(continuation) as Place);
}
