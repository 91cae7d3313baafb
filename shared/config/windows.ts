import { type ChangeWindow, isTimeZone, nextOpening, overlap } from '../rotation/change-windows';
import type { Problems } from './problems';
import type { WindowEntry } from './rotation-file';

/**
 * Checks what a schema cannot see: time zones, windows that never open and windows that overlap, each by name. With a fault
 * anywhere the answer is good for further checks only.
 * @param entries with holes where a window could not be read and was told of; `map`, `forEach` and `filter` pass over them
 */
export function readWindows(
  place: (...members: PropertyKey[]) => string,
  entries: readonly WindowEntry[],
  problems: Problems,
): readonly ChangeWindow[] {
  const read = entries.map((entry, index) => readWindow((...members) => place(index, ...members), entry, problems));
  read.forEach((window, index) => {
    const before = read.slice(0, index).findIndex((other) => window && other && overlap(window, other, reference));
    if (before < 0) return;
    problems.add(place(index), `overlaps ${place(before)}`, 'make one window of the two, or change their times');
  });
  return read.filter((window) => window !== null);
}

/** A fixed one: what is refused must not depend on the day of the start. Four hundred days of it hold every week of every month. */
const reference = new Date('2026-01-01T00:00:00Z');

function readWindow(
  at: (...members: PropertyKey[]) => string,
  { days, weeks, from, to, timeZone }: WindowEntry,
  problems: Problems,
): ChangeWindow | null {
  const found = problems.found.length;
  refuseRepeated(at('days'), days, problems);
  refuseRepeated(at('weeks'), weeks ?? [], problems);
  if (!isTimeZone(timeZone)) {
    problems.add(at('timeZone'), `"${timeZone}" is not a time zone`, 'give its IANA name, e.g. Europe/Berlin or UTC');
  }
  const [fromMinute, toMinute] = [minuteOf(from), minuteOf(to)];
  if (fromMinute === toMinute || fromMinute === 1440) {
    const whatToDo = 'let "to" differ from "from"; a whole day is from 00:00 to 24:00';
    problems.add(at(), `never opens: it is from ${from} to ${to}`, whatToDo);
  }
  if (toMinute === 0) problems.add(at('to'), 'is the beginning of a day', 'write 24:00 for the end of the day');
  if (problems.found.length > found) return null;
  const window = { days, weeks, fromMinute, toMinute, timeZone };
  if (nextOpening([window], reference) !== null) return window;
  return problems.add(at(), 'does not open within 400 days', 'give it days and times that come');
}

function refuseRepeated(where: string, values: readonly (string | number)[], problems: Problems): void {
  const repeated = values.find((value, index) => values.indexOf(value) < index);
  if (repeated === undefined) return;
  problems.add(where, `names ${repeated} twice: the window overlaps itself`, 'name each once');
}

function minuteOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return hours * 60 + minutes;
}
