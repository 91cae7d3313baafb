import { z } from 'zod';
import type { Counted } from './figures';

const crashes = z.object({
  points: z.number(),
  plays: z.number(),
  killed: z.number(),
  lost: z.number(),
  notMet: z.number(),
  readsFailed: z.number(),
  wrong: z.array(z.object({ run: z.string(), problems: z.array(z.string()) }).loose()),
  late: z.array(z.string()),
});

/** Of `npm run test:crash`. */
export function countedByCrashes(json: unknown): Counted {
  const { points, plays, killed, lost, notMet, readsFailed, wrong, late } = crashes.parse(json);
  const problems = wrong.flatMap(({ run, problems: found }) => found.map((problem) => `${run}: ${problem}`));
  const reached = `${plays} plays, ${killed} kills, ${lost} answers lost, ${notMet} not met`;
  return { points, reached, readsFailed, problems: [...problems, ...late] };
}
