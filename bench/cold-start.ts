import { execFileSync } from 'node:child_process';
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { type Benchmark, percentile } from './figures';

const root = join(__dirname, '..', '..');
const runs = 11;

interface Loaded {
  readonly milliseconds: number;
  readonly functions: number;
}

/**
 * The app and all its packages as one file, from the TypeScript sources: in what tsc has made of them, packages are asked for by
 * `require` and come in their CommonJS form, of which nothing can be left out. `@azure/functions-core` exists only in a worker.
 */
function bundle(outfile: string): void {
  buildSync({
    entryPoints: [join(root, 'functions', 'index.ts')],
    outfile,
    bundle: true,
    // Names stay: people read stack traces.
    minifyWhitespace: true,
    minifySyntax: true,
    platform: 'node',
    target: 'node22',
    format: 'cjs',
    mainFields: ['module', 'main'],
    external: ['@azure/functions-core'],
    logLevel: 'error',
  });
}

/** The same bundle, but V8's compiled code is kept in a folder beside it, as a deployment could bring it along. */
function cached(entry: string, file: string): string {
  const cache = JSON.stringify(`${file}.cache`);
  writeFileSync(file, `require('node:module').enableCompileCache(${cache});\nrequire(${JSON.stringify(entry)});\n`);
  return file;
}

/** One cold start, in a process of its own: nothing is in memory but what the file system caches. */
function load(entry: string): Loaded {
  const output = execFileSync(process.execPath, [join(__dirname, 'apps', 'load-app.js'), entry], {
    encoding: 'utf8',
    env: {
      AzureWebJobsStorage: 'UseDevelopmentStorage=true',
      KEYTURN_ROTATION_FILE: join(root, 'rotation.sample.json'),
      KEYTURN_ALERT_TOPIC_ENDPOINT: 'https://alerts.westeurope-1.eventgrid.azure.net/api/events',
    },
  });
  return JSON.parse(output) as Loaded;
}

export const coldStart: Benchmark = {
  name: 'cold-start',
  title: "loading the built app's modules, bundled into one file against as it is built",
  run(say) {
    const directory = join(root, 'dist', 'bundle');
    rmSync(directory, { recursive: true, force: true });
    const built = { entry: join(root, 'dist', 'functions', 'index.js'), times: [] as number[] };
    const bundled = { entry: join(directory, 'index.js'), times: [] as number[] };
    bundle(bundled.entry);
    const withCache = { entry: cached(bundled.entry, join(directory, 'cached.js')), times: [] as number[] };
    const [, ...others] = [built, bundled, withCache].map(({ entry }) => load(entry).functions);
    const { functions } = load(built.entry);
    if (others.some((count) => count !== functions)) {
      throw new Error(`as built ${functions} functions are registered, bundled ${others.join(' and ')}`);
    }
    // One after the other in turn, so that a busy moment of the machine strikes all of them.
    for (let run = 0; run < runs; run++) {
      for (const { entry, times } of [built, bundled, withCache]) times.push(load(entry).milliseconds);
    }
    say(`${runs} starts each`);
    const median = ({ times }: { times: readonly number[] }) => percentile(times, 0.5);
    return Promise.resolve({
      about: `median of ${runs} starts each, ${functions} functions registered; the files are in the file system's cache`,
      figures: [
        { name: 'as built', value: median(built), unit: 'ms' },
        { name: 'bundled', value: median(bundled), unit: 'ms', bar: { atMost: 300 } },
        { name: 'bundled / as built', value: median(bundled) / median(built), unit: '', bar: { atMost: 0.5 } },
        { name: "bundled, with V8's compile cache", value: median(withCache), unit: 'ms' },
        { name: 'size of the bundle', value: statSync(bundled.entry).size / 1e6, unit: 'MB' },
      ],
    });
  },
};
