import { countedByBench, countedByCrashes, countedByMatrix, countedBySchedules, countedByWholeStack } from './answers';

test('of real kills every problem is told with its run, and reads that failed are counted', () => {
  const answer = { points: 3, plays: 4, killed: 3, lost: 1, readsFailed: 2, late: ['an alert came late'] };
  const wrong = [{ run: 'rotation', point: 'p', problems: ['r1 does not open'] }];
  expect(countedByCrashes({ ...answer, wrong })).toEqual({
    points: 3,
    reached: '4 plays, 3 kills, 1 answers lost',
    readsFailed: 2,
    problems: ['rotation: r1 does not open', 'an alert came late'],
  });
});

describe('of schedules of faults', () => {
  const answer = { seed: 7, schedules: 9, stages: { free: 9, soaking: 0 }, faults: { reset: 1 }, missed: ['soaking'] };

  test('what none of them reached is a problem when there were enough to reach everything, and is told anyhow', () => {
    const few = countedBySchedules(false)({ ...answer, found: null });
    expect(few).toMatchObject({
      ended: true,
      schedules: 9,
      problems: [],
      reached: expect.stringContaining('not soaking'),
    });
    const many = countedBySchedules(true)({ ...answer, found: null });
    expect(many.problems).toEqual(['no schedule reached soaking']);
    expect(many.ended).toBeUndefined();
  });

  test('how the command has ended is not made good where nothing but what it counted could have been wrong', () => {
    const found = { seed: 7, path: '1:2', wrong: 'I8: apart', schedule: {}, shrinks: 3 };
    expect(countedBySchedules(false)({ ...answer, found }).ended).toBeUndefined();
    expect(countedBySchedules(false)({ ...answer, missed: [], found: null }).ended).toBeUndefined();
  });

  test('one that fails is told with what plays it again', () => {
    const found = { seed: 7, path: '1:2', wrong: 'I8: apart', schedule: {}, shrinks: 3 };
    expect(countedBySchedules(false)({ ...answer, found }).problems).toEqual(['seed 7, path 1:2: I8: apart']);
  });
});

test('an answer of another form is no answer', () => {
  expect(() => countedByCrashes({ points: 'many' })).toThrow();
});

describe('of the matrix', () => {
  const document =
    '## A\n\nIt does. 37 points, each disturbed in three ways.\n\n## B\n\n5 points, each disturbed in three ways.';
  const report = { numPassedTests: 2, numPendingTests: 0, testResults: [] };

  test('the document that the tests hold says how many points there were', () => {
    expect(countedByMatrix(report, document)).toMatchObject({ points: 42, tests: 2, problems: [] });
  });

  test('of a part of it, and of one that failed, nothing is said of points', () => {
    expect(countedByMatrix({ ...report, numPendingTests: 3 }, document).points).toBeUndefined();
    const failed = { status: 'failed', message: 'I3', assertionResults: [] };
    expect(countedByMatrix({ ...report, testResults: [failed] }, document)).toMatchObject({ problems: ['I3'] });
  });
});

test('of a benchmark every bar that is missed is a problem; a figure without one is none', () => {
  const figure = (name: string, keepsBar: boolean | null) => ({ name, value: 3, keepsBar });
  const figures = [figure('lost', false), figure('kept', true), figure('a second', null)];
  expect(countedByBench({ benchmarks: [{ name: 'load', figures }] })).toEqual({
    reached: '2 bars',
    problems: ['lost: 3'],
  });
});

test('of schedules over the whole stack what was wrong is told as it is', () => {
  const counted = countedByWholeStack({ seed: 3, schedules: 50, seconds: 9, wrong: ['r1 does not open'] });
  expect(counted).toEqual({ schedules: 50, reached: 'schedules of seed 3', problems: ['r1 does not open'] });
});
