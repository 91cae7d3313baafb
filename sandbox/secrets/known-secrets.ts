import { constants, createPrivateKey, type KeyObject, privateDecrypt } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Secret } from './forms';

/** One version of a key, with its private half: from the disk of the Key Vault stand-in, where nobody in Azure could read it. */
export interface PrivateKey {
  /** `<vault>/<key>/<version>`. */
  readonly name: string;
  readonly version: string;
  readonly key: KeyObject;
}

interface StoredKey {
  readonly name: string;
  readonly versions: readonly { readonly version: string; readonly pem: string }[];
}

/** @param state folder of the local cloud */
export function privateKeysIn(state: string): PrivateKey[] {
  return globSync(join(state, 'vault-*.json')).flatMap((file) => {
    const vault = basename(file, '.json').replace(/^vault-/, '');
    const keys = JSON.parse(readFileSync(file, 'utf8')) as readonly StoredKey[];
    return keys.flatMap(({ name, versions }) =>
      versions.map(({ version, pem }) => ({
        name: `${vault}/${name}/${version}`,
        version,
        key: createPrivateKey(pem),
      })),
    );
  });
}

/** Everything of a private key that is not public: any one of these gives the rest away. */
export function privateParts({ name, key }: PrivateKey): Secret[] {
  const jwk = key.export({ format: 'jwk' });
  return (['d', 'p', 'q', 'dp', 'dq', 'qi'] as const).flatMap((part) => {
    const value = jwk[part];
    return typeof value === 'string' ? [{ what: `${part} of ${name}`, bytes: Buffer.from(value, 'base64url') }] : [];
  });
}

/** A wrapped data key as its owner stores it; `previous` holds the one before, as Keyturn keeps it. */
export interface WrappedRecord {
  readonly partitionKey?: string;
  readonly rowKey?: string;
  readonly kid?: string;
  readonly alg?: string;
  readonly blob?: string;
  readonly previous?: string;
}

/** The data keys of a record, opened without the vault; what does not open is no secret of anybody's. */
export function dataKeysOf(record: WrappedRecord, keys: readonly PrivateKey[]): Secret[] {
  const previous = record.previous ? (JSON.parse(record.previous) as WrappedRecord) : {};
  return [record, previous].flatMap(({ kid, alg, blob }) => {
    const version = kid?.split('/').at(-1);
    const key = keys.find((candidate) => candidate.version === version)?.key;
    const bytes = key === undefined || blob === undefined ? null : unwrap(key, alg, blob);
    return bytes === null ? [] : [{ what: `the data key of ${record.partitionKey}/${record.rowKey}`, bytes }];
  });
}

function unwrap(key: KeyObject, alg: string | undefined, blob: string): Buffer | null {
  const oaepHash = alg === 'RSA-OAEP' ? 'sha1' : 'sha256';
  try {
    const padding = constants.RSA_PKCS1_OAEP_PADDING;
    return privateDecrypt({ key, padding, oaepHash }, Buffer.from(blob, 'base64url'));
  } catch {
    return null;
  }
}

/** A secret that is handed around as base64: its text, and the bytes that the text stands for. */
export function base64Secret(what: string, text: string): Secret[] {
  return [textSecret(what, text), { what, bytes: Buffer.from(text, 'base64') }];
}

export const textSecret = (what: string, text: string): Secret => ({ what, bytes: Buffer.from(text, 'utf8') });

/** Every token of the local cloud begins so (kit/tokens.ts): it is enough to look for the beginning. */
export const anyToken: Secret = textSecret(
  'an access token',
  `${Buffer.from(JSON.stringify({ typ: 'JWT', alg: 'HS256' })).toString('base64url')}.`,
);
