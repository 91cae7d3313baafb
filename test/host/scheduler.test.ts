import { env } from 'node:process';
import { play } from './errands/interleaving';
import type { CrashPoint } from './errands/mortal-store';

const { KEYTURN_TEST_HOST: extent, KEYTURN_TEST_SEED: otherSeed } = env;
const first = Number(otherSeed ?? 1);
/** Orders without a crash, and small errands whose every commit is crashed. */
const orders = extent === 'whole' ? 5000 : 200;
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

  const summary = { seed: first, orders: 0, deaths: 0, repeats: 0 };
  const holds = async (seed: number, crashAt: readonly CrashPoint[]): Promise<number> => {
    const { problems, commits, deaths, repeats } = await play(seed, instances, crashAt);
    summary.orders++;
    summary.deaths += deaths;
    summary.repeats += repeats;
    expect({ seed, crashAt, problems }).toEqual({ seed, crashAt, problems: [] });
    return commits;
  };
  afterAll(() => process.stderr.write(`${JSON.stringify(summary)}\n`));

  test(
    'wakes everybody up and loses nothing',
    async () => {
      for (let seed = first; seed < first + orders; seed++) await holds(seed, []);
    },
    LIMIT,
  );

  test(
    'wakes everybody up and loses nothing, with a crash before and after each commit',
    async () => {
      for (let seed = first; seed < first + scenarios; seed++) {
        const { commits } = await play(seed, instances, []);
        for (let commit = 1; commit <= commits; commit++) {
          for (const when of ['before', 'after'] as const) await holds(seed, [{ commit, when }]);
        }
      }
    },
    LIMIT,
  );
});
