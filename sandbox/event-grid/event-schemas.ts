import { randomUUID } from 'node:crypto';

export type DeliverySchema = 'EventGridSchema' | 'CloudEventSchemaV1_0';

/** An event before it has the form a subscription asked for. */
export interface RaisedEvent {
  id: string;
  type: string;
  /** Resource id of what raised it: `topic` in the Event Grid schema, `source` in CloudEvents. */
  source: string;
  subject: string;
  /** ISO 8601, virtual time. */
  time: string;
  data: unknown;
}

/** An event with its fields, or a payload that a test wants delivered exactly as it is, however sloppy. */
export type Outgoing = { kind: 'raised'; event: RaisedEvent } | { kind: 'asGiven'; payload: unknown };

/** Gives an event an id and a time, as Event Grid does when the publisher is an Azure service. */
export function raise(input: { type: string; source: string; subject: string; data: unknown }, now: Date): RaisedEvent {
  return { id: randomUUID(), time: now.toISOString(), ...input };
}

/**
 * The event in the schema of the subscription (Azure's documentation: event-schema-key-vault, 2021-02-11;
 * cloud-event-schema).
 */
export function inSchema(outgoing: Outgoing, schema: DeliverySchema): unknown {
  if (outgoing.kind === 'asGiven') return outgoing.payload;
  const { id, type, source, subject, time, data } = outgoing.event;
  if (schema === 'CloudEventSchemaV1_0') return { id, source, specversion: '1.0', type, subject, time, data };
  return { id, topic: source, subject, eventType: type, data, eventTime: time, dataVersion: '1', metadataVersion: '1' };
}

/** Id, type and subject of a payload in either schema, as far as it has them. */
export function identify(outgoing: Outgoing): { id: string; type: string; subject: string } {
  if (outgoing.kind === 'raised') {
    const { id, type, subject } = outgoing.event;
    return { id, type, subject };
  }
  const payload = isRecord(outgoing.payload) ? outgoing.payload : {};
  const text = (value: unknown) => (typeof value === 'string' ? value : '');
  return {
    id: text(payload['id']),
    type: text(payload['eventType'] ?? payload['type']),
    subject: text(payload['subject']),
  };
}

/** Content type and body of one request. A single CloudEvent travels as an object, everything else as an array. */
export function envelope(events: unknown[], schema: DeliverySchema): { contentType: string; body: string } {
  if (schema === 'EventGridSchema') {
    return { contentType: 'application/json; charset=utf-8', body: JSON.stringify(events) };
  }
  if (events.length === 1) {
    return { contentType: 'application/cloudevents+json; charset=utf-8', body: JSON.stringify(events[0]) };
  }
  return { contentType: 'application/cloudevents-batch+json; charset=utf-8', body: JSON.stringify(events) };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
