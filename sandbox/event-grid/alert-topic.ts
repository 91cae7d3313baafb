import { randomBytes, timingSafeEqual } from 'node:crypto';
import { type CloudContext, type StandInRequest, type StandInResponse, type StandInServer, startServer } from '../kit';
import { isRecord } from './event-schemas';

const audience = 'https://eventgrid.azure.net';
const apiVersion = '2018-01-01';
/** Azure's limit for one publish request. */
const maximumBytes = 1024 * 1024;

/** An event the topic accepted; the same id again is counted, not listed twice. */
export interface Alert {
  id: string;
  eventType: string;
  subject: string;
  data: unknown;
  eventTime: string;
  /** Virtual time of the first copy. */
  receivedAt: string;
  copies: number;
}

/** A custom topic as publishers see it: `POST /api/events`, the Event Grid schema and CloudEvents 1.0. */
export class AlertTopic {
  /** Access key for `aeg-sas-key`; made at every start. */
  readonly key = randomBytes(32).toString('base64');
  readonly resourceId: string;
  readonly #context: CloudContext;
  readonly #name: string;
  readonly #alerts = new Map<string, Alert>();

  constructor(context: CloudContext, name: string) {
    this.#context = context;
    this.#name = name;
    const group = `/subscriptions/${context.subscriptionId}/resourceGroups/${context.resourceGroup}`;
    this.resourceId = `${group}/providers/Microsoft.EventGrid/topics/${name}`;
  }

  /** In the order of their first arrival. */
  alerts(): Alert[] {
    return [...this.#alerts.values()].map((alert) => ({ ...alert }));
  }

  start(port: number): Promise<StandInServer> {
    return startServer(this.#context, {
      standIn: 'alertTopic',
      name: this.#name,
      port,
      tls: true,
      operationOf: ({ method }) => (method === 'POST' ? 'publish' : undefined),
      handle: async (request) => this.#handle(request),
    });
  }

  #handle(request: StandInRequest): StandInResponse {
    if (request.method === 'GET' && request.path === '/alerts') return { status: 200, body: this.alerts() };
    if (request.path !== '/api/events') return refuse(404, 'NotFound', 'There is nothing here but /api/events.');
    if (request.method !== 'POST') return refuse(405, 'MethodNotAllowed', 'Events are published with POST.');
    if (request.query.get('api-version') !== apiVersion)
      return refuse(400, 'BadRequest', 'The api-version must be 2018-01-01.');
    const refused = this.#refusal(request);
    if (refused !== undefined) return refused;
    if (request.raw.length > maximumBytes) return refuse(413, 'PayloadTooLarge', 'The events exceed 1048576 bytes.');
    return this.#accept(request);
  }

  #refusal({ headers }: StandInRequest): StandInResponse | undefined {
    const key = headers['aeg-sas-key'];
    if (typeof key === 'string') {
      if (sameText(key, this.key)) return undefined;
      return refuse(401, 'Unauthorized', 'The request authorization key is not authorized for this topic.');
    }
    const who = this.#context.tokens.verify(headers.authorization, [audience]);
    if (who === undefined)
      return refuse(401, 'Unauthorized', 'The request did not contain a valid aeg-sas-key or bearer token.');
    if (this.#context.permissions.allows(who.principalId, this.resourceId, 'Microsoft.EventGrid/events/send/action'))
      return undefined;
    return refuse(403, 'Forbidden', 'The principal may not send events to this topic (EventGrid Data Sender).');
  }

  /** All or nothing, as Azure: one bad event and none of the request is taken. */
  #accept(request: StandInRequest): StandInResponse {
    const cloudEvents = String(request.headers['content-type'] ?? '').startsWith('application/cloudevents');
    const events = Array.isArray(request.body)
      ? request.body
      : cloudEvents && request.body
        ? [request.body]
        : undefined;
    if (events === undefined) return refuse(400, 'BadRequest', 'The body must be a JSON array of events.');
    const alerts = events.map((event) => this.#read(event, cloudEvents));
    const wrong = alerts.find((alert) => typeof alert === 'string');
    if (typeof wrong === 'string') return refuse(400, 'BadRequest', wrong);
    for (const alert of alerts) if (typeof alert !== 'string') this.#keep(alert);
    return { status: 200 };
  }

  #read(event: unknown, cloudEvent: boolean): Alert | string {
    if (!isRecord(event)) return 'Every event must be a JSON object.';
    const required = cloudEvent
      ? ['id', 'source', 'type', 'specversion']
      : ['id', 'eventType', 'subject', 'eventTime', 'dataVersion'];
    const missing = required.filter((name) => typeof event[name] !== 'string' || event[name] === '');
    if (missing.length > 0) return `The event lacks: ${missing.join(', ')}.`;
    const now = this.#context.clock.now().toISOString();
    return {
      id: String(event['id']),
      eventType: String(event['eventType'] ?? event['type']),
      subject: String(event['subject'] ?? ''),
      data: event['data'],
      eventTime: String(event['eventTime'] ?? event['time'] ?? now),
      receivedAt: now,
      copies: 1,
    };
  }

  #keep(alert: Alert): void {
    const known = this.#alerts.get(alert.id);
    if (known) known.copies += 1;
    else this.#alerts.set(alert.id, alert);
  }
}

function refuse(status: number, code: string, message: string): StandInResponse {
  return { status, body: { error: { code, message, details: [{ code, message }] } } };
}

function sameText(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
