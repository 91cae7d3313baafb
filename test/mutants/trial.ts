import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Copy } from './copy';
import type { Invariant, NamedMutant } from './mutant';
import type { RelatedTests } from './related-tests';
import type { FailedTest, FileResult } from './told-at-once';

export type Verdict =
  /** A test failed and named the invariant. */
  | { readonly kind: 'killed'; readonly by: FailedTest }
  /** Tests failed, and none of them named the invariant. */
  | { readonly kind: 'unnamed'; readonly by: FailedTest }
  | { readonly kind: 'survived' }
  /** The tests did not come to an end, or could not be run at all. */
  | { readonly kind: 'no-end'; readonly said: string };

/** What no test run of one guard may take longer than, in milliseconds: without its guard a loop may never end. */
const longestRun = 10 * 60_000;

/** Takes the guard out and asks the tests that are likely to see it first, until one of them fails. */
export async function tryMutant(copy: Copy, related: RelatedTests, mutant: NamedMutant): Promise<Verdict> {
  const { file, invariant } = mutant;
  copy.plant(mutant);
  try {
    const named = await runTests(copy, related.named(file, invariant), invariant);
    const first = judge(named, invariant);
    if (first.kind !== 'survived') return first;
    for (const tests of [related.all(file, invariant), related.many(file)]) {
      const verdict = judge(await runTests(copy, tests), invariant);
      if (verdict.kind !== 'survived') return verdict;
    }
    return { kind: 'survived' };
  } finally {
    copy.restore(file);
  }
}

/** Every chosen guard in its place, built as the mutants are: every test that could name an invariant must pass. */
export async function tryUnchanged(
  copy: Copy,
  related: RelatedTests,
  mutants: readonly NamedMutant[],
): Promise<TestRun> {
  const files = [...new Set(mutants.map(({ file }) => file))];
  for (const file of files) copy.rebuild(file);
  try {
    const tests = mutants.flatMap(({ file, invariant }) => related.named(file, invariant));
    const named = [...new Set(mutants.map(({ invariant }) => invariant))];
    return await runTests(copy, [...new Set(tests)].toSorted(), named.join('|'));
  } finally {
    for (const file of files) copy.restore(file);
  }
}

export type TestRun =
  | { readonly kind: 'ran'; readonly passed: number; readonly failed: readonly FailedTest[] }
  | { readonly kind: 'no-end'; readonly said: string };

function judge(run: TestRun, invariant: Invariant): Verdict {
  if (run.kind === 'no-end') return run;
  const names = new RegExp(`\\b${invariant}\\b`);
  const naming = run.failed.find(({ title, said }) => names.test(title) || names.test(said));
  if (naming !== undefined) return { kind: 'killed', by: naming };
  const [by] = run.failed;
  return by === undefined ? { kind: 'survived' } : { kind: 'unnamed', by };
}

/** @param title only tests whose title has this word */
async function runTests(copy: Copy, tests: readonly string[], title?: string): Promise<TestRun> {
  if (tests.length === 0) return { kind: 'ran', passed: 0, failed: [] };
  const folder = mkdtempSync(join(tmpdir(), 'keyturn-mutant-'));
  const to = join(folder, 'results.ndjson');
  const config = {
    rootDir: copy.tests,
    testEnvironment: 'node',
    testMatch: ['**/*.test.js'],
    testTimeout: 60_000,
    testSequencer: join(__dirname, 'in-given-order.js'),
    reporters: [[join(__dirname, 'told-at-once.js'), { to }]],
  };
  const paths = tests.map((file) => join(copy.tests, file.replace(/^test\//, '').replace(/\.ts$/, '.js')));
  const only = title === undefined ? [] : ['-t', `\\b(${title})\\b`];
  const args = ['--config', JSON.stringify(config), '--runInBand', '--bail', ...only, '--runTestsByPath', ...paths];
  try {
    const { said, code } = await jest(args);
    return resultOf(to, tests.length, said, code);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @returns the end of what it said, and its exit code; null if it had to be ended */
function jest(args: readonly string[]): Promise<{ readonly said: string; readonly code: number | null }> {
  return new Promise((resolve) => {
    const script = require.resolve('jest/bin/jest');
    const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said = `${said}${chunk.toString()}`.slice(-2000);
    });
    const tooLong = setTimeout(() => child.kill('SIGKILL'), longestRun);
    child.once('close', (code) => {
      clearTimeout(tooLong);
      resolve({ said, code });
    });
  });
}

function resultOf(file: string, tests: number, said: string, code: number | null): TestRun {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
  const results = lines.map((line) => JSON.parse(line) as FileResult);
  const failed = results.flatMap((result) => result.failed);
  if (failed.length === 0 && (code !== 0 || results.length < tests)) return { kind: 'no-end', said };
  return { kind: 'ran', passed: results.reduce((sum, { passed }) => sum + passed, 0), failed };
}
