/** A calendar duration as rotation policies write it: `P90D`, `P18M`, `P2Y`, `P1Y6M`. */
export interface Duration {
  years: number;
  months: number;
  days: number;
}

const DAY_MILLISECONDS = 86_400_000;

/** Undefined if the text is no ISO 8601 duration of years, months, weeks and days. */
export function parseDuration(text: unknown): Duration | undefined {
  if (typeof text !== 'string') return undefined;
  const match = /^P(?=\d)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?$/i.exec(text);
  if (match === null) return undefined;
  const [, years = '0', months = '0', weeks = '0', days = '0'] = match;
  return { years: Number(years), months: Number(months), days: Number(weeks) * 7 + Number(days) };
}

/** The instant a duration after (`sign` 1) or before (`sign` -1) another, in milliseconds, by the calendar of UTC. */
export function shift(milliseconds: number, duration: Duration, sign: 1 | -1): number {
  const date = new Date(milliseconds);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + sign * (duration.years * 12 + duration.months));
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, lastDay));
  return date.getTime() + sign * duration.days * DAY_MILLISECONDS;
}

/** For comparing with a minimum; a month counts as 30 days, a year as 365. */
export function roughDays(duration: Duration): number {
  return duration.years * 365 + duration.months * 30 + duration.days;
}
