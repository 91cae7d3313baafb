import fc from 'fast-check';
import { addDuration } from '../../../../shared/rotation/iso-duration';

const start = new Date('2026-11-22T14:35:01.123Z');

const added: Record<string, [start: string, duration: string, end: string]> = {
  'a year': ['2026-11-22T14:35:01.123Z', 'P1Y', '2027-11-22T14:35:01.123Z'],
  'ninety days': ['2026-11-22T14:35:01.123Z', 'P90D', '2027-02-20T14:35:01.123Z'],
  'two months': ['2026-11-22T14:35:01.123Z', 'P2M', '2027-01-22T14:35:01.123Z'],
  'two weeks': ['2026-11-22T00:00:00.000Z', 'P2W', '2026-12-06T00:00:00.000Z'],
  'everything at once': ['2026-01-01T00:00:00.000Z', 'P1Y2M3DT4H5M6S', '2027-03-04T04:05:06.000Z'],
  'minutes, which are not months': ['2026-11-22T00:00:00.000Z', 'PT30M', '2026-11-22T00:30:00.000Z'],
  'a month from the 31st, to the end of the next': ['2026-01-31T12:00:00.000Z', 'P1M', '2026-02-28T12:00:00.000Z'],
  'a year from a leap day': ['2028-02-29T00:00:00.000Z', 'P1Y', '2029-02-28T00:00:00.000Z'],
  nothing: ['2026-11-22T00:00:00.000Z', 'P0D', '2026-11-22T00:00:00.000Z'],
};
test.each(Object.entries(added))('adds %s', (_, [from, duration, end]) => {
  expect(addDuration(new Date(from), duration)?.toISOString()).toBe(end);
});

test.each(['', 'P', 'PT', 'P1YT', '1Y', 'P1H', 'PT1D', 'P-1D', 'P1.5D', 'P1D2', 'P999999Y', 'P99999Y99999M9999999D'])(
  '%j is no duration that can be added',
  (text) => {
    expect(addDuration(start, text)).toBeNull();
  },
);

test('days are always of 24 hours, and the start is left alone', () => {
  fc.assert(
    fc.property(fc.nat({ max: 99_999 }), (days) => {
      expect(addDuration(start, `P${days}D`)?.getTime()).toBe(start.getTime() + days * 86_400_000);
      expect(start.toISOString()).toBe('2026-11-22T14:35:01.123Z');
    }),
  );
});
