import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Import, importsIn, importsUnder, isUnder, sourcesUnder } from './sources';

/**
 * The import table of ARCHITECTURE.md. Lint says the same earlier (biome.json); this reads the whole tree, follows
 * what is reached through other files, and knows types from values.
 */
interface Row {
  readonly from: string;
  /** Empty: everything that is not forbidden. */
  readonly may: readonly string[];
  readonly mustNot: readonly string[];
}

const table: readonly Row[] = [
  { from: 'functions/triggers', may: [], mustNot: ['shared/azure', 'shared/targets', '@azure/identity', 'sandbox'] },
  {
    from: 'functions/orchestrators',
    may: ['functions/durable', 'functions/orchestrators', 'shared/contracts', 'shared/rotation'],
    mustNot: [],
  },
  {
    from: 'functions/activities',
    may: ['functions/durable', 'functions/activities', 'shared/composition', 'shared/contracts', 'shared/rotation'],
    mustNot: [],
  },
  { from: 'shared/contracts', may: ['shared/contracts', 'zod'], mustNot: [] },
  { from: 'shared/rotation', may: ['shared/rotation', 'shared/contracts', 'zod', 'node:crypto'], mustNot: [] },
  {
    from: 'shared/targets',
    may: ['shared/targets', 'shared/rotation', 'shared/contracts', 'node:crypto'],
    mustNot: [],
  },
  { from: 'shared/azure', may: [], mustNot: ['functions', 'sandbox', 'durable-functions', 'shared/composition'] },
  { from: 'shared/config', may: [], mustNot: ['functions', 'sandbox', '@azure', 'shared/azure', 'shared/targets'] },
  { from: 'functions', may: [], mustNot: ['sandbox', 'test'] },
  { from: 'shared', may: [], mustNot: ['sandbox', 'test', 'functions'] },
  { from: 'sandbox', may: [], mustNot: ['shared', 'functions', 'test'] },
];

const breaks = ({ may, mustNot }: Row, { what }: Import): boolean =>
  mustNot.some((path) => isUnder(what, path)) || (may.length > 0 && !may.some((path) => isUnder(what, path)));

test.each(table.filter(({ from }) => existsSync(join(process.cwd(), from))))(
  'the files of $from import what the table allows',
  (row) => {
    expect(sourcesUnder(row.from).length).toBeGreaterThan(0);
    const broken = importsUnder(row.from).filter((found) => breaks(row, found));
    expect(broken.map(({ file, what }) => `${file} imports ${what}`)).toEqual([]);
  },
);

test('only durable.ts and the triggers load durable-functions', () => {
  const loading = importsUnder('functions')
    .concat(importsUnder('shared'))
    .filter(({ what, typeOnly }) => isUnder(what, 'durable-functions') && !typeOnly)
    .map(({ file }) => file);
  expect(loading).toContain('functions/durable.ts');
  expect(loading.filter((file) => file !== 'functions/durable.ts' && !file.startsWith('functions/triggers/'))).toEqual(
    [],
  );
});

/** Everything that is loaded with a file, itself included. */
function reach(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const { what, typeOnly } of importsIn(file)) {
    if (typeOnly) continue;
    const source = [`${what}.ts`, `${what}/index.ts`].find((path) => existsSync(join(process.cwd(), path)));
    if (source === undefined) seen.add(what);
    else reach(source, seen);
  }
  return seen;
}

test('an orchestrator reaches no built-in, no SDK, no configuration and no port, however far one follows its imports', () => {
  const reached = new Set(sourcesUnder('functions/orchestrators').flatMap((file) => [...reach(file)]));
  const allowed = [
    'functions/durable.ts',
    'durable-functions',
    'functions/orchestrators',
    'shared/contracts',
    'shared/rotation/back-off.ts',
    'shared/rotation/data-keys-left.ts',
    'shared/rotation/soak-judgement.ts',
  ];
  expect([...reached].filter((path) => !allowed.some((known) => isUnder(path, known)))).toEqual([]);
});

test('the reading of imports sees every way to write one', () => {
  const code = [
    "import { a } from './a';",
    "import type { B } from '../b';",
    "import './c';",
    "export { d } from 'd';",
    "const e = require('node:e');",
    "const f = await import('f/g');",
    'import {\n  h,\n  i,\n} from "not-ours";',
    "import {\n  j,\n} from './j';",
  ].join('\n');
  const found = importsIn('x/y/z.ts', code).map(({ what, typeOnly }) => `${what}${typeOnly ? ' (type)' : ''}`);
  expect(found).toEqual(['x/y/a', 'x/b (type)', 'x/y/c', 'd', 'node:e', 'f/g', 'x/y/j']);
});
