import { constants, createHmac, createPublicKey, type KeyObject, publicEncrypt, timingSafeEqual } from 'node:crypto';
import { BadDataKeyError } from './errors';
import type { WrapAlgorithm } from './ports';

/** Shorter keys are refused: the check value of a short key could be searched for. */
export const shortestDataKey = 16;
export const checkValueBytes = 16;
const checkValueLabel = 'keyturn/check/v1';

/** Decodes base64url without padding; null unless it is the one canonical spelling of its bytes. */
export function decodeBase64url(text: string): Buffer | null {
  if (typeof text !== 'string' || !/^[A-Za-z0-9_-]+$/.test(text)) return null;
  const bytes = Buffer.from(text, 'base64url');
  // Node forgives left-over bits and lengths; two spellings of one blob would defeat "byte for byte".
  return bytes.toString('base64url') === text ? bytes : null;
}

export function encodeBase64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}

/** The check value of a data key: tells whether an unwrap gave the right key, and nothing else of a random one. Refuses `data-key-too-short`. */
export function checkValue(dataKey: Uint8Array): string {
  if (dataKey.length < shortestDataKey) throw tooShort('A data key', dataKey.length);
  const digest = createHmac('sha256', dataKey).update(checkValueLabel, 'ascii').digest();
  return encodeBase64url(digest.subarray(0, checkValueBytes));
}

/** Whether two keys or digests are equal, in a time that does not depend on where they differ. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Wraps with an RSA public key, without asking the vault. Refuses `data-key-too-long` for more than the key can hold. */
export function wrapLocally(
  publicKey: { readonly n: string; readonly e: string },
  alg: WrapAlgorithm,
  dataKey: Uint8Array,
): Buffer {
  const key = imported(publicKey);
  const oaepHash = alg === 'RSA-OAEP-256' ? 'sha256' : 'sha1';
  // RFC 8017, 7.1.1: the modulus less two digests and two bytes.
  const modulusBytes = (key.asymmetricKeyDetails?.modulusLength ?? 0) / 8;
  const longest = modulusBytes - 2 * (alg === 'RSA-OAEP-256' ? 32 : 20) - 2;
  if (dataKey.length > longest) {
    const message = `A data key of ${dataKey.length} bytes does not fit: ${longest} are the most for ${alg} and this key.`;
    throw new BadDataKeyError('data-key-too-long', message);
  }
  return publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, dataKey);
}

/** To import a key costs more than to wrap with it, and a hundred thousand data keys are wrapped with one. */
const importedKeys = new WeakMap<object, KeyObject>();

function imported(publicKey: { readonly n: string; readonly e: string }): KeyObject {
  const known = importedKeys.get(publicKey);
  if (known !== undefined) return known;
  const key = createPublicKey({ key: { kty: 'RSA', n: publicKey.n, e: publicKey.e }, format: 'jwk' });
  importedKeys.set(publicKey, key);
  return key;
}

/** Refuses a data key under `shortestDataKey` bytes, whatever it is called. */
export function tooShort(what: string, bytes: number): BadDataKeyError {
  const message = `${what} has ${bytes} bytes of key; ${shortestDataKey} are the least. Let its owner make a longer one.`;
  return new BadDataKeyError('data-key-too-short', message);
}

export function isWrapAlgorithm(alg: string): alg is WrapAlgorithm {
  return alg === 'RSA-OAEP' || alg === 'RSA-OAEP-256';
}
