import type { Benchmark, Figure } from './figures';
import { hubsOnly, MeteredApp } from './metered-app';

const sizes = [1, 10, 50] as const;

interface Size {
  readonly targets: number;
  readonly events: number;
  readonly bytes: number;
  readonly cpu: number;
}

/** One rotation in a local cloud of its own: everything the durable task hub holds afterwards belongs to it. */
async function measure(targets: number): Promise<Size> {
  const app = await MeteredApp.start(hubsOnly(targets));
  try {
    const { cpuMilliseconds } = await app.rotate();
    const instances = await app.instances();
    const histories = instances.filter(({ name }) => !/retire/i.test(name)).map(({ history }) => history);
    const events = histories.reduce((sum, history) => sum + history.length, 0);
    const bytes = histories.reduce((sum, history) => sum + Buffer.byteLength(JSON.stringify(history)), 0);
    return { targets, events, bytes, cpu: cpuMilliseconds };
  } finally {
    await app.stop();
  }
}

export const durableHistory: Benchmark = {
  name: 'durable-history',
  title: 'what a rotation leaves in the durable history, for 1, 10 and 50 targets',
  async run(say) {
    const measured: Size[] = [];
    for (const targets of sizes) {
      measured.push(await measure(targets));
      say(`${targets} targets`);
    }
    const figures = measured.flatMap(({ targets, events, bytes, cpu }): Figure[] => [
      { name: `${targets} targets: events`, value: events, unit: '' },
      { name: `${targets} targets: history`, value: bytes / 1024, unit: 'KiB' },
      { name: `${targets} targets: CPU of host and app`, value: cpu, unit: 'ms' },
    ]);
    return {
      about: 'hubs only, 48 rounds of probes; linear means that the growth for each target stays the same',
      figures: [...figures, ...growth(measured)],
    };
  },
};

/** How much more each further target takes from 10 to 50 than from 1 to 10: 1 is linear. */
function growth([one, ten, fifty]: readonly Size[]): Figure[] {
  if (one === undefined || ten === undefined || fifty === undefined) return [];
  const ratio = (of: (size: Size) => number) =>
    (of(fifty) - of(ten)) / (fifty.targets - ten.targets) / ((of(ten) - of(one)) / (ten.targets - one.targets));
  return [
    { name: 'growth, events', value: ratio(({ events }) => events), unit: '', bar: { atMost: 1.1 } },
    { name: 'growth, bytes', value: ratio(({ bytes }) => bytes), unit: '', bar: { atMost: 1.1 } },
    { name: 'growth, CPU', value: ratio(({ cpu }) => cpu), unit: '' },
  ];
}
