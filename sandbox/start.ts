import { join, relative, resolve } from 'node:path';
import { type Options, parseArguments, UsageError, usage } from './run/arguments';
import { bringUp, publishEndpoints, type Sandbox, wantedPorts } from './run/bring-up';
import { ChildCrashedError, Children } from './run/children';
import { EndpointsFile } from './run/endpoints';
import { offsetOf } from './run/looks';
import { expectationUnder, modesText, withModes } from './run/modes';
import { type Outcome, report, shortcomings } from './run/outcome';
import { play, readAll } from './run/play';
import { playgroundOf, whatToTry } from './run/playground';
import { BusyPortsError, refuseBusyPorts } from './run/ports';
import { createRunFolder } from './run/run-folder';
import { createScreen, type Screen } from './run/screen';
import { SearchedRun } from './run/searched-run';
import { makeSeed, noticeDue } from './run/seed';
import { span } from './run/spans';
import type { Scenario } from './run/stage';
import { summary } from './run/summary';
import { scenarios } from './scenarios';

// biome-ignore lint/style/noProcessEnv: the one place of the runner that reads it; everything below is handed what it needs
const environment = process.env;
const root = join(__dirname, '..', '..');
const scenarioNames = scenarios.map(({ name }) => name);

/** Somebody pressed Ctrl-C, or sent a signal. */
class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly exitCode: number;
  constructor(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') {
    super(`stopped by ${signal}`);
    this.exitCode = 128 + { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }[signal];
  }
}

function main(): void {
  let options: Options;
  try {
    options = parseArguments(process.argv.slice(2), scenarioNames);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`keyturn: ${error.message}`);
    process.exitCode = 2;
    return;
  }
  if (options.list) {
    const width = Math.max(...scenarioNames.map((name) => name.length));
    for (const { name, title } of scenarios) console.log(`${name.padEnd(width)}  ${title}`);
  } else if (options.help) {
    console.log(usage(scenarioNames));
  } else {
    void run(options).then((exitCode) => process.exit(exitCode));
  }
}

/** From an empty machine to a summary, and back to an empty machine. @returns the exit code */
async function run(options: Options): Promise<number> {
  const screen = createScreen(options.json ? process.stderr : process.stdout, environment);
  const abort = new AbortController();
  const children = new Children((error) => abort.abort(error));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => abort.abort(new Interrupted(signal)));
  }
  let endpoints: EndpointsFile | undefined;
  // The last resort, for an end that nobody foresaw: leave nothing behind.
  process.on('exit', () => {
    children.killAll();
    endpoints?.remove();
    screen.restore();
  });
  let exitCode = 1;
  const searched = new SearchedRun(screen);
  try {
    if (options.ports === 'fixed') await refuseBusyPorts(wantedPorts());
    const folder = createRunFolder(join(root, '.sandbox'), new Date());
    endpoints = new EndpointsFile(join(root, '.sandbox'), folder);
    exitCode = await performed({ options, screen, children, endpoints, searched, folder, signal: abort.signal });
  } catch (error) {
    exitCode = tell(screen, abort.signal.aborted ? abort.signal.reason : error);
  } finally {
    // No signal ends the process before everything else has ended.
    endpoints?.remove();
    screen.restore();
    await searched.lookWhileUp(abort.signal.aborted && !(abort.signal.reason instanceof Interrupted));
    await children.stopAll();
  }
  return searched.isClean() ? exitCode : 1;
}

interface Stagehands {
  readonly options: Options;
  readonly screen: Screen;
  readonly children: Children;
  readonly endpoints: EndpointsFile;
  readonly searched: SearchedRun;
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** Brings everything up, plays, tells; stays up unless asked to end. @returns the exit code */
async function performed(hands: Stagehands): Promise<number> {
  const { options, screen, children, endpoints, folder, signal } = hands;
  const asWritten = scenarios.find(({ name }) => name === options.scenario) as Scenario;
  const scenario = { ...asWritten, expect: expectationUnder(options.modes, asWritten.expect) };
  const began = Date.now();
  const seededAt = new Date();
  const seed = makeSeed(seededAt);
  screen.print([
    screen.paint.bold(`Keyturn sandbox, scenario ${scenario.name}`),
    screen.paint.faint(scenario.title),
    '',
  ]);
  screen.say('starting', 'storage, Key Vault, ARM, IoT Hub, DPS, Event Grid, the app');
  const bringing = bringUp(children, {
    root,
    app: options.app === null ? root : resolve(options.app),
    folder,
    ports: options.ports,
    seed: withModes(scenario.seed?.(seed) ?? seed, options.modes),
    settings: scenario.settings ?? {},
    signIn: scenario.signIn === true,
    withLog: scenario.withLog === true,
    environment,
    signal,
  });
  const sandbox = await Promise.race([bringing, aborted(signal)]);
  hands.searched.of(sandbox);
  screen.say('up', `after ${span(Date.now() - began)}; logs in ${relative(process.cwd(), join(folder, 'logs'))}`);
  const before = await Promise.race([readAll(sandbox), aborted(signal)]);
  screen.say(
    'records',
    before
      .map(({ source, opened }) => `${opened.size} ${source.noun}`)
      .join(', ')
      .concat(' opened'),
  );
  publishEndpoints(endpoints, sandbox);
  const playing = play(scenario, sandbox, { before, policyDue: noticeDue(seededAt), screen, signal });
  const outcome = await Promise.race([playing, aborted(signal)]);
  const problems = shortcomings(outcome, scenario.expect);
  const now = new Date(Date.now() + (await offsetOf(sandbox)));
  show(hands, sandbox, { scenario, outcome, problems, now });
  const exitCode = problems.length === 0 ? 0 : 1;
  if (options.once) return exitCode;
  screen.print(['Everything stays up. Ctrl-C stops it and leaves nothing behind.']);
  return staysUp(signal, exitCode);
}

function show(
  { options, screen, endpoints, folder }: Stagehands,
  sandbox: Sandbox,
  { scenario, outcome, problems, now }: { scenario: Scenario; outcome: Outcome; problems: string[]; now: Date },
): void {
  screen.print(summary(outcome, problems, screen.paint, modesText(options.modes)));
  const logs = join(folder, 'logs');
  if (options.once) {
    screen.print([`Logs of this run: ${relative(process.cwd(), logs)}`]);
  } else {
    const { settings = {} } = scenario;
    const [approval, observed] = [settings['approval'] === 'required', settings['mode'] === 'observe'];
    const playground = playgroundOf(sandbox, {
      endpoints: endpoints.path,
      logs,
      now,
      approval,
      observed,
      signIn: scenario.signIn === true,
    });
    screen.print(whatToTry(playground, outcome.rotation));
  }
  if (options.json) process.stdout.write(`${JSON.stringify(report(outcome))}\n`);
}

/** Ctrl-C is the proper end of a sandbox that stays up: the scenario's own result is what counts. */
async function staysUp(signal: AbortSignal, exitCode: number): Promise<number> {
  try {
    return await aborted(signal);
  } catch (error) {
    if (error instanceof Interrupted) return exitCode;
    throw error;
  }
}

/** Rejects with the reason as soon as there is one. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** Says what ended the run early. @returns the exit code */
function tell(screen: Screen, error: unknown): number {
  screen.restore();
  if (error instanceof Interrupted) {
    screen.print(['', 'Stopping …']);
    return error.exitCode;
  }
  const foreseen = error instanceof BusyPortsError || error instanceof ChildCrashedError;
  const text = error instanceof Error ? (foreseen ? error.message : (error.stack ?? error.message)) : String(error);
  console.error(`keyturn: ${text}`);
  return 1;
}

main();
