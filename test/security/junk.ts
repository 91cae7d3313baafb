import { env } from 'node:process';
import fc from 'fast-check';

const { KEYTURN_TEST_SECURITY, KEYTURN_TEST_SEED: otherSeed } = env;
export const extent = KEYTURN_TEST_SECURITY;
export const seed = otherSeed === undefined ? 20_261_122 : Number(otherSeed);

/** How often a property is tried, and from which seed: twenty times as often by `npm run test:security`. */
export const tries = (usual: number): { readonly numRuns: number; readonly seed: number } => ({
  numRuns: extent === 'whole' ? usual * 20 : usual,
  seed,
});

/** Names that mean something to the language, to a database, to a path or to a log. */
const loaded = [
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'then', 'toJSON', 'length'],
  ...['../../../etc/passwd', "' or 1 eq 1 or '", '<script>alert(1)</script>', '{{7*7}}', '%00', '%2e%2e%2f', '\\u0000'],
  ...[
    '\u0000',
    '\r\nset-cookie: a=b',
    '\u202Egnp.exe',
    '\ud800',
    '\udfff\ud800',
    'é'.normalize('NFD'),
    '𝕶',
    '\ufeff',
    '＠',
  ],
  ...['NaN', 'Infinity', '-1', '1e309', '0x10', '9007199254740993', 'null', 'undefined', 'true', '[]', '{}'],
];

/** A few hundred kilobytes are sent by the host as they are; here, where thousands are tried, ten are enough to be over every limit but one. */
const long = fc.integer({ min: 1, max: 10_000 }).map((length) => 'x'.repeat(length));

export const text: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...loaded),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  long,
);

const scalar: fc.Arbitrary<unknown> = fc.oneof(
  text,
  fc.constantFrom(null, true, false, 0, -0, -1, 1.5, 1e308, 2 ** 53, -(2 ** 31)),
  fc.integer(),
);

/** What somebody may put where JSON is read: as JSON has it, so that `__proto__` is a member of its own. */
export const junk: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown; list: unknown; object: unknown }>((tie) => ({
  value: fc.oneof({ maxDepth: 4, withCrossShrink: true }, scalar, tie('list'), tie('object')),
  list: fc.array(tie('value'), { maxLength: 4 }),
  object: fc.array(fc.tuple(text, tie('value')), { maxLength: 5 }).map(ownMembers),
})).value;

/** So deep that whoever walks it by recursion, and does not stop, falls. */
export const deep: fc.Arbitrary<unknown> = fc
  .tuple(fc.integer({ min: 50, max: 3000 }), fc.boolean())
  .map(([depth, lists]) => {
    let value: unknown = 'bottom';
    for (let level = 0; level < depth; level += 1) value = lists ? [value] : { data: value };
    return value;
  });

function ownMembers(entries: readonly (readonly [string, unknown])[]): unknown {
  const made = {};
  for (const [name, value] of entries) {
    Object.defineProperty(made, name, { value, enumerable: true, configurable: true, writable: true });
  }
  return made;
}

/** Something right with up to three of its members, however deep, replaced, left out, or given company. */
export function near(right: unknown): fc.Arbitrary<unknown> {
  const change = fc.record({
    where: fc.nat(),
    how: fc.constantFrom('replace', 'remove', 'add', 'wrap'),
    name: text,
    value: fc.oneof(junk, scalar),
  });
  return fc.array(change, { minLength: 1, maxLength: 3 }).map((changes) => changes.reduce(changed, right));
}

interface Change {
  readonly where: number;
  readonly how: string;
  readonly name: string;
  readonly value: unknown;
}

function changed(right: unknown, { where, how, name, value }: Change): unknown {
  const paths = [...pathsOf(right)];
  const path = paths[where % paths.length] ?? [];
  return at(right, path, (found) => {
    if (how === 'replace') return value;
    if (how === 'wrap') return [found];
    if (how === 'remove') return undefined;
    if (typeof found !== 'object' || found === null || Array.isArray(found)) return value;
    return ownMembers([...Object.entries(found), [name, value]]);
  });
}

function* pathsOf(value: unknown, path: readonly string[] = []): Generator<readonly string[]> {
  yield path;
  if (typeof value !== 'object' || value === null) return;
  for (const [name, member] of Object.entries(value)) yield* pathsOf(member, [...path, name]);
}

function at(value: unknown, [name, ...rest]: readonly string[], change: (found: unknown) => unknown): unknown {
  if (name === undefined) return change(value);
  if (Array.isArray(value)) return value.map((item, index) => (String(index) === name ? at(item, rest, change) : item));
  const entries = Object.entries(value as object).map(([each, member]): [string, unknown] => {
    return [each, each === name ? at(member, rest, change) : member];
  });
  return ownMembers(entries.filter(([, member]) => member !== undefined));
}

/** Whether nothing that was tried has reached what all objects inherit. */
export const unpolluted = (): boolean =>
  Object.keys(Object.prototype).length === 0 && ({} as Record<string, unknown>)['polluted'] === undefined;
