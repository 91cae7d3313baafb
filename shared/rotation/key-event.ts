import { parseKeyIdentifier } from './key-identifier';
import type { KeyVersion } from './ports';

export const keyEventTypes = ['KeyNearExpiry', 'KeyExpired', 'KeyNewVersionCreated'] as const;
export type KeyEventType = (typeof keyEventTypes)[number];

/** What a Key Vault event says once it is understood: nothing of it is believed without asking the vault. */
export interface KeyEvent {
  readonly eventId: string;
  readonly type: KeyEventType;
  /** The KEK's unversioned identifier, as `parseKeyIdentifier` spells it. */
  readonly key: string;
  readonly kid: string;
  readonly version: string;
  /** ISO 8601 UTC; null if the event gave none that can be read. */
  readonly eventTime: string | null;
}

export type ParsedKeyEvent =
  | { readonly ok: true; readonly event: KeyEvent }
  | { readonly ok: false; readonly code: string; readonly message: string };

const longestId = 256;
const prefix = 'microsoft.keyvault.';

/**
 * Reads one event, in the Event Grid schema or as CloudEvents 1.0. Never throws. As forgiving as the published samples are
 * sloppy (Azure's documentation, Event Grid schema for Key Vault, 2021-02-11: names with trailing spaces, versions with leading ones,
 * numbers as strings, other copies in lower case). NBF and EXP are not read at all: the vault is asked for the dates.
 */
export function parseKeyEvent(raw: unknown): ParsedKeyEvent {
  const typeText = textOf(raw, 'eventType') ?? textOf(raw, 'type');
  if (typeText === null) return refused('event-malformed', 'The event is no object with a type.');
  const type = keyEventTypes.find((known) => `${prefix}${known.toLowerCase()}` === typeText.toLowerCase());
  if (type === undefined) return refused('event-type-unknown', 'The event is of a type that starts no rotation.');

  const eventId = textOf(raw, 'id');
  if (eventId === null) return refused('event-id-missing', `The ${type} event has no id.`);
  if (eventId.length > longestId || !/^[\x20-\x7e]+$/.test(eventId)) {
    return refused('event-id-unfit', `The ${type} event's id is longer than ${longestId} or not printable ASCII.`);
  }
  return parseKeyData(type, eventId, fieldOf(raw, 'data'), textOf(raw, 'eventTime') ?? textOf(raw, 'time'));
}

function parseKeyData(type: KeyEventType, eventId: string, data: unknown, time: string | null): ParsedKeyEvent {
  const objectType = textOf(data, 'ObjectType');
  if (objectType !== null && objectType.toLowerCase() !== 'key') {
    return refused('object-type-not-key', `The ${type} event is about something that is not a key.`);
  }
  // Id before the separate fields: it alone names the vault with its cloud, and is the one that samples get right.
  const parsed = parseKeyIdentifier(textOf(data, 'Id') ?? '');
  if (parsed === null) return refused('key-identifier-unfit', `The ${type} event's data has no key identifier as Id.`);
  const version = parsed.version ?? textOf(data, 'Version');
  const named = version === null ? null : parseKeyIdentifier(`${parsed.key}/${version}`);
  if (named === null || named.version === null) {
    return refused('key-version-unfit', `The ${type} event for ${parsed.key} names no version.`);
  }
  const event = { eventId, type, key: named.key, kid: `${named.key}/${named.version}`, version: named.version };
  return { ok: true, event: { ...event, eventTime: instantOf(time) } };
}

function refused(code: string, message: string): ParsedKeyEvent {
  return { ok: false, code, message };
}

/** A member by its name, whatever its case and the spaces around it; exact spelling first. */
function fieldOf(object: unknown, name: string): unknown {
  if (typeof object !== 'object' || object === null || Array.isArray(object)) return undefined;
  if (Object.hasOwn(object, name)) return (object as Record<string, unknown>)[name];
  const wanted = name.toLowerCase();
  return Object.entries(object).find(([key]) => key.trim().toLowerCase() === wanted)?.[1];
}

function textOf(object: unknown, name: string): string | null {
  const value = fieldOf(object, name);
  const text = typeof value === 'string' ? value.trim() : '';
  return text === '' ? null : text;
}

function instantOf(text: string | null): string | null {
  // Only full dates with a zone: `Date.parse` would take "1" for a year, and times without a zone for local ones.
  if (text === null || !/^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/i.test(text)) return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : new Date(at).toISOString();
}

export interface RelevanceFacts {
  /** Bare versions that targets stand on, oldest first. */
  readonly versionsInUse: readonly string[];
  readonly versions: readonly KeyVersion[];
  /** Name of the tag that we put on versions we make. */
  readonly managedTag: 'rotationId';
}

export type Relevance =
  | { readonly relevant: true }
  | { readonly relevant: false; readonly code: string; readonly message: string };

/**
 * Whether an event is a reason to start a rotation, by what the vault and the targets say now. I7: a version that carries our
 * tag was made by one of our own runs, and its event starts nothing.
 */
export function isRelevant(event: KeyEvent, facts: RelevanceFacts): Relevance {
  const named = facts.versions.find(({ version }) => version === event.version);
  if (named === undefined) return irrelevant('version-unknown', `Key Vault knows no version ${event.kid}.`);
  if (!named.enabled) return irrelevant('version-disabled', `${event.kid} is disabled.`);
  return event.type === 'KeyNewVersionCreated' ? isNews(event, named, facts) : concernsTargets(event, facts);
}

function concernsTargets(event: KeyEvent, { versionsInUse }: RelevanceFacts): Relevance {
  if (versionsInUse.includes(event.version)) return { relevant: true };
  return irrelevant('version-not-in-use', `No target uses ${event.kid}, so its expiry is no reason to rotate.`);
}

function isNews(
  event: KeyEvent,
  named: KeyVersion,
  { versionsInUse, versions, managedTag }: RelevanceFacts,
): Relevance {
  if (Object.hasOwn(named.tags, managedTag)) {
    return irrelevant('version-is-ours', `${event.kid} was made by rotation ${named.tags[managedTag]}.`);
  }
  const [oldest] = versionsInUse;
  const inUse = versions.find(({ version }) => version === oldest);
  // Nothing versioned in use, or not by a version that the vault lists: only a plan can say what is wrong, by name.
  if (inUse === undefined || named.createdOn.getTime() > inUse.createdOn.getTime()) return { relevant: true };
  return irrelevant('version-not-newer', `${event.kid} is not newer than ${inUse.version}, which is in use.`);
}

function irrelevant(code: string, message: string): Relevance {
  return { relevant: false, code, message };
}
