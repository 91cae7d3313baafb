import { type SimulatedVault, simulate, steady } from './simulation';

/** The quota of Key Vault for software RSA-2048 keys, and how much of it is to be used at least. */
const limit = 4000;
const leastUsed = 0.95;

const minute = 60_000;

describe.each<SimulatedVault['window']>(['fixed', 'sliding'])(
  'over a minute of 4,000 operations in ten seconds, counted in %s windows',
  (window) => {
    test.each([1, 2])('%i workers use at least 95 %% of the quota, and nothing is refused', async (count) => {
      const workers = Array.from({ length: count }, () => steady);
      const vault = { limit, window, retryAfterSeconds: null };
      const { accepted, refused } = await simulate({
        vault,
        ceiling: limit,
        cost: 1,
        workers,
        milliseconds: minute,
        seed: count,
        phase: 3333,
      });
      expect(accepted / (limit * 6)).toBeGreaterThanOrEqual(leastUsed);
      expect(refused).toBe(0);
    });
  },
);

test('a vault that stands still for a moment, and refuses once for it, costs little', async () => {
  const { accepted, refused } = await simulate({
    vault: { limit, window: 'sliding', retryAfterSeconds: null },
    ceiling: limit,
    cost: 2,
    workers: [steady],
    milliseconds: 100_000,
    seed: 300,
    standstill: [20_000, 20_300],
  });
  expect(refused).toBeGreaterThan(0);
  expect(accepted / (limit * 10)).toBeGreaterThanOrEqual(leastUsed);
});
