/**
 * Timer schedules as the Functions timer trigger reads them: NCRONTAB with six fields (second first), with five fields
 * (no seconds), or a time span `hh:mm:ss`. UTC only: WEBSITE_TIME_ZONE is not supported by this local host.
 */
export interface Schedule {
  /** The first occurrence after an instant. Both in milliseconds since 1970, UTC. */
  next(after: number): number;
}

interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly words?: readonly string[];
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const fields: readonly Field[] = [
  { name: 'second', min: 0, max: 59 },
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'day', min: 1, max: 31 },
  { name: 'month', min: 1, max: 12, words: months },
  { name: 'day of week', min: 0, max: 6, words: days },
];
const searchLimit = 10 * 366;

/** @throws Error that quotes the expression and names the field it does not understand */
export function parseSchedule(expression: string): Schedule {
  const span = /^(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})$/.exec(expression.trim());
  if (span !== null)
    return spanSchedule(
      span.slice(1).map((part) => Number(part ?? 0)),
      expression,
    );
  const parts = expression.trim().split(/\s+/);
  const six = parts.length === 5 ? ['0', ...parts] : parts;
  if (six.length !== 6) throw new Error(`The schedule "${expression}" must have five or six fields.`);
  const sets = six.map((part, index) => parseField(part, fields[index] as Field, expression));
  return { next: (after) => nextOccurrence(sets, after, expression) };
}

function spanSchedule(parts: readonly number[], expression: string): Schedule {
  const [wholeDays = 0, hours = 0, minutes = 0, seconds = 0] = parts;
  const interval = (((wholeDays * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000;
  if (interval === 0) throw new Error(`The schedule "${expression}" is an interval of nothing.`);
  return { next: (after) => after + interval };
}

function parseField(text: string, field: Field, expression: string): ReadonlySet<number> {
  const values = new Set<number>();
  for (const item of text.toLowerCase().split(',')) {
    const [range = '', stepText] = item.split('/');
    const step = stepText === undefined ? 1 : Number(stepText);
    const [from, to] = parseRange(range, field, stepText !== undefined);
    const wrong = !(Number.isInteger(step) && step > 0 && from >= field.min && to <= field.max && from <= to);
    if (wrong) throw new Error(`The schedule "${expression}" has "${item}" for its ${field.name}.`);
    for (let value = from; value <= to; value += step) values.add(value);
  }
  return values;
}

function parseRange(range: string, field: Field, hasStep: boolean): readonly [number, number] {
  if (range === '*') return [field.min, field.max];
  const [from = Number.NaN, to] = range.split('-').map((text) => toNumber(text, field));
  return [from, to ?? (hasStep ? field.max : from)];
}

function toNumber(text: string, field: Field): number {
  const word = field.words?.findIndex((candidate) => text.startsWith(candidate)) ?? -1;
  if (word >= 0) return word + field.min;
  return /^\d+$/.test(text) ? Number(text) : Number.NaN;
}

function nextOccurrence(sets: readonly ReadonlySet<number>[], after: number, expression: string): number {
  const [seconds, minutes, hours, daysOfMonth, monthsOfYear, daysOfWeek] = sets;
  const first = new Date(Math.floor(after / 1000) * 1000 + 1000);
  const day = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth(), first.getUTCDate()));
  for (let searched = 0; searched < searchLimit; searched++) {
    const fits =
      monthsOfYear?.has(day.getUTCMonth() + 1) &&
      daysOfMonth?.has(day.getUTCDate()) &&
      daysOfWeek?.has(day.getUTCDay());
    const found = fits ? firstInDay(day.getTime(), first.getTime(), hours, minutes, seconds) : undefined;
    if (found !== undefined) return found;
    day.setUTCDate(day.getUTCDate() + 1);
  }
  throw new Error(`The schedule "${expression}" never comes.`);
}

function firstInDay(
  day: number,
  from: number,
  hours: ReadonlySet<number> | undefined,
  minutes: ReadonlySet<number> | undefined,
  seconds: ReadonlySet<number> | undefined,
): number | undefined {
  for (const hour of sorted(hours)) {
    if (day + (hour + 1) * 3_600_000 <= from) continue;
    for (const minute of sorted(minutes)) {
      const start = day + hour * 3_600_000 + minute * 60_000;
      if (start + 60_000 <= from) continue;
      for (const second of sorted(seconds)) if (start + second * 1000 >= from) return start + second * 1000;
    }
  }
  return undefined;
}

const sorted = (values: ReadonlySet<number> | undefined): number[] => [...(values ?? [])].toSorted((a, b) => a - b);
