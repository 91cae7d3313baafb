const pattern =
  /^P(?!$)(?:(\d{1,5})Y)?(?:(\d{1,5})M)?(?:(\d{1,5})W)?(?:(\d{1,5})D)?(?:T(?!$)(?:(\d{1,5})H)?(?:(\d{1,5})M)?(?:(\d{1,5})S)?)?$/i;

/**
 * An instant plus an ISO 8601 duration (`P1Y`, `P90D`, `P2M`, `PT12H`), by the UTC calendar; null if the text is no such duration.
 * A day that the month does not have becomes its last: 31 January plus P1M is the end of February.
 */
export function addDuration(start: Date, duration: string): Date | null {
  return shift(start, duration, 1);
}

function shift(from: Date, duration: string, sign: 1 | -1): Date | null {
  const match = pattern.exec(duration.trim());
  if (match === null) return null;
  const [years = 0, months = 0, weeks = 0, days = 0, hours = 0, minutes = 0, seconds = 0] = match
    .slice(1)
    .map((part) => Number(part ?? 0));
  const moved = addMonths(from, sign * (years * 12 + months));
  const milliseconds = (((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60_000 + seconds * 1000;
  const to = new Date(moved.getTime() + sign * milliseconds);
  return Number.isNaN(to.getTime()) ? null : to;
}

function addMonths(start: Date, months: number): Date {
  const moved = new Date(start);
  moved.setUTCDate(1);
  moved.setUTCMonth(moved.getUTCMonth() + months);
  const lastDay = new Date(Date.UTC(moved.getUTCFullYear(), moved.getUTCMonth() + 1, 0)).getUTCDate();
  moved.setUTCDate(Math.min(start.getUTCDate(), lastDay));
  return moved;
}

/** An instant less an ISO 8601 duration, by the UTC calendar; null if the text is no such duration. */
export function subtractDuration(end: Date, duration: string): Date | null {
  return shift(end, duration, -1);
}
