import { type ChosenMode, modeLines, parseMode } from './modes';

/** What `npm start -- …` was asked for. */
export interface Options {
  scenario: string;
  /** End after the scenario instead of staying up until Ctrl-C. */
  once: boolean;
  /** One JSON object as the last line of stdout; everything else goes to stderr. */
  json: boolean;
  /** Only list the scenarios. */
  list: boolean;
  help: boolean;
  ports: PortChoice;
  /** Folder of the app to play with; null for this checkout as it is built. */
  app: string | null;
  /** Readings of what nobody outside Azure knows, in the order in which they were given. */
  modes: ChosenMode[];
}

/** `fixed`: the documented ports; `auto`: free ones, so that several sandboxes can run side by side. */
export type PortChoice = 'fixed' | 'auto';

/** A command line that cannot be understood; the message names the choices. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const DEFAULT_SCENARIO = 'near-expiry';

const flags = { '--once': 'once', '--json': 'json', '--list': 'list', '--help': 'help', '-h': 'help' } as const;

/**
 * Reads the arguments; `--name value` and `--name=value` mean the same.
 *
 * @param scenarios the names that may be played
 * @throws UsageError for an unknown argument, a missing value, or a value that is not one of the choices
 */
export function parseArguments(args: readonly string[], scenarios: readonly string[]): Options {
  const options: Options = {
    scenario: DEFAULT_SCENARIO,
    once: false,
    json: false,
    list: false,
    help: false,
    ports: 'fixed',
    app: null,
    modes: [],
  };
  const rest = [...args];
  while (rest.length > 0) {
    const [name = '', inline] = splitAtEquals(rest.shift() ?? '');
    if (name === '--scenario') {
      options.scenario = choice(name, inline ?? rest.shift(), scenarios);
    } else if (name === '--ports') {
      options.ports = choice(name, inline ?? rest.shift(), ['fixed', 'auto']);
    } else if (name === '--app') {
      options.app = folder(name, inline ?? rest.shift());
    } else if (name === '--mode') {
      options.modes.push(mode(inline ?? rest.shift()));
    } else if (Object.hasOwn(flags, name) && inline === undefined) {
      options[flags[name as keyof typeof flags]] = true;
    } else {
      throw new UsageError(
        `unknown argument ${inline === undefined ? name : `${name}=${inline}`}\n\n${usage(scenarios)}`,
      );
    }
  }
  return options;
}

/** What may follow `npm start --`. */
export function usage(scenarios: readonly string[]): string {
  return [
    'npm start -- [--scenario <name>] [--once] [--json] [--ports fixed|auto] [--app <folder>] [--mode <name>=<reading>]... [--list]',
    '',
    `  --scenario <name>   what to play, ${DEFAULT_SCENARIO} unless set; one of ${scenarios.join(', ')}`,
    '  --once              end after the scenario; exit code 0 if it ended as it must and every old record opened, else 1',
    '  --json              one JSON object as the last line of stdout, everything else on stderr',
    '  --ports auto        free ports instead of the documented ones',
    '  --app <folder>      the app in this folder, which `npm run bundle` has made, instead of the build',
    '  --mode              how hub and DPS (or, as hub.<name> and dps.<name>, one of them) read what nobody outside Azure knows:',
    ...modeLines().map((line) => `                        ${line}`),
    '  --list              the scenarios, one a line, name first',
  ].join('\n');
}

function splitAtEquals(argument: string): [string, string | undefined] {
  const at = argument.indexOf('=');
  return at < 0 || !argument.startsWith('--') ? [argument, undefined] : [argument.slice(0, at), argument.slice(at + 1)];
}

function mode(value: string | undefined): ChosenMode {
  const parsed = value === undefined ? `needs a value; one of ${modeLines().join(', ')}` : parseMode(value);
  if (typeof parsed === 'string') throw new UsageError(`--mode ${parsed}`);
  return parsed;
}

function folder(name: string, value: string | undefined): string {
  if (value === undefined || value === '') throw new UsageError(`${name} needs a folder; npm run bundle makes one`);
  return value;
}

function choice<T extends string>(name: string, value: string | undefined, choices: readonly T[]): T {
  const found = choices.find((one) => one === value);
  if (found !== undefined) return found;
  const said = value === undefined ? 'needs a value' : `does not know ${JSON.stringify(value)}`;
  throw new UsageError(`${name} ${said}; one of ${choices.join(', ')}`);
}
