import { createHash } from 'node:crypto';
import { BadDataKeyError, RefusalError } from './errors';
import { type FitDataKey, fitDataKey, type Keys, nameOf } from './fit-data-key';
import { type KeyIdentifier, parseKeyIdentifier, sameKey, sameKid } from './key-identifier';
import type { DataKeyChange, KeyVault, KeyVersionDetail, WrapAlgorithm, WrappedDataKey } from './ports';
import {
  checkValue,
  decodeBase64url,
  encodeBase64url,
  equalBytes,
  isWrapAlgorithm,
  shortestDataKey,
  tooShort,
  wrapLocally,
} from './wrapping';

/**
 * Opens a record and lends the data key to `use`; wipes it afterwards. The key is right when this returns: it matched the
 * check value, or, where there is none, a second unwrap agreed. Refuses like `fitDataKey`, and `check-value-mismatch`,
 * `unwraps-disagree`, `data-key-too-short`.
 */
export async function withDataKey<T>(
  record: WrappedDataKey,
  keys: Keys,
  vault: KeyVault,
  use: (dataKey: Uint8Array, fit: FitDataKey) => T | Promise<T>,
): Promise<T> {
  const fit = fitDataKey(record, keys);
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
 * @param keys by which the record may be wrapped now, where that is not only the key of `next`
 */
export async function rewrap(
  record: WrappedDataKey,
  next: KeyVersionDetail,
  vault: KeyVault,
  keys: Keys = next.kid,
): Promise<DataKeyChange | null> {
  if (sameKid(record.kid, next.kid)) return null;
  return withDataKey(record, keys, vault, async (dataKey, fit) => {
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
 * @param keys by which it may have been wrapped before, where that is not only the key of `nextKid`
 */
export async function putBack(
  record: WrappedDataKey,
  nextKid: string,
  vault: KeyVault,
  fallback: KeyVersionDetail | null,
  keys: Keys = nextKid,
): Promise<DataKeyChange | null> {
  if (!sameKid(record.kid, nextKid)) return null;
  const kept = keptBlob(record, nextKid, keys);
  if (kept !== null && (await isOurs(record, kept, nextKid, vault))) {
    return { kid: kept.kid, alg: kept.alg, blob: kept.blob, check: record.check, previous: null };
  }
  const before =
    kept === null || (fallback !== null && sameKid(kept.kid, fallback.kid))
      ? fallback
      : await ofRecord(record, () => vault.version(kept.kid));
  return before === null ? null : rewrap(record, before, vault, keys);
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

/** The blob that ours replaced, if the record keeps one that is fit and of one of the keys, but another version. */
function keptBlob(record: WrappedDataKey, nextKid: string, keys: Keys): KeptBlob | null {
  const value = parseObject(record.previous);
  const { kid, alg, blob, wrote } = value;
  if (typeof kid !== 'string' || typeof alg !== 'string' || typeof blob !== 'string') return null;
  const identifier: KeyIdentifier | null = parseKeyIdentifier(kid);
  if (identifier?.version == null || sameKid(kid, nextKid)) return null;
  if (![keys].flat().some((key) => sameKey(kid, key))) return null;
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
