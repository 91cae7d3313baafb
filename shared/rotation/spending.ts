import type { Span } from './ports';

/** How long a vault remembers what was spent, in milliseconds: its limits are per ten seconds. */
export const windowMilliseconds = 10_000;

/** Units that fall between two instants. */
export function spentBetween(spans: readonly Span[], from: number, to: number): number {
  let units = 0;
  for (const span of spans) units += spentBefore(span, to) - spentBefore(span, from);
  return units;
}

function spentBefore({ from, to, units }: Span, at: number): number {
  if (at >= to) return units;
  return at <= from ? 0 : (units * (at - from)) / (to - from);
}

/**
 * The earliest instant, not before `from`, at which so many units may begin to be spent over so many milliseconds without any ten seconds
 * holding more than the limit: then neither a vault that counts in fixed windows nor one that counts in sliding ones refuses.
 * What is more than a whole window holds may begin when the window is empty.
 */
export function earliestRoom(spans: readonly Span[], wanted: Span, limit: number): number {
  const length = wanted.to - wanted.from;
  const fits = (from: number) => fitsAt(spans, { ...wanted, from, to: from + length }, Math.max(limit, wanted.units));
  if (fits(wanted.from)) return wanted.from;
  let [early, late] = [wanted.from, Math.max(wanted.from, ...spans.map(({ to }) => to)) + windowMilliseconds];
  while (late - early > 1) {
    const middle = (early + late) / 2;
    if (fits(middle)) late = middle;
    else early = middle;
  }
  return late;
}

function fitsAt(spans: readonly Span[], wanted: Span, limit: number): boolean {
  // What is spent is even within a span, so the fullest window ends where one of them begins or ends to count.
  const ends = [wanted.from, wanted.to];
  for (const { from, to } of spans) {
    for (const edge of [from + windowMilliseconds, to + windowMilliseconds]) {
      if (edge > wanted.from && edge < wanted.to) ends.push(edge);
    }
  }
  const all = [...spans, wanted];
  return ends.every((end) => spentBetween(all, end - windowMilliseconds, end) <= limit + 1e-6);
}

/** Takes units back out of the span that holds this one; what is not on record any more needs no taking back. */
export function takeBack(spans: readonly Span[], back: Span): Span[] {
  const at = spans.findLastIndex(({ from, to, units }) => from <= back.from && to >= back.to && units > 0);
  return spans.map((span, index) => (index === at ? { ...span, units: Math.max(0, span.units - back.units) } : span));
}

/** No window ends inside a span for long: what is older than this is kept no finer than so many milliseconds. */
const coarseMilliseconds = 250;
const settledMilliseconds = 1000;

/** Forgets what no window holds any more, and keeps what is long past in pieces of a quarter second, so that a row stays small. */
export function compact(spans: readonly Span[], now: number): Span[] {
  const kept: Span[] = [];
  for (const span of spans.toSorted((a, b) => a.from - b.from)) {
    const last = kept.at(-1);
    if (span.to <= now - windowMilliseconds || span.units <= 0) continue;
    const joins =
      last !== undefined &&
      Math.max(last.to, span.to) <= now - settledMilliseconds &&
      Math.max(last.to, span.to) - last.from <= coarseMilliseconds;
    if (joins) kept.splice(-1, 1, { ...last, to: Math.max(last.to, span.to), units: last.units + span.units });
    else kept.push(span);
  }
  return kept;
}
