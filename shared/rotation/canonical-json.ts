import { hash } from 'node:crypto';

const deepest = 64;

/**
 * JSON in one canonical form (a subset of RFC 8785): members sorted by UTF-16 code units, no white space, numbers as ECMAScript
 * prints them. Two equal values give equal text, so the text can be hashed. Throws `TypeError` for what JSON would silently
 * change or drop: undefined, NaN and the infinities, bigints, functions, symbols, dates and other classes, holes in
 * arrays, lone surrogates; and for nesting deeper than 64.
 */
export function canonicalJson(value: unknown): string {
  return write(value, 0);
}

/** SHA-256 of a text's UTF-8 bytes, hex. */
export function sha256Hex(text: string): string {
  return hash('sha256', text, 'hex');
}

function write(value: unknown, depth: number): string {
  if (depth > deepest) throw new TypeError(`canonical JSON: nested deeper than ${deepest}`);
  if (typeof value === 'string') return writeString(value);
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`canonical JSON: ${value} is not a JSON number`);
    return JSON.stringify(value);
  }
  // Not `map`, which skips holes.
  if (Array.isArray(value)) return `[${Array.from(value, (item) => write(item, depth + 1)).join(',')}]`;
  if (typeof value === 'object' && isPlain(value)) return writeObject(value as Record<string, unknown>, depth);
  throw new TypeError(`canonical JSON: no form for ${typeof value}`);
}

/** Whoever gives the members in their order saves the sorting: a verifier does this for every record. */
function writeObject(value: Record<string, unknown>, depth: number): string {
  const names = Object.keys(value);
  if (names.some((name, index) => index > 0 && (names[index - 1] as string) > name)) names.sort();
  let text = '{';
  for (const name of names) text += `${text === '{' ? '' : ','}${writeString(name)}:${write(value[name], depth + 1)}`;
  return `${text}}`;
}

function writeString(text: string): string {
  if (!text.isWellFormed()) throw new TypeError('canonical JSON: a string holds a lone surrogate');
  return JSON.stringify(text);
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  return Object.getPrototypeOf(prototype as object) === null;
}
