import type { ProbeResult, RunPolicy } from '../contracts/activities';

/** The answered probes of each target so far, newest last; `unknown` answers are no answers. */
export type ProbeWindow = Readonly<Record<string, readonly ('green' | 'red')[]>>;

export interface SoakJudgement {
  readonly window: ProbeWindow;
  /** Target whose red probes are confirmed: N of its last M answers. */
  readonly confirmedRed: ProbeResult | null;
  /** Every target has answered green in this very round: an older answer says nothing of now, and no answer is no yes (I12). */
  readonly allGreen: boolean;
}

const nameOf = (result: ProbeResult): string => `${result.kind}/${result.name}`;

/** Adds one round of probes. A 429, a time-out or a sign-in error is unknown: neither red nor, ever, green (I12). */
export function judge(
  window: ProbeWindow,
  results: readonly ProbeResult[],
  policy: Pick<RunPolicy, 'redProbes'>,
): SoakJudgement {
  const next: Record<string, readonly ('green' | 'red')[]> = { ...window };
  for (const result of results) {
    const answered = next[nameOf(result)] ?? [];
    next[nameOf(result)] =
      result.colour === 'unknown' ? answered : [...answered, result.colour].slice(-policy.redProbes.of);
  }
  const isConfirmed = (result: ProbeResult): boolean =>
    (next[nameOf(result)] ?? []).filter((colour) => colour === 'red').length >= policy.redProbes.red;
  return {
    window: next,
    confirmedRed: results.find(isConfirmed) ?? null,
    allGreen: results.every(({ colour }) => colour === 'green'),
  };
}
