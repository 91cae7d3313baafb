import { putBack, rewrap, withDataKey } from '../rotation/data-key';
import type { Keys } from '../rotation/fit-data-key';
import { versionOf } from '../rotation/key-identifier';
import type { DataKeyChange, KeyVault, KeyVersionDetail, WrappedDataKey } from '../rotation/ports';
import type { ChangeOf } from './data-key-batches';

/** Forward: every record to the next version, both comparisons made. */
export const rewrapTo =
  (next: KeyVersionDetail, keys: Keys, keyVault: KeyVault): ChangeOf =>
  (record) =>
    rewrap(record, next, keyVault, keys);

/**
 * Back. Asks the vault nothing of the next version, which may be the very thing that fails. An old blob goes back only after one of
 * its version was seen to open, once a stretch: where it does not, the present blob is the only one that can be read.
 */
export function putBackFrom(nextKid: string, previousKid: string | null, keys: Keys, keyVault: KeyVault): ChangeOf {
  const opened = new Map<string, Promise<void>>();
  let fallback: Promise<KeyVersionDetail | null> | undefined;
  /** Where a record goes back to that its owner replaced whole; read only if there is one. */
  const previous = (): Promise<KeyVersionDetail | null> => {
    fallback ??= previousKid === null ? Promise.resolve(null) : keyVault.version(previousKid);
    return fallback;
  };
  /** The first record of a version proves it for the others that ask meanwhile; one that does not open proves nothing for them. */
  const prove = async (record: WrappedDataKey, change: DataKeyChange): Promise<void> => {
    for (;;) {
      const known = opened.get(change.kid);
      if (known === undefined) break;
      if (
        await known.then(
          () => true,
          () => false,
        )
      )
        return;
    }
    const proof = withDataKey({ ...record, ...change }, keys, keyVault, () => undefined);
    opened.set(change.kid, proof);
    await proof.catch((error: unknown) => {
      opened.delete(change.kid);
      throw error;
    });
  };
  return async (record) => {
    const fallback = record.previous === null ? await previous() : null;
    const change = await putBack(record, nextKid, keyVault, fallback, keys);
    if (change !== null) await prove(record, change);
    return change;
  };
}

/** Forgets the kept old blob, if one of the versions wrapped it. */
export const dropBlobsOf =
  (versions: readonly string[]): ChangeOf =>
  async (record) => {
    if (!keepsBlobOf(record, versions)) return null;
    const { kid, alg, blob, check } = record;
    return { kid, alg, blob, check, previous: null };
  };

/** Whether the old blob that a record keeps was wrapped by one of the versions. */
function keepsBlobOf({ previous }: WrappedDataKey, versions: readonly string[]): boolean {
  if (previous === null) return false;
  try {
    const kept: unknown = JSON.parse(previous);
    const kid = typeof kept === 'object' && kept !== null && 'kid' in kept ? kept.kid : null;
    return typeof kid === 'string' && versions.includes(versionOf(kid) ?? '');
  } catch {
    return false; // not of ours
  }
}
