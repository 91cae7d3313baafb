import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { deflateSync, gzipSync } from 'node:zlib';
import {
  createDefaultHttpClient,
  createHttpHeaders,
  createPipelineRequest,
  type HttpClient,
  type PipelineRequest,
  type PipelineRequestOptions,
} from '@azure/core-rest-pipeline';
import { ensureCertificates } from '../../../../sandbox/kit/tls';
import { createBulkConnections } from '../../../../shared/azure/bulk-connections';
import { quickRetryPolicy, timeoutPolicy } from '../../../../shared/azure/requests';
import { translateError } from '../../../../shared/azure/status-codes';

type Listener = (request: IncomingMessage, response: ServerResponse, body: string) => void;

let folder: string;
let server: Server;
let ca: string;
let url: string;
let listener: Listener;
let connections: Socket[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'keyturn-connections-'));
  const { caFile, key, cert } = await ensureCertificates(folder);
  ca = readFileSync(caFile, 'utf8');
  server = createServer({ key, cert }, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    listener(request, response, Buffer.concat(chunks).toString());
  });
  server.on('secureConnection', (socket: Socket) => connections.push(socket));
  server.listen(0, 'localhost');
  await once(server, 'listening');
  url = `https://localhost:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  connections = [];
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

const requestFor = (path: string, more: Partial<PipelineRequestOptions> = {}): PipelineRequest =>
  createPipelineRequest({ url: `${url}${path}`, method: 'POST', body: '{}', ...more });

/** What the SDK brings along, told of the same authority. */
function sdksOwn(): HttpClient {
  const network = createDefaultHttpClient();
  const tlsSettings = { ca };
  return { sendRequest: (request) => network.sendRequest(Object.assign(request, { tlsSettings })) };
}

const neverAnswers = (): Promise<IncomingMessage> =>
  new Promise((resolve) => {
    listener = (request) => resolve(request);
  });

describe.each([
  ['connections for bulk work', () => createBulkConnections({ ca })],
  ["the SDK's own connections", sdksOwn],
])('%s', (_name, create) => {
  let client: HttpClient;
  beforeEach(() => {
    client = create();
  });

  test('a request arrives as it was made, and so does its answer', async () => {
    let seen: unknown;
    listener = ({ method, url: target, headers }, response, body) => {
      seen = { method, target, authorization: headers.authorization, length: headers['content-length'], body };
      response.writeHead(201, { 'x-ms-request-id': 'one', 'set-cookie': ['a=1', 'b=2'] });
      response.end('{"value":"ä"}');
    };
    const headers = createHttpHeaders({ Authorization: 'Bearer t', 'Content-Type': 'application/json' });
    const request = requestFor('/keys/kek/1/unwrapkey?api-version=7.6&a=%2F', { headers, body: '{"a":"€"}' });
    const answer = await client.sendRequest(request);
    const target = '/keys/kek/1/unwrapkey?api-version=7.6&a=%2F';
    expect(seen).toEqual({ method: 'POST', target, authorization: 'Bearer t', length: '11', body: '{"a":"€"}' });
    expect(answer).toMatchObject({ status: 201, bodyAsText: '{"value":"ä"}', request });
    expect([answer.headers.get('X-Ms-Request-Id'), answer.headers.get('set-cookie')]).toEqual(['one', 'a=1']);
  });

  test.each([0, 1, 16_384, 3_000_000])('a body of %i characters comes through whole, both ways', async (length) => {
    listener = (_request, response, body) => response.end(body);
    const body = 'ü€'.repeat(length).slice(0, length);
    const { bodyAsText } = await client.sendRequest(requestFor('/echo', { body }));
    expect(bodyAsText === body).toBe(true);
  });

  test.each([
    [401, { 'WWW-Authenticate': 'Bearer authorization="https://login/t", resource="https://vault.azure.net"' }],
    [429, { 'Retry-After': '7' }],
    [503, {}],
    [307, { Location: 'https://elsewhere.example/' }],
  ])('an answer of %i is handed on as it is: asked once, followed nowhere', async (status, headers) => {
    let asked = 0;
    listener = (_request, response) => {
      asked += 1;
      response.writeHead(status, headers).end('{"error":{"code":"No"}}');
    };
    const answer = await client.sendRequest(requestFor('/'));
    expect(answer).toMatchObject({ status, bodyAsText: '{"error":{"code":"No"}}' });
    for (const [name, value] of Object.entries(headers)) expect(answer.headers.get(name)).toBe(value);
    expect(asked).toBe(1);
  });

  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ] as const)('an answer packed with %s is unpacked', async (encoding, pack) => {
    listener = (_request, response) => {
      response.writeHead(200, { 'content-encoding': encoding }).end(pack('{"value":"x"}'));
    };
    const headers = createHttpHeaders({ 'accept-encoding': 'gzip,deflate' });
    expect((await client.sendRequest(requestFor('/', { headers }))).bodyAsText).toBe('{"value":"x"}');
  });

  test('an answer that is not what its encoding says is a fault without a status', async () => {
    listener = (_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end('{}');
    };
    const headers = createHttpHeaders({ 'accept-encoding': 'gzip,deflate' });
    const sent = client.sendRequest(requestFor('/', { headers }));
    await expect(sent).rejects.toMatchObject({ name: 'RestError', code: 'PARSE_ERROR', statusCode: undefined });
  });

  test.each([
    ['before it answers', (response: ServerResponse) => response.destroy()],
    [
      'in the middle of its answer',
      (response: ServerResponse) => {
        response.writeHead(200, { 'content-length': 100 });
        response.write('{"val', () => response.destroy());
      },
    ],
  ])('a connection that breaks %s is a fault without a status, and is not asked again', async (_when, breakOff) => {
    let asked = 0;
    listener = (_request, response) => {
      asked += 1;
      breakOff(response);
    };
    const error = await client.sendRequest(requestFor('/')).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'RestError', statusCode: undefined });
    expect(translateError({ service: 'key-vault', what: 'ask' }, error)).toMatchObject({ code: 'unreachable' });
    expect(asked).toBe(1);
  });

  test('where nobody listens, nobody can be reached', async () => {
    const request = createPipelineRequest({ url: 'https://localhost:1/', method: 'POST' });
    const error = await client.sendRequest(request).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'RestError', code: 'ECONNREFUSED', statusCode: undefined });
  });

  test('a request that was given up before is not sent', async () => {
    const sent = client.sendRequest(requestFor('/', { abortSignal: AbortSignal.abort() }));
    await expect(sent).rejects.toMatchObject({ name: 'AbortError' });
    expect(connections).toEqual([]);
  });

  test('a request that is given up while it connects ends at once', async () => {
    const giveUp = new AbortController();
    listener = (_request, response) => response.end('{}');
    const sent = client.sendRequest(requestFor('/', { abortSignal: giveUp.signal }));
    giveUp.abort();
    await expect(sent).rejects.toMatchObject({ name: 'AbortError' });
    expect((await client.sendRequest(requestFor('/'))).status).toBe(200);
  });

  test('a request that is given up while the answer is awaited ends at once, and its connection with it', async () => {
    const giveUp = new AbortController();
    const arrived = neverAnswers();
    const sent = client.sendRequest(requestFor('/', { abortSignal: giveUp.signal }));
    const { socket } = await arrived;
    const closed = once(socket, 'close');
    giveUp.abort();
    await expect(sent).rejects.toMatchObject({ name: 'AbortError' });
    await closed;
  });

  test('our time limit holds', async () => {
    void neverAnswers();
    const sent = timeoutPolicy(20).sendRequest(requestFor('/'), (request) => client.sendRequest(request));
    await expect(sent).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  /** A client of its own: a connection that another test's request was given up on may still be on its way. */
  function freshClient(): { readonly fresh: HttpClient; readonly used: Set<Socket> } {
    const used = new Set<Socket>();
    listener = (request, response) => {
      used.add(request.socket);
      response.end('{}');
    };
    return { fresh: createBulkConnections({ ca }), used };
  }

  test('a connection serves one request after the other', async () => {
    const { fresh, used } = freshClient();
    await fresh.sendRequest(requestFor('/'));
    // The connection is free once the turn in which its answer ended is over.
    await nextTurn();
    await fresh.sendRequest(requestFor('/'));
    expect(used.size).toBe(1);
  });

  test('an unwrap over a connection that the vault has closed meanwhile is made over another one', async () => {
    const { fresh, used } = freshClient();
    await fresh.sendRequest(requestFor('/'));
    const ended = [...used].map((socket) => once(socket, 'close'));
    server.closeIdleConnections();
    await Promise.all(ended);
    const request = requestFor('/keys/kek/1/unwrapkey?api-version=7.6');
    const answer = await quickRetryPolicy().sendRequest(request, (each) => fresh.sendRequest(each));
    expect(answer.status).toBe(200);
    expect(used.size).toBe(2);
  });

  test('thirty-two requests side by side get each its own answer', async () => {
    listener = (_request, response, body) => setImmediate(() => response.end(body));
    const bodies = Array.from({ length: 32 }, (_, index) => `{"number":${index}}`);
    const answers = await Promise.all(bodies.map((body) => client.sendRequest(requestFor('/', { body }))));
    expect(answers.map(({ bodyAsText }) => bodyAsText)).toEqual(bodies);
  });
});

test('a certificate of an authority that is not trusted is a fault of TLS, and nothing is sent', async () => {
  let asked = 0;
  listener = (_request, response) => {
    asked += 1;
    response.end();
  };
  const error = await createBulkConnections()
    .sendRequest(requestFor('/'))
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: 'RestError', statusCode: undefined });
  expect(translateError({ service: 'key-vault', what: 'ask' }, error)).toMatchObject({ code: 'tls' });
  expect(asked).toBe(0);
});

test('what is sent in the clear, or another way that the request names, is left to the SDK', async () => {
  listener = (_request, response) => response.end('{"value":"x"}');
  const trustsNothing = createBulkConnections();
  const statusOf = async (way: Partial<PipelineRequest>) =>
    (await trustsNothing.sendRequest(Object.assign(requestFor('/'), way))).status;
  const agent = new Agent({ ca });
  expect(await statusOf({ tlsSettings: { ca } })).toBe(200);
  // So does the SDK when HTTPS_PROXY is set.
  expect(await statusOf({ agent })).toBe(200);
  agent.destroy();
  const streaming = Object.assign(requestFor('/'), { tlsSettings: { ca }, streamResponseStatusCodes: new Set([200]) });
  const { readableStreamBody } = await createBulkConnections({ ca }).sendRequest(streaming);
  if (readableStreamBody === undefined) throw new Error('There is no stream.');
  expect(await text(readableStreamBody as Readable)).toBe('{"value":"x"}');
  const inTheClear = createPipelineRequest({ url: url.replace('https', 'http'), method: 'POST' });
  await expect(trustsNothing.sendRequest(inTheClear)).rejects.toThrow(/allowInsecureConnection/);
});
