import { parseArgs } from 'node:util';

/** How one host is started. Paths as given; ports 0 for any free one. */
export interface HostSettings {
  readonly port: number;
  readonly rpcPort: number;
  readonly app: string;
  readonly state: string;
  readonly clock?: string | undefined;
  readonly log?: string | undefined;
  readonly exactTimers: boolean;
  readonly requireKeys?: string | undefined;
  readonly authenticate?: string | undefined;
  readonly noPull: readonly string[];
  readonly activityConcurrency?: number | undefined;
}

export const usage = `Usage: main.js --app <directory with package.json> --state <directory>
  [--port 7071] [--rpc-port 17071] [--clock <clock.json>] [--log <file>] [--exact-timers]
  [--require-keys <key>] [--authenticate <address>] [--no-pull <orchestrator>]... [--activity-concurrency <n>]
or one JSON argument with the same names in camelCase.`;

/** @throws Error that lists everything wrong with the arguments */
export function parseSettings(args: readonly string[]): HostSettings {
  const given = args.length === 1 && args[0]?.startsWith('{') ? fromJson(args[0]) : fromFlags(args);
  const problems: string[] = [];
  const settings: HostSettings = {
    port: number(given['port'] ?? 7071, 'port', problems),
    rpcPort: number(given['rpcPort'] ?? 17071, 'rpcPort', problems),
    app: text(given['app'], 'app', problems) ?? '',
    state: text(given['state'], 'state', problems) ?? '',
    clock: given['clock'] === undefined ? undefined : text(given['clock'], 'clock', problems),
    log: given['log'] === undefined ? undefined : text(given['log'], 'log', problems),
    exactTimers: given['exactTimers'] === true,
    requireKeys: given['requireKeys'] === undefined ? undefined : text(given['requireKeys'], 'requireKeys', problems),
    authenticate:
      given['authenticate'] === undefined ? undefined : text(given['authenticate'], 'authenticate', problems),
    noPull: Array.isArray(given['noPull']) ? given['noPull'].map(String) : [],
    activityConcurrency:
      given['activityConcurrency'] === undefined
        ? undefined
        : number(given['activityConcurrency'], 'activityConcurrency', problems),
  };
  if (problems.length > 0) throw new Error(problems.join(' '));
  return settings;
}

function fromJson(argument: string): Record<string, unknown> {
  return JSON.parse(argument) as Record<string, unknown>;
}

function fromFlags(args: readonly string[]): Record<string, unknown> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string' },
      'rpc-port': { type: 'string' },
      app: { type: 'string' },
      state: { type: 'string' },
      clock: { type: 'string' },
      log: { type: 'string' },
      'exact-timers': { type: 'boolean' },
      'require-keys': { type: 'string' },
      authenticate: { type: 'string' },
      'no-pull': { type: 'string', multiple: true },
      'activity-concurrency': { type: 'string' },
    },
  });
  const camel = (name: string): string => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [camel(name), value]));
}

function text(value: unknown, name: string, problems: string[]): string | undefined {
  if (typeof value === 'string' && value !== '') return value;
  problems.push(`"${name}" must be given.`);
  return undefined;
}

function number(value: unknown, name: string, problems: string[]): number {
  const parsed = typeof value === 'number' ? value : Number(value);
  if (!Number.isInteger(parsed) || parsed < 0) problems.push(`"${name}" must be a whole number.`);
  return parsed;
}
