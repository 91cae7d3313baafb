import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import {
  createDefaultHttpClient,
  createHttpHeaders,
  type HttpClient,
  type PipelineRequest,
  type PipelineResponse,
  RestError,
} from '@azure/core-rest-pipeline';
import { Agent, type Dispatcher } from 'undici';

export interface ConnectionSettings {
  /** Certificate authorities to trust instead of those that Node trusts (`NODE_EXTRA_CA_CERTS` included), PEM. */
  readonly ca?: string;
}

/**
 * As many as one rotation sends side by side; more requests to one vault wait for a connection. With more, undici opens
 * another one for whatever is sent in the turn in which an answer ends.
 */
const mostConnections = 32;
/** A connection that was not used for so long is closed, unless the vault says sooner. */
const idleMilliseconds = 30_000;
const connectMilliseconds = 10_000;

/**
 * Carries the SDK's requests over undici instead of `node:https`, for calls that come by the hundred thousand: half of the CPU time of
 * a request, a tenth of the worker's (docs/decisions/0017). Everything above it (sign-in, challenge, retries, time limits) stays
 * the SDK's and ours. Follows no redirect and repeats nothing that was sent. What is not a plain request (a proxy or an agent, TLS
 * settings or a time limit of its own, a stream) goes the SDK's usual way.
 */
export function createBulkConnections(settings: ConnectionSettings = {}): HttpClient {
  const usual = createDefaultHttpClient();
  const agent = new Agent({
    connections: mostConnections,
    keepAliveTimeout: idleMilliseconds,
    connect: { timeout: connectMilliseconds, ...settings },
  });
  return {
    sendRequest: (request) => (isPlain(request) ? exchange(agent, request) : usual.sendRequest(request)),
  };
}

type Plain = PipelineRequest & { readonly body?: string | null };

function isPlain(request: PipelineRequest): request is Plain {
  const { body, agent, tlsSettings, timeout, disableKeepAlive, requestOverrides } = request;
  const ownWay = agent ?? tlsSettings ?? requestOverrides ?? request.proxySettings;
  const streams =
    request.streamResponseStatusCodes ?? request.onUploadProgress ?? request.onDownloadProgress ?? request.formData;
  return (
    (body === undefined || body === null || typeof body === 'string') &&
    ownWay === undefined &&
    streams === undefined &&
    timeout === 0 &&
    !disableKeepAlive &&
    request.url.startsWith('https://')
  );
}

async function exchange(agent: Agent, request: Plain): Promise<PipelineResponse> {
  const { abortSignal } = request;
  if (abortSignal?.aborted) throw aborted();
  const answered = new Answered(request);
  abortSignal?.addEventListener('abort', answered.abort);
  try {
    const { origin, pathname, search } = new URL(request.url);
    agent.dispatch(
      {
        origin,
        path: `${pathname}${search}`,
        method: request.method,
        headers: request.headers.toJSON({ preserveCase: true }),
        body: request.body ?? null,
      },
      answered,
    );
    return await answered.response;
  } finally {
    abortSignal?.removeEventListener('abort', answered.abort);
  }
}

/** What becomes of one request. */
class Answered implements Dispatcher.DispatchHandler {
  readonly #request: PipelineRequest;
  readonly #outcome = Promise.withResolvers<PipelineResponse>();
  readonly #chunks: Buffer[] = [];
  #status = 0;
  #headers: Readonly<Record<string, string | string[] | undefined>> = {};
  #controller: Dispatcher.DispatchController | undefined;
  #gaveUp: Error | undefined;

  constructor(request: PipelineRequest) {
    this.#request = request;
  }

  get response(): Promise<PipelineResponse> {
    return this.#outcome.promise;
  }

  /** Told at once, connected or not; a connection that waits for an answer is closed with it. */
  readonly abort = (): void => {
    this.#gaveUp = aborted();
    this.#outcome.reject(this.#gaveUp);
    this.#controller?.abort(this.#gaveUp);
  };

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#gaveUp !== undefined) controller.abort(this.#gaveUp);
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    this.#outcome.resolve(this.#read());
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error & { code?: string }): void {
    const { code = RestError.REQUEST_SEND_ERROR } = error;
    this.#outcome.reject(new RestError(error.message, { code, request: this.#request }));
  }

  async #read(): Promise<PipelineResponse> {
    const headers = createHttpHeaders();
    for (const [name, value] of Object.entries(this.#headers)) {
      const [first = ''] = [value].flat();
      headers.set(name, first);
    }
    const body = await this.#unpacked(Buffer.concat(this.#chunks), headers.get('content-encoding'));
    return { request: this.#request, status: this.#status, headers, bodyAsText: body.toString('utf8') };
  }

  /** The SDK asks for these two encodings; Key Vault has not been seen to use one. */
  async #unpacked(body: Buffer, encoding: string | undefined): Promise<Buffer> {
    if (encoding === undefined || body.length === 0) return body;
    const unpack = { gzip: promisify(gunzip), deflate: promisify(inflate) }[encoding];
    if (unpack === undefined) return body;
    try {
      return await unpack(body);
    } catch {
      const options = { code: RestError.PARSE_ERROR, request: this.#request };
      throw new RestError(`The answer is not the ${encoding} that it says it is.`, options);
    }
  }
}

const aborted = (): Error => Object.assign(new Error('The request was given up.'), { name: 'AbortError' });
