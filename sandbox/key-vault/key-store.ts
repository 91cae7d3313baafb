import { readFileIfThere, replaceFile } from '../kit';
import type { Key, KeyVersion } from './key';
import { KeyMaterial } from './key-material';

type StoredVersion = Omit<KeyVersion, 'material'> & { pem: string };
type StoredKey = Omit<Key, 'versions'> & { versions: StoredVersion[] };

/** The keys of one vault, by name (without regard to case, as Key Vault has it), kept on disk so that a restarted vault opens old data. */
export class KeyStore {
  readonly keys = new Map<string, Key>();
  readonly #file: string;
  /** Whether keys were found on disk; then the seed does not count any more. */
  readonly restored: boolean;

  constructor(file: string) {
    this.#file = file;
    const kept = readFileIfThere(file);
    this.restored = kept !== undefined;
    if (kept === undefined) return;
    for (const stored of JSON.parse(kept) as StoredKey[]) {
      const versions = stored.versions.map(({ pem, ...version }) => ({
        ...version,
        nbf: version.nbf,
        exp: version.exp,
        material: new KeyMaterial(pem),
      }));
      this.keys.set(stored.name.toLowerCase(), {
        name: stored.name,
        policy: stored.policy,
        deleted: stored.deleted,
        versions,
      });
    }
  }

  find(name: string): Key | undefined {
    return this.keys.get(name.toLowerCase());
  }

  put(key: Key): void {
    this.keys.set(key.name.toLowerCase(), key);
  }

  remove(name: string): void {
    this.keys.delete(name.toLowerCase());
  }

  save(): void {
    const stored: StoredKey[] = [...this.keys.values()].map((key) => ({
      ...key,
      versions: key.versions.map(({ material, ...version }) => ({ ...version, pem: material.toPem() })),
    }));
    replaceFile(this.#file, JSON.stringify(stored));
  }
}
