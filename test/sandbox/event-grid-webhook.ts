import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Delivered {
  method: string;
  headers: IncomingHttpHeaders;
  body: unknown;
}

/** A web hook that answers what the test tells it to, and remembers what it got. */
export class TestWebhook {
  readonly delivered: Delivered[] = [];
  /** Answers in turn; the last one stays. 0 = cut the connection. */
  answers: number[] = [202];
  validationCodeEchoed = true;
  readonly #server: Server;

  constructor() {
    this.#server = createServer(async (incoming, outgoing) => {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString('utf8');
      const body: unknown = text === '' ? undefined : JSON.parse(text);
      const { method = '', headers } = incoming;
      this.delivered.push({ method, headers, body });
      if (method === 'OPTIONS') {
        outgoing.writeHead(200, { 'WebHook-Allowed-Origin': String(headers['webhook-request-origin']) }).end();
        return;
      }
      if (headers['aeg-event-type'] === 'SubscriptionValidation') {
        const [event] = body as { data: { validationCode: string } }[];
        const validationResponse = this.validationCodeEchoed ? event?.data.validationCode : 'something else';
        outgoing.writeHead(200).end(JSON.stringify({ validationResponse }));
        return;
      }
      const status = (this.answers.length > 1 ? this.answers.shift() : this.answers[0]) ?? 202;
      if (status === 0) incoming.socket.destroy();
      else outgoing.writeHead(status).end();
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`;
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  /** The events of the notifications so far, in the order of their arrival. */
  events(): Record<string, unknown>[] {
    return this.delivered
      .filter(({ headers }) => headers['aeg-event-type'] === 'Notification')
      .flatMap(({ body }) => (Array.isArray(body) ? body : [body]) as Record<string, unknown>[]);
  }
}
