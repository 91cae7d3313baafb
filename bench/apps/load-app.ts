import Module, { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

/**
 * Loads an app as a worker does at a cold start and prints how long its modules took, and how long those that it loads when they are
 * first used: `{"milliseconds": …, "firstUse": …, "functions": …}`. Arguments: the app's entry file, and those other files.
 * `@azure/functions-core` exists only inside a worker, so this answers for it.
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

/** The worker imports what ends in .mjs and requires everything else. @returns milliseconds */
async function load(files: readonly string[]): Promise<number> {
  const began = performance.now();
  for (const file of files) {
    if (file.endsWith('.mjs')) await import(pathToFileURL(file).href);
    else createRequire(file)(file);
  }
  return performance.now() - began;
}

async function main([entry = '', ...others]: readonly string[]): Promise<void> {
  const milliseconds = await load([entry]);
  const firstUse = await load(others);
  process.stdout.write(`${JSON.stringify({ milliseconds, firstUse, functions })}\n`);
  // Not process.exit: V8's compile cache is written when the process ends by itself, so that nothing may keep it alive.
}

void main(process.argv.slice(2));
