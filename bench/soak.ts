import type { Benchmark, Figure } from './figures';
import { type Cause, chance, EventMaker, type Known, oneOf } from './fleet/events';
import { Fleet } from './fleet/fleet';
import { eachRotation, exactly, notGrown, type Reading, withinLimits } from './fleet/judgement';

const keys = 50;
const hours = 24;
const startsAnHour = 3;
const seed = 7;
const minute = 60_000;
const hour = 60 * minute;

/** Short enough for a KEK to be rotated, retired and rotated again within the day. */
const settings = { soak: 'PT2H', probeEvery: 'PT30M', grace: 'PT2H', watch: 'PT1H' };
/** Short enough for what ended to be purged within a quarter of the day. */
const beside = { instanceHistory: 'PT4H' };

export const soak: Benchmark = {
  name: 'soak',
  title: `${hours} virtual hours with a key event every minute over ${keys} KEKs: what is right, and what is kept, afterwards`,
  async run(say) {
    const fleet = await Fleet.start({ keys, settings, beside, batch: 1 });
    try {
      const day = await playHours(fleet, say);
      const unretired = await drain(fleet);
      const { retry = 0, deadLetter = 0 } = await fleet.deliveries();
      return {
        about: `one hub for each KEK, a DPS and 100 data keys under the first; ${startsAnHour} rotations an hour begin, each KEK is retired too; history of instances kept for ${beside.instanceHistory}`,
        figures: [
          ...exactly(await fleet.played(day.causes)),
          ...withinLimits((await fleet.read()).kept, {
            keys,
            vaults: 1,
            remembered: day.maker.remembered(await fleet.known()),
          }),
          { name: 'versions that were to be retired and are not', value: unretired, unit: '', bar: { atMost: 0 } },
          { name: 'deliveries that had to be repeated', value: retry + deadLetter, unit: '', bar: { atMost: 0 } },
          ...figuresOf(day),
        ],
      };
    } finally {
      await fleet.stop();
    }
  },
};

interface Day {
  readonly causes: readonly Cause[];
  readonly maker: EventMaker;
  /** One at the end of each hour. */
  readonly readings: readonly Reading[];
}

/** Every minute one event; so many an hour, at minutes of their own, start a rotation of a KEK that is free. */
async function playHours(fleet: Fleet, say: (progress: string) => void): Promise<Day> {
  const random = chance(seed);
  const maker = new EventMaker(random);
  const causes: Cause[] = [];
  const readings: Reading[] = [];
  let known = await fleet.known();
  const begins = await fleet.now();
  // What can be said of the versions there are is said beforehand, so that no hour has more of it than another.
  for (let round = 0; round < 20; round++) {
    await fleet.publish(Array.from({ length: keys }, () => maker.idle(known, begins)));
  }
  for (let each = 0; each < hours; each++) {
    const starts = minutesOfStarts(random);
    for (let at = 0; at < 60; at++) {
      const now = begins + each * hour + at * minute;
      await fleet.advanceTo(now);
      if (starts.has(at)) {
        known = await fleet.known();
        causes.push(await startOne(fleet, maker, known, { now, random }));
      } else await fleet.publish([maker.idle(known, now)]);
      await fleet.settle();
    }
    const reading = await fleet.read();
    readings.push(reading);
    say(progressOf(each + 1, causes.length, reading));
  }
  return { causes, maker, readings };
}

function progressOf(at: number, started: number, { held, kept }: Reading): string {
  const heap = `${(held.heapBytes / 1_048_576).toFixed(1)} MiB of heap`;
  const instances = `${kept['instances in the task hub']} instances`;
  return `hour ${at} of ${hours}: ${started} rotations started; ${heap}, ${held.sockets} sockets, ${instances}`;
}

function minutesOfStarts(random: () => number): ReadonlySet<number> {
  const starts = new Set<number>();
  while (starts.size < startsAnHour) starts.add(Math.floor(random() * 60));
  return starts;
}

async function startOne(
  fleet: Fleet,
  maker: EventMaker,
  known: readonly Known[],
  { now, random }: { readonly now: number; readonly random: () => number },
): Promise<Cause> {
  const of = oneOf(
    known.filter(({ free }) => free),
    random,
  );
  if (of === undefined) throw new Error('no KEK is free: the hours are too full');
  if (random() < 1 / 3) {
    const version = await fleet.makeVersion(of.key);
    const cause = { key: of.key, type: 'KeyNewVersionCreated', version } as const;
    maker.told(cause);
    return cause;
  }
  const { cause, event } = maker.starting(of, now);
  // Event Grid delivers at least once: every other comes twice at the same moment.
  await fleet.publish(random() < 0.5 ? [event, event] : [event]);
  return cause;
}

/** Lets everything that was begun come to its end. @returns versions that are not retired even so */
async function drain(fleet: Fleet): Promise<number> {
  const until = (await fleet.now()) + 12 * hour;
  for (let now = await fleet.now(); now < until; now += 5 * minute) {
    await fleet.advanceTo(now);
    if ((await fleet.allFree()) && (await fleet.unretired()) === 0) break;
  }
  return fleet.unretired();
}

/** The last quarter of the day to its second one: by then all code has run, and every store has been opened. */
function figuresOf({ causes, readings }: Day): Figure[] {
  const quarter = readings.length / 4;
  const [second, last] = [readings.slice(quarter, 2 * quarter), readings.slice(-quarter)];
  const [first, end] = [readings[0]?.kept ?? {}, readings.at(-1)?.kept ?? {}];
  return [
    ...notGrown('last quarter ÷ second', second, last, ['instances in the task hub', 'bytes of the task hub']),
    ...eachRotation(first, end, causes.length - startsAnHour),
  ];
}
