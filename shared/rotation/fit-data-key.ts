import { BadDataKeyError } from './errors';
import { kidOf, parseKeyIdentifier, sameKey } from './key-identifier';
import type { WrapAlgorithm, WrappedDataKey } from './ports';
import { checkValueBytes, decodeBase64url, isWrapAlgorithm } from './wrapping';

const longestBlob = 4096;

/** A record whose fields have been checked: a versioned identifier, a known algorithm, bytes. */
export interface FitDataKey {
  readonly kid: string;
  readonly version: string;
  readonly alg: WrapAlgorithm;
  readonly blob: Buffer;
  readonly check: Buffer | null;
}

/** The KEK that a record must be wrapped by; of one that is being replaced, or was, the other key too. */
export type Keys = string | readonly string[];

/** What `fitDataKey` finds wrong by itself, without a word from the vault. */
const seenWithoutVault: readonly string[] = ['record-garbled', 'record-other-key', 'unsupported-algorithm'];

/** Whether a data key was found bad by something the vault answered: many such in a row may mean that the vault is what is wrong. */
export const isVaultsWord = ({ code }: BadDataKeyError): boolean => !seenWithoutVault.includes(code);

/**
 * Checks a record as stored, without the vault. Refuses `record-garbled`, `record-other-key` (wrapped by none of `keys`) and
 * `unsupported-algorithm`; messages name the record and the field, never its content.
 */
export function fitDataKey(record: WrappedDataKey, keys: Keys): FitDataKey {
  const identifier = parseKeyIdentifier(record.kid);
  if (identifier === null || identifier.version === null) throw garbled(record, 'kid', 'a versioned key identifier');
  const known = [keys].flat();
  if (!known.some((key) => sameKey(identifier.key, key))) {
    throw new BadDataKeyError(
      'record-other-key',
      `${nameOf(record)} is wrapped by another key than ${known.join(' or ')}; take it out of this store.`,
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

function garbled(record: WrappedDataKey, field: string, wanted: string): BadDataKeyError {
  return new BadDataKeyError(
    'record-garbled',
    `${nameOf(record)} is garbled: its ${field} is not ${wanted}; restore it from its owner's copy.`,
  );
}

export const nameOf = (record: WrappedDataKey): string => `Record ${recordName(record)}`;

const longestName = 120;

/** What a record is called in what people read: keys of a table may be a thousand characters long. */
export function recordName({ id }: Pick<WrappedDataKey, 'id'>): string {
  const name = `${id.partitionKey}/${id.rowKey}`;
  return name.length <= longestName ? name : `${name.slice(0, longestName - 1).toWellFormed()}…`;
}
