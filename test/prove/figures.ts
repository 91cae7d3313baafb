/** What one part of the proof has counted, and what it found wrong, in the words of the part. */
export interface Counted {
  /** Side effects at which a process was killed, or an answer lost. */
  readonly points?: number;
  /** Schedules of faults that were played. */
  readonly schedules?: number;
  /** What of all that is to be reached the part has reached: phases, faults, modes. */
  readonly reached?: string;
  readonly tests?: number;
  readonly readsFailed?: number;
  readonly problems: readonly string[];
  /** Whether it came to its end, where an exit code other than 0 can mean something else too. */
  readonly ended?: boolean;
}

/** Must be nought, each of them. */
export const faultKinds = ['invariants', 'reads', 'alerts', 'records', 'other'] as const;
export type FaultKind = (typeof faultKinds)[number];

export type Faults = Readonly<Record<FaultKind, number>>;

/** What a problem is about, by the words in which the suites say it; what none of them covers is `other`, and counts all the same. */
const words: readonly (readonly [FaultKind, RegExp])[] = [
  ['invariants', /\bI(1[0-2]|[1-9])\b/],
  ['reads', /\ba reader met\b|\breads? failed\b/i],
  ['records', /\bdo(es)? not open\b|\bopens, but\b|\bold blob\b|\bunreadable\b|\bcannot be read\b/i],
  ['alerts', /\balerts?\b|\bnobody expected\b/i],
];

const kindOf = (problem: string): FaultKind => words.find(([, pattern]) => pattern.test(problem))?.[0] ?? 'other';

export function faultsOf({ problems, readsFailed = 0 }: Counted): Faults {
  const count = (kind: FaultKind) => problems.filter((problem) => kindOf(problem) === kind).length;
  return {
    invariants: count('invariants'),
    reads: Math.max(count('reads'), readsFailed),
    alerts: count('alerts'),
    records: count('records'),
    other: count('other'),
  };
}

export const faultless = (faults: Faults): boolean => faultKinds.every((kind) => faults[kind] === 0);
