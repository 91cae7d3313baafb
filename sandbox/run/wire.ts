import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** Parsed JSON; the text itself if it is none; undefined if empty. */
  readonly body: unknown;
}

export interface Call {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Milliseconds of machine time until the call is given up. */
  readonly timeout?: number;
}

/** An answer with another status than the caller can use; never holds the body, which might hold a secret. */
export class UnexpectedAnswerError extends Error {
  override readonly name = 'UnexpectedAnswerError';
  readonly status: number;
  constructor(what: string, status: number) {
    super(`${what} answered ${status}`);
    this.status = status;
  }
}

/** JSON over HTTP and HTTPS, trusting the certificate authority of this sandbox and nobody else. */
export class Wire {
  readonly #http = new HttpAgent({ keepAlive: true, maxSockets: 64 });
  readonly #https: HttpsAgent;
  readonly #signedIn = new Map<string, () => Promise<Record<string, string>>>();
  readonly #listeners = new Map<string, (path: string, text: string) => void>();

  /** @param caFile PEM file of the certificate authority of this sandbox */
  constructor(caFile: string) {
    this.#https = new HttpsAgent({ keepAlive: true, maxSockets: 64, ca: readFileSync(caFile) });
  }

  /** From now on whatever is asked of this origin is asked by somebody, unless the call says by whom. */
  signIn(origin: string, header: () => Promise<Record<string, string>>): void {
    this.#signedIn.set(new URL(origin).origin, header);
  }

  /** From now on every answer of this origin is told as it came: its status and headers, and its text. */
  hear(origin: string, listener: (path: string, text: string) => void): void {
    this.#listeners.set(new URL(origin).origin, listener);
  }

  /** Rejects when there is no answer at all; any status is an answer. */
  async call(url: string, call: Call = {}): Promise<Answer> {
    const signedIn = await this.#signedIn.get(new URL(url).origin)?.();
    return this.#call(url, { ...call, headers: { ...signedIn, ...call.headers } });
  }

  #call(url: string, call: Call): Promise<Answer> {
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const headers: Record<string, string> = { accept: 'application/json', ...call.headers };
    if (body !== undefined) {
      headers['content-type'] ??= 'application/json';
      headers['content-length'] = String(Buffer.byteLength(body));
    }
    return new Promise((resolve, reject) => {
      const method = call.method ?? (body === undefined ? 'GET' : 'POST');
      const { origin, pathname } = new URL(url);
      const heard = (incoming: IncomingMessage, text: string): Answer => {
        // The date alone would make every answer another one.
        const { date: _, ...headers } = incoming.headers;
        this.#listeners.get(origin)?.(pathname, `${incoming.statusCode} ${JSON.stringify(headers)}\n${text}`);
        return { status: incoming.statusCode ?? 0, headers: incoming.headers, body: parse(text) };
      };
      const answered = (incoming: IncomingMessage) =>
        collect(incoming).then((text) => resolve(heard(incoming, text)), reject);
      const outgoing = url.startsWith('https:')
        ? httpsRequest(url, { method, headers, agent: this.#https }, answered)
        : httpRequest(url, { method, headers, agent: this.#http }, answered);
      outgoing.setTimeout(call.timeout ?? 30_000, () =>
        outgoing.destroy(new Error(`no answer from ${new URL(url).host}`)),
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }

  /** The body of a 2xx answer. @throws UnexpectedAnswerError for any other */
  async ask<T = unknown>(url: string, call: Call = {}): Promise<T> {
    const answer = await this.call(url, call);
    if (answer.status < 200 || answer.status > 299) {
      throw new UnexpectedAnswerError(`${call.method ?? 'GET'} ${url.split('?')[0]}`, answer.status);
    }
    return answer.body as T;
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }
}

async function collect(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
