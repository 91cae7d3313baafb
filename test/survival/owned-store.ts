import { TableClient } from '@azure/data-tables';
import { digest, makeRecords, type OwnedRecord, openRecord, renewRecord } from '../../sandbox/run/owner';
import type { PrivateKeys } from './private-keys';

/** What the owner remembers of a record: it, and nothing else, is to be found in the store for ever. */
export interface Remembered {
  /** Digest of the document's text. */
  readonly text: string;
  readonly dataKey: Buffer;
  readonly alg: string;
  /** Whether the owner keeps a check value beside it. */
  readonly checked: boolean;
}

/** A record as it lies in the table. */
export type StoredRecord = OwnedRecord & { readonly previous?: string };

/** Entities in one transaction, at most. */
const BATCH = 100;
/** Records in one partition, at most: a store that grew over years has many. */
const PARTITION = 250;

export const idOf = ({ partitionKey, rowKey }: Pick<OwnedRecord, 'partitionKey' | 'rowKey'>): string =>
  `${partitionKey}/${rowKey}`;

/** One table of wrapped data keys and its owner, who goes on working while Keyturn moves it; he writes past the app's own storage. */
export class OwnedStore {
  readonly name: string;
  readonly table: TableClient;
  readonly keys: PrivateKeys;
  readonly remembered = new Map<string, Remembered>();
  /** Every data key that ever was, those that were replaced or deleted too, each under the id of its record and its number. */
  readonly dataKeys = new Map<string, Buffer>();
  /** Every blob that the owner himself has written, and whether he put a check value beside it. */
  readonly ownBlobs = new Map<string, boolean>();

  constructor(name: string, connectionString: string, keys: PrivateKeys) {
    this.name = name;
    this.keys = keys;
    this.table = TableClient.fromConnectionString(connectionString, name, { allowInsecureConnection: true });
  }

  /** What the owner did long ago: so many records under a version, in a few partitions at least. */
  async fill(count: number, version: string): Promise<void> {
    await this.table.createTable();
    const size = Math.min(PARTITION, Math.ceil(count / 8));
    for (let made = 0; made < count; made += size) {
      const partition = `fleet-${String(made / size).padStart(3, '0')}`;
      const records = makeRecords(Math.min(size, count - made), partition, this.keys.publicJwk(version));
      for (let from = 0; from < records.length; from += BATCH) {
        const batch = records.slice(from, from + BATCH);
        await this.table.submitTransaction(batch.map((record) => ['create', { ...record }]));
      }
      for (const record of records) await this.#remember(record);
    }
  }

  /** Opens the record as he would, and stores its document under a new data key, merged over whatever else is there. */
  async replace(id: string, version: string): Promise<void> {
    const record = await this.read(id);
    const text = await openRecord(record, async (kid, alg, blob) => this.keys.unwrap(kid, alg, blob));
    const renewed = renewRecord(record, text, this.keys.publicJwk(version));
    const { partitionKey, rowKey, kid, alg, blob, check, document } = renewed;
    await this.#remember(renewed);
    await this.table.updateEntity({ partitionKey, rowKey, kid, alg, blob, check, document }, 'Merge');
  }

  /** Changes a column that is no concern of Keyturn's, and with it the ETag. */
  async touch(id: string): Promise<void> {
    const { partitionKey, rowKey } = await this.read(id);
    await this.table.updateEntity({ partitionKey, rowKey, lastUsed: new Date().toISOString() }, 'Merge');
  }

  async remove(id: string): Promise<void> {
    const { partitionKey, rowKey } = await this.read(id);
    this.remembered.delete(id);
    await this.table.deleteEntity(partitionKey, rowKey);
  }

  /** Deletes it, and stores another under the same name. */
  async removeAndMakeAgain(id: string, version: string): Promise<void> {
    const { partitionKey, rowKey, document: _, kid: __, alg: ___, blob: ____ } = await this.read(id);
    await this.table.deleteEntity(partitionKey, rowKey);
    const [made] = makeRecords(1, partitionKey, this.keys.publicJwk(version));
    // The row key is authenticated with the document, so a record is made for its name.
    const record = renewRecord(
      { ...(made as OwnedRecord), rowKey },
      `Document ${rowKey}, made again`,
      this.keys.publicJwk(version),
    );
    await this.#remember(record);
    await this.table.createEntity({ ...record });
  }

  /** Stores one more. @returns its id */
  async add(partitionKey: string, version: string): Promise<string> {
    const [record] = makeRecords(1, partitionKey, this.keys.publicJwk(version));
    await this.#remember(record as OwnedRecord);
    await this.table.createEntity({ ...(record as OwnedRecord) });
    return idOf(record as OwnedRecord);
  }

  async read(id: string): Promise<StoredRecord> {
    const [partitionKey = '', rowKey = ''] = id.split('/');
    return { ...(await this.table.getEntity<StoredRecord>(partitionKey, rowKey)), partitionKey, rowKey };
  }

  async all(): Promise<StoredRecord[]> {
    const found: StoredRecord[] = [];
    for await (const record of this.table.listEntities<StoredRecord>()) {
      found.push({ ...record, partitionKey: record.partitionKey ?? '', rowKey: record.rowKey ?? '' });
    }
    return found;
  }

  /** Before it is written, so that nobody can have seen a blob that is not known to be his. */
  async #remember(record: OwnedRecord): Promise<void> {
    const { kid, alg, blob, check } = record;
    const text = await openRecord(record, async () => this.keys.unwrap(kid, alg, blob));
    this.ownBlobs.set(blob, check !== undefined);
    const dataKey = this.keys.unwrap(kid, alg, blob);
    this.dataKeys.set(`${idOf(record)} (${this.dataKeys.size})`, dataKey);
    this.remembered.set(idOf(record), {
      text: digest(text),
      dataKey,
      alg,
      checked: check !== undefined,
    });
  }
}
