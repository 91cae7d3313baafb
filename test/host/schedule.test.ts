import { parseSchedule } from '../../sandbox/host/schedule';

const next = (expression: string, after: string): string =>
  new Date(parseSchedule(expression).next(Date.parse(after))).toISOString();

describe('timer schedules', () => {
  test.each([
    ['every five minutes', '0 */5 * * * *', '2026-11-22T14:03:20Z', '2026-11-22T14:05:00.000Z'],
    ['strictly after the instant given', '0 */5 * * * *', '2026-11-22T14:05:00Z', '2026-11-22T14:10:00.000Z'],
    [
      'a time of day that has passed comes tomorrow',
      '0 30 3 * * *',
      '2026-12-31T12:00:00Z',
      '2027-01-01T03:30:00.000Z',
    ],
    ['a day of the week by name', '0 0 9 * * Mon', '2026-11-22T00:00:00Z', '2026-11-23T09:00:00.000Z'],
    ['a month and lists and ranges', '15,45 0 8-9 1 Jan,Feb *', '2026-11-22T00:00:00Z', '2027-01-01T08:00:15.000Z'],
    ['a leap day', '0 0 0 29 2 *', '2026-11-22T00:00:00Z', '2028-02-29T00:00:00.000Z'],
    ['five fields without seconds', '*/10 * * * *', '2026-11-22T14:03:20Z', '2026-11-22T14:10:00.000Z'],
    ['a time span', '00:05:00', '2026-11-22T14:03:20Z', '2026-11-22T14:08:20.000Z'],
  ])('%s', (_, expression, after, expected) => {
    expect(next(expression, after)).toBe(expected);
  });

  test.each([
    '',
    '* * *',
    '60 * * * * *',
    '0 0 0 0 * *',
    '0 0 0 * Foo *',
    '5-1 * * * * *',
    '*/0 * * * * *',
    '00:00:00',
  ])('"%s" is refused with the expression in the message', (expression) => {
    expect(() => parseSchedule(expression)).toThrow(`"${expression}"`);
  });

  test('a schedule that never comes is refused rather than searched for ever', () => {
    expect(() => next('0 0 0 31 2 *', '2026-11-22T00:00:00Z')).toThrow('never comes');
  });
});
