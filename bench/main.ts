import { audit } from './audit';
import { coldStart } from './cold-start';
import { durableHistory } from './durable-history';
import { eventToMutation } from './event-to-mutation';
import { type Benchmark, keepsBar, table } from './figures';
import { load } from './load';
import { localHost } from './local-host';
import { machine } from './machine';
import { oneRotation } from './one-rotation';
import { rewrap } from './rewrap';
import { soak } from './soak';
import { sweepCalls } from './sweep';

const benchmarks: readonly Benchmark[] = [
  localHost,
  coldStart,
  eventToMutation,
  oneRotation,
  durableHistory,
  rewrap,
  audit,
  sweepCalls,
  soak,
  load,
];

const usage = `npm run bench [-- [--json] [--full] [--list] [<name>...]]
  <name>   only these; all of them unless named
  --full   also what takes an hour
  --json   one JSON object on stdout; what is going on goes to stderr
  --list   the benchmarks, one a line`;

/**
 * Runs the benchmarks one after the other, since each wants the whole machine. A bar that is missed is said and is not an error:
 * a figure depends on the machine and on what else runs on it.
 */
async function main(args: readonly string[]): Promise<number> {
  const names = args.filter((arg) => !arg.startsWith('--'));
  const flags = args.filter((arg) => arg.startsWith('--'));
  const known = new Set(benchmarks.map(({ name }) => name));
  if (flags.some((flag) => !['--json', '--full', '--list'].includes(flag)) || names.some((name) => !known.has(name))) {
    console.error(`keyturn: there is no such benchmark or flag.\n${usage}\n  one of   ${[...known].join(', ')}`);
    return 2;
  }
  if (flags.includes('--list')) {
    for (const { name, title } of benchmarks) console.log(`${name.padEnd(18)} ${title}`);
    return 0;
  }
  await measure(
    benchmarks.filter(({ name }) => names.length === 0 || names.includes(name)),
    { json: flags.includes('--json'), full: flags.includes('--full') },
  );
  return 0;
}

async function measure(
  chosen: readonly Benchmark[],
  { json, full }: { readonly json: boolean; readonly full: boolean },
): Promise<void> {
  const say = (progress: string) => console.error(`  … ${progress}`);
  const about = machine();
  const results: object[] = [];
  if (!json)
    console.log(`${about.processor}, ${about.cores} cores, Node ${about.node}, load before ${about.loadBefore}`);
  for (const { name, title, run } of chosen) {
    console.error(`${name}: ${title}`);
    const measured = await run(say, { full });
    const figures = measured.figures.map((figure) => ({ ...figure, keepsBar: keepsBar(figure) ?? null }));
    const { about: done, notes = [] } = measured;
    results.push({ name, about: done, figures, ...(notes.length === 0 ? {} : { notes }) });
    if (!json) console.log(['', `${name}: ${done}`, ...table(measured.figures), ...notes].join('\n'));
  }
  if (json) console.log(JSON.stringify({ ...about, benchmarks: results }));
}

// Whoever has children ends them when this process ends, and a signal alone would not let it say so.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));

void main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
