import { setTimeout as delay } from 'node:timers/promises';
import type { PipelinePolicy, PipelineRequest, PipelineResponse, SendRequest } from '@azure/core-rest-pipeline';
import { isRestError } from '@azure/core-rest-pipeline';
import { RefusalError } from '../rotation/errors';

/**
 * How every client of ours asks. The SDKs' own retries are off: they would wait out a `Retry-After` of minutes inside an
 * activity, where the orchestrator's timers should wait. Only a hiccup is smoothed over here, and only for what may safely
 * be asked twice.
 */

const quickRetryMilliseconds = 300;

/** Longest that one request may take, answer included, in milliseconds. */
export const requestTimeouts = { read: 15_000, write: 45_000, probe: 10_000, alert: 5_000, query: 45_000 } as const;

/**
 * Client options shared by the Azure SDKs that are built on core-rest-pipeline.
 * @param vault address of the one vault that a client of Key Vault's SDK talks to
 */
export function clientOptions(timeoutMilliseconds: number, vault?: string) {
  const ofVault = [
    { policy: ownOriginPolicy(vault ?? ''), position: 'perCall' as const },
    { policy: readableErrorPolicy(), position: 'perRetry' as const },
  ];
  return {
    retryOptions: { maxRetries: 0 },
    // A redirect would carry our token to wherever the answer points.
    redirectOptions: { maxRetries: 0 },
    userAgentOptions: { userAgentPrefix: 'keyturn' },
    additionalPolicies: [
      ...(vault === undefined ? [] : ofVault),
      { policy: quickRetryPolicy(), position: 'perRetry' as const },
      { policy: timeoutPolicy(timeoutMilliseconds), position: 'perRetry' as const },
    ],
  };
}

/**
 * Refuses to send anything to another origin than the client's own: an SDK takes the address of the next page from an answer as it is,
 * and would send it our token. Before sign-in, so that no token is even asked for.
 */
function ownOriginPolicy(address: string): PipelinePolicy {
  const origin = URL.canParse(address) ? new URL(address).origin : '';
  return {
    name: 'keyturnOwnOrigin',
    async sendRequest(request, next) {
      if (URL.canParse(request.url) && new URL(request.url).origin === origin) return next(request);
      throw new RefusalError(
        'foreign-address',
        `An answer of ${origin} names a page elsewhere; no request was sent to it.`,
      );
    },
  };
}

/**
 * keyvault-keys 4.10.2 looks into the body of an error without looking whether there is one: a 429 or a 503 without a body, or with `null`,
 * would arrive as a TypeError, which is a bug to us and no fault. It is given an empty object to look into.
 */
function readableErrorPolicy(): PipelinePolicy {
  return {
    name: 'keyturnReadableError',
    async sendRequest(request, next) {
      const response = await next(request);
      if (response.status < 300 || /^\s*[{<[]/.test(response.bodyAsText ?? '')) return response;
      response.headers.set('content-type', 'application/json');
      return { ...response, bodyAsText: '{}' };
    },
  };
}

/** Repeats a read once when the connection broke or the service stumbled without saying how long to wait. */
export function quickRetryPolicy(): PipelinePolicy {
  return {
    name: 'keyturnQuickRetry',
    async sendRequest(request, next) {
      const first = await sendOnce(request, next);
      if (!mayRepeat(request) || !isHiccup(first)) return unwrap(first);
      await delay(quickRetryMilliseconds);
      return next(request);
    },
  };
}

/**
 * Gives up after so long, body included. The pipeline's own `timeout` stops counting when the headers have come, and leaves its
 * timer behind when none come.
 */
export function timeoutPolicy(milliseconds: number): PipelinePolicy {
  return {
    name: 'keyturnTimeout',
    async sendRequest(request, next) {
      const { abortSignal } = request;
      const limit = new AbortController();
      const giveUp = () => limit.abort();
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        giveUp();
      }, milliseconds);
      abortSignal?.addEventListener('abort', giveUp);
      if (abortSignal?.aborted) giveUp();
      try {
        request.abortSignal = limit.signal;
        return await next(request);
      } catch (error) {
        // A broken answer looks like a broken connection, which would be tried again.
        throw late ? Object.assign(new Error('No answer in time.'), { name: 'TimeoutError' }) : error;
      } finally {
        clearTimeout(timer);
        abortSignal?.removeEventListener('abort', giveUp);
        // A repetition of this request, above us, gets a limit of its own.
        if (abortSignal === undefined) delete request.abortSignal;
        else request.abortSignal = abortSignal;
      }
    },
  };
}

type Attempted = { readonly response: PipelineResponse } | { readonly error: unknown };

async function sendOnce(request: PipelineRequest, next: SendRequest): Promise<Attempted> {
  try {
    return { response: await next(request) };
  } catch (error) {
    return { error };
  }
}

function unwrap(attempted: Attempted): PipelineResponse {
  if ('response' in attempted) return attempted.response;
  throw attempted.error;
}

const harmless =
  /\/(wrapkey|unwrapkey|sign|listkeys|workspaces\/[^/]+\/query|Microsoft\.ResourceGraph\/resources)(\?|$)/i;

/** Wrapping, unwrapping, signing and querying change nothing; creating a key version or writing a row does, and its answer may only be lost. */
function mayRepeat({ method, url }: PipelineRequest): boolean {
  if (method === 'GET' || method === 'HEAD') return true;
  return method === 'POST' && harmless.test(url);
}

function isHiccup(attempted: Attempted): boolean {
  if ('error' in attempted) return isRestError(attempted.error) && attempted.error.statusCode === undefined;
  const { status, headers } = attempted.response;
  return [500, 502, 503, 504].includes(status) && !headers.has('retry-after');
}
