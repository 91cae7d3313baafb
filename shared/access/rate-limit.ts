/** How much one caller may ask of this worker process: so much a second, and so much at once after a silence. */
export interface Allowance {
  readonly perSecond: number;
  readonly atOnce: number;
}

/** More callers than these are not told apart any more: what is remembered must not grow with what strangers send. */
const mostRemembered = 10_000;

/**
 * A leaky bucket for each caller (GCRA: of each caller only the instant is kept at which its bucket will be empty).
 * @returns answers how many seconds the caller has to wait; 0 if the request may go on, which then counts
 */
export function rateLimit({ perSecond, atOnce }: Allowance): (caller: string, weight: number, now: Date) => number {
  const emptyAt = new Map<string, number>();
  return (caller, weight, now) => {
    const time = now.getTime() / 1000;
    const empty = emptyAt.get(caller) ?? 0;
    // No bucket holds so much: the clock was ahead then, and has been set back since.
    const from = empty > time + atOnce / perSecond ? time : Math.max(empty, time);
    const next = from + weight / perSecond;
    const wait = next - time - atOnce / perSecond;
    if (wait > 0) return wait;
    emptyAt.delete(caller);
    emptyAt.set(caller, next);
    if (emptyAt.size > mostRemembered) forgetOldest(emptyAt);
    return 0;
  };
}

function forgetOldest(emptyAt: Map<string, number>): void {
  const [oldest] = emptyAt.keys();
  if (oldest !== undefined) emptyAt.delete(oldest);
}
