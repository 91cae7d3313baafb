import type { IncomingMessage } from 'node:http';
import type { FunctionApp } from './function-app';
import { readBody } from './read-body';
import { empty, errorReply, json, type Reply } from './reply';

/** `POST /runtime/webhooks/eventgrid?functionName=X`: one invocation for each event, one answer for the batch. */
export class EventGridWebhook {
  private readonly app: FunctionApp;

  constructor(app: FunctionApp) {
    this.app = app;
  }

  /** @returns 202 if every invocation succeeded; one that throws makes it 500 for the whole batch */
  async handle(request: IncomingMessage, url: URL): Promise<Reply> {
    const name = url.searchParams.get('functionName') ?? '';
    if (this.app.functions.get(name)?.trigger.type !== 'eventGridTrigger') {
      return errorReply(404, `There is no Event Grid function '${name}'.`);
    }
    if (request.method === 'OPTIONS') return handshake(request);
    if (request.method !== 'POST') return empty(405);
    const type = String(request.headers['aeg-event-type'] ?? '').toLowerCase();
    const events = parseEvents((await readBody(request)).toString('utf8'));
    if (events === undefined) return errorReply(400, 'The body must be a JSON object or a JSON array of objects.');
    if (type === 'subscriptionvalidation') return validate(events);
    if (type === 'unsubscribe') return empty(202);
    if (type !== 'notification') return errorReply(400, 'The header aeg-event-type must be Notification.');
    const results = await Promise.allSettled(
      events.map((event) => this.app.invoke(name, { json: JSON.stringify(event) })),
    );
    return empty(results.every((result) => result.status === 'fulfilled') ? 202 : 500);
  }
}

/** The CloudEvents webhook handshake. */
function handshake(request: IncomingMessage): Reply {
  const origin = request.headers['webhook-request-origin'];
  if (typeof origin !== 'string') return empty(400);
  return { status: 200, headers: { 'webhook-allowed-origin': origin, 'webhook-allowed-rate': '*' } };
}

function parseEvents(body: string): Record<string, unknown>[] | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return undefined;
  }
  const events: unknown[] = Array.isArray(parsed) ? parsed : [parsed];
  const allObjects = events.every((event) => typeof event === 'object' && event !== null && !Array.isArray(event));
  return allObjects ? (events as Record<string, unknown>[]) : undefined;
}

function validate(events: readonly Record<string, unknown>[]): Reply {
  const data = events[0]?.['data'] as { validationCode?: unknown } | undefined;
  if (typeof data?.validationCode !== 'string') return errorReply(400, 'The event carries no data.validationCode.');
  return json(200, { validationResponse: data.validationCode });
}
