import type { Need } from '../contracts/http';
import type { SweepEnd } from './ports';

/** Three sweeps, in seconds: one may be late by a deployment, or by a cold start. */
const longestSilenceSeconds = 45 * 60;

/**
 * Whether the sweep is alive, for whoever watches this app; no key is named.
 * @param aliveSince when this process began: before its first sweep nothing is late
 */
export function sweepNeed(last: SweepEnd | null, now: Date, aliveSince: Date): Need {
  const heard = last === null ? aliveSince : new Date(last.finishedAt);
  const silent = now.getTime() - heard.getTime() > longestSilenceSeconds * 1000;
  const finished = last === null ? 'No sweep has ended yet' : `The last sweep ended at ${last.finishedAt}`;
  if (!silent) return { name: 'sweep', ok: true, message: `${finished}.` };
  return {
    name: 'sweep',
    ok: false,
    message: `${finished}, more than ${longestSilenceSeconds / 60} minutes ago: look at the function "sweep" in this app's log.`,
  };
}
