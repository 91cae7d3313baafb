import {
  constants,
  createECDH,
  createHash,
  type KeyObject,
  privateEncrypt,
  publicDecrypt,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import { badParameter, notSupportedHere } from './errors';

/**
 * Key Vault's `sign` and `verify` (REST API, "Sign" and "Verify", algorithms of RFC 7518). Both take a digest that the caller has made,
 * which node:crypto's own sign and verify do not; so the encodings of RFC 8017 and the arithmetic of ECDSA are done here.
 */

const HASHES: Record<string, { name: string; bytes: number; prefix: string }> = {
  256: { name: 'sha256', bytes: 32, prefix: '3031300d060960864801650304020105000420' },
  384: { name: 'sha384', bytes: 48, prefix: '3041300d060960864801650304020205000430' },
  512: { name: 'sha512', bytes: 64, prefix: '3051300d060960864801650304020305000440' },
};

interface Algorithm {
  family: 'RS' | 'PS' | 'ES';
  hash: { name: string; bytes: number; prefix: string };
}

/** @throws KeyVaultError 400 for an algorithm that this key does not do, or a digest of another length than its */
export function signDigest(privateKey: KeyObject, algorithm: string, digest: Buffer): Buffer {
  const { family, hash } = algorithmFor(privateKey, algorithm, digest);
  if (family === 'ES') return signWithCurve(privateKey, digest);
  const padded = family === 'PS' ? encodePss(digest, hash, bitsOf(privateKey)) : digestInfo(digest, hash);
  const padding = family === 'PS' ? constants.RSA_NO_PADDING : constants.RSA_PKCS1_PADDING;
  return privateEncrypt({ key: privateKey, padding }, padded);
}

/** Throws as `signDigest`. Signatures on curves are made here and verified elsewhere. */
export function verifyDigest(publicKey: KeyObject, algorithm: string, digest: Buffer, signature: Buffer): boolean {
  const { family, hash } = algorithmFor(publicKey, algorithm, digest);
  if (family === 'ES') throw notSupportedHere('verify with a curve');
  try {
    if (family === 'PS') {
      const opened = publicDecrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, signature);
      return isPssOf(opened, digest, hash, bitsOf(publicKey));
    }
    const opened = publicDecrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, signature);
    return opened.equals(digestInfo(digest, hash));
  } catch {
    return false;
  }
}

const CURVE_OF: Record<string, string> = {
  ES256: 'prime256v1',
  ES384: 'secp384r1',
  ES512: 'secp521r1',
  ES256K: 'secp256k1',
};

function algorithmFor(key: KeyObject, algorithm: string, digest: Buffer): Algorithm {
  const [, family, bits = ''] = /^(RS|PS|ES)(256|384|512)K?$/.exec(algorithm) ?? [];
  const hash = HASHES[bits];
  const type = family === 'ES' ? 'ec' : 'rsa';
  const curve = CURVE_OF[algorithm];
  const fits = key.asymmetricKeyType === type && (type === 'rsa' || key.asymmetricKeyDetails?.namedCurve === curve);
  if (hash === undefined || !fits || (type === 'ec' && curve === undefined)) {
    throw badParameter(`Key and algorithm '${algorithm}' are not compatible.`);
  }
  if (digest.length !== hash.bytes) {
    throw badParameter(`The digest must be ${hash.bytes} bytes long for algorithm '${algorithm}'.`);
  }
  return { family: family as Algorithm['family'], hash };
}

const digestInfo = (digest: Buffer, { prefix }: Algorithm['hash']): Buffer =>
  Buffer.concat([Buffer.from(prefix, 'hex'), digest]);

// --- RSA-PSS (RFC 8017, 9.1), with a salt as long as the digest ------------------------------------------------------------

const bitsOf = (key: KeyObject): number => key.asymmetricKeyDetails?.modulusLength ?? 0;

function encodePss(digest: Buffer, hash: Algorithm['hash'], modulusBits: number): Buffer {
  const length = Math.ceil((modulusBits - 1) / 8);
  const salt = randomBytes(hash.bytes);
  const h = saltedHash(digest, salt, hash);
  const data = Buffer.alloc(length - hash.bytes - 1);
  data[data.length - salt.length - 1] = 1;
  salt.copy(data, data.length - salt.length);
  const masked = xor(data, mask(h, data.length, hash));
  masked[0] = (masked[0] ?? 0) & firstByteMask(modulusBits);
  const encoded = Buffer.concat([masked, h, Buffer.from([0xbc])]);
  return Buffer.concat([Buffer.alloc(modulusBits / 8 - encoded.length), encoded]);
}

function isPssOf(encoded: Buffer, digest: Buffer, hash: Algorithm['hash'], modulusBits: number): boolean {
  const masked = encoded.subarray(0, encoded.length - hash.bytes - 1);
  const h = encoded.subarray(masked.length, encoded.length - 1);
  if (encoded.at(-1) !== 0xbc) return false;
  const data = xor(masked, mask(h, masked.length, hash));
  data[0] = (data[0] ?? 0) & firstByteMask(modulusBits);
  const padding = data.subarray(0, data.length - hash.bytes - 1);
  if (padding.some((byte) => byte !== 0) || data[padding.length] !== 1) return false;
  return timingSafeEqual(h, saltedHash(digest, data.subarray(padding.length + 1), hash));
}

const firstByteMask = (modulusBits: number): number =>
  0xff >> (8 * Math.ceil((modulusBits - 1) / 8) - (modulusBits - 1));

const saltedHash = (digest: Buffer, salt: Buffer, { name }: Algorithm['hash']): Buffer =>
  createHash(name).update(Buffer.alloc(8)).update(digest).update(salt).digest();

/** MGF1. */
function mask(seed: Buffer, length: number, { name }: Algorithm['hash']): Buffer {
  const parts: Buffer[] = [];
  for (let counter = 0, made = 0; made < length; counter++) {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(counter);
    const part = createHash(name).update(seed).update(number).digest();
    parts.push(part);
    made += part.length;
  }
  return Buffer.concat(parts).subarray(0, length);
}

const xor = (a: Buffer, b: Buffer): Buffer => Buffer.from(a.map((byte, index) => byte ^ (b[index] ?? 0)));

// --- ECDSA (FIPS 186-5, 6.4.1) ---------------------------------------------------------------------------------------------

/** Orders of the base points (SEC 2). */
const ORDERS: Record<string, string> = {
  prime256v1: 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
  secp384r1: 'ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973',
  secp521r1: `01${'f'.repeat(65)}a51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409`,
  secp256k1: 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141',
};

/** `r` and `s` one after the other (RFC 7518, 3.4). The point of the nonce comes from ECDH, which is the same multiplication. */
function signWithCurve(privateKey: KeyObject, digest: Buffer): Buffer {
  const curve = privateKey.asymmetricKeyDetails?.namedCurve ?? '';
  const order = BigInt(`0x${ORDERS[curve]}`);
  const secret = numberOf(Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url'));
  const length = Math.ceil((ORDERS[curve] ?? '').length / 2);
  const nonce = createECDH(curve);
  for (;;) {
    const point = nonce.generateKeys();
    const r = numberOf(point.subarray(1, 1 + (point.length - 1) / 2)) % order;
    // Each digest here is at most as long as its curve's order, so that nothing has to be cut off.
    const s = (inverse(numberOf(nonce.getPrivateKey()), order) * (numberOf(digest) + r * secret)) % order;
    if (r !== 0n && s !== 0n) return Buffer.concat([bytesOf(r, length), bytesOf(s, length)]);
  }
}

const numberOf = (bytes: Buffer): bigint => BigInt(`0x${bytes.toString('hex')}`);
const bytesOf = (number: bigint, length: number): Buffer =>
  Buffer.from(number.toString(16).padStart(length * 2, '0'), 'hex');

/** By Euclid. */
function inverse(number: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [number % modulus, modulus, 1n, 0n];
  while (a > 1n) {
    [x, y] = [y - (b / a) * x, x];
    [a, b] = [b % a, a];
  }
  return ((x % modulus) + modulus) % modulus;
}
