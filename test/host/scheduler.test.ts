import { env } from 'node:process';
import { play } from './errands/interleaving';

const { KEYTURN_TEST_HOST: extent, KEYTURN_TEST_SEED: otherSeed } = env;
const first = Number(otherSeed ?? 1);
const scenarios = extent === 'whole' ? 300 : 8;
const LIMIT = extent === 'whole' ? 3_600_000 : 300_000;
const instances = 3;

describe(`The engine in virtual time, in random orders from seed ${first}`, () => {
  beforeEach(() => {
    // The world takes the turns of the event loop and the machine's clock into its own hands.
    const doNotFake = ['nextTick', 'queueMicrotask', 'setImmediate', 'clearImmediate', 'performance'] as const;
    jest.useFakeTimers({ now: Date.parse('2026-11-22T12:00:00Z'), doNotFake: [...doNotFake] });
  });
  afterEach(() => {
    jest.restoreAllMocks();
    jest.useRealTimers();
  });

  test(
    'wakes everybody up and loses nothing, with a crash before and after each commit',
    async () => {
      const summary = { seed: first, orders: 0, deaths: 0, repeats: 0 };
      for (let seed = first; seed < first + scenarios; seed++) {
        const { commits } = await play(seed, instances, []);
        const points = Array.from({ length: 2 * commits + 1 }, (_, index) => Math.floor((index + 1) / 2));
        for (const [index, commit] of points.entries()) {
          const crashAt = commit === 0 ? [] : [{ commit, when: index % 2 === 1 ? 'before' : 'after' } as const];
          const { problems, deaths, repeats } = await play(seed, instances, crashAt);
          summary.orders++;
          summary.deaths += deaths;
          summary.repeats += repeats;
          expect({ seed, crashAt, problems }).toEqual({ seed, crashAt, problems: [] });
        }
      }
      process.stderr.write(`${JSON.stringify(summary)}\n`);
    },
    LIMIT,
  );
});
