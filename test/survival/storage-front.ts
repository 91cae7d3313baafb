import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type Server,
  type ServerResponse,
  request as sendRequest,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { landedIn, type RecordWrite, writesIn } from './record-writes';

/** A request of the app's to its storage, as it passes. */
export interface Passing {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** What it would write into records of data keys. */
  readonly writes: readonly RecordWrite[];
}

/**
 * What becomes of it: `refuse` answers 503 and does nothing, `drop` neither does nor answers anything, `lose` does the work and
 * does not answer; `landed` is then waited for between the two.
 */
export type Verdict =
  | { readonly kind: 'pass' | 'refuse' | 'drop' }
  | { readonly kind: 'lose'; readonly landed?: () => Promise<void> };

/** Looks at what passes, may hold it for as long as it likes, and says what becomes of it; undefined is no opinion. */
export type Guard = (passing: Passing) => Promise<Verdict | undefined> | Verdict | undefined;

/** A write into a record that came by, and whether storage took it. */
export interface SeenWrite extends RecordWrite {
  /** Milliseconds of the machine's clock, before anything was done. */
  readonly arrivedAt: number;
  readonly landed: boolean;
}

interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

const pass: Verdict = { kind: 'pass' };

/**
 * Stands between the app and its storage: what Azurite cannot be asked for (503, lost answers) happens here, and every write of a data
 * key is seen here, by code that is none of Keyturn's. Signatures do not cover the host, so all passes as it was sent.
 */
export class StorageFront {
  readonly seen: SeenWrite[] = [];
  /** What guards of this ground did wrong; nothing that follows can be trusted. */
  readonly mistakes: string[] = [];
  readonly url: string;
  readonly #server: Server;
  readonly #storage: URL;
  readonly #agent = new Agent({ keepAlive: true });
  #guards: readonly Guard[] = [];

  private constructor(server: Server, storage: URL) {
    this.#server = server;
    this.#storage = storage;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${storage.pathname}`;
  }

  /** @param storage address of the service behind, with the account's name as path */
  static async start(storage: string): Promise<StorageFront> {
    let serve: (request: Parameters<typeof readAll>[0], response: ServerResponse) => void = () => undefined;
    const server = createServer((request, response) => serve(request, response));
    server.keepAliveTimeout = 60_000;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const front = new StorageFront(server, new URL(storage));
    serve = (request, response) => {
      // The app may have been killed in the middle of its request.
      front.#serve(request, response).catch(() => response.destroy());
    };
    return front;
  }

  /** Asked in the order in which they came; the first with an opinion decides. @returns what takes it away again */
  guard(guard: Guard): () => void {
    this.#guards = [...this.#guards, guard];
    return () => {
      this.#guards = this.#guards.filter((other) => other !== guard);
    };
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #serve(request: Parameters<typeof readAll>[0], response: ServerResponse): Promise<void> {
    const body = await readAll(request);
    const arrivedAt = Date.now();
    const { method = 'GET', url: target = '/', headers } = request;
    const writes = writesIn({ method, target, headers, body });
    const verdict = await this.#judge({ method, target, writes });
    if (verdict.kind === 'drop') return void response.destroy();
    if (verdict.kind === 'refuse') return refuse(response);
    const answered = await this.#forward({ method, target, headers, body });
    const landed = landedIn(answered.status, answered.body);
    for (const write of writes) this.seen.push({ ...write, arrivedAt, landed });
    if (verdict.kind === 'lose') {
      await verdict.landed?.();
      return void response.destroy();
    }
    response.writeHead(answered.status, withoutHop(answered.headers));
    response.end(answered.body);
  }

  async #judge(passing: Passing): Promise<Verdict> {
    for (const guard of this.#guards) {
      const verdict = await Promise.resolve(guard(passing)).catch((error: unknown) => {
        this.mistakes.push(`the trial itself failed: ${error instanceof Error ? error.message : String(error)}`);
        return undefined;
      });
      if (verdict !== undefined) return verdict;
    }
    return pass;
  }

  #forward(sent: { method: string; target: string; headers: IncomingHttpHeaders; body: Buffer }): Promise<Answered> {
    const { hostname, port } = this.#storage;
    const { method, target: path, body } = sent;
    const headers = { ...withoutHop(sent.headers), 'content-length': String(body.length) };
    return new Promise((resolve, reject) => {
      const outgoing = sendRequest({ hostname, port, method, path, headers, agent: this.#agent }, (answer) => {
        readAll(answer).then(
          (bytes) => resolve({ status: answer.statusCode ?? 502, headers: answer.headers, body: bytes }),
          reject,
        );
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }
}

async function readAll(stream: import('node:http').IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** What belongs to one connection and not to the message; the body goes out whole, with its length. */
function withoutHop(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const { connection: _, 'keep-alive': __, 'transfer-encoding': ___, ...rest } = headers;
  return rest;
}

/** As table storage says it when it is busy. */
function refuse(response: ServerResponse): void {
  const code = 'ServerBusy';
  const message = { lang: 'en-US', value: 'The server is currently unable to receive requests.' };
  response.writeHead(503, { 'content-type': 'application/json', 'x-ms-error-code': code });
  response.end(JSON.stringify({ 'odata.error': { code, message } }));
}
