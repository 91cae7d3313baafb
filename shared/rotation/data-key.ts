import {
  constants,
  createHash,
  createHmac,
  createPublicKey,
  type KeyObject,
  publicEncrypt,
  timingSafeEqual,
} from 'node:crypto';
import { BadDataKeyError, RefusalError } from './errors';
import { type KeyIdentifier, kidOf, parseKeyIdentifier, sameKey, sameKid } from './key-identifier';
import type { DataKeyChange, KeyVault, KeyVersionDetail, WrapAlgorithm, WrappedDataKey } from './ports';

/** Shorter keys are refused: the check value of a short key could be searched for. */
const shortestDataKey = 16;
const checkValueBytes = 16;
const checkValueLabel = 'keyturn/check/v1';
const longestBlob = 4096;

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

/** A record whose fields have been checked: a versioned identifier, a known algorithm, bytes. */
export interface FitDataKey {
  readonly kid: string;
  readonly version: string;
  readonly alg: WrapAlgorithm;
  readonly blob: Buffer;
  readonly check: Buffer | null;
}

/** What `fitDataKey` finds wrong by itself, without a word from the vault. */
const seenWithoutVault: readonly string[] = ['record-garbled', 'record-other-key', 'unsupported-algorithm'];

/** Whether a data key was found bad by something the vault answered: many such in a row may mean that the vault is what is wrong. */
export const isVaultsWord = ({ code }: BadDataKeyError): boolean => !seenWithoutVault.includes(code);

/**
 * Checks a record as stored, without the vault. Refuses `record-garbled`, `record-other-key` (not wrapped by `key`) and
 * `unsupported-algorithm`; messages name the record and the field, never its content.
 */
export function fitDataKey(record: WrappedDataKey, key: string): FitDataKey {
  const identifier = parseKeyIdentifier(record.kid);
  if (identifier === null || identifier.version === null) throw garbled(record, 'kid', 'a versioned key identifier');
  if (!sameKey(identifier.key, key)) {
    throw new BadDataKeyError(
      'record-other-key',
      `${nameOf(record)} is wrapped by another key than ${key}; take it out of this store.`,
    );
  }
  if (!isWrapAlgorithm(record.alg)) {
    const message = `${nameOf(record)} is wrapped with an algorithm other than RSA-OAEP and RSA-OAEP-256; wrap it anew with one of them.`;
    throw new BadDataKeyError('unsupported-algorithm', message);
  }
  const blob = decodeBase64url(record.blob);
  if (blob === null || blob.length > longestBlob) throw garbled(record, 'blob', 'base64url without padding');
  const check = record.check === null ? null : decodeBase64url(record.check);
  if (record.check !== null && check?.length !== checkValueBytes)
    throw garbled(record, 'check', `${checkValueBytes} bytes as base64url`);
  return { kid: kidOf(identifier.key, identifier.version), version: identifier.version, alg: record.alg, blob, check };
}

/**
 * Opens a record and lends the data key to `use`; wipes it afterwards. The key is right when this returns: it matched the
 * check value, or, where there is none, a second unwrap agreed. Refuses like `fitDataKey`, and `check-value-mismatch`,
 * `unwraps-disagree`, `data-key-too-short`.
 */
export async function withDataKey<T>(
  record: WrappedDataKey,
  key: string,
  vault: KeyVault,
  use: (dataKey: Uint8Array, fit: FitDataKey) => T | Promise<T>,
): Promise<T> {
  const fit = fitDataKey(record, key);
  const dataKey = await ofRecord(record, () => vault.unwrap(fit.kid, fit.alg, fit.blob));
  try {
    await proveUnwrapped(record, fit, dataKey, vault);
    return await use(dataKey, fit);
  } finally {
    dataKey.fill(0);
  }
}

/**
 * Asks the vault about what a record says. A version that is not there and a blob that the vault does not take are this record's fault
 * and nobody else's; a version that is disabled, or a vault that lets nobody in, meets every record.
 */
async function ofRecord<T>(record: WrappedDataKey, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof RefusalError) || !recordsOwn.includes(error.code)) throw error;
    throw new BadDataKeyError(error.code, `${nameOf(record)}: ${error.message}`, { cause: error });
  }
}

const recordsOwn: readonly string[] = ['version-not-found', 'key-vault-refused'];

/**
 * The first of the two comparisons. A vault, a proxy or a client may answer well-formed, wrong bytes: a driver of another
 * product once did, wrapped them faithfully under the new key, and the true keys were lost (libmongocrypt issue 428, MONGOCRYPT-464).
 * A round trip of the new blob cannot see that, since wrong bytes come back as the same wrong bytes.
 */
async function proveUnwrapped(
  record: WrappedDataKey,
  fit: FitDataKey,
  dataKey: Uint8Array,
  vault: KeyVault,
): Promise<void> {
  if (dataKey.length < shortestDataKey) throw tooShort(nameOf(record), dataKey.length);
  const check = Buffer.from(checkValue(dataKey), 'base64url');
  if (fit.check !== null) {
    if (equalBytes(check, fit.check)) return;
    const message = `${nameOf(record)} did not open to the key that its check value names: wrong bytes from the vault, or a changed record.`;
    throw new BadDataKeyError('check-value-mismatch', message);
  }
  const again = await ofRecord(record, () => vault.unwrap(fit.kid, fit.alg, fit.blob));
  try {
    if (equalBytes(again, dataKey)) return;
    throw new BadDataKeyError(
      'unwraps-disagree',
      `${nameOf(record)} has no check value, and two unwraps of it gave different keys.`,
    );
  } finally {
    again.fill(0);
  }
}

/**
 * Wraps a record's data key with `next` instead of the version the record names. Answers what to write, or null if the record is on
 * that version already. Nothing is to be written when this refuses (I9). Refuses like `withDataKey`, and `round-trip-mismatch`.
 */
export async function rewrap(
  record: WrappedDataKey,
  next: KeyVersionDetail,
  vault: KeyVault,
): Promise<DataKeyChange | null> {
  if (sameKid(record.kid, next.kid)) return null;
  return withDataKey(record, next.kid, vault, async (dataKey, fit) => {
    const { publicKey } = next;
    if (publicKey === null)
      throw new RefusalError(
        'key-type-unfit',
        `${next.kid} is of type ${next.keyType}; only RSA and RSA-HSM keys wrap data keys.`,
      );
    const blob = wrapLocally(publicKey, fit.alg, dataKey);
    await proveWrapped(record, next.kid, fit.alg, blob, dataKey, vault);
    const written = { kid: next.kid, alg: fit.alg, blob: encodeBase64url(blob) };
    const previous = { kid: fit.kid, alg: fit.alg, blob: record.blob, wrote: digestOf(written) } satisfies KeptBlob;
    return { ...written, check: record.check ?? checkValue(dataKey), previous: JSON.stringify(previous) };
  });
}

/**
 * The second comparison. The new blob was made here, with a public key that was read over the network: only the vault can show
 * that the private key behind this very version opens it to the same data key. The first comparison says nothing of that.
 */
async function proveWrapped(
  record: WrappedDataKey,
  kid: string,
  alg: WrapAlgorithm,
  blob: Uint8Array,
  dataKey: Uint8Array,
  vault: KeyVault,
): Promise<void> {
  const opened = await vault.unwrap(kid, alg, blob);
  try {
    if (equalBytes(opened, dataKey)) return;
    const message = `The new blob of ${nameOf(record)} did not open to the key it was made from; the record is left as it was.`;
    throw new BadDataKeyError('round-trip-mismatch', message);
  } finally {
    opened.fill(0);
  }
}

/**
 * Takes a record back from `nextKid`. Answers what to write, or null if it is not on that version.
 *
 * If the present blob is, byte for byte, the one we wrote, the old blob returns, without the vault: rolling back must work
 * when next is the very thing that fails. How we know: `previous` also holds `wrote`, a SHA-256 over what we wrote. Comparing the two unwrapped
 * keys instead would need next to unwrap, and a check value can be stale. Owners that store a new key by merging
 * leave our `previous` behind, and are recognised by the same digest. A `previous` without `wrote` is not believed before both
 * blobs were opened and compared.
 *
 * Else the owner has a new key: it is rewrapped, verified as always, with the version its record named before (`fallback`
 * if the record no longer says). A record of which nothing says where it was before (no `fallback`) stays: it opens.
 */
export async function putBack(
  record: WrappedDataKey,
  nextKid: string,
  vault: KeyVault,
  fallback: KeyVersionDetail | null,
): Promise<DataKeyChange | null> {
  if (!sameKid(record.kid, nextKid)) return null;
  const kept = keptBlob(record, nextKid);
  if (kept !== null && (await isOurs(record, kept, nextKid, vault))) {
    return { kid: kept.kid, alg: kept.alg, blob: kept.blob, check: record.check, previous: null };
  }
  const before =
    kept === null || (fallback !== null && sameKid(kept.kid, fallback.kid))
      ? fallback
      : await ofRecord(record, () => vault.version(kept.kid));
  return before === null ? null : rewrap(record, before, vault);
}

interface KeptBlob {
  readonly kid: string;
  readonly alg: WrapAlgorithm;
  readonly blob: string;
  readonly wrote: string | null;
}

async function isOurs(record: WrappedDataKey, kept: KeptBlob, key: string, vault: KeyVault): Promise<boolean> {
  if (kept.wrote !== null) return kept.wrote === digestOf(record);
  return withDataKey(record, key, vault, async (present) => {
    const old = await ofRecord(record, () => vault.unwrap(kept.kid, kept.alg, Buffer.from(kept.blob, 'base64url')));
    try {
      return equalBytes(old, present);
    } finally {
      old.fill(0);
    }
  });
}

/** The blob that ours replaced, if the record keeps one that is fit and of the same key, but another version. */
function keptBlob(record: WrappedDataKey, nextKid: string): KeptBlob | null {
  const value = parseObject(record.previous);
  const { kid, alg, blob, wrote } = value;
  if (typeof kid !== 'string' || typeof alg !== 'string' || typeof blob !== 'string') return null;
  const identifier: KeyIdentifier | null = parseKeyIdentifier(kid);
  if (identifier?.version == null || !sameKey(kid, nextKid) || sameKid(kid, nextKid)) return null;
  if (!isWrapAlgorithm(alg) || decodeBase64url(blob) === null) return null;
  return { kid, alg, blob, wrote: typeof wrote === 'string' ? wrote : null };
}

function parseObject(text: string | null): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text ?? '{}');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function digestOf({ kid, alg, blob }: Pick<WrappedDataKey, 'kid' | 'alg' | 'blob'>): string {
  return createHash('sha256').update(`${kid} ${alg} ${blob}`).digest('base64url');
}

function isWrapAlgorithm(alg: string): alg is WrapAlgorithm {
  return alg === 'RSA-OAEP' || alg === 'RSA-OAEP-256';
}

function garbled(record: WrappedDataKey, field: string, wanted: string): BadDataKeyError {
  return new BadDataKeyError(
    'record-garbled',
    `${nameOf(record)} is garbled: its ${field} is not ${wanted}; restore it from its owner's copy.`,
  );
}

function tooShort(what: string, bytes: number): BadDataKeyError {
  const message = `${what} has ${bytes} bytes of key; ${shortestDataKey} are the least. Let its owner make a longer one.`;
  return new BadDataKeyError('data-key-too-short', message);
}

const nameOf = (record: WrappedDataKey): string => `Record ${recordName(record)}`;

const longestName = 120;

/** What a record is called in what people read: keys of a table may be a thousand characters long. */
export function recordName({ id }: Pick<WrappedDataKey, 'id'>): string {
  const name = `${id.partitionKey}/${id.rowKey}`;
  return name.length <= longestName ? name : `${name.slice(0, longestName - 1).toWellFormed()}…`;
}
