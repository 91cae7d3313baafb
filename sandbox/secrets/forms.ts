/** Something that nobody but its holder may have. */
export interface Secret {
  /** Which one it is, for a message; never the secret itself. */
  readonly what: string;
  readonly bytes: Buffer;
}

/** One way in which a part of a secret may have been written down. */
export interface Form {
  /** E.g. `base64`, for a message. */
  readonly name: string;
  readonly bytes: Buffer;
}

/**
 * Bytes from either end that stand for the whole: so many cannot meet by chance, and what was cut short (a log line, a printed buffer)
 * still holds one of the ends.
 */
const END_BYTES = 16;
/** Fewer would be found by chance. */
const LEAST_BYTES = 12;

/**
 * Every form in which a secret's bytes are looked for, in text without spaces, quotes and backslashes (`flattened`) or as they are.
 * @throws RangeError for one that is too short to be told from chance
 */
export function formsOf({ what, bytes }: Secret): Form[] {
  if (bytes.length < LEAST_BYTES) throw new RangeError(`${what} is too short to be looked for`);
  const start = bytes.subarray(0, END_BYTES);
  const end = bytes.subarray(-END_BYTES);
  return bytes.length <= END_BYTES
    ? formsOfPart(start, 0)
    : [...formsOfPart(start, 0), ...formsOfPart(end, bytes.length - END_BYTES)];
}

/** @param offset of the part in the whole, which a list by position shows */
function formsOfPart(part: Buffer, offset: number): Form[] {
  const hex = part.toString('hex');
  const numbers = [...part];
  const texts: readonly (readonly [string, string])[] = [
    ['hex', hex],
    ['hex', hex.toUpperCase()],
    ['hex with colons', pairs(hex).join(':')],
    ['hex with colons', pairs(hex.toUpperCase()).join(':')],
    ['a list of numbers', numbers.join(',')],
    ['an object of numbers', numbers.map((byte, index) => `${offset + index}:${byte}`).join(',')],
    ...[0, 1, 2].flatMap((shift) => {
      const base64 = base64At(part, shift);
      return [['base64', base64] as const, ['base64url', base64.replaceAll('+', '-').replaceAll('/', '_')] as const];
    }),
  ];
  // Written alike in two of them, it is called by the first.
  const distinct = new Map(texts.toReversed().map(([name, text]) => [text, name]));
  return [
    { name: 'raw bytes', bytes: part },
    ...[...distinct].map(([text, name]) => ({ name, bytes: Buffer.from(text, 'latin1') })),
  ];
}

const pairs = (hex: string): string[] => hex.match(/../g) ?? [];

/**
 * What bytes look like in the base64 of something longer in which they begin `shift` bytes (modulo 3) after its start: only the characters
 * that their neighbours have no part in.
 */
function base64At(part: Buffer, shift: number): string {
  const text = Buffer.concat([Buffer.alloc(shift), part])
    .toString('base64')
    .replace(/=+$/, '');
  const mixedAtStart = [0, 2, 3][shift] ?? 0;
  const mixedAtEnd = (shift + part.length) % 3 === 0 ? 0 : 1;
  return text.slice(mixedAtStart, text.length - mixedAtEnd);
}

/** The same text with escapes of JSON, of addresses and of printed objects undone, and without what only lays text out. */
export function flattened(bytes: Buffer): Buffer {
  const text = bytes
    .toString('latin1')
    .replace(/\\+u00([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    .replace(/%([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    .replace(/\\+[nrt]/g, '')
    .replace(/[\s"'\\]/g, '');
  return Buffer.from(text, 'latin1');
}
