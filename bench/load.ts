import { setTimeout as delay } from 'node:timers/promises';
import type { Benchmark } from './figures';
import { type Cause, chance, EventMaker } from './fleet/events';
import { Fleet } from './fleet/fleet';
import { exactly, notGrown, type Reading, withinLimits } from './fleet/judgement';

const keys = 50;
const events = 10_000;
/** The same with fewer events: as many rotations side by side, so that all code has run and as many connections are open before. */
const warmUp = { keys: 25, events: 1000 };
/** Event Grid's own batches end at a mebibyte, which is some fourteen hundred of these; here more come beside each other. */
const batch = 100;
/** One KEK has data keys, and they are looked through twice: after its other targets, and after the soak. */
const passesOverDataKeys = 2;
const seed = 11;
/** Longer than any connection that nobody uses is kept open. */
const idleMilliseconds = 15_000;

const settings = { soak: 'PT5M', probeEvery: 'PT1M' };

export const load: Benchmark = {
  name: 'load',
  title: `${events} key events at once over ${keys} KEKs, each of which one starts to rotate: what is right, and what is kept, afterwards`,
  async run(say) {
    const fleet = await Fleet.start({ keys, settings, batch });
    try {
      const maker = new EventMaker(chance(seed));
      const warm = await storm(fleet, maker, { ...warmUp, from: 0 });
      const before = await quiet(fleet);
      say(`${warmUp.events} events to warm up`);
      const stormed = await storm(fleet, maker, { keys: keys - warmUp.keys, events, from: warmUp.keys });
      say(`${events} events, and ${stormed.causes.length} rotations`);
      const after = await quiet(fleet);
      const played = await fleet.played([...warm.causes, ...stormed.causes]);
      const remembered = maker.remembered(await fleet.known());
      const { retry = 0, deadLetter = 0 } = await fleet.deliveries();
      return {
        about: `batches of ${batch}, all at once; one event of each KEK starts a rotation, the others came before, come twice, are old news or strangers'`,
        figures: [
          { name: 'events taken a second', value: events / stormed.seconds, unit: '' },
          { name: 'until the last batch was answered', value: stormed.seconds, unit: 's' },
          { name: 'deliveries that had to be repeated', value: retry + deadLetter, unit: '', bar: { atMost: 0 } },
          ...exactly(played),
          {
            name: 'instances beyond one for each version and type, and the passes over data keys',
            value: (after.kept['instances in the task hub'] ?? Number.NaN) - remembered - passesOverDataKeys,
            unit: '',
            bar: { atMost: 0 },
          },
          ...withinLimits(after.kept, { keys, vaults: 1, remembered }),
          ...notGrown('after ÷ before', [before], [after]),
        ],
      };
    } finally {
      await fleet.stop();
    }
  },
};

interface Storm {
  readonly causes: readonly Cause[];
  /** From the first delivery to the last answer. */
  readonly seconds: number;
}

/** All events at once, then the clock jumps until the rotations have ended. */
async function storm(
  fleet: Fleet,
  maker: EventMaker,
  size: { readonly keys: number; readonly events: number; readonly from: number },
): Promise<Storm> {
  const known = await fleet.known();
  const now = await fleet.now();
  const starting = known.slice(size.from, size.from + size.keys).map((each) => maker.starting(each, now));
  const all = [...starting.map(({ event }) => event)];
  while (all.length < size.events) all.push(maker.idle(known, now));
  const began = performance.now();
  await fleet.publish(shuffled(all));
  const seconds = (performance.now() - began) / 1000;
  await fleet.travel(true);
  await allEnded(fleet);
  await fleet.travel(false);
  return { causes: starting.map(({ cause }) => cause), seconds };
}

async function allEnded(fleet: Fleet): Promise<void> {
  do {
    await delay(500);
    await fleet.settle();
  } while (!(await fleet.allFree()));
}

async function quiet(fleet: Fleet): Promise<Reading> {
  await fleet.settle();
  await delay(idleMilliseconds);
  return fleet.read();
}

/** In an order of its own (Fisher and Yates), the same at each run. */
function shuffled<T>(all: readonly T[]): T[] {
  const random = chance(seed);
  const mixed = [...all];
  for (let at = mixed.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [mixed[at], mixed[other]] = [mixed[other] as T, mixed[at] as T];
  }
  return mixed;
}
