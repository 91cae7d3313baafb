import { randomUUID } from 'node:crypto';
import { isRecord, type Outgoing } from './event-schemas';

/** A request to deliver events by hand: those given, or one made from its parts; each `copies` times. */
export interface PublishRequest {
  events: Outgoing[];
  copies: number;
  /** All copies at once, each in a request of its own; else one after the other. */
  concurrent: boolean;
  /** Answer only after the first attempts. */
  wait: boolean;
  /** Only to this subscription. */
  subscription?: string;
}

/** @param source resource id that an event made from parts comes from when the request names none */
export function parsePublishRequest(body: unknown, source: string, now: Date): PublishRequest | string {
  if (!isRecord(body)) return 'the body must be a JSON object';
  const { copies = 1, concurrent = false, wait = false, subscription } = body;
  if (typeof copies !== 'number' || !Number.isInteger(copies) || copies < 1 || copies > 100_000) {
    return 'copies must be an integer from 1 to 100000';
  }
  const events = outgoingOf(body, source, now);
  if (typeof events === 'string') return events;
  const common = { events, copies, concurrent: concurrent === true, wait: wait === true };
  return typeof subscription === 'string' ? { ...common, subscription } : common;
}

function outgoingOf(body: Record<string, unknown>, source: string, now: Date): Outgoing[] | string {
  const { events, type, data, subject = '', id = randomUUID() } = body;
  if (Array.isArray(events)) return events.map((payload) => ({ kind: 'asGiven', payload }));
  if (typeof type !== 'string') return 'either events (a list) or type (a text) must be given';
  const from = typeof body['source'] === 'string' ? body['source'] : source;
  const time = typeof body['time'] === 'string' ? body['time'] : now.toISOString();
  return [{ kind: 'raised', event: { id: String(id), type, source: from, subject: String(subject), time, data } }];
}
