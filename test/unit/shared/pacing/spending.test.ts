import fc from 'fast-check';
import type { Span } from '../../../../shared/rotation/ports';
import {
  compact,
  earliestRoom,
  spentBetween,
  takeBack,
  windowMilliseconds,
} from '../../../../shared/rotation/spending';

const span = (from: number, to: number, units: number): Span => ({ from, to, units });
const spans = fc
  .array(
    fc.record({
      gap: fc.integer({ min: 0, max: 900 }),
      length: fc.integer({ min: 1, max: 400 }),
      units: fc.integer({ min: 1, max: 50 }),
    }),
    { maxLength: 40 },
  )
  .map((pieces) => {
    let at = 0;
    return pieces.map(({ gap, length, units }) => {
      const from = at + gap;
      at = from + length;
      return span(from, at, units);
    });
  });

test('units are spent evenly over their span, or at once where it has no length', () => {
  expect(spentBetween([span(100, 200, 10)], 150, 300)).toBe(5);
  expect(spentBetween([span(100, 200, 10), span(120, 120, 3)], 0, 130)).toBe(6);
});

test('room is found no earlier than asked, as early as there is, and leaves no ten seconds with more than the limit', () => {
  fc.assert(
    fc.property(spans, fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 500 }), (spent, units, length) => {
      const limit = 200;
      const end = spent.at(-1)?.to ?? 0;
      const at = earliestRoom(spent, span(end, end + length, units), limit);
      expect(at).toBeGreaterThanOrEqual(end);
      const all = [...spent, span(at, at + length, units)];
      const most = (instant: number) => spentBetween(all, instant - windowMilliseconds, instant);
      for (let instant = at + 1; instant <= at + length; instant += 7) {
        expect(most(instant)).toBeLessThanOrEqual(limit + 1e-3);
      }
      if (at > end + 1) {
        const sooner = [...spent, span(at - 2, at - 2 + length, units)];
        const fullest = Math.max(
          ...[
            at - 2,
            at - 2 + length,
            ...spent.flatMap(({ from, to }) => [from + windowMilliseconds, to + windowMilliseconds]),
          ]
            .filter((instant) => instant >= at - 2 && instant <= at - 2 + length)
            .map((instant) => spentBetween(sooner, instant - windowMilliseconds, instant)),
        );
        expect(fullest).toBeGreaterThan(limit);
      }
    }),
  );
});

test('what is larger than the limit waits for an empty window, and then has room', () => {
  expect(earliestRoom([], span(100, 400, 80), 40)).toBe(100);
  expect(earliestRoom([span(0, 100, 5)], span(100, 400, 80), 40)).toBeGreaterThanOrEqual(9800);
});

test('what is long past is kept coarsely and then forgotten, and no window loses or gains by it', () => {
  fc.assert(
    fc.property(spans, fc.integer({ min: 0, max: 40_000 }), (spent, now) => {
      const kept = compact(spent, now);
      expect(spentBetween(kept, now - windowMilliseconds + 250, now + 50_000)).toBeCloseTo(
        spentBetween(spent, now - windowMilliseconds + 250, now + 50_000),
        -2.3,
      );
      expect(kept.every(({ to }) => to > now - windowMilliseconds)).toBe(true);
    }),
  );
});

test('a busy window is kept in few pieces', () => {
  const busy = Array.from({ length: 1000 }, (_, index) => span(index * 10, index * 10 + 10, 4));
  expect(compact(busy, 10_000).length).toBeLessThan(150);
  expect(spentBetween(compact(busy, 10_000), 0, 10_000)).toBe(4000);
});

test('units are taken back from the span that holds them, also when it was joined to others', () => {
  const joined = compact([span(0, 100, 10), span(100, 200, 10)], 5000);
  expect(joined).toEqual([span(0, 200, 20)]);
  expect(takeBack(joined, span(100, 200, 4))).toEqual([span(0, 200, 16)]);
  expect(takeBack(joined, span(300, 400, 4))).toEqual(joined);
});
