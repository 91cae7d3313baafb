import type { TokenCredential } from '@azure/core-auth';
import {
  bearerTokenAuthenticationPolicy,
  createDefaultHttpClient,
  createHttpHeaders,
  createPipelineFromOptions,
  createPipelineRequest,
  type HttpClient,
  type HttpMethods,
  type PipelineResponse,
} from '@azure/core-rest-pipeline';
import { FaultError, RefusalError } from '../rotation/errors';
import type { LongRunningOperation, RawResource, ResourceManager } from '../rotation/ports';
import { answerOf, parseErrorBody, quoted, retryAfterOf } from './error-body';
import { quickRetryPolicy, requestTimeouts, timeoutPolicy } from './requests';
import { attempt, operationMayHeal, translateAnswer } from './status-codes';
import { type Stopwatch, waitWhenThrottledPolicy } from './wait-when-throttled';

export interface ResourceManagerOptions {
  /** `https://management.azure.com`, without a trailing slash. */
  readonly endpoint: string;
  /** What tokens are asked for, without `/.default`. */
  readonly audience: string;
  readonly httpClient?: HttpClient;
  /** What waits out a short throttle; the machine's own unless a test has another. */
  readonly stopwatch?: Stopwatch;
}

/** Seconds between two looks at an operation when ARM does not say. */
const pollSeconds = 15;

/** More pages than any list of ours has: an answer that names itself as its next page must not be asked for ever. */
const mostPages = 1000;

/** Of Azure Resource Graph (Azure REST API specifications, 2022-10-01: the newest stable one that has all we ask for). */
const graphVersion = '2022-10-01';

/**
 * ARM with raw JSON in and out: the typed SDKs drop properties that their api-version does not know, `encryption` among them,
 * and would write the resource without it.
 */
export function createResourceManager(credential: TokenCredential, options: ResourceManagerOptions): ResourceManager {
  const send = createSender(credential, options);
  const url = (id: string, apiVersion: string) => `${options.endpoint}${checkId(id)}?api-version=${apiVersion}`;
  return {
    async get(id, apiVersion) {
      return readObject(await send('GET', url(id, apiVersion), `read ${id}`));
    },
    async find(id, apiVersion) {
      const response = await send('GET', url(id, apiVersion), `read ${id}`, { allow: [404] });
      return response.status === 404 ? null : readObject(response);
    },
    async put(id, apiVersion, body, ifMatch) {
      const headers: Record<string, string> = ifMatch === null ? {} : { 'if-match': ifMatch };
      const response = await send('PUT', url(id, apiVersion), `write ${id}`, { body, headers });
      return operationOf(response, options.endpoint);
    },
    async post(id, action, apiVersion) {
      const response = await send('POST', url(`${id}/${action}`, apiVersion), `${action} of ${id}`, { body: {} });
      return response.bodyAsText ? JSON.parse(response.bodyAsText) : null;
    },
    async operation(address) {
      refuseForeign(address, options.endpoint);
      return readOperation(await send('GET', address, 'look at a running operation', { allow: [404] }));
    },
    async query(subscriptions, query) {
      const rows: RawResource[] = [];
      let skipToken: string | null = null;
      let pages = 0;
      do {
        refuseEndless(++pages, 'ask Azure Resource Graph');
        const paging = skipToken === null ? {} : { $skipToken: skipToken };
        const body = { subscriptions, query, options: { resultFormat: 'objectArray', ...paging } };
        const address = `${options.endpoint}/providers/Microsoft.ResourceGraph/resources?api-version=${graphVersion}`;
        const page = readObject(await send('POST', address, 'ask Azure Resource Graph', { body }));
        rows.push(...((page['data'] as RawResource[] | undefined) ?? []));
        const next = page['$skipToken'];
        skipToken = typeof next === 'string' && next !== '' ? next : null;
      } while (skipToken !== null);
      return rows;
    },
    async list(path) {
      const items: RawResource[] = [];
      let next: string | null = `${options.endpoint}${path}`;
      for (let pages = 1; next !== null; pages += 1) {
        refuseEndless(pages, `list ${path}`);
        const page: RawResource = readObject(await send('GET', refuseForeign(next, options.endpoint), `list ${path}`));
        items.push(...((page['value'] as RawResource[] | undefined) ?? []));
        next = typeof page['nextLink'] === 'string' && page['nextLink'] !== '' ? page['nextLink'] : null;
      }
      return items;
    },
  };
}

function refuseEndless(pages: number, what: string): void {
  if (pages <= mostPages) return;
  throw new FaultError(
    'unavailable',
    `Azure Resource Manager answered more than ${mostPages} pages to: ${what}. It is asked again later.`,
  );
}

interface Extras {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Statuses that are an answer here although they are errors elsewhere. */
  readonly allow?: readonly number[];
}

/** One request, bounded in time; answers 2xx and what was allowed, throws everything else as a fault or a refusal. */
function createSender(credential: TokenCredential, { audience, httpClient, stopwatch }: ResourceManagerOptions) {
  const pipeline = createPipelineFromOptions({
    retryOptions: { maxRetries: 0 },
    // A redirect would carry our token to wherever the answer points.
    redirectOptions: { maxRetries: 0 },
    userAgentOptions: { userAgentPrefix: 'keyturn' },
  });
  pipeline.addPolicy(bearerTokenAuthenticationPolicy({ credential, scopes: `${audience}/.default` }));
  // Outermost: a wait does not count as time in which ARM did not answer.
  pipeline.addPolicy(waitWhenThrottledPolicy(stopwatch), { afterPhase: 'Sign' });
  pipeline.addPolicy(quickRetryPolicy(), { afterPhase: 'Sign' });
  pipeline.addPolicy(timeoutPolicy(requestTimeouts.write), { afterPhase: 'Sign' });
  const client = httpClient ?? createDefaultHttpClient();
  return async (method: HttpMethods, url: string, what: string, extras: Extras = {}): Promise<PipelineResponse> => {
    const doing = { service: 'arm', what } as const;
    return attempt(doing, async () => {
      const headers = createHttpHeaders({ accept: 'application/json', ...extras.headers });
      if (extras.body !== undefined) headers.set('content-type', 'application/json');
      const body = extras.body === undefined ? null : JSON.stringify(extras.body);
      const response = await pipeline.sendRequest(client, createPipelineRequest({ url, method, headers, body }));
      const { status } = response;
      if ((status >= 200 && status < 300) || extras.allow?.includes(status)) return response;
      throw translateAnswer(doing, answerOf(response));
    });
  };
}

function readObject({ bodyAsText, request }: PipelineResponse): RawResource {
  try {
    const value: unknown = JSON.parse(bodyAsText ?? '');
    if (typeof value === 'object' && value !== null) return value as RawResource;
  } catch {
    // Falls through: half an answer, or a proxy's page.
  }
  const place = new URL(request.url).pathname;
  throw new FaultError('unavailable', `Azure Resource Manager answered ${place} with something other than JSON.`);
}

// --- Long-running operations ----------------------------------------------------------------------------------------------

/** Azure-AsyncOperation if there is one, else Location: Azure's documentation "Track asynchronous Azure operations" (2022-01-31). */
function operationOf(response: PipelineResponse, endpoint: string): LongRunningOperation | null {
  const { status, headers } = response;
  const location = status === 201 || status === 202 ? headers.get('location') : undefined;
  const url = headers.get('azure-asyncoperation') ?? location;
  if (!url) return null;
  if (isForeign(url, endpoint)) {
    // The write was accepted, so this is not the moment to give up: reading the resource tells how it goes on.
    throw new FaultError(
      'foreign-address',
      `The write began, but its operation is not at ${endpoint}. It is read again.`,
    );
  }
  return { url, retryAfterSeconds: pollAfter(response) };
}

function readOperation(response: PipelineResponse): Awaited<ReturnType<ResourceManager['operation']>> {
  const retryAfterSeconds = pollAfter(response);
  if (response.status === 404) {
    const message = 'Azure Resource Manager no longer knows the operation; the resource itself tells how it ended.';
    throw new FaultError('operation-not-found', message, { retryAfterSeconds });
  }
  const status = statusIn(response);
  if (status !== 'Failed' && status !== 'Canceled') return { status, error: null, retryAfterSeconds };
  const { code, message } = parseErrorBody(response.bodyAsText);
  const error = { code: code ?? status.toLowerCase(), message: quoted(message) || `The operation ended as ${status}.` };
  // Who cancels an operation has decided too.
  const mayHeal = status === 'Failed' && operationMayHeal(error.code);
  return { status, error: mayHeal ? { ...error, mayHeal } : error, retryAfterSeconds };
}

/** Azure-AsyncOperation answers carry `status`; Location answers 202 until the end, and then the resource or nothing. */
function statusIn({ status, bodyAsText }: PipelineResponse): 'InProgress' | 'Succeeded' | 'Failed' | 'Canceled' {
  if (status === 202) return 'InProgress';
  const said = field(parsed(bodyAsText), 'status');
  if (typeof said !== 'string') return 'Succeeded';
  switch (said.toLowerCase()) {
    case 'succeeded':
      return 'Succeeded';
    case 'failed':
      return 'Failed';
    case 'canceled':
    case 'cancelled':
      return 'Canceled';
    // Services invent names for "under way"; only the three above are terminal.
    default:
      return 'InProgress';
  }
}

const pollAfter = ({ headers }: PipelineResponse): number =>
  Math.max(1, retryAfterOf((name) => headers.get(name)) ?? pollSeconds);

function parsed(text: string | null | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return null;
  }
}

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;

// --- Addresses ------------------------------------------------------------------------------------------------------------

/** Our token goes to ARM only, whatever a header or a stored url says. */
function refuseForeign(url: string, endpoint: string): string {
  if (!isForeign(url, endpoint)) return url;
  throw new RefusalError(
    'foreign-address',
    `An operation or page address is not of ${endpoint}; no request was sent to it.`,
  );
}

const isForeign = (url: string, endpoint: string): boolean =>
  !URL.canParse(url) || new URL(url).origin !== new URL(endpoint).origin;

/** Ids come from the configuration and from ARM; a path that climbs or carries a query is neither. */
function checkId(id: string): string {
  if (/^(\/[\w.()-]+)+$/.test(id) && !/\/\.{1,2}(\/|$)/.test(id)) return id;
  throw new RefusalError('resource-id', `"${id.slice(0, 200)}" is not a resource id.`);
}
