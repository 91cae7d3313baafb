import type { LeftDataKey } from '../contracts/activities';
import { BadDataKeyError, FaultError, RefusalError } from '../rotation/errors';
import { isVaultsWord, recordName } from '../rotation/fit-data-key';
import type { DataKeyStore, DataKeysMoved, DataKeysTally, Fence, Now, WrappedDataKey } from '../rotation/ports';
import { type ChangeOf, type Fates, gatherWrites } from './data-key-batches';
import { recordSource } from './data-key-scan';

/** How much is done at once, and for how long. */
export interface Tuning {
  /** Records of one list request. */
  readonly pageSize: number;
  /** Records that are worked on side by side: each waits for the vault two or three times. */
  readonly sideBySide: number;
  /** One stretch begins nothing new after this many seconds; what is under way adds the length of a request or two. */
  readonly stretchSeconds: number;
}

/** A stretch must end within a third of the function time-out (host.json: ten minutes), a wait of the vault's pacing included. */
export const usualTuning: Tuning = { pageSize: 1000, sideBySide: 32, stretchSeconds: 30 };

export interface Stretch {
  readonly name: string;
  readonly store: DataKeyStore;
  readonly now: Now;
  readonly tuning: Tuning;
  readonly continuation: string | null;
  readonly changeOf: ChangeOf;
  readonly fence: Fence;
  readonly mostNamed: number;
  readonly progress: (tally: DataKeysTally) => Promise<void>;
}

/** So many data keys in a row that the vault does not open say more of the vault, or of the key, than of the data keys. */
const mostBadInARow = 50;
const progressEveryMilliseconds = 2000;

/**
 * Works through the records of a store from one place on, as many as the time allows. What is handed out is worked on to its end, so
 * that the place where it stopped has nothing unfinished before it. A bad record is left and counted; anything else that goes
 * wrong ends the stretch, and what was proved until then is written first if the trouble may heal.
 */
export async function moveRecords(stretch: Stretch): Promise<DataKeysMoved> {
  const { store, tuning, continuation, now, changeOf } = stretch;
  const source = recordSource(store, continuation, tuning.pageSize);
  const { tally, named, fates } = count(stretch);
  const batches = gatherWrites(stretch, fates);
  const began = now().getTime();
  // A clock that is set back shows a time before the beginning: how long it was is not known, and it counts as long enough.
  const isLong = (since: number, milliseconds: number): boolean => {
    const passed = now().getTime() - since;
    return passed < 0 || passed >= milliseconds;
  };
  let failed = false;
  let told = began;

  const moveOne = async (record: WrappedDataKey): Promise<void> => {
    const change = await changeOf(record).catch((error: unknown) => {
      if (!(error instanceof BadDataKeyError)) throw error;
      fates.bad(record, error);
      return 'bad' as const;
    });
    if (change === 'bad') return;
    if (change === null) return fates.settled();
    fates.proved();
    await batches.add({ record, change });
  };
  const tell = async (): Promise<void> => {
    if (!isLong(told, progressEveryMilliseconds)) return;
    told = now().getTime();
    await stretch.progress({ ...tally });
  };
  const worker = async (): Promise<void> => {
    try {
      do {
        const record = await source.next();
        if (record === null) return;
        await moveOne(record);
        await tell();
      } while (!failed && !isLong(began, tuning.stretchSeconds * 1000));
    } catch (error) {
      failed = true;
      throw error;
    }
  };

  // All of them have ended before the first failure is told: nothing is left running behind the answer.
  const ended = await Promise.allSettled(Array.from({ length: tuning.sideBySide }, worker));
  const failure = ended.find((end) => end.status === 'rejected');
  if (failure === undefined || failure.reason instanceof FaultError) await batches.drain();
  if (failure !== undefined) throw failure.reason;
  return { ...tally, named, continuation: source.place() };
}

function count({ name, mostNamed }: Stretch) {
  const tally = { seen: 0, moved: 0, left: 0, late: 0 };
  const named: LeftDataKey[] = [];
  let badInARow = 0;
  const fates: Fates = {
    proved() {
      badInARow = 0;
    },
    written() {
      tally.seen += 1;
      tally.moved += 1;
    },
    settled() {
      tally.seen += 1;
    },
    late() {
      tally.seen += 1;
      tally.late += 1;
    },
    bad(record, error) {
      tally.seen += 1;
      tally.left += 1;
      if (named.length < mostNamed) named.push({ record: recordName(record), code: error.code });
      if (!isVaultsWord(error)) return;
      badInARow += 1;
      if (badInARow >= mostBadInARow) throw tooManyBad(name, error);
    },
  };
  return { tally, named, fates };
}

function tooManyBad(name: string, last: BadDataKeyError): RefusalError {
  return new RefusalError(
    'data-keys-do-not-open',
    `${mostBadInARow} data keys of ${name} in a row did not open as they should. That many point to the vault or the key, not to the records, so nothing more is moved. The last one: ${last.message}`,
  );
}
