import { createHttpHeaders, type HttpClient, type PipelineRequest } from '@azure/core-rest-pipeline';

/** ARM's bucket for reads (Azure update 2024-03-13): it holds 250 and is refilled with 25 a second. */
const bucketSize = 250;
const refillPerSecond = 25;

/** ARM as far as its throttle goes: GETs only, each answered from the table or with 429, on a clock that goes on when somebody waits for it. */
export function throttledArm(answerOf: (path: string) => unknown) {
  let now = 0;
  let left = bucketSize;
  let filledAt = now;
  const answered: string[] = [];
  let refused = 0;
  const stopwatch = {
    now: () => now,
    wait: async (milliseconds: number): Promise<void> => {
      const until = now + milliseconds;
      await new Promise((resolve) => setImmediate(resolve));
      now = Math.max(now, until);
    },
  };
  const answer = (request: PipelineRequest) => {
    left = Math.min(bucketSize, left + ((now - filledAt) / 1000) * refillPerSecond);
    filledAt = now;
    if (left < 1) {
      refused += 1;
      return { status: 429, headers: createHttpHeaders({ 'retry-after': '1' }), body: {} };
    }
    left -= 1;
    const { pathname, search } = new URL(request.url);
    answered.push(pathname);
    const body = answerOf(decodeURIComponent(`${pathname}${search}`));
    return { status: body === undefined ? 404 : 200, headers: createHttpHeaders(), body: body ?? {} };
  };
  const httpClient: HttpClient = {
    async sendRequest(request) {
      // A turn of the event loop, as over a network.
      await new Promise((resolve) => setImmediate(resolve));
      const { status, headers, body } = answer(request);
      return { request, status, headers, bodyAsText: JSON.stringify(body) };
    },
  };
  return {
    httpClient,
    stopwatch,
    /** Paths that were read, in order. */
    answered,
    refused: () => refused,
    /** Somebody else has used it all up. */
    exhaust: () => {
      left = 0;
      filledAt = now;
    },
  };
}
