import type { Result, Tally } from './matrix';
import { runs } from './runs';

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;

/** One play in a line, and what was wrong in lines below it. */
export function line({ run, blow, onto, problems, milliseconds }: Result): string {
  const before = onto === null ? '' : `, after ${onto.point} ${onto.how}`;
  const what = `${blow === null ? `${run} without a blow` : `${blow.point} ${blow.how}`}${problems.length > 0 ? before : ''}`;
  const verdict = problems.length > 0 ? 'WRONG' : 'ok';
  return [`${verdict.padEnd(7)} ${what}  ${seconds(milliseconds)}`, ...problems.map((each) => `        ${each}`)].join(
    '\n',
  );
}

/** What each run has come to, a line for each. */
export function table({ results, reads, late, kept }: Tally): string[] {
  const rows = runs.flatMap(({ name }) => {
    const of = results.filter((result) => result.run === name);
    if (of.length === 0) return [];
    const struck = of.filter(({ blow }) => blow !== null);
    const count = (how: string) => struck.filter(({ blow }) => blow?.how === how).length;
    return [
      [
        name.padEnd(12),
        ...[new Set(struck.map(({ blow }) => blow?.point)).size, count('before'), count('after'), count('lost')],
        of.filter(({ problems }) => problems.length > 0).length,
        seconds(of.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / of.length),
      ]
        .map((cell) => String(cell).padStart(12))
        .join(''),
    ];
  });
  const head = ['run', 'points', 'killed before', 'killed after', 'lost', 'wrong', 'a play'];
  return [
    head.map((cell) => cell.padStart(cell.length > 11 ? cell.length + 1 : 12)).join(''),
    ...rows,
    `reads: ${reads.opened} opened, ${reads.failed} failed`,
    ...late,
    ...kept.map((folder) => `logs: ${folder}`),
  ];
}

/** What `--json` prints. */
export function summary(tallies: readonly Tally[], secondsAll: number) {
  const results = tallies.flatMap((tally) => tally.results);
  const struck = results.filter(({ blow }) => blow !== null);
  const late = tallies.flatMap((tally) => tally.late);
  const wrong = results.filter(({ problems }) => problems.length > 0);
  const sum = (of: 'opened' | 'failed') => tallies.reduce((all, { reads }) => all + reads[of], 0);
  return {
    points: new Set(struck.map(({ blow }) => blow?.point)).size,
    plays: struck.length,
    killed: struck.filter(({ blow }) => blow?.how !== 'lost').length,
    lost: struck.filter(({ blow }) => blow?.how === 'lost').length,
    problems: wrong.length + late.length,
    readsOpened: sum('opened'),
    readsFailed: sum('failed'),
    seconds: secondsAll,
    wrong: wrong.map(({ run, blow, onto, problems }) => ({ run, ...blow, onto, problems })),
    late,
  };
}
