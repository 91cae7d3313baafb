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

/** The key pair of one version. It is really generated, and nothing but this class sees its private half. */
export class KeyMaterial {
  readonly #private: KeyObject;
  readonly #public: KeyObject;
  readonly #decrypting = new Map<string, webcrypto.CryptoKey>();

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
      return Buffer.from(await webcrypto.subtle.decrypt({ name: 'RSA-OAEP' }, this.#decryptingKey(hash), value));
    } catch {
      throw badParameter('The parameter is incorrect: the value was not made with this key and algorithm.');
    }
  }

  #decryptingKey(hash: string): webcrypto.CryptoKey {
    const known = this.#decrypting.get(hash);
    if (known !== undefined) return known;
    const made = this.#private.toCryptoKey({ name: 'RSA-OAEP', hash }, false, ['decrypt']);
    this.#decrypting.set(hash, made);
    return made;
  }

  #require(algorithm: string): void {
    if (this.#private.asymmetricKeyType !== 'rsa' || !WRAP_ALGORITHMS.includes(algorithm)) {
      throw badParameter(`Key and algorithm '${algorithm}' are not compatible.`);
    }
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
