import fc from 'fast-check';
import { type Simulated, type SimulatedVault, simulate, steady } from './simulation';

/** The bars that pacing is held to: of the quota, this much is used, and of what is asked, no more than this is refused. */
const leastUsed = 0.95;
const mostRefused = 0.02;

const limit = 1000;
const minute = 60_000;

const windows = fc.constantFrom<SimulatedVault['window']>('fixed', 'sliding');
const retryAfter = fc.constantFrom(null, 1, 7);
const worker = fc.record({
  lanes: fc.integer({ min: 8, max: 32 }),
  skew: fc.integer({ min: -2000, max: 2000 }),
  page: fc.integer({ min: 300, max: 3000 }),
  pauseMilliseconds: fc.integer({ min: 0, max: 200 }),
  startsAt: fc.integer({ min: 0, max: 200 }),
  diesAt: fc.constant(Number.POSITIVE_INFINITY),
});
const workers = (minLength: number) => fc.array(worker, { minLength, maxLength: 3 });
const chance = { seed: fc.integer(), phase: fc.integer({ min: 0, max: 9999 }) };

const usedBetween = (
  accepted: (from: number, to: number) => number,
  { vault }: Pick<Simulated, 'vault'>,
  from: number,
  to: number,
): number => accepted(from, to) / ((vault.limit * (to - from)) / 10_000);

describe('with the whole quota as its share', () => {
  test('workers use nearly all of it and are hardly refused, however the vault counts', async () => {
    const simulated: fc.Arbitrary<Simulated> = fc.record({
      vault: fc.record({ limit: fc.constant(limit), window: windows, retryAfterSeconds: retryAfter }),
      ceiling: fc.constant(limit),
      cost: fc.constantFrom(1, 2, 4, 8),
      workers: workers(1),
      milliseconds: fc.constant(minute),
      ...chance,
    });
    await fc.assert(
      fc.asyncProperty(simulated, async (asked) => {
        const { acceptedBetween, accepted, refused } = await simulate(asked);
        expect(usedBetween(acceptedBetween, asked, 0, minute)).toBeGreaterThanOrEqual(leastUsed);
        expect(refused / accepted).toBeLessThanOrEqual(mostRefused);
      }),
      { numRuns: 12 },
    );
  });

  test('a worker that dies takes no more with it than its grant', async () => {
    const dying = fc.record({
      vault: fc.record({ limit: fc.constant(limit), window: windows, retryAfterSeconds: retryAfter }),
      diesAt: fc.integer({ min: 5_000, max: 30_000 }),
      survivors: fc.integer({ min: 1, max: 2 }),
      ...chance,
    });
    await fc.assert(
      fc.asyncProperty(dying, async ({ vault, diesAt, survivors, ...rest }) => {
        const all = [{ ...steady, diesAt }, ...Array.from({ length: survivors }, () => steady)];
        const asked: Simulated = { vault, ceiling: limit, cost: 1, workers: all, milliseconds: minute, ...rest };
        const { acceptedBetween, accepted, refused } = await simulate(asked);
        expect(usedBetween(acceptedBetween, asked, 0, minute)).toBeGreaterThanOrEqual(leastUsed);
        expect(refused / accepted).toBeLessThanOrEqual(mostRefused);
      }),
      { numRuns: 6 },
    );
  });
});

describe('of a vault that allows less than is documented', () => {
  test('workers find the limit by a few refusals and settle under it', async () => {
    const simulated: fc.Arbitrary<Simulated> = fc.record({
      vault: fc.record({ limit: fc.integer({ min: 200, max: 700 }), window: windows, retryAfterSeconds: retryAfter }),
      ceiling: fc.constantFrom(1000, 4000),
      cost: fc.constant(1),
      workers: workers(1),
      milliseconds: fc.constant(2 * minute),
      ...chance,
    });
    await fc.assert(
      fc.asyncProperty(simulated, async (asked) => {
        const { acceptedBetween, accepted, refused } = await simulate(asked);
        expect(refused / accepted).toBeLessThanOrEqual(mostRefused);
        expect(usedBetween(acceptedBetween, asked, minute, 2 * minute)).toBeGreaterThanOrEqual(0.8);
      }),
      { numRuns: 6 },
    );
  });
});

describe('with a share of the quota', () => {
  test('workers together never take more than their share in any ten seconds, and nearly all of it', async () => {
    const simulated: fc.Arbitrary<Simulated> = fc.record({
      vault: fc.record({ limit: fc.constant(2000), window: windows, retryAfterSeconds: retryAfter }),
      ceiling: fc.constant(1000),
      cost: fc.constantFrom(1, 4),
      workers: fc.integer({ min: 1, max: 3 }).map((count) => Array.from({ length: count }, () => steady)),
      milliseconds: fc.constant(40_000),
      ...chance,
    });
    await fc.assert(
      fc.asyncProperty(simulated, async (asked) => {
        const { acceptedBetween, refused } = await simulate(asked);
        expect(refused).toBe(0);
        for (let from = 0; from <= 30_000; from += 250) {
          expect(acceptedBetween(from, from + 10_000)).toBeLessThanOrEqual(asked.ceiling);
        }
        expect(acceptedBetween(0, 40_000) / (4 * asked.ceiling)).toBeGreaterThanOrEqual(leastUsed);
      }),
      { numRuns: 5 },
    );
  });
});
