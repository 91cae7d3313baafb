import { app, HttpRequest, type HttpResponseInit, InvocationContext } from '@azure/functions';
import * as df from 'durable-functions';
import { registerTriggers } from '../../../../functions/triggers';
import type { AccessRules } from '../../../../shared/access/caller';
import type { Health } from '../../../../shared/contracts/http';
import { FaultError } from '../../../../shared/rotation/errors';
import type { RotationPorts } from '../../../../shared/rotation/run-ports';

type Handler = (request: HttpRequest, client: unknown, context: InvocationContext) => Promise<HttpResponseInit>;
interface Route {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly authLevel: string;
  readonly handle: Handler;
}

/** A durable client that keeps what it was asked, and fails when told to. */
function fakeClient() {
  const started: { instanceId: string; input: unknown }[] = [];
  const stories: string[] = [];
  const raised: string[] = [];
  const instances = new Set<string>();
  const ended = new Set<string>();
  const purged: unknown[] = [];
  const fails = { start: false, lostStart: false, raise: false, status: false, purge: false };
  return {
    started,
    /** Names of the orchestrations in `started`. */
    stories,
    raised,
    instances,
    ended,
    /** What was asked to be purged. */
    purged,
    fails,
    async startNew(name: string, { instanceId, input }: { instanceId: string; input: unknown }) {
      if (fails.start) throw new Error('The engine is away; token=secret');
      if (instances.has(instanceId)) throw new Error('It runs already.');
      instances.add(instanceId);
      started.push({ instanceId, input });
      stories.push(name);
      if (fails.lostStart) throw new Error('The answer was lost.');
      return instanceId;
    },
    async getStatus(instanceId: string) {
      if (fails.status) throw new Error('The engine is away.');
      if (!instances.has(instanceId)) throw new Error('404');
      return { runtimeStatus: ended.has(instanceId) ? 'Failed' : 'Running' };
    },
    async raiseEvent(instanceId: string) {
      if (fails.raise) throw new Error('The engine is away.');
      raised.push(instanceId);
    },
    async purgeInstanceHistoryBy(filter: unknown) {
      if (fails.purge) throw new Error('The engine is away.');
      purged.push(filter);
      return { instancesDeleted: 3 };
    },
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks at any member of any answer.
  readonly body: any;
  /** As it was sent. */
  readonly text: string;
}

export interface Asked {
  readonly method?: 'GET' | 'POST';
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly text?: string;
  readonly headers?: Record<string, string>;
}

/** The app's triggers over fakes, called as the Functions host calls them. */
export function surface(
  ports: RotationPorts,
  health: Health = { ok: true, needs: [], sweep: null },
  access: AccessRules | null = null,
) {
  const routes: Route[] = [];
  let onEvent: ((event: unknown, context: InvocationContext) => Promise<void>) | undefined;
  const client = fakeClient();
  const timers = new Map<string, (timer: unknown, context: InvocationContext) => Promise<void>>();
  const keep = (
    name: string,
    options: { methods?: string[]; route?: string; authLevel?: string },
    handle: Handler,
  ): void => {
    for (const method of options.methods ?? []) {
      routes.push({ name, method, path: options.route ?? '', authLevel: options.authLevel ?? 'anonymous', handle });
    }
  };
  jest.spyOn(df.app.client, 'http').mockImplementation((name, options) => {
    keep(name, options, options.handler as unknown as Handler);
  });
  jest.spyOn(app, 'http').mockImplementation((name, options) => {
    keep(name, options, (request, _client, context) => Promise.resolve(options.handler(request, context)) as never);
  });
  jest.spyOn(app, 'eventGrid').mockImplementation((_name, options) => {
    onEvent = options.handler as never;
  });
  jest.spyOn(app, 'timer').mockImplementation((name, options) => {
    timers.set(name, options.handler as never);
  });
  jest.spyOn(df, 'getClient').mockImplementation(() => client as never);
  registerTriggers({ ports, access, instanceHistorySeconds: 90 * 86_400, health: async () => health });
  const context = () => new InvocationContext({ functionName: 'f', invocationId: 'i', logHandler: () => undefined });

  return {
    routes,
    client,
    /** Runs a timer; answers what it logged. */
    async tick(name: string, timer: unknown = {}): Promise<readonly string[]> {
      const logged: string[] = [];
      const logHandler = (_level: string, ...parts: unknown[]) => logged.push(parts.map(String).join(' '));
      await timers.get(name)?.(timer, new InvocationContext({ functionName: name, invocationId: 'i', logHandler }));
      return logged;
    },
    event: async (event: unknown): Promise<void> => onEvent?.(event, context()),
    async ask(address: string, { method = 'GET', body, text, headers = {} }: Asked = {}): Promise<Answer> {
      const url = new URL(`http://localhost:7071/api/${address}`);
      const path = url.pathname.replace('/api/', '');
      for (const route of routes) {
        const params = match(route.path, path);
        if (route.method !== method || params === null) continue;
        const content = text ?? (body === undefined ? undefined : JSON.stringify(body));
        const request = new HttpRequest({
          method,
          url: url.href,
          params,
          headers: { 'content-type': 'application/json', ...headers },
          query: Object.fromEntries(url.searchParams),
          ...(content === undefined ? {} : { body: { string: content } }),
        });
        return read(await route.handle(request, client, context()));
      }
      throw new Error(`No route for ${method} ${path}.`);
    },
  };
}

function match(route: string, path: string): Record<string, string> | null {
  const [wanted, given] = [route.split('/'), path.split('/')];
  if (wanted.length !== given.length) return null;
  const params: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const name = /^\{(.*)\}$/.exec(part)?.[1];
    if (name !== undefined) params[name] = decodeURIComponent(given[index] ?? '');
    else if (part !== given[index]) return null;
  }
  return params;
}

function read({ status = 200, headers = {}, body, jsonBody }: HttpResponseInit): Answer {
  const text = typeof body === 'string' ? body : JSON.stringify(jsonBody ?? null);
  const type = (headers as Record<string, string>)['content-type'] ?? 'application/json';
  return {
    status,
    headers: headers as Record<string, string>,
    body: type.endsWith('json') && type !== 'application/x-ndjson' ? JSON.parse(text) : null,
    text,
  };
}

export const away = (): FaultError =>
  new FaultError('storage-unavailable', 'The ledger cannot be reached.', { retryAfterSeconds: 17 });
