import { parseArgs } from 'node:util';
import { type ChosenMode, modeLines, modesText, parseMode } from '../../../sandbox/run/modes';
import { Chance } from '../../survival/chance';
import { everyBlow, inOneWay, namedBlows, seedOfCommit, someBlows } from './choice';
import { playMatrix, type Result, type Tally } from './matrix';
import type { Blow } from './order';
import { line, summary, table } from './report';
import { type Run, runs } from './runs';

const usage = `Usage: npm run test:crash -- [--runs <run>[,<run>]] [--points <id>[,<id>]] [--ways <way>[,<way>]] [--sample <n>] [--modes] [--lanes <n>] [--json]
  --runs    ${runs.map(({ name }) => name).join(', ')}
  --points  <run/function/port.method#n>, or with before, after or lost behind it: these alone
  --ways    before, after, lost: only these
  --sample  so many of each run, chosen by KEYTURN_TEST_SEED or the commit
  --modes   again under other readings of what nobody outside Azure knows, so that each is met at every point, struck in one way,
            chosen by KEYTURN_TEST_SEED or the commit
  --lanes   so many local clouds side by side; 2 unless said
  --json    one JSON object as the last line`;

interface Options {
  readonly runs: readonly Run[];
  readonly choose: (run: Run, points: readonly string[]) => readonly Blow[];
  readonly readings: readonly (readonly ChosenMode[])[];
  readonly lanes: number;
  readonly json: boolean;
}

function parse(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runs: { type: 'string' },
      points: { type: 'string' },
      ways: { type: 'string', default: 'before,after,lost' },
      sample: { type: 'string' },
      modes: { type: 'boolean', default: false },
      lanes: { type: 'string', default: '2' },
      json: { type: 'boolean', default: false },
    },
  });
  const named = values.points?.split(',').map((id) => id.trim());
  const ofPoints = named && runs.filter(({ name }) => named.some((id) => id.startsWith(`${name}/`)));
  const ofNames = values.runs?.split(',').map((name) => {
    const run = runs.find((each) => each.name === name);
    if (run === undefined)
      throw new Error(`there is no run ${name}; one of ${runs.map((each) => each.name).join(', ')}`);
    return run;
  });
  return {
    runs: ofPoints ?? ofNames ?? runs,
    choose: inWays(values.ways.split(','), chooser(named, values.sample)),
    readings: [[], ...(values.modes ? otherReadings() : [])],
    lanes: Number(values.lanes),
    json: values.json,
  };
}

const inWays =
  (ways: readonly string[], choose: Options['choose']): Options['choose'] =>
  (run, points) =>
    choose(run, points).filter(({ how }) => ways.includes(how));

function chooser(named: readonly string[] | undefined, sample: string | undefined): Options['choose'] {
  if (named !== undefined) return (run, points) => namedBlows(run, points, named);
  if (sample === undefined) return everyBlow;
  const chance = chanceOfCommit();
  console.log(`seed ${chance.seed}`);
  return (run, points) => someBlows(run, points, Number(sample), chance);
}

// biome-ignore lint/style/noProcessEnv: a seed may be asked for
const chanceOfCommit = (): Chance => new Chance(seedOfCommit(process.env['KEYTURN_TEST_SEED']));

/**
 * As few combinations of readings as it takes that each one that is not the default is met at every point; but for that under which
 * nothing can be planned. One reading at a time would take four times as long.
 */
function otherReadings(): readonly (readonly ChosenMode[])[] {
  const others = modeLines().flatMap((text) => {
    const [name = '', values = ''] = text.split('=');
    if (name === 'echoEncryption') return [];
    if (values === '<number>') return [[`${name}=3`]];
    return [
      values
        .split('|')
        .slice(1)
        .map((value) => `${name}=${value}`),
    ];
  });
  const most = Math.max(...others.map(({ length }) => length));
  return Array.from({ length: most }, (_, row) => others.flatMap((values) => values[row] ?? []).map(chosen));
}

function chosen(text: string): ChosenMode {
  const mode = parseMode(text);
  if (typeof mode === 'string') throw new Error(mode);
  return mode;
}

async function main(): Promise<number> {
  const began = Date.now();
  const { runs: wanted, choose, readings, lanes, json } = parse(process.argv.slice(2));
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  const tallies: { readonly modes: string; readonly tally: Tally }[] = [];
  for (const modes of readings) {
    if (stop.signal.aborted) break;
    const told = (result: Result): void => console.log(line(result));
    console.log(`modes: ${modesText(modes)}`);
    tallies.push({
      modes: modesText(modes),
      tally: await playMatrix({
        ...{ runs: wanted, modes, lanes, told, signal: stop.signal },
        choose: modes.length === 0 ? choose : (run, points) => inOneWay(choose(run, points), chanceOfCommit()),
      }),
    });
  }
  for (const { modes, tally } of tallies) console.log(`\nmodes: ${modes}\n${table(tally).join('\n')}`);
  const all = summary(
    tallies.map(({ tally }) => tally),
    Math.round((Date.now() - began) / 1000),
  );
  if (json) console.log(JSON.stringify(all));
  return all.problems === 0 && !stop.signal.aborted && all.readsFailed === 0 && all.plays > 0 ? 0 : 1;
}

main().then(
  (code) => process.exit(code),
  (error: Error) => {
    console.error(`${error.message}\n${usage}`);
    process.exit(2);
  },
);
