import { parseDuration } from '../../../../shared/config/duration';

describe('a duration', () => {
  test.each([
    ['PT24H', 86_400],
    ['P2D', 172_800],
    ['P1W', 604_800],
    ['P1DT1H1M1S', 90_061],
    ['PT0S', 0],
  ])('%s is so many seconds', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  test.each(['', 'P', 'PT', 'P1DT', 'P1M', 'P1Y', '-PT1H', 'PT1.5H', '24h', 'pt24h', 'PT1H ', 'PT1M1H'])(
    '"%s" is none',
    (text) => {
      expect(parseDuration(text)).toBeNull();
    },
  );
});
