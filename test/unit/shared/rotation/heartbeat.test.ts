import { sweepNeed } from '../../../../shared/rotation/heartbeat';

const at = (minutes: number): Date => new Date(Date.parse('2026-11-22T12:00:00Z') + minutes * 60_000);
const ended = (minutes: number) => ({
  ...{ startedAt: at(minutes - 1).toISOString(), finishedAt: at(minutes).toISOString() },
  ...{ keys: 3, failed: 0 },
});

describe('the sweep is', () => {
  test.each([
    ['alive before its first end, in a process that is young', null, 44, true],
    ['dead when it has not ended once in 45 minutes', null, 46, false],
    ['alive when it ended a while ago', ended(0), 44, true],
    ['dead when it ended longer ago, however young the process is', ended(-60), 1, false],
    ['alive when it came late', ended(100), 101, true],
  ] as const)('%s', (_what, last, now, ok) => {
    const need = sweepNeed(last, at(now), at(0));
    expect(need).toMatchObject({ name: 'sweep', ok });
    if (!ok) expect(need.message).toMatch(/look at/);
  });
});
