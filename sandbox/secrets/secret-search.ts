import { join } from 'node:path';
import type { TableClient } from '@azure/data-tables';
import type { Secret } from './forms';
import { anyToken, dataKeysOf, privateKeysIn, privateParts, type WrappedRecord } from './known-secrets';
import { Needles } from './needles';
import { blobsOf, filesUnder, type Place, tablesOf } from './places';

/**
 * The only places where a secret may lie, each with the secrets that are its own. Everything else that Keyturn, its host or a stand-in
 * writes or says must hold none; the owner of the data keys keeps them in memory.
 */
const allowed: readonly { readonly place: RegExp; readonly secret: RegExp; readonly why: string }[] = [
  {
    place: /^cloud\/vault-[^/]+\.json$/,
    secret: /^(d|p|q|dp|dq|qi) of /,
    why: 'the disk of the Key Vault stand-in, whose private keys they are',
  },
  {
    place: /^cloud\/identity-header$/,
    secret: /^the identity header$/,
    why: 'the disk of the stand-in for the managed identity, which asks for it',
  },
  {
    place: /^compiled\//,
    secret: /^the storage account key$/,
    why: "Node's cache of compiled code: Azure's SDKs hold this key, which every storage emulator has, as a constant",
  },
];

/** What came of a search. */
export interface SearchReport {
  /** One sentence for each secret that was found where it must not be; never the secret. */
  readonly problems: readonly string[];
  readonly secrets: number;
  readonly forms: number;
  /** Places by kind. */
  readonly places: Readonly<Record<Place['kind'], number>>;
}

/** What is searched: one local cloud and everything that the app in it writes or says. */
export interface Searched {
  /** Folder of the run: logs, the durable engine's database, storage, the stand-ins' own disks (`cloud`). */
  readonly folder: string;
  readonly connectionString: string;
  /** The owner's tables of wrapped data keys. */
  readonly dataKeys: readonly TableClient[];
  /** Secrets of others, as they are at the moment: SAS keys, connection strings. */
  others(): Promise<readonly Secret[]>;
  /** What the alert channels have received, as it came. */
  alerts(): Promise<readonly string[]>;
}

/**
 * Looks for key material wherever it must not be. `learn` at the beginning, and whenever secrets may have changed; `searchLive` while
 * everything is up; `searchFiles` when nothing writes any more.
 */
export class SecretSearch {
  readonly #searched: Searched;
  readonly #needles = new Needles();
  readonly #answers = new Map<string, Place>();
  readonly #problems = new Set<string>();
  readonly #places: Record<Place['kind'], number> = { table: 0, blob: 0, database: 0, file: 0, answer: 0, alert: 0 };
  #opened = new Set<string>();

  constructor(searched: Searched) {
    this.#searched = searched;
    this.#needles.add([anyToken]);
  }

  get report(): SearchReport {
    const { count: secrets, forms } = this.#needles;
    return { problems: [...this.#problems], secrets, forms, places: { ...this.#places } };
  }

  /** Keeps an answer of the app's until the search; the same one once. */
  heard(from: string, text: string): void {
    if (!this.#answers.has(text)) this.#answers.set(text, { kind: 'answer', name: from, bytes: Buffer.from(text) });
  }

  add(secrets: Iterable<Secret>): void {
    this.#needles.add(secrets);
  }

  /** Takes in what is secret now: private keys, data keys, and what `others` knows. */
  async learn(): Promise<void> {
    const keys = privateKeysIn(join(this.#searched.folder, 'cloud'));
    this.#needles.add(keys.flatMap(privateParts));
    for (const table of this.#searched.dataKeys) {
      for await (const record of table.listEntities<WrappedRecord>()) {
        const seen = `${record.blob} ${record.previous}`;
        if (this.#opened.has(seen)) continue;
        this.#opened.add(seen);
        this.#needles.add(dataKeysOf(record, keys));
      }
    }
    this.#needles.add(await this.#searched.others());
  }

  async searchLive(): Promise<void> {
    await this.learn();
    const { connectionString } = this.#searched;
    for await (const place of tablesOf(connectionString)) this.#look(place);
    for await (const place of blobsOf(connectionString)) this.#look(place);
    for (const alert of await this.#searched.alerts()) {
      this.#look({ kind: 'alert', name: 'an alert', bytes: Buffer.from(alert) });
    }
    for (const answer of this.#answers.values()) this.#look(answer);
    this.#answers.clear();
  }

  /** @throws if a database is still open elsewhere */
  searchFiles(): void {
    for (const place of filesUnder(this.#searched.folder)) this.#look(place);
  }

  #look(place: Place): void {
    this.#places[place.kind] += 1;
    for (const { secret, form } of this.#needles.findIn(place.bytes)) {
      const known = allowed.some((each) => each.place.test(place.name) && each.secret.test(secret.what));
      if (!known) this.#problems.add(`${secret.what} is in ${place.kind} ${place.name}, as ${form}`);
    }
  }
}

/** One line for people. */
export function searchText({ problems, secrets, forms, places }: SearchReport): string {
  const counted = Object.entries(places)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${kind}${count === 1 ? '' : 's'}`);
  const result = problems.length === 0 ? 'none found' : `${problems.length} FOUND`;
  return `${secrets} looked for in ${forms} forms in ${counted.join(', ')}: ${result}`;
}
