import * as df from 'durable-functions';

/** The app under the host's own benchmark: nothing but what the Durable extension's work costs. */

df.app.activity('echo', { handler: (input: unknown) => input });

df.app.orchestration('oneActivity', function* (context) {
  return yield context.df.callActivity('echo', { from: context.df.instanceId });
});

df.app.orchestration('fanOut', function* (context) {
  const { width } = context.df.getInput() as { width: number };
  const tasks = Array.from({ length: width }, (_, index) => context.df.callActivity('echo', { index }));
  const results: unknown[] = yield context.df.Task.all(tasks);
  return results.length;
});
