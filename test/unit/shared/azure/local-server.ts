import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TokenCredential } from '@azure/core-auth';
import { createDefaultHttpClient, type HttpClient } from '@azure/core-rest-pipeline';

export interface Said {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON unless a string; a string goes out as it is. */
  readonly body?: unknown;
}

export interface Asked {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** A service that answers what a test tells it, one answer for each request, and remembers what it was asked. */
export interface LocalServer {
  readonly asked: readonly Asked[];
  /** Takes the answers from here on; `reset` breaks the connection. */
  answer(...said: (Said | 'reset')[]): void;
  /** Sends requests for any https host to this server, as TLS would if it were there. */
  readonly httpClient: HttpClient;
  stop(): Promise<void>;
}

export async function startLocalServer(): Promise<LocalServer> {
  let answers: (Said | 'reset')[] = [];
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      asked.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
      const said = answers.shift() ?? { status: 599, body: 'nothing more to say' };
      if (said === 'reset') return request.socket.destroy();
      response.writeHead(said.status, { 'content-type': 'application/json', ...said.headers });
      const { body = '' } = said;
      return response.end(typeof body === 'string' ? body : JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    asked,
    answer(...said) {
      asked.length = 0;
      answers = said;
    },
    httpClient: redirectTo(server),
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function redirectTo(server: Server): HttpClient {
  const { port } = server.address() as AddressInfo;
  const network = createDefaultHttpClient();
  return {
    sendRequest(request) {
      const { pathname, search, host } = new URL(request.url);
      request.headers.set('x-host', host);
      return network.sendRequest({
        ...request,
        url: `http://127.0.0.1:${port}${pathname}${search}`,
        allowInsecureConnection: true,
        disableKeepAlive: true,
      });
    },
  };
}

/** A credential that tells for what it was asked. */
export function recordingCredential(): TokenCredential & { readonly scopes: string[] } {
  const scopes: string[] = [];
  return {
    scopes,
    async getToken(scope) {
      scopes.push(...[scope].flat());
      return { token: 'a-token', expiresOnTimestamp: Date.now() + 3_600_000 };
    },
  };
}
