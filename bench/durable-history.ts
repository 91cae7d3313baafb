import type { Benchmark, Figure } from './figures';
import { hubsOnly, MeteredApp } from './metered-app';

const sizes = [1, 10, 25, 50] as const;
/** Each in a cloud of its own: whatever else the machine does can only add to CPU time, so the least is the nearest. */
const rounds = 2;

interface Size {
  readonly targets: number;
  /** Of what is kept at the end: a run leaves its history behind every fifty steps. */
  readonly events: number;
  readonly bytes: number;
  /** CPU time in milliseconds of the one process that holds host and app. */
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
  title: `what a rotation leaves in the durable history, and its CPU time, for ${sizes.join(', ')} targets`,
  async run(say) {
    const least = new Map<number, Size>();
    for (let round = 1; round <= rounds; round++) {
      // Every size in every round: company on the machine comes and goes, and must not hit one size alone.
      for (const targets of sizes) {
        const size = await measure(targets);
        const known = least.get(targets);
        if (known === undefined || size.cpu < known.cpu) least.set(targets, size);
        say(`round ${round} of ${rounds}: ${targets} targets`);
      }
    }
    const measured = [...least.values()];
    const figures = measured.flatMap(({ targets, events, bytes, cpu }): Figure[] => [
      { name: `${targets} targets: events`, value: events, unit: '' },
      { name: `${targets} targets: history`, value: bytes / 1024, unit: 'KiB' },
      { name: `${targets} targets: CPU of host and app`, value: cpu, unit: 'ms' },
    ]);
    const growthOfCpu = growth(measured.map(({ targets, cpu }) => [targets, cpu]));
    return {
      about:
        'hubs only, 48 rounds of probes; growth is what each further target takes at 50, as a multiple of what it takes at 1',
      figures: [...figures, { name: 'growth, CPU', value: growthOfCpu, unit: '', bar: { atMost: 1.1 } }],
    };
  },
};

/** Slope at the last point against slope at the first, of the parabola with the least squares through all: 1 is linear. */
function growth(points: readonly (readonly [x: number, y: number])[]): number {
  const sum = (of: (x: number, y: number) => number) => points.reduce((all, [x, y]) => all + of(x, y), 0);
  const [first, last] = [points[0]?.[0] ?? 0, points.at(-1)?.[0] ?? 0];
  const power = (k: number) => sum((x) => x ** k);
  const rows = [0, 1, 2].map((i) => [power(i), power(i + 1), power(i + 2)] as const);
  const right = [0, 1, 2].map((i) => sum((x, y) => y * x ** i));
  // Cramer's rule; the common denominator falls out of the ratio.
  const linear = determinant(rows.map(([a, , c], i) => [a, right[i] ?? 0, c]));
  const square = determinant(rows.map(([a, b], i) => [a, b, right[i] ?? 0]));
  return (linear + 2 * square * last) / (linear + 2 * square * first);
}

function determinant(rows: readonly (readonly number[])[]): number {
  const [[a = 0, b = 0, c = 0] = [], [d = 0, e = 0, f = 0] = [], [g = 0, h = 0, i = 0] = []] = rows;
  return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
}
