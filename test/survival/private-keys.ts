import { constants, createHash, createPrivateKey, createPublicKey, type KeyObject, privateDecrypt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { PublicJwk, WrapAlgorithm } from '../../sandbox/run/owner';

interface StoredKey {
  readonly name: string;
  readonly versions: readonly { readonly version: string; readonly pem: string }[];
}

const hashes: Record<WrapAlgorithm, string> = { 'RSA-OAEP': 'sha1', 'RSA-OAEP-256': 'sha256' };

/**
 * The private keys behind one KEK, from the disk of the stand-in, which nobody has in Azure. With them a record can be opened whatever
 * became of the vault, its versions and everybody's permissions, by nothing but `node:crypto`.
 */
export class PrivateKeys {
  readonly #file: string;
  /** Unversioned identifier of the KEK. */
  readonly #key: string;
  readonly #versions = new Map<string, KeyObject>();
  readonly #opened = new Map<string, Buffer>();

  /** @param file the stand-in's `vault-<name>.json` */
  constructor(file: string, key: string) {
    this.#file = file;
    this.#key = key;
    this.refresh();
  }

  /** Reads the disk again: there may be versions that were made since. @returns all of them, oldest first */
  refresh(): readonly string[] {
    const keys = JSON.parse(readFileSync(this.#file, 'utf8')) as readonly StoredKey[];
    const name = this.#key.split('/').at(-1);
    const versions = keys.find((key) => key.name === name)?.versions ?? [];
    for (const { version, pem } of versions) {
      if (!this.#versions.has(version)) this.#versions.set(version, createPrivateKey(pem));
    }
    return versions.map(({ version }) => version);
  }

  /** As anybody may read it from the vault. */
  publicJwk(version: string): PublicJwk {
    const { n = '', e = '' } = createPublicKey(this.#private(version)).export({ format: 'jwk' });
    return { kid: `${this.#key}/${version}`, n, e };
  }

  /** The data key in a blob. @throws unless the private key of the very version that `kid` names opens it */
  unwrap(kid: string, alg: string, blob: string): Buffer {
    const name = `${kid} ${alg} ${blob}`;
    const known = this.#opened.get(name);
    if (known !== undefined) return known;
    const [key, version = ''] = [kid.slice(0, kid.lastIndexOf('/')), kid.split('/').at(-1)];
    if (key !== this.#key) throw new Error(`it names another key, ${key}`);
    const oaepHash = hashes[alg as WrapAlgorithm];
    if (oaepHash === undefined) throw new Error(`its algorithm is ${alg}`);
    const padding = constants.RSA_PKCS1_OAEP_PADDING;
    const wrapped = Buffer.from(blob, 'base64url');
    const dataKey = privateDecrypt({ key: this.#private(version), padding, oaepHash }, wrapped);
    this.#opened.set(name, dataKey);
    return dataKey;
  }

  #private(version: string): KeyObject {
    const found = this.#versions.get(version);
    if (found === undefined) throw new Error(`there is no version ${version}`);
    return found;
  }
}

/** What a log of requests calls a blob by. */
export function digestOf(blob: string): string {
  return createHash('sha256').update(blob).digest('base64url');
}
