import { execFileSync } from 'node:child_process';
import { globSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Benchmark, percentile } from './figures';

const root = join(__dirname, '..', '..');
const runs = 21;

/** What the app loads when it is first used (shared/azure/on-first-use.ts), all of it. */
const onFirstUse = ['credential', 'plan-container', 'event-grid-alerts', 'bulk-connections'];

interface Loaded {
  readonly milliseconds: number;
  readonly firstUse: number;
  readonly functions: number;
}

class Start {
  readonly loaded: Loaded[] = [];
  private readonly files: readonly string[];

  /** @param entry the app's entry file @param others what it loads later */
  constructor(entry: string, others: readonly string[]) {
    this.files = [entry, ...others];
  }

  /** One cold start, in a process of its own: nothing is in memory but what the file system caches. */
  load(): Loaded {
    const output = execFileSync(process.execPath, [join(__dirname, 'apps', 'load-app.js'), ...this.files], {
      encoding: 'utf8',
      env: {
        AzureWebJobsStorage: 'UseDevelopmentStorage=true',
        KEYTURN_ROTATION_FILE: join(root, 'rotation.sample.json'),
        KEYTURN_ALERT_TOPIC_ENDPOINT: 'https://alerts.westeurope-1.eventgrid.azure.net/api/events',
      },
    });
    return JSON.parse(output) as Loaded;
  }

  median(of: 'milliseconds' | 'firstUse'): number {
    const times = this.loaded.map((one) => one[of]);
    return percentile(times, 0.5);
  }
}

/** `npm run bundle`, into a folder of our own. @returns that folder's files */
function bundle(directory: string): { entry: string; others: string[] } {
  execFileSync(process.execPath, [join(root, 'tools', 'bundle.mjs'), directory], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const others = onFirstUse.flatMap((name) => globSync(join(directory, `${name}-*.mjs`)));
  if (others.length !== onFirstUse.length)
    throw new Error(`of ${onFirstUse.join(', ')} the bundle has ${others.join(', ')}`);
  return { entry: join(directory, 'index.mjs'), others };
}

/** The same bundle, but V8's compiled code is kept in a folder beside it, as a deployment could bring it along. */
function cached(entry: string, file: string): string {
  const lines = [
    `import { enableCompileCache } from 'node:module';`,
    `enableCompileCache(${JSON.stringify(`${file}.cache`)});`,
    `await import(${JSON.stringify(entry)});`,
  ];
  writeFileSync(file, lines.join('\n'));
  return file;
}

export const coldStart: Benchmark = {
  name: 'cold-start',
  title: "loading the built app's modules, bundled (npm run bundle) against as it is built",
  run(say) {
    const directory = join(root, 'dist', 'bench', 'bundle');
    const { entry, others } = bundle(directory);
    const modules = onFirstUse.map((name) => join(root, 'dist', 'shared', 'azure', `${name}.js`));
    const built = new Start(join(root, 'dist', 'functions', 'index.js'), modules);
    const bundled = new Start(entry, others);
    const withCache = new Start(cached(entry, join(directory, 'cached.mjs')), others);
    const starts = [built, bundled, withCache];
    const [functions = 0, ...counts] = starts.map((start) => start.load().functions);
    if (counts.some((count) => count !== functions)) {
      throw new Error(`as built ${functions} functions are registered, bundled ${counts.join(' and ')}`);
    }
    // One after the other in turn, so that a busy moment of the machine strikes all of them.
    for (let run = 0; run < runs; run++) for (const start of starts) start.loaded.push(start.load());
    say(`${runs} starts each`);
    const [asBuilt, inBundle] = [built.median('milliseconds'), bundled.median('milliseconds')];
    return Promise.resolve({
      about: `median of ${runs} starts each, ${functions} functions registered; the files are in the file system's cache`,
      figures: [
        { name: 'as built', value: asBuilt, unit: 'ms' },
        { name: 'bundled', value: inBundle, unit: 'ms', bar: { atMost: 300 } },
        { name: 'bundled / as built', value: inBundle / asBuilt, unit: '', bar: { atMost: 0.5 } },
        { name: "bundled, with V8's compile cache", value: withCache.median('milliseconds'), unit: 'ms' },
        { name: 'later, what is loaded on first use: as built', value: built.median('firstUse'), unit: 'ms' },
        { name: 'later, what is loaded on first use: bundled', value: bundled.median('firstUse'), unit: 'ms' },
        { name: 'size of its entry file', value: statSync(entry).size / 1e6, unit: 'MB' },
      ],
    });
  },
};
