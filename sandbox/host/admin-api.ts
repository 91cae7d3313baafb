import type { IncomingMessage } from 'node:http';
import type { HostClock } from './clock';
import type { CrashPlan } from './engine/crash-plan';
import type { Engine } from './engine/engine';
import type { FunctionApp } from './function-app';
import type { InFlight } from './in-flight';
import { statusOf } from './management-api';
import { readBody } from './read-body';
import { empty, errorReply, json, type Reply } from './reply';
import type { TimerTriggers } from './timer-triggers';

const bodyLimit = 64 * 1024;

export interface AdminParts {
  readonly app: FunctionApp;
  readonly engine: Engine;
  readonly clock: HostClock;
  readonly inFlight: InFlight;
  readonly timers: TimerTriggers;
  readonly crashPlan: CrashPlan;
}

/** `/admin` on the app's port: the clock, what is registered, what an instance has been through, and faults on purpose. */
export class AdminApi {
  private readonly parts: AdminParts;

  constructor(parts: AdminParts) {
    this.parts = parts;
  }

  /** @param path what follows `/admin/` */
  async handle(request: IncomingMessage, path: string): Promise<Reply> {
    const [area = '', ...rest] = path.split('/').map(decodeURIComponent);
    const route = `${request.method} ${[area, ...rest.slice(0, area === 'durable' ? 1 : 0)].join('/')}`;
    switch (route) {
      case 'GET clock':
        return json(200, this.clockState());
      case 'POST clock':
        return this.setClock(await jsonBody(request));
      case 'POST crash':
        return this.crash(await jsonBody(request));
      case 'GET host':
        return rest[0] === 'status' ? json(200, { state: 'Running', version: 'keyturn-local-host' }) : empty(404);
      case 'GET functions':
        return rest.length === 0 ? json(200, this.functions()) : empty(404);
      case 'POST functions':
        return this.parts.timers.invoke(rest[0] ?? '')
          ? empty(202)
          : errorReply(404, 'There is no such timer function.');
      case 'GET durable/instances':
        return this.instance(rest.slice(1).join('/'));
      default:
        return empty(404);
    }
  }

  private clockState(): object {
    const { clock, engine, inFlight } = this.parts;
    const { nextDue, statuses } = engine.sleeping();
    return {
      offsetMilliseconds: clock.offsetMilliseconds,
      inFlight: inFlight.count + engine.queued,
      sequence: inFlight.sequence,
      nextDue: nextDue === undefined ? null : new Date(nextDue).toISOString(),
      customStatuses: statuses.map((status) => JSON.parse(status) as unknown),
    };
  }

  private setClock(body: Record<string, unknown>): Reply {
    const offset = body['offsetMilliseconds'];
    if (typeof offset !== 'number') return errorReply(400, 'The body must be {"offsetMilliseconds": <number>}.');
    if (!this.parts.clock.advanceTo(offset)) return errorReply(409, 'The clock only goes forward.');
    return json(200, this.clockState());
  }

  private crash(body: Record<string, unknown>): Reply {
    const when = typeof body['before'] === 'string' ? 'before' : 'after';
    const activity = body[when];
    const nth = body['nth'] ?? 1;
    if (typeof activity !== 'string' || typeof nth !== 'number' || !Number.isInteger(nth) || nth < 1) {
      return errorReply(400, 'The body must be {"before" or "after": <activity name>, "nth": <1 or more>}.');
    }
    if (!this.parts.app.activities.has(activity)) return errorReply(404, `There is no activity '${activity}'.`);
    this.parts.crashPlan.arm(when, activity, nth);
    return empty(202);
  }

  private functions(): object[] {
    return [...this.parts.app.functions.values()].map(({ name, trigger }) => ({
      name,
      type: trigger.type,
      ...(trigger.type === 'httpTrigger'
        ? { route: trigger.route ?? name, methods: trigger.methods ?? [], authLevel: trigger.authLevel ?? 'anonymous' }
        : {}),
      ...(trigger.schedule === undefined ? {} : { schedule: trigger.schedule }),
    }));
  }

  private instance(id: string): Reply {
    const { engine } = this.parts;
    const row = engine.status(id);
    if (row === undefined) return empty(404);
    const { executionId } = row;
    return json(200, { ...statusOf(row, true), executionId, history: engine.history(id) });
  }
}

async function jsonBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse((await readBody(request, bodyLimit)).toString('utf8'));
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
