import { BadDataKeyError } from '../rotation/errors';
import type { DataKeyChange, DataKeyStore, DataKeyWrite, Fence, Now, WrappedDataKey } from '../rotation/ports';
import { sideBySide } from '../rotation/side-by-side';
import { mostInBatch } from '../rotation/store-limits';

/** What to write into a record; null if it stays as it is. */
export type ChangeOf = (record: WrappedDataKey) => Promise<DataKeyChange | null>;

export interface BatchPorts {
  readonly store: DataKeyStore;
  readonly fence: Fence;
  readonly now: Now;
  /** For a record that somebody else wrote meanwhile: it is read and decided again. */
  readonly changeOf: ChangeOf;
}

/** Told of every record once, when it is known what became of it. */
export interface Fates {
  /** Both comparisons were made; it waits to be written. */
  proved(): void;
  written(): void;
  /** There is nothing left to do for it: it is gone, or it stands where it should. */
  settled(): void;
  /** Its owner was faster every time. */
  late(): void;
  bad(record: WrappedDataKey, error: BadDataKeyError): void;
}

/** Writes that are gathered and sent together; one batch is under way at a time. */
export interface Batches {
  /** Comes back when there is room for another one; tells of what went wrong with an earlier batch. */
  add(write: DataKeyWrite): Promise<void>;
  /** Sends what is left and waits for all of it. */
  drain(): Promise<void>;
}

/** What is proved is not kept waiting longer than this: a dead worker would have to prove it again, and a command waits for the next fence. */
const longestWaitMilliseconds = 1000;
/** An owner who writes the same record at the same time is met again this often. */
const meetings = 3;
/** A batch that others keep from being written is sent again this often before its records go one by one. */
const roundsTogether = 3;
const metAgainAtOnce = 8;

export function gatherWrites(ports: BatchPorts, fates: Fates): Batches {
  let waiting: DataKeyWrite[] = [];
  let since = 0;
  let sending: Promise<void> | null = null;
  let failure: { readonly error: unknown } | null = null;

  const send = (): Promise<void> => {
    const batch = waiting.slice(0, mostInBatch);
    waiting = waiting.slice(mostInBatch);
    since = ports.now().getTime();
    return writeAll(ports, fates, batch)
      .catch((error: unknown) => {
        failure ??= { error };
      })
      .finally(() => {
        sending = null;
      });
  };
  const refuseAfterFailure = (): void => {
    if (failure !== null) throw failure.error;
  };

  return {
    async add(write) {
      refuseAfterFailure();
      if (waiting.length === 0) since = ports.now().getTime();
      waiting.push(write);
      while (waiting.length >= mostInBatch && sending !== null) await sending;
      refuseAfterFailure();
      const isTime = waiting.length >= mostInBatch || ports.now().getTime() - since >= longestWaitMilliseconds;
      if (waiting.length > 0 && isTime && sending === null) sending = send();
    },
    async drain() {
      for (;;) {
        if (sending !== null) await sending;
        refuseAfterFailure();
        if (waiting.length === 0 && sending === null) return;
        sending ??= send();
      }
    },
  };
}

/** I11: the fence is asked right before each transaction; one record that changed costs the others a second one, and no more. */
async function writeAll(ports: BatchPorts, fates: Fates, batch: readonly DataKeyWrite[]): Promise<void> {
  const changed: WrappedDataKey[] = [];
  let left = batch;
  for (let round = 1; left.length > 0; round++) {
    const heldUp: DataKeyWrite[] = [];
    for (const together of round > roundsTogether ? left.map((write) => [write]) : [left]) {
      await ports.fence();
      const results = await ports.store.replace(together);
      for (const [index, write] of together.entries()) {
        const result = results[index];
        if (result === 'written') fates.written();
        else if (result === 'gone') fates.settled();
        else if (result === 'changed-meanwhile') changed.push(write.record);
        else heldUp.push(write);
      }
    }
    left = heldUp;
  }
  await sideBySide(changed, metAgainAtOnce, (record) => meetAgain(ports, fates, record));
}

async function meetAgain({ store, fence, changeOf }: BatchPorts, fates: Fates, met: WrappedDataKey): Promise<void> {
  for (let meeting = 2; meeting <= meetings; meeting++) {
    const record = await store.read(met.id);
    if (record === null) return fates.settled();
    try {
      const change = await changeOf(record);
      if (change === null) return fates.settled();
      fates.proved();
      await fence();
      const [result] = await store.replace([{ record, change }]);
      if (result === 'written') return fates.written();
      if (result === 'gone') return fates.settled();
    } catch (error) {
      if (!(error instanceof BadDataKeyError)) throw error;
      return fates.bad(record, error);
    }
  }
  fates.late();
}
