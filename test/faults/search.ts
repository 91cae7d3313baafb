import * as fc from 'fast-check';
import type { Simulation } from '../simulation/simulation';
import { schedules } from './drawing';
import { play } from './play';
import type { Schedule } from './schedule';
import { Tally } from './tally';
import { told } from './telling';

export interface Sought {
  readonly seed: number;
  /** How many schedules are drawn. */
  readonly runs: number;
  /** Of a schedule that failed before: plays that one alone. */
  readonly path?: string;
  /** Seconds after which no other is tried, and one that fails is made no smaller. */
  readonly seconds?: number;
  readonly progress?: (tally: Tally) => void;
  /** Shown each simulation when it is over. */
  readonly look?: (simulation: Simulation) => void;
}

/** The smallest schedule that fails, found by taking away from the first that did. */
export interface Found {
  readonly seed: number;
  readonly path: string;
  readonly wrong: string;
  readonly schedule: Schedule;
  readonly shrinks: number;
}

/** Draws schedules from a seed and plays them, until one fails. */
export async function search({
  seed,
  runs,
  path,
  seconds,
  progress,
  look,
}: Sought): Promise<{ tally: Tally; found: Found | null }> {
  const tally = new Tally();
  let failing = false;
  const property = fc.asyncProperty(schedules, async (schedule) => {
    const played = await play(schedule, look);
    failing ||= played.wrong.length > 0;
    if (!failing) {
      tally.add(played);
      progress?.(tally);
    }
    if (played.wrong.length > 0) throw new Error(played.wrong.join('\n'));
  });
  const details = await fc.check(property, {
    seed,
    numRuns: path === undefined ? runs : 1,
    ...(path === undefined ? {} : { path }),
    ...(seconds === undefined ? {} : { interruptAfterTimeLimit: seconds * 1000 }),
  });
  if (!details.failed || details.counterexample === null) return { tally, found: null };
  const [schedule] = details.counterexample;
  const { message } = details.errorInstance as Error;
  return {
    tally,
    found: {
      seed: details.seed,
      path: details.counterexamplePath ?? '',
      wrong: message,
      schedule,
      shrinks: details.numShrinks,
    },
  };
}

/** What was found, for somebody who is to mend it. */
export const report = ({ seed, path, wrong, schedule, shrinks }: Found): string =>
  [
    `a schedule fails; the smallest after ${shrinks} steps of taking away:`,
    told(schedule),
    wrong,
    `once more: npm run test:faults -- --seed ${seed} --path ${path}`,
  ].join('\n');
