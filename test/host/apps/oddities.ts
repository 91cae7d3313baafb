import * as df from 'durable-functions';

/** Flows whose end on the real extension surprises; each shows one thing that is known of it. */

const flow = (name: string, handler: df.OrchestrationHandler): void => void df.app.orchestration(name, handler);
const inSeconds = (context: df.OrchestrationContext, seconds: number): Date =>
  new Date(context.df.currentUtcDateTime.getTime() + 1000 * seconds);
const DAY = 86_400;

const attempts = new Map<string, number>();
df.app.activity('echo', { handler: (input: unknown) => input });
df.app.activity('silent', { handler: () => undefined });
df.app.activity('failFirst', {
  handler: ({ key, failures }: { key: string; failures: number }) => {
    const attempt = (attempts.get(key) ?? 0) + 1;
    attempts.set(key, attempt);
    if (attempt <= failures) throw new Error(`attempt ${attempt} failed`);
    return { attempt };
  },
});
class QuotaError extends Error {
  override name = 'QuotaError';
}
df.app.activity('throws', {
  handler: ({ what }: { what: string }) => {
    if (what === 'object') throw { code: 7 };
    throw new QuotaError('kaputt');
  },
});

const soon = new df.RetryOptions(1, 3);
const failing = (context: df.OrchestrationContext) =>
  context.df.callActivityWithRetry('failFirst', soon, { key: context.df.instanceId, failures: 1 });

flow('returnsNothing', function* (context) {
  return { got: yield context.df.callActivity('silent', {}) };
});
flow('replaying', function* (context) {
  const before = context.df.isReplaying;
  yield context.df.callActivity('echo', {});
  return { before, after: context.df.isReplaying };
});
flow('replayingAtOnce', function* (context) {
  const replaying = context.df.isReplaying;
  context.df.setCustomStatus({ replaying });
  return yield context.df.waitForExternalEvent('go');
});
flow('namesOfErrors', function* (context) {
  const caught: string[] = [];
  for (const what of ['error', 'object']) {
    try {
      yield context.df.callActivity('throws', { what });
    } catch (error) {
      caught.push(`${(error as Error).name}: ${(error as Error).message}`);
    }
  }
  return caught;
});
flow('neverYielded', function* (context) {
  context.df.callActivity('throws', { what: 'error' });
  return yield context.df.callActivity('echo', { yielded: true });
});
flow('emptyAll', function* (context) {
  return yield context.df.Task.all([]);
});
flow('stringAgain', function* (context) {
  const input = context.df.getInput();
  yield context.df.callActivity('echo', {});
  if (input !== 'start') return input;
  context.df.continueAsNew('next');
  return undefined;
});
flow('kinds', function* (context) {
  const input: unknown = context.df.getInput();
  const child: unknown = yield context.df.callSubOrchestrator('ownInput', false);
  return { input, child, event: yield context.df.waitForExternalEvent('e') };
});
// biome-ignore lint/correctness/useYield: an orchestrator is a generator, and this one has nothing to wait for
flow('ownInput', function* (context) {
  return context.df.getInput();
});
flow('child', function* (context) {
  return yield context.df.callActivity('echo', context.df.getInput());
});

const race = function* (context: df.OrchestrationContext, task: df.Task): Generator<df.Task, unknown, unknown> {
  const timer = context.df.createTimer(inSeconds(context, 3600));
  if ((yield context.df.Task.any([task, timer])) !== timer) timer.cancel();
  return yield context.df.callActivity('echo', { after: true });
};
flow('retriedChild', function* (context) {
  return yield failing(context);
});
flow('failsOnce', function* (context) {
  return yield context.df.callActivity('failFirst', {
    key: (context.df.getInput() as { key: string }).key,
    failures: 1,
  });
});
flow('raceOfRetriedChild', function* (context) {
  const input = { key: context.df.instanceId };
  return yield* race(context, context.df.callSubOrchestratorWithRetry('failsOnce', soon, input));
});
flow('raceOfAllWithRetry', function* (context) {
  return yield* race(context, context.df.Task.all([failing(context)]));
});
flow('retryInChild', function* (context) {
  return yield* race(context, context.df.callSubOrchestrator('retriedChild'));
});
flow('retryBesideEvent', function* (context) {
  yield context.df.Task.any([context.df.waitForExternalEvent('go'), failing(context)]);
  return yield context.df.callActivity('echo', { after: true });
});
flow('retriesInTurn', function* (context) {
  const first: unknown = yield failing(context);
  const options = { key: `${context.df.instanceId} 2`, failures: 1 };
  return [first, yield context.df.callActivityWithRetry('failFirst', soon, options)];
});
flow('cancelsLongTimer', function* (context) {
  const timer = context.df.createTimer(inSeconds(context, 8 * DAY));
  yield context.df.Task.any([context.df.waitForExternalEvent('go'), timer]);
  timer.cancel();
  return yield context.df.callActivity('echo', { after: true });
});
flow('openTimer', function* (context) {
  const { again } = context.df.getInput() as { again: boolean };
  yield context.df.Task.any([
    context.df.callActivity('echo', {}),
    context.df.createTimer(inSeconds(context, again ? 1800 : 3600)),
  ]);
  if (again) context.df.continueAsNew({ again: false });
  return 'returned';
});
flow('waitsForGo', function* (context) {
  return yield context.df.waitForExternalEvent('go');
});
flow('callsUnderId', function* (context) {
  const { id } = context.df.getInput() as { id: string };
  return yield context.df.callSubOrchestrator('child', { from: context.df.instanceId }, id);
});
