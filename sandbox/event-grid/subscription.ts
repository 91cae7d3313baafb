import { type DeliverySchema, isRecord } from './event-schemas';
import { defaultRetryPolicy, type RetryPolicy } from './retry-schedule';

/** An event subscription: who gets which events, in which form. */
export interface EventSubscription {
  name: string;
  /** Address of the web hook, http or https. */
  endpoint: string;
  schema: DeliverySchema;
  /** Full event types; absent = all. */
  eventTypes?: string[];
  subjectBeginsWith?: string;
  subjectEndsWith?: string;
  /** 1 unless output batching is asked for (Azure's own default). */
  maxEventsPerBatch: number;
  retryPolicy: RetryPolicy;
}

/** What a seed or a request has to say of a subscription; the rest is Azure's default. */
export interface SubscriptionRequest {
  name: string;
  endpoint: string;
  schema?: DeliverySchema | undefined;
  eventTypes?: string[] | undefined;
  subjectBeginsWith?: string | undefined;
  subjectEndsWith?: string | undefined;
  maxEventsPerBatch?: number | undefined;
  maxDeliveryAttempts?: number | undefined;
  eventTimeToLiveMinutes?: number | undefined;
}

/** Fills in Azure's defaults and refuses what Azure refuses: attempts outside 1 to 30, a time to live outside 1 to 1440 minutes. */
export function toSubscription(request: SubscriptionRequest): EventSubscription | string {
  const { name, endpoint, schema = 'EventGridSchema', maxEventsPerBatch = 1 } = request;
  const retryPolicy = {
    maxDeliveryAttempts: request.maxDeliveryAttempts ?? defaultRetryPolicy.maxDeliveryAttempts,
    eventTimeToLiveMinutes: request.eventTimeToLiveMinutes ?? defaultRetryPolicy.eventTimeToLiveMinutes,
  };
  if (!within(retryPolicy.maxDeliveryAttempts, 1, 30)) return 'maxDeliveryAttempts must be 1 to 30';
  if (!within(retryPolicy.eventTimeToLiveMinutes, 1, 1440)) return 'eventTimeToLiveMinutes must be 1 to 1440';
  if (!within(maxEventsPerBatch, 1, 5000)) return 'maxEventsPerBatch must be 1 to 5000';
  return {
    name,
    endpoint,
    schema,
    maxEventsPerBatch,
    retryPolicy,
    ...(request.eventTypes && { eventTypes: request.eventTypes }),
    ...(request.subjectBeginsWith && { subjectBeginsWith: request.subjectBeginsWith }),
    ...(request.subjectEndsWith && { subjectEndsWith: request.subjectEndsWith }),
  };
}

/** Reads a subscription from an untrusted body; a text says what is wrong with it. */
export function parseSubscription(body: unknown): EventSubscription | string {
  if (!isRecord(body)) return 'an event subscription must be a JSON object';
  const { name, endpoint, schema, eventTypes } = body;
  if (typeof name !== 'string' || name === '') return 'name must be a text';
  if (typeof endpoint !== 'string' || !URL.canParse(endpoint)) return 'endpoint must be an address';
  if (schema !== undefined && schema !== 'EventGridSchema' && schema !== 'CloudEventSchemaV1_0') {
    return 'schema must be EventGridSchema or CloudEventSchemaV1_0';
  }
  if (eventTypes !== undefined && !isTexts(eventTypes)) return 'eventTypes must be a list of texts';
  const number = (key: string) => (typeof body[key] === 'number' ? body[key] : undefined);
  const text = (key: string) => (typeof body[key] === 'string' ? body[key] : undefined);
  return toSubscription({
    name,
    endpoint,
    schema,
    eventTypes,
    subjectBeginsWith: text('subjectBeginsWith'),
    subjectEndsWith: text('subjectEndsWith'),
    maxEventsPerBatch: number('maxEventsPerBatch'),
    maxDeliveryAttempts: number('maxDeliveryAttempts'),
    eventTimeToLiveMinutes: number('eventTimeToLiveMinutes'),
  });
}

/** Whether the subscription wants an event of this type and subject; subjects are compared without case, as Azure does unless told. */
export function wants(subscription: EventSubscription, event: { type: string; subject: string }): boolean {
  const { eventTypes, subjectBeginsWith = '', subjectEndsWith = '' } = subscription;
  if (eventTypes && !eventTypes.some((type) => type.toLowerCase() === event.type.toLowerCase())) return false;
  const subject = event.subject.toLowerCase();
  return subject.startsWith(subjectBeginsWith.toLowerCase()) && subject.endsWith(subjectEndsWith.toLowerCase());
}

function within(value: number, low: number, high: number): boolean {
  return Number.isInteger(value) && value >= low && value <= high;
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
