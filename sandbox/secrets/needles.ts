import { type Form, flattened, formsOf, type Secret } from './forms';

export interface Found {
  readonly secret: Secret;
  readonly form: string;
}

interface Needle extends Found {
  readonly bytes: Buffer;
}

/** Bytes by which a needle is recognised before it is compared whole; every form is longer. */
const WINDOW = 8;
const FILTER_BITS = 18;

/**
 * Many secrets, each in every form, looked for in one pass: a filter over the next eight bytes rules out nearly every place, so that it
 * takes as long for ten thousand secrets as for ten.
 */
export class Needles {
  readonly #filter = new Uint8Array(1 << FILTER_BITS);
  readonly #byStart = new Map<number, Needle[]>();
  readonly #secrets = new Map<string, Secret>();
  #forms = 0;

  /** Secrets that were added, each counted once. */
  get count(): number {
    return this.#secrets.size;
  }

  /** Forms of all of them. */
  get forms(): number {
    return this.#forms;
  }

  /** @throws RangeError for one that is too short to be told from chance */
  add(secrets: Iterable<Secret>): void {
    for (const secret of secrets) {
      const name = secret.bytes.toString('latin1');
      if (this.#secrets.has(name)) continue;
      this.#secrets.set(name, secret);
      for (const form of formsOf(secret)) this.#addForm(secret, form);
    }
  }

  /** Every secret that is in there, as it is or in text, each once in each form. */
  findIn(bytes: Buffer): Found[] {
    const found = new Map<string, Found>();
    for (const text of [bytes, flattened(bytes)]) {
      for (const { secret, form } of this.#find(text)) found.set(`${secret.what} ${form}`, { secret, form });
    }
    return [...found.values()];
  }

  #addForm(secret: Secret, { name, bytes }: Form): void {
    const start = hashOf(bytes.readUInt32LE(0), bytes.readUInt32LE(4));
    this.#filter[start >>> (32 - FILTER_BITS)] = 1;
    const needle = { secret, form: name, bytes };
    const others = this.#byStart.get(start);
    if (others === undefined) this.#byStart.set(start, [needle]);
    else others.push(needle);
    this.#forms += 1;
  }

  *#find(text: Buffer): Generator<Needle> {
    for (let at = 0; at + WINDOW <= text.length; at += 1) {
      const start = hashOf(text.readUInt32LE(at), text.readUInt32LE(at + 4));
      if (this.#filter[start >>> (32 - FILTER_BITS)] === 0) continue;
      for (const needle of this.#byStart.get(start) ?? []) {
        const end = at + needle.bytes.length;
        if (end <= text.length && needle.bytes.compare(text, at, end) === 0) yield needle;
      }
    }
  }
}

/** Of two words of four bytes; unsigned, its upper bits as good as its lower ones. */
function hashOf(low: number, high: number): number {
  const mixed = Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b);
  return Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d) >>> 0;
}
