import { faultless, faultsOf } from './figures';
import { countedByJest } from './jest-report';
import { holds, line, type Played, summary } from './table';

const played = (more: Partial<Played> = {}): Played => ({
  name: 'a-part',
  counted: { problems: [] },
  ended: true,
  seconds: 1,
  ...more,
});

test.each([
  ['I9: the old blob of r1 went too early', 'invariants'],
  ['a reader met: hub twin t1 answered 500', 'reads'],
  ['r7 does not open: version-disabled', 'records'],
  ['the alerts are holding, not completed', 'alerts'],
  ['something that nobody has thought of', 'other'],
] as const)('"%s" counts as %s, and nothing that is wrong counts as nothing', (problem, kind) => {
  expect(faultsOf({ problems: [problem] })).toMatchObject({ [kind]: 1 });
  expect(holds(played({ counted: { problems: [problem] } }))).toBe(false);
});

test('reads that failed count although no sentence tells of them', () => {
  expect(faultless(faultsOf({ problems: [], readsFailed: 2 }))).toBe(false);
});

test('a part whose command ended with an error has not held, whatever it counted', () => {
  expect(holds(played())).toBe(true);
  expect(holds(played({ ended: false }))).toBe(false);
  expect(line(played({ ended: false }))).toContain('WRONG');
});

test('no part is no proof; one that does not hold is none either', () => {
  expect(summary([]).ok).toBe(false);
  expect(summary([played(), played({ ended: false })]).ok).toBe(false);
  expect(
    summary([played({ counted: { points: 2, problems: [] } }), played({ counted: { points: 3, problems: [] } })]),
  ).toMatchObject({
    ok: true,
    points: 5,
  });
});

test('of a report of tests every failure is a problem, and a file that could not be loaded is one', () => {
  const failed = { status: 'failed', fullName: 'I5 one run', failureMessages: ['two ran\n    at here'] };
  const testResults = [
    { status: 'failed', message: 'x', assertionResults: [failed, { status: 'passed', fullName: 'y' }] },
    { status: 'failed', message: 'Cannot find module z', assertionResults: [] },
  ];
  expect(countedByJest({ numPassedTests: 1, numPendingTests: 2, testResults })).toEqual({
    tests: 1,
    reached: '2 skipped',
    problems: ['I5 one run: two ran', 'Cannot find module z'],
  });
});
