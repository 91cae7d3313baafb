import { appendFileSync, closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { app, type InvocationContext } from '@azure/functions';
import * as df from 'durable-functions';
import { FaultError } from '../../../shared/rotation/errors';
import { type Call, calling, type Edge } from '../../edges/with-edges';
import type { Order } from './order';

/** In the app's own process: which points are passed is written down, and at the one that was ordered the process ends. */
let order: Order | undefined;
let passed = new Map<string, number>();

/** What timers do has no place of its own in a run: they come when they come. */
const timers: ReadonlySet<string> = new Set(['sweep', 'verifyHistories', 'deliverAlerts', 'purgeEndedInstances']);

/** A route that takes the next order, and hooks that tell the edge which function is running. */
export function takeOrders(): void {
  app.http('crashOrder', {
    route: 'crash/order',
    methods: ['POST'],
    authLevel: 'anonymous',
    handler: async (request) => {
      order = (await request.json()) as Order;
      passed = new Map();
      // A process that is killed does not write it at its end.
      flushCompileCache();
      return { status: 204 };
    },
  });
  app.hook.preInvocation((context) => {
    const { invocationContext, functionHandler } = context;
    edgeTheClient(invocationContext);
    const name = invocationContext.functionName;
    context.functionHandler = (...input) => calling.run({ name, input: input[0] }, () => functionHandler(...input));
  });
}

export const strikingEdge: Edge = async (call, go) => {
  const point = call.kind === 'effect' ? pointOf(call) : null;
  if (order === undefined || point === null) return go();
  const { at, file } = order;
  appendFileSync(file, `${point}\n`);
  const how = at?.point === point ? at.how : undefined;
  if (how === 'before') end(file, `${point} before`);
  const answer = await go();
  if (how === 'after') end(file, `${point} after`);
  if (how !== 'lost') return answer;
  note(file, `${point} lost`);
  throw connectionReset(call);
};

/** Null for what is no point of the run that was ordered. */
function pointOf({ port, method }: Call): string | null {
  const name = calling.getStore()?.name;
  if (order === undefined || name === undefined || timers.has(name)) return null;
  const place = `${order.run}/${name}/${port}.${method}`;
  const occurrence = (passed.get(place) ?? 0) + 1;
  passed.set(place, occurrence);
  return `${place}#${occurrence}`;
}

/** What an adapter makes of it; the durable client has none, and its errors come as they are. */
function connectionReset({ port, method }: Call): Error {
  const cause = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
  return port === 'durableClient'
    ? cause
    : new FaultError('unreachable', `The answer to ${method} was lost.`, { cause });
}

/** On disk before the process has gone. */
function note(file: string, line: string): void {
  const descriptor = openSync(`${file}.struck`, 'a');
  writeSync(descriptor, `${line}\n`);
  fsyncSync(descriptor);
  closeSync(descriptor);
}

function end(file: string, line: string): never {
  note(file, line);
  process.kill(process.pid, 'SIGKILL');
  for (;;) {
    // the signal is on its way, and nothing of the app runs meanwhile
  }
}

type Starting = Record<'startNew' | 'raiseEvent', (...args: unknown[]) => Promise<unknown>>;
let clientHasEdge = false;

/** What triggers do with the durable client is an effect too; every client is of the one class that is met here first. */
function edgeTheClient(context: InvocationContext): void {
  if (clientHasEdge) return;
  const client = clientOf(context);
  if (client === undefined) return;
  clientHasEdge = true;
  const methods = Object.getPrototypeOf(client) as Starting;
  for (const method of ['startNew', 'raiseEvent'] as const) {
    const own = methods[method];
    methods[method] = function (...args) {
      return strikingEdge({ port: 'durableClient', method, kind: 'effect', args }, () => own.apply(this, args));
    };
  }
}

/** Undefined for a function without one. */
function clientOf(context: InvocationContext): df.DurableClient | undefined {
  try {
    return df.getClient(context);
  } catch {
    return undefined;
  }
}
