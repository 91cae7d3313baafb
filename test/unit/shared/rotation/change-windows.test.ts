import fc from 'fast-check';
import {
  type ChangeWindow,
  isOpen,
  isTimeZone,
  nextOpening,
  overlap,
  weekdays,
} from '../../../../shared/rotation/change-windows';

const minute = 60_000;
const window = (changes: Partial<ChangeWindow>): ChangeWindow => ({
  days: ['sun'],
  fromMinute: 120,
  toMinute: 240,
  timeZone: 'Europe/Berlin',
  ...changes,
});
const opening = (changes: Partial<ChangeWindow>, from: string): string | undefined =>
  nextOpening([window(changes)], new Date(from))?.toISOString();

/** Read off a clock on the wall, minute by minute, by other means than the rule under test. */
const wallClocks = new Map<string, Intl.DateTimeFormat>();
function readsOpen({ days, weeks, fromMinute, toMinute, timeZone }: ChangeWindow, at: number): boolean {
  const clock =
    wallClocks.get(timeZone) ??
    new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short', hourCycle: 'h23' });
  wallClocks.set(timeZone, clock);
  const [date = '', time = ''] = clock.format(at).split(' ');
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  const now = hours * 60 + minutes;
  const opensOn = (back: number): boolean => {
    const shown = new Date(Date.parse(`${date}T00:00:00Z`) - back * 86_400_000);
    const weekday = weekdays[shown.getUTCDay()] ?? 'sun';
    return days.includes(weekday) && (weeks === undefined || weeks.includes(Math.ceil(shown.getUTCDate() / 7)));
  };
  if (toMinute > fromMinute) return opensOn(0) && now >= fromMinute && now < toMinute;
  return (opensOn(0) && now >= fromMinute) || (opensOn(1) && now < toMinute);
}

const zones = ['Europe/Berlin', 'UTC', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'America/St_Johns'];
const windows = fc
  .record({
    days: fc.subarray([...weekdays], { minLength: 1 }),
    weeks: fc.option(fc.subarray([1, 2, 3, 4, 5], { minLength: 1 }), { nil: undefined }),
    fromMinute: fc.integer({ min: 0, max: 1439 }),
    toMinute: fc.integer({ min: 1, max: 1440 }),
    timeZone: fc.constantFrom(...zones),
  })
  .filter(({ fromMinute, toMinute }) => fromMinute !== toMinute);
/** Half of them near a change of the clocks. */
const instants = fc.oneof(
  fc.integer({ min: Date.parse('2026-01-01'), max: Date.parse('2030-01-01') }),
  fc
    .tuple(
      fc.constantFrom(
        '2026-03-29T01:00Z',
        '2026-10-25T01:00Z',
        '2026-11-01T06:00Z',
        '2027-03-14T07:00Z',
        '2027-04-03T15:00Z',
      ),
      fc.integer({ min: -1600, max: 200 }),
    )
    .map(([at, minutes]) => Date.parse(at) + minutes * minute),
);

describe('the next opening of a change window', () => {
  test('is now while one is open, and always where there is none', () => {
    const at = new Date('2026-11-22T02:30:00Z');
    expect(nextOpening([], at)).toEqual(at);
    expect(isOpen([], at)).toBe(true);
    expect(nextOpening([window({})], at)).toEqual(at);
    expect(isOpen([window({})], at)).toBe(true);
  });

  test.each([
    ['is read off the wall clock, in winter', {}, '2026-11-22T03:00:00Z', '2026-11-29T01:00:00.000Z'],
    ['is read off the wall clock, in summer', {}, '2026-07-01T00:00:00Z', '2026-07-05T00:00:00.000Z'],
    [
      'comes when the clocks skip its beginning',
      { fromMinute: 150 },
      '2026-03-29T00:00:00Z',
      '2026-03-29T01:00:00.000Z',
    ],
    [
      'does not come on a day that skips all of it',
      { toMinute: 180 },
      '2026-03-28T00:00:00Z',
      '2026-04-05T00:00:00.000Z',
    ],
    [
      'comes a second time where the clocks show it twice',
      { toMinute: 150 },
      '2026-10-25T00:40:00Z',
      '2026-10-25T01:00:00.000Z',
    ],
    [
      'may be in the week of the month that is asked for',
      { weeks: [1] },
      '2026-11-22T04:00:00Z',
      '2026-12-06T01:00:00.000Z',
    ],
    [
      'may be in a fifth week that few months have',
      { weeks: [5], days: ['mon' as const] },
      '2026-12-01T00:00:00Z',
      '2027-03-29T00:00:00.000Z',
    ],
  ])('%s', (_, changes, from, expected) => {
    expect(opening(changes, from)).toBe(expected);
  });

  test('belongs to the day on which a window that passes midnight opened', () => {
    const night = { fromMinute: 22 * 60, toMinute: 4 * 60, timeZone: 'UTC', days: ['fri' as const] };
    expect(opening(night, '2026-11-28T03:59:00Z')).toBe('2026-11-28T03:59:00.000Z');
    expect(opening(night, '2026-11-28T04:00:00Z')).toBe('2026-12-04T22:00:00.000Z');
    expect(opening(night, '2026-11-27T03:00:00Z')).toBe('2026-11-27T22:00:00.000Z');
  });

  test('is the earliest of several windows', () => {
    const several = [window({}), window({ days: ['wed'], timeZone: 'UTC' })];
    expect(nextOpening(several, new Date('2026-11-23T00:00:00Z'))?.toISOString()).toBe('2026-11-25T02:00:00.000Z');
  });

  test('is never of a window without days', () => {
    expect(nextOpening([window({ days: [] })], new Date('2026-11-23T00:00:00Z'))).toBeNull();
  });

  test('comes for every window that has days and length, whatever its zone and the changes of its clocks', () => {
    fc.assert(
      fc.property(windows, instants, (one, from) => {
        expect(nextOpening([one], new Date(from))).not.toBeNull();
      }),
      { numRuns: 200 },
    );
  });

  test('is what somebody sees who looks at the wall clock every minute', () => {
    fc.assert(
      fc.property(windows, instants, (one, from) => {
        const start = Math.floor(from / minute) * minute;
        const opens = nextOpening([one], new Date(start))?.getTime() ?? Number.NaN;
        for (let at = start; at < start + 2 * 24 * 60 * minute; at += minute) {
          expect(isOpen([one], new Date(at))).toBe(readsOpen(one, at));
          if (at <= opens) expect(readsOpen(one, at)).toBe(at === opens);
        }
        expect(readsOpen(one, opens)).toBe(true);
        expect(opens === start || !readsOpen(one, opens - minute)).toBe(true);
      }),
      { numRuns: 20 },
    );
  });
});

test('two windows overlap if they are ever open together, in whichever zones they are', () => {
  const from = new Date('2026-01-01T00:00:00Z');
  const night = window({ days: ['sat'], fromMinute: 1380, toMinute: 180 });
  expect(overlap(window({}), night, from)).toBe(true);
  expect(overlap(night, window({}), from)).toBe(true);
  expect(overlap(window({}), window({ fromMinute: 240, toMinute: 300 }), from)).toBe(false);
  expect(overlap(window({ weeks: [1] }), window({ weeks: [2] }), from)).toBe(false);
  expect(overlap(window({}), window({ fromMinute: 0, toMinute: 61, timeZone: 'UTC' }), from)).toBe(true);
  expect(overlap(window({}), window({ fromMinute: 180, toMinute: 200, timeZone: 'UTC' }), from)).toBe(false);
});

test('a time zone is known by its IANA name', () => {
  expect(['Europe/Berlin', 'UTC', 'Europe/Atlantis', 'CEST ', ''].map(isTimeZone)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});
