const shortestSeconds = 2;
const longestSeconds = 300;
const longestAskedSeconds = 3600;

/**
 * Seconds to wait before trying again. What the service asked for wins, within an hour; otherwise 5, 10, 20 … 300 s. Never
 * under two seconds: durable timers fire up to a second early, so a shorter wait may be none.
 * @param attempt from 1
 * @param askedSeconds the service's Retry-After
 */
export function retryDelaySeconds(attempt: number, askedSeconds: number | undefined): number {
  if (askedSeconds !== undefined && Number.isFinite(askedSeconds)) {
    return Math.min(Math.max(askedSeconds, shortestSeconds), longestAskedSeconds);
  }
  return Math.min(5 * 2 ** (Math.min(attempt, 10) - 1), longestSeconds);
}
