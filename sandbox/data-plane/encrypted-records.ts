import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

interface Sealed {
  iv: Buffer;
  ciphertext: Buffer;
  tag: Buffer;
}

const algorithm = 'aes-256-gcm';

/** A service's data at rest: AES-256-GCM ciphertext only, each record bound to its id. Without the data key nothing here can be read. */
export class EncryptedRecords {
  readonly #records = new Map<string, Sealed>();

  put(id: string, value: unknown, key: Buffer): void {
    const iv = randomBytes(12);
    const cipher = createCipheriv(algorithm, key, iv).setAAD(Buffer.from(id));
    const ciphertext = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final()]);
    this.#records.set(id, { iv, ciphertext, tag: cipher.getAuthTag() });
  }

  /** @throws Error when the key is not the one the record was sealed with, or the record was changed */
  get(id: string, key: Buffer): unknown {
    const sealed = this.#records.get(id);
    if (sealed === undefined) return undefined;
    const decipher = createDecipheriv(algorithm, key, sealed.iv).setAAD(Buffer.from(id)).setAuthTag(sealed.tag);
    return JSON.parse(Buffer.concat([decipher.update(sealed.ciphertext), decipher.final()]).toString('utf8'));
  }

  ids(): string[] {
    return [...this.#records.keys()];
  }

  /** The bytes at rest, for a test that looks for plaintext in them. */
  atRest(id: string): Buffer | undefined {
    const sealed = this.#records.get(id);
    return sealed && Buffer.concat([sealed.iv, sealed.ciphertext, sealed.tag]);
  }
}
