import { env } from 'node:process';
import { Chance } from '../../survival/chance';
import { seedOfCommit, someBlows } from './choice';
import { playMatrix } from './matrix';
import { type Run, runs } from './runs';

const { KEYTURN_TEST_SEED: asked, KEYTURN_TEST_KILLS: kills = '3' } = env;
const SECONDS = 1200;

/** Of each run so many: a rotation has most points, and is struck on the way to every other run. */
const played: Partial<Record<Run['name'], number>> = { rotation: Number(kills) - 2, rollback: 1, retirement: 1 };

test(
  'killed at a few points, which change with the commit, a rotation, a rollback and a retirement come to their end and leave nothing behind',
  async () => {
    const chance = new Chance(seedOfCommit(asked));
    const { results, reads, late, kept } = await playMatrix({
      runs: runs.filter(({ name }) => name in played),
      keys: 6,
      choose: (run, points) => someBlows(run, points, played[run.name] ?? 0, chance),
    });
    const blows = results.flatMap(({ blow }) => (blow === null ? [] : [`${blow.point} ${blow.how}`]));
    process.stdout.write(`seed ${chance.seed}: ${blows.join(', ')}\n`);
    const problems = results.flatMap(({ blow, problems }) =>
      problems.map((each) => `${blow?.point} ${blow?.how}: ${each}`),
    );
    expect({ seed: chance.seed, problems, late, kept, failed: reads.failed }).toEqual({
      ...{ seed: chance.seed, problems: [], late: [], kept: [], failed: 0 },
    });
    expect(blows).toHaveLength(Number(kills));
  },
  SECONDS * 1000,
);
