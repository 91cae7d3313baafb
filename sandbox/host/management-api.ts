import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Answer, Engine } from './engine/engine';
import { EventType, eventTypeNames, type HistoryEvent } from './engine/history';
import type { InstanceRow } from './engine/store';
import { readBody } from './read-body';
import { empty, errorReply, json, type Reply } from './reply';

const defaultPage = 100;
const pattern =
  /^(?:orchestrators\/(?<name>[^/]+)(?:\/(?<newId>[^/]+))?|instances(?:\/(?<id>[^/]*)(?:\/(?<operation>\w+)(?:\/(?<event>[^/]+))?)?)?|(?<entities>entities(?:\/.*)?))\/?$/;

/** Makes the URLs that a start answers with and the client binding carries, for one instance id. */
export type ManagementUrls = (instanceId: string) => Readonly<Record<string, string>>;

/**
 * The Durable extension's HTTP surface, for DurableClient (on the RPC port) and for people (under
 * /runtime/webhooks/durabletask on the app's port).
 */
export class ManagementApi {
  private readonly engine: Engine;
  private readonly urls: ManagementUrls;

  constructor(engine: Engine, urls: ManagementUrls) {
    this.engine = engine;
    this.urls = urls;
  }

  /** @param path what follows the surface's base, without a leading slash */
  async handle(request: IncomingMessage, path: string, query: URLSearchParams): Promise<Reply> {
    const parts = pattern.exec(path)?.groups;
    if (parts === undefined) return empty(404);
    const { name, newId, id, operation, event, entities } = decoded(parts);
    const method = request.method ?? 'GET';
    if (entities !== undefined) return errorReply(501, 'Entities are not supported by this local host.');
    if (name !== undefined) return method === 'POST' ? this.start(request, name, newId) : empty(404);
    if (id === undefined || id === '')
      return this.collection(method, query, request.headers['x-ms-continuation-token']);
    if (operation === undefined) return this.instance(method, id, query);
    if (method !== 'POST') return empty(404);
    if (operation === 'raiseEvent' && event !== undefined) return this.raise(request, id, event);
    return event === undefined ? this.control(id, operation, query) : empty(404);
  }

  private async start(request: IncomingMessage, name: string, given: string | undefined): Promise<Reply> {
    const id = given ?? randomUUID().replaceAll('-', '');
    const status = this.engine.status(id)?.status;
    if (this.engine.isLive(id)) {
      return errorReply(409, `An Orchestration instance with the status ${status} already exists.`);
    }
    const body = (await readBody(request)).toString('utf8');
    const input = body === '' ? '""' : normalized(body);
    if (input === undefined) return errorReply(400, 'The request body is not valid JSON.');
    // The extension looks first and writes later: starts that come together are all told 202, and one of them wins.
    await nextTurn();
    this.engine.startNew(name, id, input);
    const { rewindPostUri: _, ...urls } = this.urls(id);
    return json(202, urls, { location: urls['statusQueryGetUri'] ?? '', 'retry-after': '10' });
  }

  private async raise(request: IncomingMessage, id: string, event: string): Promise<Reply> {
    const body = (await readBody(request)).toString('utf8');
    if (body !== '' && !(request.headers['content-type'] ?? '').includes('application/json')) {
      return errorReply(400, 'Only application/json request content is supported.');
    }
    const input = body === '' ? 'null' : normalized(body);
    if (input === undefined) return errorReply(400, 'The request body is not valid JSON.');
    return replyTo(this.engine.raiseEvent(id, event, input));
  }

  private control(id: string, operation: string, query: URLSearchParams): Reply {
    const reason = query.get('reason');
    switch (operation) {
      case 'terminate':
        return replyTo(this.engine.terminate(id, reason));
      case 'suspend':
        return replyTo(this.engine.suspend(id, reason));
      case 'resume':
        return replyTo(this.engine.resume(id, reason));
      case 'rewind':
        return this.rewind(id);
      case 'restart': {
        const target = this.engine.restart(id, query.get('restartWithNewInstanceId') !== 'false');
        return target === undefined ? empty(404) : json(202, this.urls(target));
      }
      default:
        return empty(404);
    }
  }

  private rewind(id: string): Reply {
    const status = this.engine.status(id)?.status;
    if (status === undefined) return empty(404);
    if (status !== 'Failed') return errorReply(412, 'Only failed orchestration instances can be rewound.');
    return errorReply(501, 'Rewind is not supported by this local host.');
  }

  private instance(method: string, id: string, query: URLSearchParams): Reply {
    if (method === 'DELETE') {
      const answer = this.engine.purge(id);
      if (answer === 'accepted') return json(200, { instancesDeleted: 1 });
      return answer === 'unknown' ? empty(404) : errorReply(412, 'The instance has not ended and cannot be purged.');
    }
    const row = this.engine.status(id);
    if (method !== 'GET' || row === undefined) return empty(404);
    const live = this.engine.isLive(id);
    const history = query.get('showHistory') === 'true' ? this.engine.history(id) : undefined;
    const shown = statusOf(row, query.get('showInput') !== 'false', history, query.get('showHistoryOutput') === 'true');
    return json(
      live ? 202 : 200,
      shown,
      live ? { location: this.urls(id)['statusQueryGetUri'] ?? '', 'retry-after': '10' } : {},
    );
  }

  private collection(method: string, query: URLSearchParams, token: string | string[] | undefined): Reply {
    const limit = Number(query.get('top') ?? defaultPage) || defaultPage;
    const filter = {
      createdFrom: time(query.get('createdTimeFrom')),
      createdTo: time(query.get('createdTimeTo')),
      statuses: query
        .get('runtimeStatus')
        ?.split(',')
        .filter((status) => status !== ''),
      prefix: query.get('instanceIdPrefix') ?? undefined,
    };
    if (method === 'DELETE') {
      if (filter.createdFrom === undefined)
        return errorReply(400, "Please provide value for 'createdTimeFrom' parameter.");
      const rows = this.engine.list({ ...filter, limit: Number.MAX_SAFE_INTEGER });
      const deleted = rows.filter((row) => this.engine.purge(row.instanceId) === 'accepted').length;
      return deleted === 0 ? empty(404) : json(200, { instancesDeleted: deleted });
    }
    if (method !== 'GET') return empty(404);
    const after = typeof token === 'string' ? Buffer.from(token, 'base64url').toString('utf8') : undefined;
    const rows = this.engine.list({ ...filter, after, limit: limit + 1 });
    const page = rows.slice(0, limit);
    const next = rows.length > limit ? page.at(-1)?.instanceId : undefined;
    const shown = page.map((row) => statusOf(row, query.get('showInput') !== 'false'));
    const headers = next === undefined ? {} : { 'x-ms-continuation-token': Buffer.from(next).toString('base64url') };
    return json(200, shown, headers as Record<string, string>);
  }
}

/** An instance as the status API shows it; `createdTime` has the extension's resolution of a second. */
export function statusOf(row: InstanceRow, showInput: boolean, history?: HistoryEvent[], showOutput = false): object {
  const seconds = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`;
  return {
    name: row.name,
    instanceId: row.instanceId,
    runtimeStatus: row.status,
    input: showInput ? parsed(row.input) : null,
    customStatus: parsed(row.customStatus),
    output: parsed(row.output),
    createdTime: seconds(row.createdAt),
    lastUpdatedTime: seconds(row.updatedAt),
    ...(history === undefined ? {} : { historyEvents: shownHistory(history, showOutput) }),
  };
}

const hiddenFields: ReadonlySet<string> = new Set([
  ...[
    'EventType',
    'EventId',
    'IsPlayed',
    'TaskScheduledId',
    'TimerId',
    'Name',
    'OrchestrationInstance',
    'ParentInstance',
  ],
  ...['Tags', 'Version'],
]);
const scheduling: ReadonlySet<number> = new Set([EventType.TaskScheduled, EventType.SubOrchestrationCreated]);
const hiddenEvents: ReadonlySet<number> = new Set([
  ...scheduling,
  EventType.OrchestratorStarted,
  EventType.OrchestratorCompleted,
]);

/** Completions carry the name and time of what they complete; the scheduling itself is left out. */
function shownHistory(history: readonly HistoryEvent[], showOutput: boolean): object[] {
  const scheduled = new Map(history.filter((it) => scheduling.has(it.EventType)).map((it) => [it.EventId, it]));
  const shown: object[] = [];
  for (const event of history) {
    if (hiddenEvents.has(event.EventType)) continue;
    const { EventType: type, TaskScheduledId, Name } = event;
    const fields = Object.fromEntries(Object.entries(event).filter(([name]) => !hiddenFields.has(name)));
    const source = TaskScheduledId === undefined ? undefined : scheduled.get(TaskScheduledId);
    shown.push({
      EventType: eventTypeNames[type] ?? String(type),
      ...fields,
      ...('Result' in fields ? { Result: showOutput ? parsed(event.Result ?? null) : null } : {}),
      ...(source === undefined ? {} : { ScheduledTime: source.Timestamp, FunctionName: source.Name, Input: null }),
      ...(type === EventType.ExecutionStarted ? { FunctionName: Name } : {}),
      ...(type === EventType.EventRaised ? { Name } : {}),
    });
  }
  return shown;
}

function decoded(parts: Record<string, string | undefined>): Record<string, string | undefined> {
  const entries = Object.entries(parts).map(([key, value]) => [key, value === undefined ? value : safeDecode(value)]);
  return Object.fromEntries(entries) as Record<string, string | undefined>;
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function normalized(body: string): string | undefined {
  try {
    return JSON.stringify(JSON.parse(body));
  } catch {
    return undefined;
  }
}

const parsed = (text: string | null): unknown => (text === null ? null : JSON.parse(text));

function time(text: string | null): number | undefined {
  const at = text === null ? Number.NaN : Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}

function replyTo(answer: Answer): Reply {
  if (answer === 'accepted') return empty(202);
  if (answer === 'unknown') return empty(404);
  if (answer === 'gone') return empty(410);
  return json(500, {
    Message: 'Something went wrong while processing your request',
    ExceptionMessage: 'The operation is not valid in the present state of the orchestration instance.',
    ExceptionType: 'System.InvalidOperationException',
    StackTrace: '',
  });
}
