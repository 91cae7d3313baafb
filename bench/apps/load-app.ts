import Module, { createRequire } from 'node:module';

/**
 * Loads an app as a worker does at a cold start and prints how long its modules took: `{"milliseconds": …, "functions": …}`.
 * Argument: the app's entry file. `@azure/functions-core` exists only inside a worker, so this answers for it.
 */

let functions = 0;
const core = {
  version: '4.0.0',
  setProgrammingModel: () => undefined,
  registerFunction: () => {
    functions += 1;
    return { dispose: () => undefined };
  },
  registerHook: () => ({ dispose: () => undefined }),
  log: () => undefined,
};
const original = Module.prototype.require;
Module.prototype.require = new Proxy(original, {
  apply: (target, self, args: [string]) =>
    args[0] === '@azure/functions-core' ? core : Reflect.apply(target, self, args),
});

const [entry = ''] = process.argv.slice(2);
const began = performance.now();
createRequire(entry)(entry);
const milliseconds = performance.now() - began;
process.stdout.write(`${JSON.stringify({ milliseconds, functions })}\n`);
// Not process.exit: V8's compile cache is written when the process ends by itself, so that nothing may keep it alive.
