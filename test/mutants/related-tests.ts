import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { codeOf, importsIn, sourcesUnder } from '../structure/sources';
import type { Invariant } from './mutant';

/** Tests that start processes and play whole scenarios: too slow to be asked about every guard, and none of them is the only one that sees it. */
const tooWhole = [
  'test/e2e/',
  'test/host/',
  'test/sandbox/',
  'test/survival/',
  'test/structure/',
  'test/bench/',
  'test/crash/real/',
];
/** Tests that play a whole run many times: asked last. */
const many = ['test/simulation/', 'test/crash/', 'test/faults/'];

export interface RelatedTests {
  /** Tests that load the source and carry the invariant's number in a title, their own or that of a suite they share. */
  named(file: string, invariant: Invariant): readonly string[];
  /** All tests that load the source, the ones that play many runs apart. */
  all(file: string, invariant: Invariant): readonly string[];
  many(file: string): readonly string[];
}

/** Which tests could see that a source has changed, by what they import. Paths from the root of the repository. */
export function relatedTests(root: string): RelatedTests {
  const tests = sourcesUnder('test').filter(
    (file) => file.endsWith('.test.ts') && !tooWhole.some((folder) => file.startsWith(folder)),
  );
  const reached = new Map(tests.map((file) => [file, reach(root, file)]));
  const loading = (source: string) => tests.filter((file) => reached.get(file)?.has(source));
  const isMany = (file: string) => many.some((folder) => file.startsWith(folder));
  /** A test that is called like the source, then one that speaks of the invariant most. */
  const likelyFirst = (files: readonly string[], source: string, invariant: Invariant): readonly string[] => {
    const stem = basename(source, '.ts');
    const rank = new Map(
      files.map((file) => [file, (basename(file).startsWith(stem) ? 1000 : 0) + mentions(file, invariant)]),
    );
    return files.toSorted((a, b) => (rank.get(b) ?? 0) - (rank.get(a) ?? 0));
  };
  const titlesName = (file: string, invariant: Invariant): boolean => {
    const suites = [...(reached.get(file) ?? [])].filter((each) => each === file || each.endsWith('.contract.ts'));
    return suites.some((each) => new RegExp(`\\b${invariant}\\b`).test(codeOf(each)));
  };
  return {
    named: (source, invariant) =>
      likelyFirst(
        loading(source).filter((file) => !isMany(file) && titlesName(file, invariant)),
        source,
        invariant,
      ),
    all: (source, invariant) =>
      likelyFirst(
        loading(source).filter((file) => !isMany(file)),
        source,
        invariant,
      ),
    many: (source) => loading(source).filter(isMany),
  };
}

const mentions = (file: string, invariant: Invariant): number =>
  codeOf(file).match(new RegExp(`\\b${invariant}\\b`, 'g'))?.length ?? 0;

/** Every source that is loaded with a file, itself included. */
function reach(root: string, file: string, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const { what, typeOnly } of importsIn(file)) {
    if (typeOnly) continue;
    const source = [`${what}.ts`, `${what}/index.ts`].find((path) => existsSync(join(root, path)));
    if (source !== undefined) reach(root, source, seen);
  }
  return seen;
}
