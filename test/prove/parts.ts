import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { countedByBench, countedByCrashes, countedByMatrix, countedBySchedules, countedByWholeStack } from './answers';
import { type Answer, type Command, ran, tested } from './command';
import type { Counted } from './figures';
import { countedByJest } from './jest-report';

/** `whole` is the proof; `quick` shows in minutes that the proof can be run. */
export type Size = 'quick' | 'whole';

export interface Part {
  /** As `--only` takes it. */
  readonly name: string;
  readonly proves: string;
  /** Null: it has no small size. */
  command(size: Size): Command | null;
  play(command: Command, size: Size): Promise<{ readonly counted: Counted; readonly code: number | null }>;
}

type Told = Pick<Part, 'name' | 'proves' | 'command'>;

/** A part whose command prints one JSON object. */
const speaking = (told: Told, countedIn: (size: Size) => (json: unknown) => Counted): Part => ({
  ...told,
  play: async (command, size) => heard(await ran(command), countedIn(size)),
});

/** A part that is tests. */
const ofTests = (told: Told, counted: (json: unknown) => Counted = countedByJest): Part => ({
  ...told,
  play: async (command) => heard(await tested(command), counted),
});

function heard({ json, code, said }: Answer, counted: (json: unknown) => Counted) {
  if (json === null) throw new Error(`it ended with ${code} and said nothing that can be read: ${said.slice(-500)}`);
  return { counted: counted(json), code };
}

const whole = (size: Size, variable: string): Pick<Command, 'environment'> =>
  size === 'whole' ? { environment: { [variable]: 'whole' } } : {};

// --- The parts ----------------------------------------------------------------------------------------------------------

/** In the order in which they are played: what is quickest to find something comes first. */
export const parts: readonly Part[] = [
  ofTests({
    name: 'histories',
    proves: 'runs in flight replay with the code of today, and no history grows without end',
    command: () => ({ name: 'test', args: ['orchestration/recorded-histories', 'structure/history-size'] }),
  }),
  ofTests({
    name: 'security',
    proves: 'whatever comes in by a trigger or a route harms nothing, and no key material goes out',
    command: (size) =>
      size === 'whole' ? { name: 'test:security', args: [] } : { name: 'test', args: ['test/security/'] },
  }),
  ofTests({
    name: 'emulator',
    proves:
      "Key Vault's contract, held by a vault that nobody here wrote: Lowkey Vault, or what KEYTURN_TEST_VAULT_URL names",
    command: () => ({ name: 'test', args: ['contract/key-vault'], environment: { KEYTURN_TEST_EMULATOR: 'fetch' } }),
  }),
  ofTests({
    name: 'host',
    proves: 'the local host loses nothing and runs nothing twice, killed at random under thousands of instances',
    command: (size) => ({
      name: 'test',
      args: ['host/kills', 'host/scheduler', 'host/known-behaviour'],
      ...whole(size, 'KEYTURN_TEST_HOST'),
    }),
  }),
  ofTests(
    {
      name: 'matrix',
      proves: 'a process killed before and after each effect of every run, and each answer lost, in virtual time',
      command: (size) => ({
        name: 'test',
        args: size === 'whole' ? ['test/crash/matrix'] : ['test/crash/matrix', '-t', 'revoke'],
      }),
    },
    (json) => countedByMatrix(json, readFileSync(join('docs', 'crash-matrix.md'), 'utf8')),
  ),
  speaking(
    {
      name: 'schedules',
      proves: 'whatever goes wrong when, in virtual time, every run comes to an end that is right',
      command: (size) => ({ name: 'test:faults', args: ['--seeds', size === 'whole' ? '10000' : '100', '--json'] }),
    },
    (size) => countedBySchedules(size === 'whole'),
  ),
  speaking(
    {
      name: 'whole-stack',
      proves: 'the same over the app in its host, Azurite and the stand-ins, with schedules that are small',
      command: (size) => ({
        name: 'test:faults',
        args: ['--whole-stack', size === 'whole' ? '50' : '1', '--json'],
      }),
    },
    () => countedByWholeStack,
  ),
  speaking(
    {
      name: 'real-kills',
      proves: 'the app in its host, killed before and after each side effect of each run, comes to its end',
      command: (size) => ({
        name: 'test:crash',
        args: size === 'whole' ? ['--modes', '--json'] : ['--runs', 'rotation', '--sample', '2', '--json'],
      }),
    },
    () => countedByCrashes,
  ),
  ofTests({
    name: 'survival',
    proves: 'a move of data keys survives kills, throttles, lost answers, wrong bytes and its owner',
    command: (size) =>
      size === 'whole' ? { name: 'test:survival', args: [] } : { name: 'test', args: ['survival/survival'] },
  }),
  ofTests({
    name: 'scenarios',
    proves: 'every scenario ends as it says it must, under each reading to which that matters',
    command: (size) =>
      size === 'whole' ? { name: 'test:scenarios', args: [] } : { name: 'test', args: ['e2e/scenarios'] },
  }),
  speaking(
    {
      name: 'load',
      proves: 'ten thousand events at once: nothing lost, nothing twice, nothing grown',
      command: (size) => (size === 'whole' ? { name: 'bench', args: ['--json', 'load'] } : null),
    },
    () => countedByBench,
  ),
  speaking(
    {
      name: 'soak',
      proves: 'a virtual day with an event every minute over fifty KEKs: nothing lost, nothing twice, nothing grown',
      command: (size) => (size === 'whole' ? { name: 'bench', args: ['--json', 'soak'] } : null),
    },
    () => countedByBench,
  ),
];
