import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { type DeliverySchema, envelope, isRecord } from './event-schemas';

/** Machine time: Event Grid waits this long for an answer (delivery-and-retry, 2023-03-01). */
const answerTimeoutMilliseconds = 30_000;
const sandboxOrigin = 'eventgrid.azure.net';

export interface WebhookAnswer {
  /** 0 when there was no answer. */
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/** Calls webhooks the way Event Grid does: headers, body forms, the validation handshake, the 30 s limit. */
export class WebhookClient {
  readonly #http = new HttpAgent({ maxSockets: 256 });
  readonly #https: HttpsAgent;

  /** @param caFile PEM file of the sandbox's own certificate authority, for webhooks on https://localhost */
  constructor(caFile: string) {
    this.#https = new HttpsAgent({ maxSockets: 256, ca: readFileSync(caFile) });
  }

  /** Delivers one batch; never throws: no answer is status 0. */
  async deliver(
    to: { endpoint: string; name: string; schema: DeliverySchema },
    events: unknown[],
    count: number,
  ): Promise<WebhookAnswer> {
    const { contentType, body } = envelope(events, to.schema);
    return this.#send('POST', to.endpoint, {
      body,
      headers: {
        'content-type': contentType,
        'aeg-event-type': 'Notification',
        'aeg-subscription-name': to.name.toUpperCase(),
        'aeg-delivery-count': String(count),
        ...(to.schema === 'EventGridSchema' && { 'aeg-data-version': '1', 'aeg-metadata-version': '1' }),
      },
    });
  }

  /**
   * The handshake before a subscription exists; undefined when it was passed, else why not
   * (end-point-validation-event-grid-events-schema, 2024-09-25; for CloudEvents the abuse protection of the HTTP web hook specification 1.0).
   */
  async validate(to: {
    endpoint: string;
    name: string;
    schema: DeliverySchema;
    topic: string;
    now: Date;
  }): Promise<string | undefined> {
    return to.schema === 'EventGridSchema' ? this.#askForCode(to) : this.#askForOrigin(to.endpoint);
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  async #askForCode(to: { endpoint: string; name: string; topic: string; now: Date }): Promise<string | undefined> {
    const validationCode = randomUUID().toUpperCase();
    const event = {
      id: randomUUID(),
      topic: to.topic,
      subject: '',
      data: { validationCode },
      eventType: 'Microsoft.EventGrid.SubscriptionValidationEvent',
      eventTime: to.now.toISOString(),
      metadataVersion: '1',
      dataVersion: '2',
    };
    const answer = await this.#send('POST', to.endpoint, {
      body: JSON.stringify([event]),
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'aeg-event-type': 'SubscriptionValidation',
        'aeg-subscription-name': to.name.toUpperCase(),
      },
    });
    if (answer.status !== 200)
      return `the endpoint answered the validation handshake with ${answer.status || 'nothing'}, not 200`;
    const echoed = parseJson(answer.text);
    if (isRecord(echoed) && echoed['validationResponse'] === validationCode) return undefined;
    return 'the endpoint did not return the validation code as validationResponse';
  }

  async #askForOrigin(endpoint: string): Promise<string | undefined> {
    const answer = await this.#send('OPTIONS', endpoint, { headers: { 'webhook-request-origin': sandboxOrigin } });
    if (answer.status !== 200)
      return `the endpoint answered the OPTIONS handshake with ${answer.status || 'nothing'}, not 200`;
    const allowed = answer.headers['webhook-allowed-origin'];
    if (allowed === '*' || allowed === sandboxOrigin) return undefined;
    return 'the endpoint did not allow the origin eventgrid.azure.net in WebHook-Allowed-Origin';
  }

  #send(method: string, url: string, init: { headers: Record<string, string>; body?: string }): Promise<WebhookAnswer> {
    return new Promise((resolve) => {
      const nothing = () => resolve({ status: 0, headers: {}, text: '' });
      let outgoing: ClientRequest;
      try {
        outgoing = this.#open(method, url, init, (incoming) => collect(incoming).then(resolve, nothing));
      } catch {
        // An address that is no URL: nobody is there.
        nothing();
        return;
      }
      outgoing.setTimeout(answerTimeoutMilliseconds, () => outgoing.destroy(new Error('no answer within 30 s')));
      outgoing.on('error', nothing);
      outgoing.end(init.body);
    });
  }

  #open(
    method: string,
    url: string,
    init: { headers: Record<string, string>; body?: string },
    answered: (incoming: IncomingMessage) => void,
  ): ClientRequest {
    const length = init.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(init.body)) };
    const headers = { ...init.headers, ...length };
    return url.startsWith('https:')
      ? httpsRequest(url, { method, headers, agent: this.#https }, answered)
      : httpRequest(url, { method, headers, agent: this.#http }, answered);
  }
}

async function collect(incoming: IncomingMessage): Promise<WebhookAnswer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, text: Buffer.concat(chunks).toString('utf8') };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
