import { parseArgs } from 'node:util';
import type { Command } from './command';
import { type Part, parts, type Size } from './parts';
import { head, line, type Played, summary, total } from './table';

const usage = `npm run prove [-- [--quick] [--only <part>[,<part>]] [--list] [--json]]
  --quick  every part at a small size: that the proof itself works, not that nothing is wrong
  --only   these parts alone
  --list   the parts, one a line, with the commands that they run; nothing is run
  --json   one JSON object as the last line on stdout
Whether the tests can fail is another command: npm run test:mutants.`;

interface Asked {
  readonly size: Size;
  readonly chosen: readonly Part[];
  readonly list: boolean;
  readonly json: boolean;
}

function asked(args: readonly string[]): Asked {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      list: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const names = values.only?.split(',');
  const strange = names?.filter((name) => !parts.some((part) => part.name === name)) ?? [];
  if (strange.length > 0) throw new Error(`There is no part ${strange.join(', ')}.`);
  return {
    size: values.quick ? 'quick' : 'whole',
    chosen: parts.filter(({ name }) => names === undefined || names.includes(name)),
    list: values.list,
    json: values.json,
  };
}

/** A command as somebody would type it. */
function written(command: Command | null): string {
  if (command === null) return 'has no small size, and is left out';
  const { name, args, environment = {} } = command;
  const set = Object.entries(environment).map(([variable, value]) => `${variable}=${value} `);
  return `${set.join('')}npm run ${[name, ...(args.length > 0 ? ['--', ...args] : [])].join(' ')}`;
}

/** A part that cannot say what it counted has proved nothing. */
async function played(part: Part, command: Command, size: Size): Promise<Played> {
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1000;
  try {
    const { counted, code } = await part.play(command, size);
    return { name: part.name, counted, ended: counted.ended ?? code === 0, seconds: seconds() };
  } catch (error) {
    const problem = `It could not be told what came of it: ${error instanceof Error ? error.message : String(error)}`;
    return { name: part.name, counted: { problems: [problem] }, ended: false, seconds: seconds() };
  }
}

async function main(args: readonly string[]): Promise<number> {
  const { size, chosen, list, json } = asked(args);
  if (list) {
    for (const { name, proves, command } of chosen) {
      console.log(`${name.padEnd(18)} ${proves}`);
      console.log(`${' '.repeat(19)}${written(command(size))}`);
    }
    return 0;
  }
  const results: Played[] = [];
  console.log(head());
  for (const [index, part] of chosen.entries()) {
    const command = part.command(size);
    const place = `part ${index + 1} of ${chosen.length}, ${part.name}`;
    console.error(`keyturn: ${place}: ${command === null ? 'has no small size, and is left out' : part.proves}`);
    if (command === null) continue;
    const result = await played(part, command, size);
    results.push(result);
    // At once: a proof takes hours, and what was proved before it is interrupted stays proved.
    console.log(line(result));
  }
  const all = summary(results);
  console.log(total(all));
  console.log(all.ok ? 'Nothing is wrong.' : 'Something is wrong: see the lines above.');
  if (size === 'quick') console.log('This was the small form: it shows that the proof works, and proves little.');
  if (json) console.log(JSON.stringify({ size, ...all }));
  return all.ok ? 0 : 1;
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: Error) => {
    console.error(`keyturn: ${error.message}\n${usage}`);
    process.exitCode = 2;
  },
);
