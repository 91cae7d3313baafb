import { setTimeout as delay } from 'node:timers/promises';
import type { PipelinePolicy } from '@azure/core-rest-pipeline';
import { retryAfterOf } from './error-body';

/** Time that only goes forward, in milliseconds, and a way to let it pass. */
export interface Stopwatch {
  now(): number;
  wait(milliseconds: number): Promise<void>;
}

/** A longer wait is the orchestrator's, whose timers cost nothing. A bucket that is refilled by the second asks for one or two. */
const longestWaitSeconds = 5;

/**
 * How long one read may be held back altogether. A plan reads sixty targets (fifty hubs and ten DPS are the most of a subscription)
 * sixteen at a time, of each two things one after the other, and the vault: at the very worst that is nine times this, and within a
 * third of the function time-out.
 */
const patienceSeconds = 20;

/**
 * Reads of one client that are throttled for a moment wait together, as long as they were asked to, and go on. A plan of many
 * targets reads more than ARM's bucket may hold just then (Azure update 2024-03-13: 250 reads, 25 more a second): were it given up at
 * the first 429, its next try would spend what was refilled on what it has read before, and never get further. Writes are not held
 * back: what was asked right before one (the fence) must still be true when it begins.
 */
export function waitWhenThrottledPolicy(
  stopwatch: Stopwatch = { now: () => performance.now(), wait: delay },
): PipelinePolicy {
  let opensAt = Number.NEGATIVE_INFINITY;
  const opened = async (until: number): Promise<void> => {
    while (opensAt > stopwatch.now() && opensAt <= until) await stopwatch.wait(opensAt - stopwatch.now());
  };
  return {
    name: 'keyturnWaitWhenThrottled',
    async sendRequest(request, next) {
      if (request.method !== 'GET') return next(request);
      const until = stopwatch.now() + patienceSeconds * 1000;
      for (;;) {
        await opened(until);
        const response = await next(request);
        if (response.status !== 429) return response;
        const asked = retryAfterOf((name) => response.headers.get(name));
        if (asked === undefined || asked > longestWaitSeconds) return response;
        opensAt = Math.max(opensAt, stopwatch.now() + Math.max(1, asked) * 1000);
        if (opensAt > until) return response;
      }
    },
  };
}
