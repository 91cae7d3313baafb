import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Authentication } from './authentication';
import type { FunctionApp } from './function-app';
import { readBody } from './read-body';
import { empty, type Reply } from './reply';
import { RouteTable } from './routes';
import type { RpcCookie, RpcData, RpcHttp } from './rpc';

type NullableMap = Record<string, { value: string }>;

/** Hands HTTP requests to the app's HTTP triggers, as the Functions host does. */
export class HttpTriggers {
  private readonly app: FunctionApp;
  private readonly routes: RouteTable;
  private readonly requiredKey: string | undefined;
  private readonly authentication: Authentication | undefined;

  /** @param platform `requireKeys`: asked for where `authLevel` is not anonymous; without it none is, as Core Tools */
  constructor(
    app: FunctionApp,
    platform: { requireKeys?: string | undefined; authentication?: Authentication | undefined },
  ) {
    this.app = app;
    this.routes = new RouteTable(app.functions.values(), app.routePrefix);
    this.requiredKey = platform.requireKeys;
    this.authentication = platform.authentication;
  }

  /** @returns undefined if no route fits */
  async handle(request: IncomingMessage, url: URL): Promise<Reply | undefined> {
    const method = request.method ?? 'GET';
    const found = this.routes.find(method, url.pathname);
    if (found === undefined) return undefined;
    const { authLevel = 'anonymous' } = found.target.trigger;
    if (authLevel !== 'anonymous' && !this.keyFits(request, url)) return empty(401);
    const body = await readBody(request);
    const http: RpcHttp = {
      url: url.href,
      method,
      nullableHeaders: headersOf((await this.authentication?.headersOf(request)) ?? request.headers),
      nullableQuery: queryOf(url),
      nullableParams: Object.fromEntries(Object.entries(found.params).map(([name, value]) => [name, { value }])),
      ...(body.length > 0 ? { body: { bytes: body } } : {}),
    };
    try {
      return replyOf(await this.app.invoke(found.target.name, { http }));
    } catch {
      // The invocation has logged why; the caller of the real host sees an empty 500 as well.
      return empty(500);
    }
  }

  private keyFits(request: IncomingMessage, url: URL): boolean {
    if (this.requiredKey === undefined) return true;
    const given = Buffer.from(String(request.headers['x-functions-key'] ?? url.searchParams.get('code') ?? ''));
    const wanted = Buffer.from(this.requiredKey);
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  }
}

function headersOf(given: IncomingMessage['headers']): NullableMap {
  const headers: NullableMap = {};
  for (const [name, value] of Object.entries(given)) {
    headers[name] = { value: Array.isArray(value) ? value.join(',') : (value ?? '') };
  }
  return headers;
}

function queryOf(url: URL): NullableMap {
  const query: NullableMap = {};
  for (const name of new Set(url.searchParams.keys())) query[name] = { value: url.searchParams.getAll(name).join(',') };
  return query;
}

/** A handler that returned nothing is answered with 204, as on the real host. */
function replyOf(returned: RpcData | null | undefined): Reply {
  const http = returned?.http;
  if (http === undefined) return empty(204);
  const headers: Record<string, string | string[]> = { ...http.headers };
  if (http.cookies !== undefined && http.cookies.length > 0) headers['set-cookie'] = http.cookies.map(cookieText);
  const body = http.body?.bytes ?? http.body?.string;
  return { status: Number(http.statusCode ?? 200), headers, ...(body === undefined ? {} : { body }) };
}

function cookieText(cookie: RpcCookie): string {
  const parts = [`${cookie.name}=${cookie.value}`];
  if (cookie.domain) parts.push(`Domain=${cookie.domain.value}`);
  if (cookie.path) parts.push(`Path=${cookie.path.value}`);
  if (cookie.maxAge) parts.push(`Max-Age=${cookie.maxAge.value}`);
  if (cookie.secure?.value === true) parts.push('Secure');
  if (cookie.httpOnly?.value === true) parts.push('HttpOnly');
  const sameSite = { lax: 'Lax', strict: 'Strict', explicitNone: 'None' }[cookie.sameSite ?? ''];
  if (sameSite !== undefined) parts.push(`SameSite=${sameSite}`);
  return parts.join('; ');
}
