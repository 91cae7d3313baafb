// The one entry of every npm script: makes sure the dependencies are installed and the code is built, then runs the command
// on the Node that this project brings along. Plain JavaScript without dependencies, because it must run before anything is installed.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const stamp = join(root, 'node_modules', '.keyturn-installed');
const [command, ...args] = process.argv.slice(2);

/**
 * Installs what the lock file says, unless the tree in node_modules was made from this very lock file. Not `npm ci`: that refuses a
 * lock file without entries for other platforms' optional binaries, and not every registry serves all of those. Nothing is saved,
 * so the lock file stays as it was committed.
 */
function ensureInstalled() {
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  console.error('keyturn: installing dependencies (once; about a minute) …');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const { status } = spawnSync(npm, ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (status !== 0)
    fail('`npm install` failed; the lines above say why. Mend that (network? disk?) and run the command again.');
  writeFileSync(stamp, wanted);
}

/** Node 24 from the dependency tree: @azure/functions names 22 and 24, and node:sqlite needs it. */
function projectNode() {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const binary = process.platform === 'win32' ? 'node.exe' : 'node';
  for (const name of [`node-${platform}-${process.arch}`, `node-bin-${platform}-${process.arch}`]) {
    const path = join(root, 'node_modules', name, 'bin', binary);
    if (existsSync(path)) return path;
  }
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 24 || (major === 24 && minor >= 10)) return process.execPath;
  return fail(
    `no Node 24 package for ${process.platform}-${process.arch} and this Node is ${process.versions.node}. Install Node 24 and run the command again.`,
  );
}

function build(node) {
  const tsc = createRequire(join(root, 'package.json')).resolve('typescript/package.json');
  const { status } = spawnSync(node, [join(dirname(tsc), 'bin', 'tsc'), '-p', 'tsconfig.json'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) fail('the build failed; the lines above say where.');
}

/** What was compiled from a source that is gone would still run, and still pass: it goes too. */
function prune() {
  const dist = join(root, 'dist');
  for (const file of readdirSync(dist, { recursive: true })) {
    const source = /^(.*)\.js(\.map)?$/.exec(file)?.[1];
    if (source !== undefined && !existsSync(join(root, `${source}.ts`))) rmSync(join(dist, file));
  }
}

function fail(message) {
  console.error(`keyturn: ${message}`);
  process.exit(1);
}

/** Runs a step to its end, passing signals on: Ctrl-C must reach whatever the step started. */
function run(node, script, scriptArgs) {
  return new Promise((resolve) => {
    const child = spawn(node, ['--enable-source-maps', script, ...scriptArgs], {
      cwd: root,
      stdio: 'inherit',
      env: {
        ...process.env,
        PATH: `${dirname(node)}${process.platform === 'win32' ? ';' : ':'}${process.env.PATH ?? ''}`,
      },
    });
    // A terminal sends Ctrl-C to the whole foreground group, the child included; only a signal sent to this process alone is passed on.
    const pass = (signal) => () => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, pass(signal));
    child.on('exit', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 1)));
  });
}

const bin = (name, path) => join(root, 'node_modules', name, path);
const jest = (more) => [bin('jest', 'bin/jest.js'), ['--config', 'jest.config.json', ...more]];

const commands = {
  build: () => [],
  bundle: () => [[join('tools', 'bundle.mjs'), args]],
  start: () => [[join('dist', 'sandbox', 'start.js'), args]],
  test: () => [jest(args)],
  // Every scenario, and those to which it matters under each reading of what nobody outside Azure knows; each plays two at a time.
  'test:scenarios': () => {
    process.env.KEYTURN_TEST_SCENARIOS = 'all';
    return [jest(['--runInBand', 'e2e/scenarios', 'e2e/modes', ...args])];
  },
  // An export of a history, verified where it lies.
  'audit:verify': () => [[join('dist', 'shared', 'audit-file', 'main.js'), args]],
  // What a move of data keys must survive, at full size: ten thousand data keys, and fifty kills among them.
  'test:survival': () => {
    process.env.KEYTURN_TEST_SURVIVAL = 'whole';
    return [jest(['--runInBand', 'survival/survival', ...args])];
  },
  // With each guard of an invariant taken out in turn a test must fail and name the invariant.
  'test:mutants': () => [[join('dist', 'test', 'mutants', 'main.js'), args]],
  // The app in its host, killed before and after each of its side effects, and each answer lost once.
  'test:crash': () => [[join('dist', 'test', 'crash', 'real', 'main.js'), args]],
  // All that shows that nothing is lost, one after the other, in one table. Takes hours; `--quick` minutes.
  prove: () => [[join('dist', 'test', 'prove', 'main.js'), args]],
  // Schedules of faults, drawn from a seed and played in virtual time.
  'test:faults': () => [[join('dist', 'test', 'faults', 'main.js'), args]],
  // Fuzzed input at length, and the API driven by its own description; the latter installs schemathesis for itself, where there is Python.
  'test:security': () => {
    process.env.KEYTURN_TEST_SECURITY = 'whole';
    return [jest(['--runInBand', 'dist/test/security/', ...args])];
  },
  bench: () => [[join('dist', 'bench', 'main.js'), args]],
  format: () => [[bin('@biomejs/biome', 'bin/biome'), ['check', '--write', ...args, '.']]],
  // Format and lint, types (the build), dead code, then every test.
  check: () => {
    process.env.KEYTURN_TEST_SCHEDULES ??= '1000';
    process.env.KEYTURN_TEST_KILLS ??= '6';
    // Lowkey Vault is fetched and asked, where there are Java and Maven.
    process.env.KEYTURN_TEST_EMULATOR ??= 'fetch';
    return [
      [bin('@biomejs/biome', 'bin/biome'), ['ci', '.']],
      [bin('knip', 'bin/knip.js'), []],
      jest(['--ci', ...args]),
    ];
  },
};

if (!Object.hasOwn(commands, command)) fail(`unknown command ${command}; one of ${Object.keys(commands).join(', ')}`);
ensureInstalled();
const node = projectNode();
mkdirSync(join(root, 'dist'), { recursive: true });
prune();
build(node);
for (const [script, scriptArgs] of commands[command]()) {
  const code = await run(node, script, scriptArgs);
  if (code !== 0) process.exit(code);
}
