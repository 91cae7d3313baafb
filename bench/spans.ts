/** A stretch of time in milliseconds. */
export interface Span {
  readonly began: number;
  readonly ended: number;
}

/** How much time the spans cover, each moment counted once. */
export function covered(spans: readonly Span[]): number {
  let total = 0;
  let reached = Number.NEGATIVE_INFINITY;
  for (const { began, ended } of spans.toSorted((a, b) => a.began - b.began)) {
    if (ended <= reached) continue;
    total += ended - Math.max(began, reached);
    reached = ended;
  }
  return total;
}

/** The parts of the spans that lie within `window`; one that has not ended lasts to the window's end. */
export function within(spans: readonly { began: number; ended: number | null }[], window: Span): Span[] {
  return spans
    .map(({ began, ended }) => ({
      began: Math.max(began, window.began),
      ended: Math.min(ended ?? window.ended, window.ended),
    }))
    .filter(({ began, ended }) => ended > began);
}
