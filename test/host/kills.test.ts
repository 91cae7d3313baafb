import { env } from 'node:process';
import { type Size, Trial } from './errands/trial';

const { KEYTURN_TEST_HOST: extent, KEYTURN_TEST_SEED: otherSeed } = env;
const seed = Number(otherSeed ?? 1);
const size: Size = extent === 'whole' ? { instances: 10_000, kills: 30 } : { instances: 2_000, kills: 6 };
const LIMIT = extent === 'whole' ? 3_600_000 : 300_000;

describe(`The local host killed ${size.kills} times under ${size.instances} instances, seed ${seed}`, () => {
  const trial = new Trial(seed, size);
  let failed = true;
  afterAll(() => trial.dispose(failed));

  test(
    'loses no activity, timer, event, child or generation, and runs nothing twice whose result it had',
    async () => {
      const { problems, summary } = await trial.run();
      process.stderr.write(`${JSON.stringify(summary)}\n`);
      expect(problems.slice(0, 20)).toEqual([]);
      expect(summary).toMatchObject({ seed, lost: 0, twice: 0 });
      failed = false;
    },
    LIMIT,
  );
});
