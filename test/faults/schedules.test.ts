import { report, search } from './search';

/** Schedules in `npm test`; `npm run check` plays a thousand, `npm run test:faults` as many as it is told. */
// biome-ignore lint/style/noProcessEnv: how many are played is asked for by the script that runs the tests
const runs = Number(process.env['KEYTURN_TEST_SCHEDULES'] ?? 150);
const seed = 20261122;

test('whatever goes wrong, in whatever order: every run ends, every record opens, everything is told (I1 to I12)', async () => {
  const { tally, found } = await search({ seed, runs });
  if (found !== null) throw new Error(report(found));
  expect(tally.schedules).toBe(runs);
  // A generator that never reaches a way back proves nothing about it.
  expect(tally.missed).toEqual([]);
}, 1_800_000);
