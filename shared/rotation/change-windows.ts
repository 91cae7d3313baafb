/**
 * Change windows: the times at which a run may begin to change things. They are read off the wall clock of a time zone, so that
 * "Sunday from 02:00" stays that when the clocks change: an hour that the wall clock skips opens nothing, one that it shows
 * twice is open twice. Once begun a run goes to its end, because half moved is worse than late.
 */
export const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
export type Weekday = (typeof weekdays)[number];

/** Opens on each of `days` at `from` and closes when the wall clock shows `to`, on the day after if that is not later than `from`. */
export interface ChangeWindow {
  readonly days: readonly Weekday[];
  /** Which of these weekdays in a month, 1 to 5: `[1]` with Sundays is the first Sunday of each month. Absent: all of them. */
  readonly weeks?: readonly number[] | undefined;
  /** Wall clock, minutes after midnight, 0 to 1439. */
  readonly fromMinute: number;
  /** Wall clock, minutes after midnight, 1 to 1440. */
  readonly toMinute: number;
  /** IANA name. */
  readonly timeZone: string;
}

const minute = 60_000;
const day = 24 * 60 * minute;

/** Looked for so far ahead: every weekday of every week of a month comes several times in it. */
const horizon = 400 * day;

/** Whether the time zone database of this Node knows the name. */
export function isTimeZone(name: string): boolean {
  try {
    return zoneOf(name) !== undefined;
  } catch {
    return false;
  }
}

/** Whether one of the windows is open at this instant; where there are none it always is. */
export function isOpen(windows: readonly ChangeWindow[], at: Date): boolean {
  return windows.length === 0 || windows.some((window) => isOpenAt(window, at.getTime()));
}

/** The first instant, from this one on, at which one of the windows is open; null if none opens within 400 days. */
export function nextOpening(windows: readonly ChangeWindow[], from: Date): Date | null {
  if (windows.length === 0) return from;
  const openings = windows.map((window) => opensAfter(window, from.getTime())).filter((instant) => instant !== null);
  return openings.length === 0 ? null : new Date(Math.min(...openings));
}

/** Whether two windows are ever open at the same time within 400 days of `from`. */
export function overlap(one: ChangeWindow, other: ChangeWindow, from: Date): boolean {
  return opensInto(one, other, from.getTime()) || opensInto(other, one, from.getTime());
}

/** Two spans that meet do so first where one of them begins. */
function opensInto(one: ChangeWindow, other: ChangeWindow, from: number): boolean {
  for (let at = opensAfter(one, from); at !== null && at < from + horizon; at = opensAfter(one, closesAfter(one, at))) {
    if (isOpenAt(other, at)) return true;
  }
  return false;
}

function isOpenAt(window: ChangeWindow, instant: number): boolean {
  return isOpenOnTheWall(window, onTheWall(window, instant));
}

function isOpenOnTheWall(window: ChangeWindow, wall: number): boolean {
  const today = Math.floor(wall / day) * day;
  const [opens, closes] = spanOf(window);
  // One that goes past midnight belongs to the day on which it opened.
  return [today - day, today].some((date) => opensOn(window, date) && wall >= date + opens && wall < date + closes);
}

function spanOf({ fromMinute, toMinute }: ChangeWindow): readonly [opens: number, closes: number] {
  return [fromMinute * minute, toMinute * minute + (toMinute > fromMinute ? 0 : day)];
}

function opensOn({ days, weeks }: ChangeWindow, date: number): boolean {
  const wall = new Date(date);
  const weekday = weekdays[wall.getUTCDay()];
  const week = Math.ceil(wall.getUTCDate() / 7);
  return weekday !== undefined && days.includes(weekday) && (weeks === undefined || weeks.includes(week));
}

function opensAfter(window: ChangeWindow, from: number): number | null {
  return firstInstant(window, from, from + horizon, (wall) => {
    if (isOpenOnTheWall(window, wall)) return wall;
    const [opens] = spanOf(window);
    for (let date = Math.floor(wall / day) * day; date < wall + horizon; date += day) {
      if (date + opens > wall && opensOn(window, date)) return date + opens;
    }
    return null;
  });
}

/** @param from an instant at which the window is open */
function closesAfter(window: ChangeWindow, from: number): number {
  const closed = firstInstant(window, from, from + horizon, (wall) => {
    if (!isOpenOnTheWall(window, wall)) return wall;
    const today = Math.floor(wall / day) * day;
    const [opens, closes] = spanOf(window);
    const ends = [today - day, today].filter((date) => opensOn(window, date)).map((date) => date + closes);
    return Math.min(...ends.filter((end) => end > wall && end - closes + opens <= wall));
  });
  return closed ?? from + horizon;
}

/**
 * Walks from instant to instant. `next` says, of what the wall clock shows, at which reading to look again; the reading itself if
 * it has been found. A change of the clocks on the way is a stop too: the wall clock jumps there, possibly to the very thing.
 */
function firstInstant(
  { timeZone }: ChangeWindow,
  from: number,
  until: number,
  next: (wall: number) => number | null,
): number | null {
  for (let at = from; at <= until; ) {
    const offset = offsetAt(timeZone, at);
    const wall = next(at + offset);
    if (wall === null) return null;
    if (wall === at + offset) return at;
    const goal = wall - offset;
    at = firstChange(timeZone, at, goal) ?? goal;
  }
  return null;
}

/** The first instant after `from`, up to `to`, at which the zone's offset is another than just before; changes are hours apart. */
function firstChange(timeZone: string, from: number, to: number): number | null {
  const step = 3 * 60 * minute;
  for (let at = from; at < to; at += step) {
    const before = offsetAt(timeZone, at);
    let [low, high] = [at, Math.min(at + step, to)];
    if (offsetAt(timeZone, high) === before) continue;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (offsetAt(timeZone, middle) === before) low = middle;
      else high = middle;
    }
    return high;
  }
  return null;
}

const onTheWall = ({ timeZone }: ChangeWindow, instant: number): number => instant + offsetAt(timeZone, instant);

const zones = new Map<string, Intl.DateTimeFormat>();

function zoneOf(timeZone: string): Intl.DateTimeFormat {
  const known = zones.get(timeZone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  zones.set(timeZone, format);
  return format;
}

/** How far the zone's wall clock is ahead of UTC at an instant, in milliseconds. */
function offsetAt(timeZone: string, instant: number): number {
  const shown: Record<string, number> = {};
  for (const { type, value } of zoneOf(timeZone).formatToParts(instant)) shown[type] = Number(value);
  const { year = 0, month = 1, day: date = 1, hour = 0, minute: minutes = 0, second = 0 } = shown;
  const wholeSeconds = Math.floor(instant / 1000) * 1000;
  return Date.UTC(year, month - 1, date, hour, minutes, second) - wholeSeconds;
}
