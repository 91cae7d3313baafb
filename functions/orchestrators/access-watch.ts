import type { ProbeResult } from '../../shared/contracts/activities';
import { now, type RunContext, type Story, StoryEnd, sleepUntil, step } from '../durable';

export interface AccessWatch {
  /** ISO instant from which the looks are counted; null: from now. */
  readonly since: string | null;
  /** What every target has to answer; *unknown* is neither (I12). */
  readonly until: 'red' | 'green';
  /** Code of what is said when some have not by the end of the watch. */
  readonly otherwise: string;
}

const earlyTimerMarginSeconds = 2;

/**
 * Looks at every target at start + k × interval until all of them answer as they must; the first look is at once. Gives up after
 * longer than a key cache lives.
 * @throws StoryEnd `deadline` that names who did not
 */
export function* watchAccess(on: RunContext, { since, until, otherwise }: AccessWatch): Story<void> {
  const { watchSeconds, probeEverySeconds } = on.policy;
  const start = startOf(on, since);
  const last = Math.max(1, Math.ceil(watchSeconds / probeEverySeconds));
  let before: readonly string[] = [];
  for (let round = 0, timeHasCome = true; ; ) {
    const { results } = yield* step(on, 'lookAtAccess', { before });
    const others = results.filter(({ colour }) => colour !== until);
    if (others.length === 0) return;
    if (timeHasCome && round >= last)
      throw new StoryEnd('deadline', { code: otherwise, message: tooLate(others, until, watchSeconds) });
    before = results.map(({ kind, name, colour }) => `${kind}/${name} ${colour}`);
    // What was missed (a pause, a long fault) is not made up for: a burst of looks is one, not many.
    const missed = Math.floor((now(on.context).getTime() - start) / (probeEverySeconds * 1000));
    if (timeHasCome) round = Math.min(last, Math.max(round, missed) + 1);
    // A command that wakes the run is found by the next look at the ledger, and does not bring the end nearer.
    const due = new Date(start + (round * probeEverySeconds + earlyTimerMarginSeconds) * 1000);
    timeHasCome = yield* sleepUntil(on.context, due);
  }
}

/** Whoever lets a watch go on that is over asks for another. */
function startOf({ context, policy }: RunContext, since: string | null): number {
  const time = now(context).getTime();
  const begun = since === null ? time : Date.parse(since);
  return begun + policy.watchSeconds * 1000 <= time ? time : begun;
}

function tooLate(others: readonly ProbeResult[], until: 'red' | 'green', watchSeconds: number): string {
  const hours = Math.round(watchSeconds / 360) / 10;
  const what = until === 'red' ? 'has not lost access' : 'does not open old data';
  return others.map(({ kind, name, message }) => `${kind}/${name} ${what} ${hours} hours later: ${message}`).join(' ');
}
