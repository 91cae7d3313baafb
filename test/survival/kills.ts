import { setTimeout as delay } from 'node:timers/promises';
import type { Guard, Verdict } from './storage-front';
import type { Trial } from './trial';

/**
 * Where a kill finds the app: its request to storage never got there; it was done and nobody heard of it; it was under way, and is done
 * after the app is back; or at some moment within the next tenth of a second.
 */
const places = ['lost', 'landed', 'late', 'moment', 'moment'] as const;
const LONGEST_MOMENT = 100;
/** Requests of any kind, to the ledger and the audit log too, that may pass between a record's write and the kill. */
const MOST_REQUESTS_BETWEEN = 6;
const MOST_REQUESTS_OF_ALL = 30;

/**
 * Kills the app (`kill -9`) so many times while it moves the records, and starts it again each time.
 * @param most records that one life may write before its death is due; every third life dies before it has written any
 * @throws Error if the move ends first: then less was survived than was asked for
 */
export async function killAgainAndAgain(trial: Trial, kills: number, most: number): Promise<void> {
  const { chance, ground } = trial;
  const end = trial.ended();
  for (let kill = 0; kill < kills; kill += 1) {
    const early = kill % 3 === 2;
    const back = Promise.withResolvers<void>();
    const death = died(trial, {
      place: chance.oneOf(places),
      records: early ? 0 : chance.between(1, most),
      requests: chance.between(0, early ? MOST_REQUESTS_OF_ALL : MOST_REQUESTS_BETWEEN),
      moment: chance.between(0, LONGEST_MOMENT),
      back: back.promise,
    });
    const first = await Promise.race([death.then(() => 'death'), end.then(() => 'end')]);
    if (first === 'end') throw new Error(`only ${kill} of ${kills} kills came before the end`);
    await ground.host.start();
    back.resolve();
  }
}

interface Plan {
  readonly place: (typeof places)[number];
  readonly records: number;
  readonly requests: number;
  readonly moment: number;
  /** When the app is there again. */
  readonly back: Promise<void>;
}

/** Resolves when the app is dead. */
function died(trial: Trial, { place, records, requests, moment, back }: Plan): Promise<void> {
  const { ground } = trial;
  const dead = Promise.withResolvers<void>();
  const kill = async (): Promise<void> => {
    await ground.host.kill();
    dead.resolve();
  };
  let written = 0;
  let passed = 0;
  const strike: Record<Plan['place'], () => Verdict | Promise<Verdict | undefined> | undefined> = {
    lost: async () => {
      await kill();
      return { kind: 'drop' };
    },
    landed: () => ({ kind: 'lose', landed: kill }),
    late: async () => {
      await kill();
      await back;
      return undefined;
    },
    moment: () => {
      void delay(moment).then(kill);
      return undefined;
    },
  };
  const guard: Guard = ({ writes }) => {
    written += writes.filter(({ table }) => table === trial.name).length;
    if (written < records || passed++ < requests) return undefined;
    stop();
    return strike[place]();
  };
  const stop = ground.front.guard(guard);
  return dead.promise;
}
