import {
  constants,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  hkdfSync,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  webcrypto,
} from 'node:crypto';
import { promisify } from 'node:util';
import { badParameter } from './errors';
import { signDigest, verifyDigest } from './signing';

export type KeyType = 'RSA' | 'RSA-HSM' | 'EC' | 'EC-HSM';
export const CURVES = ['P-256', 'P-384', 'P-521', 'P-256K'] as const;
export type Curve = (typeof CURVES)[number];

const OPENSSL_CURVES: Record<Curve, string> = {
  'P-256': 'prime256v1',
  'P-384': 'secp384r1',
  'P-521': 'secp521r1',
  'P-256K': 'secp256k1',
};
const HASHES: Record<string, 'SHA-1' | 'SHA-256'> = { 'RSA-OAEP': 'SHA-1', 'RSA-OAEP-256': 'SHA-256' };
const WRAP_ALGORITHMS = [...Object.keys(HASHES), 'RSA1_5'];

const generate = promisify(generateKeyPair);

/** Node's thread pool has four threads unless told otherwise; more copies would only wait. */
const MOST_COPIES = 4;

/** The key pair of one version. It is really generated, and nothing but this class sees its private half. */
export class KeyMaterial {
  readonly #private: KeyObject;
  readonly #public: KeyObject;
  readonly #decrypting = new Map<string, DecryptingCopies>();

  constructor(pem: string) {
    this.#private = createPrivateKey(pem);
    this.#public = createPublicKey(this.#private);
  }

  static async generateRsa(bits: number): Promise<KeyMaterial> {
    const { privateKey } = await generate('rsa', { modulusLength: bits });
    return new KeyMaterial(privateKey.export({ type: 'pkcs8', format: 'pem' }) as string);
  }

  static async generateEc(curve: Curve): Promise<KeyMaterial> {
    const { privateKey } = await generate('ec', { namedCurve: OPENSSL_CURVES[curve] });
    return new KeyMaterial(privateKey.export({ type: 'pkcs8', format: 'pem' }) as string);
  }

  /** For the stand-in's own disk only. */
  toPem(): string {
    return this.#private.export({ type: 'pkcs8', format: 'pem' }) as string;
  }

  /** The public members of the JSON Web Key: `n` and `e`, or `crv`, `x` and `y`. */
  publicMembers(): Record<string, string> {
    const { n, e, crv, x, y } = this.#public.export({ format: 'jwk' });
    const named = { n, e, crv: crv === 'secp256k1' ? 'P-256K' : crv, x, y };
    return Object.fromEntries(
      Object.entries(named).filter((entry): entry is [string, string] => entry[1] !== undefined),
    );
  }

  /** @throws KeyVaultError 400 for an algorithm that this key does not do, or a value too long for it. */
  encrypt(algorithm: string, value: Buffer): Buffer {
    this.#require(algorithm);
    try {
      return publicEncrypt({ key: this.#public, ...padding(algorithm) }, value);
    } catch {
      throw badParameter('The parameter is incorrect: the value is too long for this key and algorithm.');
    }
  }

  /** Off the main thread where the algorithm allows it: a private operation costs ten times a public one. Throws as `encrypt`. */
  async decrypt(algorithm: string, value: Buffer): Promise<Buffer> {
    this.#require(algorithm);
    try {
      const hash = HASHES[algorithm];
      if (hash === undefined) return privateDecrypt({ key: this.#private, ...padding(algorithm) }, value);
      return await this.#copies(hash).decrypt(value);
    } catch {
      throw badParameter('The parameter is incorrect: the value was not made with this key and algorithm.');
    }
  }

  /** @throws KeyVaultError 400 */
  sign(algorithm: string, digest: Buffer): Buffer {
    return signDigest(this.#private, algorithm, digest);
  }

  /** @throws KeyVaultError 400 */
  verify(algorithm: string, digest: Buffer, signature: Buffer): boolean {
    return verifyDigest(this.#public, algorithm, digest, signature);
  }

  #copies(hash: string): DecryptingCopies {
    const known = this.#decrypting.get(hash);
    if (known !== undefined) return known;
    const made = new DecryptingCopies(this.toPem(), hash);
    this.#decrypting.set(hash, made);
    return made;
  }

  #require(algorithm: string): void {
    if (this.#private.asymmetricKeyType !== 'rsa' || !WRAP_ALGORITHMS.includes(algorithm)) {
      throw badParameter(`Key and algorithm '${algorithm}' are not compatible.`);
    }
  }
}

/**
 * Copies of one private key, each used by one decryption at a time: Node locks a key while a thread works with it, so that with a
 * single one all threads, and whoever asks the main one for anything about the key, would stand in line.
 */
class DecryptingCopies {
  readonly #pem: string;
  readonly #hash: string;
  readonly #idle: webcrypto.CryptoKey[] = [];
  readonly #waiting: ((copy: webcrypto.CryptoKey) => void)[] = [];
  #made = 0;

  constructor(pem: string, hash: string) {
    this.#pem = pem;
    this.#hash = hash;
  }

  async decrypt(value: Buffer): Promise<Buffer> {
    const copy = await this.#take();
    try {
      return Buffer.from(await webcrypto.subtle.decrypt({ name: 'RSA-OAEP' }, copy, value));
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#idle.push(copy);
      else next(copy);
    }
  }

  #take(): webcrypto.CryptoKey | Promise<webcrypto.CryptoKey> {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    if (this.#made >= MOST_COPIES) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#made += 1;
    return createPrivateKey(this.#pem).toCryptoKey({ name: 'RSA-OAEP', hash: this.#hash }, false, ['decrypt']);
  }
}

function padding(algorithm: string): { padding: number; oaepHash?: string } {
  const hash = HASHES[algorithm];
  if (hash === undefined) return { padding: constants.RSA_PKCS1_PADDING };
  return { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash.replace('-', '').toLowerCase() };
}

/** Another well-formed key in place of the right one, the same for every unwrap of the same blob: the fault that comparing twice misses. */
export function wrongKeyFor(right: Buffer): Buffer {
  return Buffer.from(hkdfSync('sha256', right, '', 'wrong bytes', right.length));
}
