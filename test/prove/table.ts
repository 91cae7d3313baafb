import { type Counted, faultKinds, faultless, faultsOf } from './figures';

/** A part that was played to its end, or that could not be. */
export interface Played {
  readonly name: string;
  readonly counted: Counted;
  /** False when the command ended with an error, whatever it counted. */
  readonly ended: boolean;
  readonly seconds: number;
}

export const holds = ({ counted, ended }: Played): boolean => ended && faultless(faultsOf(counted));

const heads = {
  part: 34,
  'points killed': 15,
  schedules: 11,
  tests: 8,
  invariants: 12,
  reads: 7,
  alerts: 8,
  records: 9,
  other: 7,
  seconds: 9,
} as const;

const widths = Object.values(heads);
const rowOf = (cells: readonly (string | number)[]): string =>
  cells
    .map((cell, index) => (index === 0 ? String(cell).padEnd(heads.part) : String(cell).padStart(widths[index] ?? 0)))
    .join('');

export const head = (): string => rowOf(Object.keys(heads));

/** Counts that a part does not make are left empty; under the five in the middle stands what is wrong, and must be nought. */
export function line(played: Played): string {
  const { name, counted, seconds } = played;
  const { points = '', schedules = '', tests = '', reached } = counted;
  const faults = faultsOf(counted);
  const cells = [name, points, schedules, tests, ...faultKinds.map((kind) => faults[kind]), Math.round(seconds)];
  const verdict = holds(played) ? '' : '  WRONG';
  const below = [...(reached === undefined ? [] : [`reached: ${reached}`]), ...counted.problems.slice(0, 20)];
  return [`${rowOf(cells)}${verdict}`, ...below.map((each) => `    ${each.replaceAll('\n', '\n    ')}`)].join('\n');
}

export interface Summary {
  readonly ok: boolean;
  readonly points: number;
  readonly schedules: number;
  readonly tests: number;
  readonly invariantsBroken: number;
  readonly readsFailed: number;
  readonly alertsWrong: number;
  readonly recordsUnreadable: number;
  readonly otherProblems: number;
  readonly seconds: number;
  readonly parts: readonly (Played & { readonly ok: boolean })[];
}

export function summary(parts: readonly Played[]): Summary {
  const sum = (of: (played: Played) => number) => parts.reduce((all, played) => all + of(played), 0);
  const faults = parts.map(({ counted }) => faultsOf(counted));
  const wrong = (kind: (typeof faultKinds)[number]) => faults.reduce((all, each) => all + each[kind], 0);
  return {
    ok: parts.length > 0 && parts.every(holds),
    points: sum(({ counted }) => counted.points ?? 0),
    schedules: sum(({ counted }) => counted.schedules ?? 0),
    tests: sum(({ counted }) => counted.tests ?? 0),
    invariantsBroken: wrong('invariants'),
    readsFailed: wrong('reads'),
    alertsWrong: wrong('alerts'),
    recordsUnreadable: wrong('records'),
    otherProblems: wrong('other'),
    seconds: Math.round(sum(({ seconds }) => seconds)),
    parts: parts.map((played) => ({ ...played, ok: holds(played) })),
  };
}

export function total(all: Summary): string {
  const { points, schedules, tests, invariantsBroken, readsFailed, alertsWrong, recordsUnreadable, otherProblems } =
    all;
  const faults = [invariantsBroken, readsFailed, alertsWrong, recordsUnreadable, otherProblems];
  return rowOf(['all', points, schedules, tests, ...faults, all.seconds]);
}
