import {
  constants,
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPublicKey,
  type KeyObject,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';

/**
 * The application of an owner who wraps his own data keys, written from the outside contract alone: how Keyturn stores and reads
 * them is none of its business. It is what "old data still opens" is measured with.
 */

/** RSA-OAEP is SHA-1's, RSA-OAEP-256 SHA-256's (RFC 7518, section 4.3). */
export type WrapAlgorithm = 'RSA-OAEP' | 'RSA-OAEP-256';

/** The public part of a Key Vault key, as its REST API answers it. */
export interface PublicJwk {
  /** Versioned key identifier. */
  readonly kid: string;
  readonly n: string;
  readonly e: string;
}

/** One entity of the table: a wrapped data key, and beside it the document that it opens. */
export interface OwnedRecord {
  partitionKey: string;
  rowKey: string;
  kid: string;
  alg: WrapAlgorithm;
  /** base64url, without padding, as all below. */
  blob: string;
  check?: string;
  /** AES-256-GCM: 12 bytes of nonce, the ciphertext, 16 bytes of tag; the row key is authenticated with it. */
  document: string;
}

/** Unwraps a blob through Key Vault with the owner's own identity. */
export type Unwrap = (kid: string, alg: WrapAlgorithm, blob: string) => Promise<Buffer>;

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const CHECKED_TEXT = 'keyturn/check/v1';

/**
 * New records, each under a data key of its own. They are as mixed as a store that grew over years: every third has no
 * check value, every fourth is wrapped with the older algorithm.
 */
export function makeRecords(count: number, partitionKey: string, key: PublicJwk): OwnedRecord[] {
  const publicKey = createPublicKey({ key: { kty: 'RSA', n: key.n, e: key.e }, format: 'jwk' });
  return Array.from({ length: count }, (_, index) => {
    const number = String(index + 1).padStart(4, '0');
    const alg: WrapAlgorithm = index % 4 === 3 ? 'RSA-OAEP' : 'RSA-OAEP-256';
    const rowKey = `document-${number}`;
    const dataKey = randomBytes(32);
    const text = `Document ${number}, written before the rotation: ${randomBytes(24).toString('hex')}`;
    return {
      partitionKey,
      rowKey,
      kid: key.kid,
      alg,
      blob: wrap(publicKey, alg, dataKey).toString('base64url'),
      ...(index % 3 === 2 ? {} : { check: checkValue(dataKey) }),
      document: seal(dataKey, rowKey, text).toString('base64url'),
    };
  });
}

/** The same document under a new data key, wrapped with another version: what an owner does who replaces a data key. */
export function renewRecord(record: OwnedRecord, text: string, key: PublicJwk): OwnedRecord {
  const publicKey = createPublicKey({ key: { kty: 'RSA', n: key.n, e: key.e }, format: 'jwk' });
  const dataKey = randomBytes(32);
  return {
    ...record,
    kid: key.kid,
    blob: wrap(publicKey, record.alg, dataKey).toString('base64url'),
    check: checkValue(dataKey),
    document: seal(dataKey, record.rowKey, text).toString('base64url'),
  };
}

/** The document's text. @throws if the key is another, or the document was changed */
export async function openRecord(record: OwnedRecord, unwrap: Unwrap): Promise<string> {
  const dataKey = await unwrap(record.kid, record.alg, record.blob);
  if (record.check !== undefined && record.check !== checkValue(dataKey)) {
    throw new Error(`${record.rowKey}: the unwrapped key does not match its check value`);
  }
  return open(dataKey, record.rowKey, Buffer.from(record.document, 'base64url'));
}

/** First 16 bytes of HMAC-SHA-256 under the data key over `keyturn/check/v1`. */
export function checkValue(dataKey: Buffer): string {
  return createHmac('sha256', dataKey).update(CHECKED_TEXT, 'ascii').digest().subarray(0, 16).toString('base64url');
}

/** Locally, with the public key alone; only unwrapping needs the vault. */
function wrap(publicKey: KeyObject, alg: WrapAlgorithm, dataKey: Buffer): Buffer {
  const oaepHash = alg === 'RSA-OAEP' ? 'sha1' : 'sha256';
  return publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, dataKey);
}

function seal(dataKey: Buffer, name: string, text: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', dataKey, nonce).setAAD(Buffer.from(name));
  return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
}

function open(dataKey: Buffer, name: string, sealed: Buffer): string {
  const decipher = createDecipheriv('aes-256-gcm', dataKey, sealed.subarray(0, NONCE_BYTES));
  decipher.setAAD(Buffer.from(name)).setAuthTag(sealed.subarray(-TAG_BYTES));
  const text = decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES));
  return Buffer.concat([text, decipher.final()]).toString('utf8');
}

/** What is remembered of a text, to tell later whether it is still the same. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
