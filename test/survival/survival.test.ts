import { env } from 'node:process';
import { Ground } from './ground';
import { shortcomings } from './judgement';
import { type Ordeal, ordeals, type Size } from './ordeals';
import { Trial } from './trial';

const { KEYTURN_TEST_SURVIVAL: extent, KEYTURN_TEST_SEED: otherSeed } = env;
const LIMIT = extent === 'whole' ? 3_600_000 : 120_000;

interface Outcome {
  readonly seed: number;
  readonly problems: readonly string[];
}

const seedOf = ({ seed }: Ordeal): number => (otherSeed === undefined ? seed : Number(otherSeed));

/** Sees one ordeal through on a ground. @returns what is not as it must be, with all that is needed to see it again */
async function undergo(ordeal: Ordeal, ground: Ground, size: Size): Promise<Outcome> {
  const seed = seedOf(ordeal);
  const trial = await Trial.prepare(ground, ordeal.name, size.records, seed);
  const problems: string[] = [];
  for await (const wanted of ordeal.undergo(trial, size)) problems.push(...(await shortcomings(trial, wanted)));
  if (problems.length > 0) problems.push(`logs: ${ground.folder}`);
  return { seed, problems };
}

const expectNone = (ordeal: Ordeal, outcome: Outcome): void =>
  expect(outcome).toEqual({ seed: seedOf(ordeal), problems: [] });

const titled = (some: readonly Ordeal[]) => some.map((ordeal) => [ordeal.what, ordeal] as const);

const tell = (ordeal: Ordeal, text: string) =>
  process.stderr.write(`${ordeal.name}, seed ${seedOf(ordeal)}: ${text}\n`);

/** One after the other, each on a ground of its own. */
function atFullSize(): void {
  test.each(titled(ordeals))(
    '%s',
    async (_what, ordeal) => {
      const began = Date.now();
      tell(ordeal, `${ordeal.whole.records} records, ${ordeal.whole.kills} kills`);
      const ground = await Ground.up([ordeal.name]);
      const outcome = await undergo(ordeal, ground, ordeal.whole);
      const secrets = await ground.down(outcome.problems.length > 0);
      tell(ordeal, `${((Date.now() - began) / 1000).toFixed(1)} s`);
      expectNone(ordeal, outcome);
      expect(secrets).toEqual([]);
    },
    LIMIT,
  );
}

/** All on one ground; those that do not mind each other's company go side by side, which saves most of the time. */
function small(): void {
  const outcomes = new Map<Ordeal, Promise<Outcome>>();
  let ground: Ground;

  beforeAll(async () => {
    ground = await Ground.up(ordeals.map(({ name }) => name));
  }, LIMIT);

  afterAll(async () => {
    const all = await Promise.allSettled(outcomes.values());
    const found = await ground.down(all.some((one) => one.status === 'rejected' || one.value.problems.length > 0));
    expect(found).toEqual([]);
  }, LIMIT);

  test.each(titled(ordeals))(
    '%s',
    async (_what, ordeal) => {
      for (const one of ordeals.filter(({ company }) => company === ordeal.company)) {
        if (!outcomes.has(one)) outcomes.set(one, undergo(one, ground, one.quick));
      }
      expectNone(ordeal, await (outcomes.get(ordeal) as Promise<Outcome>));
    },
    LIMIT,
  );
}

describe('A move of data keys survives', extent === 'whole' ? atFullSize : small);
