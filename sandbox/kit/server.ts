import {
  createServer as createHttpServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { CloudContext } from './context';
import type { FaultRule } from './faults';

export interface StandInRequest {
  method: string;
  /** Without the query. */
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  /** Parsed JSON, or undefined if there is none or it is none. */
  body: unknown;
  raw: Buffer;
  /** The server's own base url, without a slash at the end. */
  url: string;
}

export interface StandInResponse {
  status: number;
  headers?: Record<string, string>;
  /** A string or Buffer goes out as it is, anything else as JSON; nothing if left out. */
  body?: unknown;
}

export interface StandInServer {
  url: string;
  port: number;
  close(): Promise<void>;
}

export interface ServerOptions {
  standIn: FaultRule['standIn'];
  name: string;
  /** 0 = any free one. */
  port: number;
  tls: boolean;
  /** The service challenges a request without credentials; such a request uses up no counted fault. */
  challenges?: boolean;
  operationOf?(request: StandInRequest): string | undefined;
  /** For the log of requests: a digest of what the request carries, never the thing itself. */
  digestOf?(request: StandInRequest): string | undefined;
  /** Gets only the faults that are its own to act on: `wrongBytes` and `operationFails`. */
  handle(request: StandInRequest, fault: FaultRule | undefined): Promise<StandInResponse>;
}

/** Long enough that a client's kept connection is not closed under a request just being sent. */
const KEEP_ALIVE_MILLISECONDS = 300_000;

/**
 * One service of the local cloud on a port of its own: reads the request, counts it as in flight, lets the faults that were asked
 * for strike, answers, logs. Rejects with the listen error (`EADDRINUSE`) when the port is taken.
 */
export async function startServer(context: CloudContext, options: ServerOptions): Promise<StandInServer> {
  const listener = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    void answer(context, options, base.url, incoming, outgoing);
  };
  const { key, cert } = context.certificates;
  const server: Server = options.tls ? createHttpsServer({ key, cert }, listener) : createHttpServer(listener);
  server.keepAliveTimeout = KEEP_ALIVE_MILLISECONDS;
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  const port = (server.address() as AddressInfo).port;
  const base = { url: options.tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}` };
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: base.url, port, close };
}

async function answer(
  context: CloudContext,
  options: ServerOptions,
  url: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const leave = context.flight.enter();
  const closed = new Promise((resolve) => outgoing.once('close', resolve));
  try {
    await exchange(context, options, await read(incoming, url), incoming.url ?? '/', outgoing);
  } catch {
    // The client went away in the middle of its request.
    outgoing.destroy();
  }
  await closed;
  leave();
}

async function exchange(
  context: CloudContext,
  options: ServerOptions,
  request: StandInRequest,
  target: string,
  outgoing: ServerResponse,
): Promise<void> {
  const operation = options.operationOf?.(request);
  const who = context.tokens.verify(request.headers.authorization, []);
  const digest = options.digestOf?.(request);
  const fault = context.faults.take({
    standIn: options.standIn,
    name: options.name,
    method: request.method,
    path: target,
    ...(operation === undefined ? {} : { operation }),
    ...(who === undefined ? {} : { principals: [who.principalId, who.name] }),
    ...(digest === undefined ? {} : { digest }),
    uncounted: options.challenges === true && request.headers.authorization === undefined,
  });
  const response = await respond(options, request, fault);
  context.requests.append({
    at: context.clock.now().toISOString(),
    standIn: options.standIn,
    name: options.name,
    method: request.method,
    path: request.path,
    operation,
    principal: who?.name,
    status: response?.status ?? 0,
    answeredAt: Date.now(),
    digest,
    fault: fault?.effect.kind,
  });
  if (response === undefined) outgoing.destroy();
  else send(outgoing, response);
}

/** Undefined: cut the connection instead of answering. */
async function respond(
  options: ServerOptions,
  request: StandInRequest,
  fault: FaultRule | undefined,
): Promise<StandInResponse | undefined> {
  const effect = fault?.effect;
  if (effect?.kind === 'reset') return undefined;
  if (effect?.kind === 'status') {
    return {
      status: effect.status,
      ...(effect.headers ? { headers: effect.headers } : {}),
      body: effect.body ?? faultBody(effect.status),
    };
  }
  if (effect?.kind === 'latency') await delay(effect.milliseconds);
  const forHandler = effect?.kind === 'wrongBytes' || effect?.kind === 'operationFails' ? fault : undefined;
  try {
    const response = await options.handle(request, forHandler);
    return effect?.kind === 'lostAnswer' ? undefined : response;
  } catch (error) {
    process.emitWarning(
      `The ${options.standIn} stand-in '${options.name}' failed: ${error instanceof Error ? error.stack : error}`,
    );
    return {
      status: 500,
      body: {
        error: { code: 'InternalServerError', message: 'The stand-in failed; its process has written why to stderr.' },
      },
    };
  }
}

function faultBody(status: number): unknown {
  return { error: { code: `Fault${status}`, message: `A fault that was asked for answers ${status}.` } };
}

async function read(incoming: IncomingMessage, url: string): Promise<StandInRequest> {
  const raw = await bodyOf(incoming);
  // Not `new URL`: it would fold empty segments and dots that a service has to see.
  const target = incoming.url ?? '/';
  const mark = target.indexOf('?');
  return {
    method: incoming.method ?? 'GET',
    path: mark < 0 ? target : target.slice(0, mark),
    query: new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1)),
    headers: incoming.headers,
    body: parseJson(raw),
    raw,
    url,
  };
}

/** By events: an iterator over the stream costs more than all else that is done here. Rejects if the client goes away. */
function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.once('end', () => resolve(Buffer.concat(chunks)));
    incoming.once('error', reject);
  });
}

function parseJson(raw: Buffer): unknown {
  if (raw.length === 0) return undefined;
  try {
    return JSON.parse(raw.toString('utf8'));
  } catch {
    return undefined;
  }
}

function send(outgoing: ServerResponse, response: StandInResponse): void {
  const { body } = response;
  const plain = typeof body === 'string' || Buffer.isBuffer(body);
  const content = body === undefined ? '' : plain ? body : JSON.stringify(body);
  const type: Record<string, string> =
    body === undefined || plain ? {} : { 'Content-Type': 'application/json; charset=utf-8' };
  outgoing.writeHead(response.status, { ...type, ...response.headers, 'Content-Length': Buffer.byteLength(content) });
  outgoing.end(content);
}
