import fc from 'fast-check';
import { canonicalJson } from '../../../../shared/rotation/canonical-json';

// jsonValue also makes -0, which JSON cannot tell from 0.
const json = fc.jsonValue({ maxDepth: 4 });

test('the example of RFC 8785, section 3.2.2, as far as its numbers are ours', () => {
  const value = {
    numbers: [333333333.3333333, 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
    string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\"/',
    literals: [null, true, false],
  };
  expect(canonicalJson(value)).toBe(
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  );
});

test('members are sorted by UTF-16 code units, not by any language (RFC 8785, 3.2.3)', () => {
  const value = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 };
  expect(canonicalJson(value)).toBe('{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}');
});

test('it is JSON, and says the same as the value', () => {
  fc.assert(
    fc.property(json, (value) => {
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('the order in which members were written does not matter', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(fc.string(), json), { selector: ([name]) => name }), (members) => {
      const forward = canonicalJson(Object.fromEntries(members));
      expect(canonicalJson(Object.fromEntries(members.toReversed()))).toBe(forward);
    }),
  );
});

test('what was parsed from it gives it again', () => {
  fc.assert(
    fc.property(json, (value) => {
      const text = canonicalJson(value);
      expect(canonicalJson(JSON.parse(text))).toBe(text);
    }),
  );
});

const shared: unknown[] = [];
shared.push(shared);
const refused: Record<string, unknown> = {
  undefined: undefined,
  'a member that is undefined': { a: undefined },
  'a hole in an array': new Array(2),
  NaN: Number.NaN,
  infinity: [Number.POSITIVE_INFINITY],
  'a bigint': 1n,
  'a function': () => 1,
  'a symbol': Symbol('x'),
  'a date, which would silently become a string': new Date(0),
  'a map, which would silently become {}': new Map([[1, 2]]),
  bytes: new Uint8Array(2),
  'a lone surrogate': 'a\ud800',
  'a lone surrogate in a name': { '\udc00': 1 },
  'something that holds itself': shared,
};
test.each(Object.entries(refused))('refuses %s', (_, value) => {
  expect(() => canonicalJson(value)).toThrow(TypeError);
});
