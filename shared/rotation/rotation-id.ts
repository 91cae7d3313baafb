import { createHash } from 'node:crypto';
import { fingerprintOf } from './key-identifier';

// Only [A-Za-z0-9._-]: durable-functions 3.5.0 puts instance ids into URLs without encoding them, and ids are table keys too.
const pattern = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})(\d{3})Z-[0-9a-f]{6}-[0-9a-zA-Z]{6}$/;

/**
 * A new rotation's id, `20261122T143501123Z-<6 hex of the key>-<6 random>`: sorts by the time of the request (UTC, milliseconds).
 * `random` gives at least six letters or digits.
 */
export function newRotationId(key: string, now: Date, random: () => string): string {
  return rotationId(key, now, random().slice(0, 6));
}

/** When the rotation was requested, as its id says; null if the text is not a rotation id. */
export function requestedAtOf(id: string): Date | null {
  const match = pattern.exec(id);
  if (match === null) return null;
  const [, year, month, day, hour, minute, second, millisecond] = match;
  const date = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}.${millisecond}Z`);
  // Dates that do not exist (30 February) are carried over by the parser: such an id is not one of ours.
  return Number.isNaN(date.getTime()) || stamp(date) !== id.slice(0, 19) ? null : date;
}

/** Instance id of the orchestration that runs a rotation under one generation of its claim. */
export function instanceIdOf(id: string, generation: number): string {
  return `${id}.${generation}`;
}

/** What of an event makes its rotation's id. */
export interface EventOrigin {
  readonly key: string;
  readonly type: string;
  readonly version: string;
  readonly eventTime: string | null;
  /** ISO 8601, as recorded when the event was first seen. */
  readonly receivedAt: string;
}

/**
 * The id of the rotation that an event asks for. Nothing in it is random: the same event delivered again names the same
 * rotation, so a trigger that died between two steps converges. An event time later than its receipt is not believed,
 * since it would sort before everything for ever.
 */
export function rotationIdOfEvent(event: EventOrigin): string {
  const received = new Date(event.receivedAt);
  const told = event.eventTime === null ? Number.NaN : Date.parse(event.eventTime);
  const at = Number.isNaN(told) || told < 0 || told > received.getTime() ? received : new Date(told);
  const cause = createHash('sha256').update(`${event.type.toLowerCase()} ${event.version}`).digest('hex');
  return rotationId(event.key, at, cause.slice(0, 6));
}

function rotationId(key: string, at: Date, suffix: string): string {
  const id = `${stamp(at)}-${fingerprintOf(key).slice(0, 6)}-${suffix}`;
  if (!pattern.test(id)) throw new RangeError('a rotation id needs six letters or digits and a year of four digits');
  return id;
}

function stamp(at: Date): string {
  return at.toISOString().replaceAll(/[-:.]/g, '');
}
