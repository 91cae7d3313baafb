import { z } from 'zod';
import type { Counted } from './figures';
import { countedByJest } from './jest-report';

const crashes = z.object({
  points: z.number(),
  plays: z.number(),
  killed: z.number(),
  lost: z.number(),
  readsFailed: z.number(),
  wrong: z.array(z.object({ run: z.string(), problems: z.array(z.string()) }).loose()),
  late: z.array(z.string()),
});

/** Of `npm run test:crash`. */
export function countedByCrashes(json: unknown): Counted {
  const { points, plays, killed, lost, readsFailed, wrong, late } = crashes.parse(json);
  const problems = wrong.flatMap(({ run, problems: found }) => found.map((problem) => `${run}: ${problem}`));
  const reached = `${plays} plays, ${killed} kills, ${lost} answers lost`;
  return { points, reached, readsFailed, problems: [...problems, ...late] };
}

const schedules = z.object({
  seed: z.number(),
  schedules: z.number(),
  stages: z.record(z.string(), z.number()),
  faults: z.record(z.string(), z.number()),
  missed: z.array(z.string()),
  found: z.object({ seed: z.number(), path: z.string(), wrong: z.string() }).nullable(),
});

/**
 * Of `npm run test:faults`. What no schedule reached is a problem of a run of schedules that is long enough to reach everything.
 * @param long whether it is
 */
export const countedBySchedules =
  (long: boolean) =>
  (json: unknown): Counted => {
    const { seed, schedules: played, stages, faults, missed, found } = schedules.parse(json);
    const reached = (counts: Readonly<Record<string, number>>) =>
      Object.values(counts).filter((count) => count > 0).length;
    const none = missed.length === 0 ? '' : `, and not ${missed.join(', ')}`;
    const told = `${reached(stages)} phases and ${reached(faults)} faults by schedules of seed ${seed}${none}`;
    const failed = found === null ? [] : [`seed ${found.seed}, path ${found.path}: ${found.wrong}`];
    return {
      schedules: played,
      reached: told,
      // Few schedules that miss something end with an error, which is none.
      ...(!long && found === null && missed.length > 0 ? { ended: true } : {}),
      problems: [...failed, ...(long ? missed.map((name) => `no schedule reached ${name}`) : [])],
    };
  };

const wholeStack = z.object({ seed: z.number(), schedules: z.number(), wrong: z.array(z.string()) });

/** Of `npm run test:faults -- --whole-stack`. */
export function countedByWholeStack(json: unknown): Counted {
  const { seed, schedules: played, wrong } = wholeStack.parse(json);
  return { schedules: played, reached: `schedules of seed ${seed}`, problems: wrong };
}

const benchmarks = z.object({
  benchmarks: z.array(
    z.object({
      name: z.string(),
      figures: z.array(z.object({ name: z.string(), value: z.number().nullable(), keepsBar: z.boolean().nullable() })),
    }),
  ),
});

/** Of `npm run bench`: of a benchmark that says what must be exact, a bar that is missed is a problem. */
export function countedByBench(json: unknown): Counted {
  const figures = benchmarks.parse(json).benchmarks.flatMap((each) => each.figures);
  const missed = figures.filter(({ keepsBar }) => keepsBar === false);
  return {
    reached: `${figures.filter(({ keepsBar }) => keepsBar !== null).length} bars`,
    problems: missed.map(({ name, value }) => `${name}: ${value}`),
  };
}

/**
 * Of the matrix of crashes in one process, which is tests: they hold what they have played to the document, so the document says how many
 * points there were.
 */
export function countedByMatrix(json: unknown, document: string): Counted {
  const counted = countedByJest(json);
  const points = [...document.matchAll(/\b(\d+) points, each disturbed in three ways/g)].map(([, number]) =>
    Number(number),
  );
  // Of a part of the document nothing is said but by the tests.
  if (counted.problems.length > 0 || counted.reached !== undefined) return counted;
  const reached = `${points.length} runs, each point killed before it, after it, and its answer lost`;
  return { ...counted, points: points.reduce((sum, each) => sum + each, 0), reached };
}
