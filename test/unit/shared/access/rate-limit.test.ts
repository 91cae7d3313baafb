import fc from 'fast-check';
import { rateLimit } from '../../../../shared/access/rate-limit';

const at = (seconds: number): Date => new Date(1_800_000_000_000 + seconds * 1000);

test('as many as are allowed at once go through, the next waits until there is room', () => {
  const wait = rateLimit({ perSecond: 2, atOnce: 3 });
  expect([1, 2, 3].map(() => wait('a', 1, at(0)))).toEqual([0, 0, 0]);
  expect(wait('a', 1, at(0))).toBeCloseTo(0.5);
  expect(wait('a', 1, at(0.5))).toBe(0);
  expect(wait('a', 1, at(0.5))).toBeGreaterThan(0);
});

test('who is refused is not held the longer for it, and others are not held at all', () => {
  const wait = rateLimit({ perSecond: 1, atOnce: 1 });
  expect(wait('a', 1, at(0))).toBe(0);
  for (let turn = 0; turn < 100; turn++) expect(wait('a', 1, at(0))).toBeCloseTo(1);
  expect(wait('b', 1, at(0))).toBe(0);
  expect(wait('a', 1, at(1))).toBe(0);
});

test('a request that weighs more leaves less for others', () => {
  const wait = rateLimit({ perSecond: 1, atOnce: 10 });
  expect(wait('a', 9, at(0))).toBe(0);
  expect(wait('a', 2, at(0))).toBeCloseTo(1);
  expect(wait('a', 1, at(0))).toBe(0);
});

test('no more go through in any span of time than the allowance says', () => {
  const steps = fc.array(fc.double({ min: 0, max: 3, noNaN: true }), { maxLength: 200 });
  fc.assert(
    fc.property(steps, (pauses) => {
      const wait = rateLimit({ perSecond: 2, atOnce: 5 });
      const through: number[] = [];
      let now = 0;
      for (const pause of pauses) {
        now += pause;
        if (wait('a', 1, at(now)) === 0) through.push(now);
      }
      for (const [first, from] of through.entries()) {
        for (const [last, to] of through.entries()) {
          if (last >= first) expect(last - first + 1).toBeLessThanOrEqual(5 + 2 * (to - from) + 0.01);
        }
      }
    }),
    { numRuns: 50 },
  );
});

test('a clock that was ahead, and is set back, keeps nobody waiting until that time has come again', () => {
  const wait = rateLimit({ perSecond: 2, atOnce: 3 });
  expect(wait('a', 1, at(3600))).toBe(0);
  expect([1, 2, 3].map(() => wait('a', 1, at(0)))).toEqual([0, 0, 0]);
  expect(wait('a', 1, at(0))).toBeCloseTo(0.5);
});

test('what is remembered does not grow with the number of callers', () => {
  const wait = rateLimit({ perSecond: 1, atOnce: 1 });
  wait('first', 1, at(0));
  for (let caller = 0; caller < 10_000; caller++) wait(String(caller), 1, at(0));
  expect(wait('first', 1, at(0))).toBe(0);
  expect(wait('9999', 1, at(0))).toBeGreaterThan(0);
});
