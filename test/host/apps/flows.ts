import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { app, type HttpRequest } from '@azure/functions';
import * as df from 'durable-functions';

/**
 * The app the host's tests run: small flows, each named after what it shows. Activities append a line to `journal.txt`
 * beside the state, so that a test can count side effects across crashes.
 */

type Flow = df.OrchestrationHandler;

// biome-ignore lint/style/noProcessEnv: a test app reads its one setting where it needs it
const journal = join(process.env['JOURNAL_DIRECTORY'] ?? '.', 'journal.txt');
const write = (line: string): void => appendFileSync(journal, `${line}\n`);

df.app.activity('echo', { handler: (input: unknown) => input });
df.app.activity('note', {
  handler: (input: { line: string }) => {
    write(input.line);
    return input.line;
  },
});
df.app.activity('slow', {
  handler: async (input: { line: string; milliseconds: number }) => {
    write(`start ${input.line}`);
    await new Promise((resolve) => setTimeout(resolve, input.milliseconds));
    write(`end ${input.line}`);
    return input.line;
  },
});
df.app.activity('boom', {
  handler: (input: { message: string }) => {
    throw new Error(input.message);
  },
});
const attempts = new Map<string, number>();
df.app.activity('failTimes', {
  handler: (input: { key: string; times: number }) => {
    const attempt = (attempts.get(input.key) ?? 0) + 1;
    attempts.set(input.key, attempt);
    if (attempt <= input.times) throw new Error(`attempt ${attempt} failed`);
    return attempt;
  },
});
df.app.activity('kindOf', {
  handler: (input: unknown) => ({ type: typeof input, value: input === undefined ? 'undefined' : String(input) }),
});

const flow = (name: string, handler: Flow): void => void df.app.orchestration(name, handler);

flow('oneActivity', function* (context) {
  return yield context.df.callActivity('note', { line: `one ${context.df.instanceId}` });
});

flow('manySteps', function* (context) {
  const { steps } = context.df.getInput() as { steps: number };
  for (let step = 0; step < steps; step++) {
    yield context.df.callActivity('note', { line: `${context.df.instanceId} ${step}` });
  }
  return steps;
});

flow('fanOut', function* (context) {
  const { width, milliseconds } = context.df.getInput() as { width: number; milliseconds: number };
  const tasks = Array.from({ length: width }, (_, index) =>
    context.df.callActivity('slow', { line: String(index), milliseconds }),
  );
  return yield context.df.Task.all(tasks);
});

flow('wideEcho', function* (context) {
  const { width } = context.df.getInput() as { width: number };
  const tasks = Array.from({ length: width }, (_, index) => context.df.callActivity('echo', { index }));
  const results: unknown[] = yield context.df.Task.all(tasks);
  return results.length;
});

flow('caught', function* (context) {
  try {
    yield context.df.callActivity('boom', { message: 'kaputt' });
  } catch (error) {
    const after: unknown = yield context.df.callActivity('echo', { after: true });
    return { message: (error as Error).message, after };
  }
  return 'not reached';
});

flow('uncaught', function* (context) {
  yield context.df.callActivity('boom', { message: 'kaputt' });
});

flow('throwsString', function* (context) {
  yield context.df.callActivity('echo', {});
  throw 'not an Error';
});

flow('failedAll', function* (context) {
  try {
    yield context.df.Task.all([
      context.df.callActivity('boom', { message: 'first' }),
      context.df.callActivity('slow', { line: 'sibling', milliseconds: 150 }),
    ]);
  } catch {
    yield context.df.callActivity('note', { line: 'after' });
  }
  return 'done';
});

flow('race', function* (context) {
  const { milliseconds } = context.df.getInput() as { milliseconds: number };
  const deadline = new Date(context.df.currentUtcDateTime.getTime() + milliseconds);
  const timer = context.df.createTimer(deadline);
  const go = context.df.waitForExternalEvent('go');
  const winner: unknown = yield context.df.Task.any([go, timer]);
  if (winner === timer) return { winner: 'timer' };
  timer.cancel();
  const said: unknown = yield context.df.callActivity('echo', { said: go.result });
  return { winner: 'event', said };
});

flow('raceThenWait', function* (context) {
  const timer = context.df.createTimer(new Date(context.df.currentUtcDateTime.getTime() + 1000));
  const winner: unknown = yield context.df.Task.any([context.df.waitForExternalEvent('go'), timer]);
  if (winner !== timer) timer.cancel();
  yield context.df.waitForExternalEvent('end');
  return winner === timer ? 'timer' : 'event';
});

flow('raceWithRetry', function* (context) {
  const timer = context.df.createTimer(new Date(context.df.currentUtcDateTime.getTime() + 3_600_000));
  const options = new df.RetryOptions(1000, 3);
  const retried = context.df.callActivityWithRetry('failTimes', options, { key: context.df.instanceId, times: 1 });
  const winner: unknown = yield context.df.Task.any([retried, timer]);
  if (winner !== timer) timer.cancel();
  return yield context.df.callActivity('echo', { after: true });
});

flow('retry', function* (context) {
  const { times, attempts: most } = context.df.getInput() as { times: number; attempts: number };
  try {
    const key = context.df.instanceId;
    return yield context.df.callActivityWithRetry('failTimes', new df.RetryOptions(1000, most), { key, times });
  } catch (error) {
    return { gaveUp: (error as Error).message.includes('failed') };
  }
});

flow('sleep', function* (context) {
  const { milliseconds } = context.df.getInput() as { milliseconds: number };
  const fireAt = new Date(context.df.currentUtcDateTime.getTime() + milliseconds);
  yield context.df.createTimer(fireAt);
  return { early: fireAt.getTime() - context.df.currentUtcDateTime.getTime() };
});
flow('sleepSaying', function* (context) {
  context.df.setCustomStatus((context.df.getInput() as { says: object }).says);
  yield context.df.createTimer(new Date(context.df.currentUtcDateTime.getTime() + 3_600_000));
});
flow('sleepQuietly', function* (context) {
  yield context.df.createTimer(new Date(context.df.currentUtcDateTime.getTime() + 1000));
});

flow('parent', function* (context) {
  const input = context.df.getInput() as { child: string; childInput: unknown; childId?: string };
  try {
    return yield context.df.callSubOrchestrator(input.child, input.childInput, input.childId as string);
  } catch (error) {
    return { childFailed: (error as Error).message };
  }
});
flow('child', function* (context) {
  yield context.df.callActivity('echo', {});
  return { from: context.df.instanceId, parent: context.df.parentInstanceId, input: context.df.getInput() };
});
flow('failingChild', function* (context) {
  yield context.df.callActivity('echo', {});
  throw new Error('the child fails');
});

flow('countDown', function* (context) {
  const { left } = context.df.getInput() as { left: number };
  yield context.df.callActivity('echo', { left });
  if (left > 0) {
    context.df.continueAsNew({ left: left - 1 });
    return;
  }
  return 'landed';
});

flow('collect', function* (context) {
  const { seen } = context.df.getInput() as { seen: unknown[] };
  const item: unknown = yield context.df.waitForExternalEvent('item');
  const all = [...seen, item];
  if (all.length === 3) return all;
  yield context.df.callActivity('slow', { line: 'pause', milliseconds: 50 });
  context.df.continueAsNew({ seen: all });
  return;
});

flow('twoEvents', function* (context) {
  const first: unknown = yield context.df.waitForExternalEvent('e');
  const second: unknown = yield context.df.waitForExternalEvent('e');
  return [first, second];
});
flow('stepsAfterEvent', function* (context) {
  const event: unknown = yield context.df.waitForExternalEvent('go');
  return yield context.df.callActivity('note', { line: `went ${JSON.stringify(event)}` });
});

flow('unknownActivity', function* (context) {
  yield context.df.callActivity('nobodyRegisteredThis', {});
});
flow('unknownChild', function* (context) {
  yield context.df.callSubOrchestrator('nobodyRegisteredThis');
});
flow('usesEntity', function* (context) {
  yield context.df.callEntity(new df.EntityId('counter', 'a'), 'add', 1);
});
flow('usesHttp', function* (context) {
  yield context.df.callHttp({ method: 'GET', url: 'http://127.0.0.1:9/' });
});
flow('bigStatus', function* (context) {
  context.df.setCustomStatus({ text: 'x'.repeat((context.df.getInput() as { length: number }).length) });
  yield context.df.callActivity('echo', {});
  return 'done';
});
flow('kinds', function* (context) {
  const kinds: unknown[] = [];
  for (const input of [true, null, 5, 'text', undefined]) kinds.push(yield context.df.callActivity('kindOf', input));
  return kinds;
});
let plays = 0;
flow('changesItsMind', function* (context) {
  plays++;
  yield context.df.callActivity(plays === 1 ? 'echo' : 'note', { line: 'never' });
});

app.http('hello', {
  route: 'hello/{name}',
  methods: ['GET', 'POST'],
  handler: async (request: HttpRequest) => ({
    jsonBody: {
      name: request.params['name'],
      query: Object.fromEntries(request.query),
      body: await request.text(),
      url: request.url,
    },
  }),
});
app.http('literal', { route: 'hello/literal', methods: ['GET'], handler: () => ({ body: 'literal' }) });
app.http('nothing', { route: 'nothing', handler: () => undefined as never });
app.http('throws', {
  route: 'throws',
  handler: () => {
    throw new Error('secret detail');
  },
});
app.http('badStatus', { route: 'badStatus', handler: () => ({ status: 42 }) });
app.http('secured', { route: 'secured', authLevel: 'function', handler: () => ({ body: 'in' }) });
df.app.client.http('startOver', {
  route: 'start/{flow}/{id}',
  methods: ['POST'],
  handler: async (request: HttpRequest, client: df.DurableClient) => {
    const { flow: name = '', id = '' } = request.params;
    await client.startNew(name, { instanceId: id, input: await request.json() });
    await client.getStatusAll();
    return client.createCheckStatusResponse(request, id);
  },
});
df.app.client.eventGrid('keyEvents', {
  handler: async (event: { id: string; data?: { fail?: boolean } }, client: df.DurableClient) => {
    if (event.data?.fail === true) throw new Error('the ledger cannot be written');
    write(`event ${event.id}`);
    await client.getStatusBy({ runtimeStatus: [] });
  },
});
app.timer('sweep', {
  schedule: '0 0 3 * * *',
  handler: (timer) => write(`sweep ${timer.schedule.adjustForDST} ${timer.isPastDue}`),
});
app.http('time', {
  route: 'time',
  handler: () => {
    const clock = (globalThis as Record<symbol, unknown>)[Symbol.for('keyturn.clock')] as () => Date;
    return { jsonBody: { now: clock().toISOString() } };
  },
});

/** The flow of test/golden/durable-wire, without its entity calls. */
flow('recordedFlow', function* (context) {
  const a: unknown = yield context.df.callActivity('echo', { x: 1 });
  const retry = new df.RetryOptions(300, 3);
  const f: unknown = yield context.df.callActivityWithRetry('failTimes', retry, {
    key: context.df.instanceId,
    times: 1,
  });
  yield context.df.createTimer(new Date(context.df.currentUtcDateTime.getTime() + 500));
  const e: unknown = yield context.df.waitForExternalEvent('go');
  const s: unknown = yield context.df.callSubOrchestrator('recordedChild', 'hi');
  context.df.setCustomStatus({ at: 'end' });
  const last: unknown = yield context.df.callActivity('echo', 'z');
  return { a, f, e, s, last };
});
// biome-ignore lint/correctness/useYield: an orchestrator is a generator, and this one has nothing to wait for
flow('recordedChild', function* (context) {
  return { sub: context.df.getInput() };
});
