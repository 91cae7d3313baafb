import type { HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions';
import type { z } from 'zod';
import { type Issue, longestBody, type Problem } from '../../shared/contracts/http';
import { FaultError, RefusalError } from '../../shared/rotation/errors';

/** Ends a request with a problem document; thrown by whatever finds the fault, answered in one place. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;
  constructor(
    status: number,
    title: string,
    detail: string,
    more: Partial<Problem> = {},
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
    this.problem = { type: 'about:blank', title, status, detail, ...more };
    this.headers = headers;
  }
}

type Answer = Promise<HttpResponseInit>;

/** Turns what a route throws into its answer. A fault is 503 with Retry-After; what nobody foresaw says nothing of itself. */
export async function answering(context: InvocationContext, route: () => Answer): Answer {
  try {
    return await route();
  } catch (error) {
    if (error instanceof ProblemError) return respond(error.problem, error.headers);
    if (error instanceof FaultError) {
      const detail = `${error.message} Try again.`;
      const retryAfter = String(Math.max(1, Math.ceil(error.retryAfterSeconds ?? 5)));
      const problem = new ProblemError(503, 'Something Keyturn needs cannot be reached', detail).problem;
      return respond(problem, { 'retry-after': retryAfter });
    }
    if (error instanceof RefusalError) return respond(new ProblemError(422, error.code, error.message).problem);
    context.error('route failed', error);
    return respond(new ProblemError(500, 'Unexpected error', "See the app's log under this invocation's id.").problem);
  }
}

const respond = (problem: Problem, headers: Readonly<Record<string, string>> = {}): HttpResponseInit => ({
  status: problem.status,
  headers: { 'content-type': 'application/problem+json', ...headers },
  body: JSON.stringify(problem),
});

/**
 * @param more what the caller found by looking further than a schema can
 * @throws ProblemError 400 with every issue at once
 */
export function valid<S extends z.ZodType>(
  schema: S,
  value: unknown,
  place: 'body' | 'query' | 'header',
  more: readonly Issue[] = [],
): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success && more.length === 0) return parsed.data;
  const issues = parsed.error?.issues ?? [];
  const own = new Set(issues.map(({ path }) => path.join('.')));
  throw invalid(place, [
    ...issues.flatMap((issue): Issue[] => {
      if (issue.code === 'unrecognized_keys') {
        return issue.keys.map((name) => ({
          path: name.slice(0, 100),
          message: 'is not known here: correct its spelling or leave it out',
        }));
      }
      return [{ path: issue.path.join('.') || place, message: issue.message }];
    }),
    // Where the schema has found fault already, what else could be said of the same member is noise.
    ...more.filter(({ path }) => !own.has(path)),
  ]);
}

export const invalid = (place: string, issues: readonly Issue[]): ProblemError =>
  new ProblemError(400, 'Invalid request', `The ${place} has ${issues.length} fault(s); each is listed in issues.`, {
    issues,
  });

/** One whose length is declared is refused before it is read, by the guard of every route. */
export const bodyTooLong = (): ProblemError =>
  new ProblemError(413, 'Body too long', `A body may have ${longestBody} bytes.`);

/** @throws ProblemError 413 over the limit, 400 if it is not JSON */
export async function jsonBody(request: HttpRequest): Promise<unknown> {
  const text = await request.text();
  if (Buffer.byteLength(text) > longestBody) throw bodyTooLong();
  try {
    return JSON.parse(text);
  } catch {
    throw invalid('body', [
      { path: 'body', message: text.trim() === '' ? 'is missing: send a JSON object' : 'is not JSON' },
    ]);
  }
}

/** Where the platform takes a function key in the query. */
export const keyParameters: readonly string[] = ['code', 'clientId'];

/** The query as an object, without the function key. */
export function queryOf(request: HttpRequest): Record<string, string> {
  return Object.fromEntries([...request.query.entries()].filter(([name]) => !keyParameters.includes(name)));
}
