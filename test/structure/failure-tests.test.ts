import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const read = (file: string): string => readFileSync(join(process.cwd(), file), 'utf8');

interface Named {
  readonly point: string;
  readonly file: string;
  readonly title: string;
}

/** What docs/failure-tests.md names: headings are points, list items are a file and a title. */
function namedIn(document: string): readonly Named[] {
  const named: Named[] = [];
  let point = '';
  for (const line of document.split('\n')) {
    point = /^## \(([a-z])\)/.exec(line)?.[1] ?? point;
    const [, file, title] = /^- `([^`]+)`: "(.+)"$/.exec(line) ?? [];
    if (file !== undefined && title !== undefined) named.push({ point, file, title });
    else if (line.startsWith('- ')) throw new Error(`This names no test: ${line}`);
  }
  return named;
}

const invariants = /^(?:I\d+:? )+/;

/** A title stands in its file as the whole of one string, whichever invariants it says to hold, and not in a test that is left out. */
function isTitleIn(source: string, title: string): boolean {
  const words = title
    .replace(invariants, '')
    .replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&')
    .replaceAll("'", "\\\\?'");
  const spelling = new RegExp(`(['"\`])(?:I\\d+:? )*${words}\\1`);
  return source.split('\n').some((line) => spelling.test(line) && !/\.(skip|todo|only)\b/.test(line));
}

const points = [...'abcdefghijklmnop'];
const named = namedIn(read('docs/failure-tests.md'));

test('each of the sixteen points has tests', () => {
  expect([...new Set(named.map(({ point }) => point))]).toEqual(points);
});

test.each(points)('every file and title that is named for (%s) exists', (point) => {
  const missing = named
    .filter((each) => each.point === point)
    .filter(({ file, title }) => !existsSync(join(process.cwd(), file)) || !isTitleIn(read(file), title));
  expect(missing).toEqual([]);
});

test('a title that is only a part of another, that is left out, or that nobody wrote is no test', () => {
  const source = "test('I2 I9: reads go on', run);\ntest.skip('writes go on', run);\ntest('it\\'s (all) over', run);";
  const titles = ['reads go on', 'I9: reads go on', 'reads', 'go on', 'writes go on', 'all go on', "it's (all) over"];
  expect(titles.filter((title) => isTitleIn(source, title))).toEqual([
    'reads go on',
    'I9: reads go on',
    "it's (all) over",
  ]);
  expect(() => namedIn('## (a) A point\n\n- a test somewhere')).toThrow('This names no test: - a test somewhere');
});
