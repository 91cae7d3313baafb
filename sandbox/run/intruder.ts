import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { TableClient, type TableEntity } from '@azure/data-tables';
import { BlobServiceClient } from '@azure/storage-blob';
import type { Sandbox } from './bring-up';

type Row = TableEntity<Record<string, unknown>>;
type Content = Record<string, unknown> & { sequence: number; message: string };

const TABLE = 'KeyturnAudit';

/**
 * Somebody who may write the table of the history, and knows how it is hashed, but can sign nothing. From the outside contract, like
 * everything here: what he hashes is canonical JSON, written once more.
 */
export class Intruder {
  readonly #sandbox: Pick<Sandbox, 'storage' | 'folder' | 'key'>;
  readonly #table: TableClient;

  constructor(sandbox: Pick<Sandbox, 'storage' | 'folder' | 'key'>) {
    this.#sandbox = sandbox;
    this.#table = TableClient.fromConnectionString(sandbox.storage.connectionString, TABLE, {
      allowInsecureConnection: true,
    });
  }

  /** Another message, and nothing else. */
  async edit(sequence: number, message: string): Promise<void> {
    const row = await this.#record(sequence);
    await this.#write(row, { ...contentOf(row), message });
  }

  async remove(sequence: number): Promise<void> {
    const { partitionKey, rowKey } = await this.#record(sequence);
    await this.#table.deleteEntity(partitionKey, rowKey);
  }

  /** Two records change their places. */
  async swap(a: number, b: number): Promise<void> {
    const [one, other] = [await this.#record(a), await this.#record(b)];
    await this.#table.upsertEntity({ ...other, rowKey: one.rowKey }, 'Replace');
    await this.#table.upsertEntity({ ...one, rowKey: other.rowKey }, 'Replace');
  }

  /** Another message, and every hash from there on made anew, the head's too: the chain alone shows nothing of it. */
  async rewriteFrom(sequence: number, message: string): Promise<void> {
    let previousHash = sequence === 1 ? '0'.repeat(64) : String(contentOf(await this.#record(sequence - 1))['hash']);
    for (const row of (await this.#rows('r_0001_')).slice(sequence - 1)) {
      const content = contentOf(row);
      const changed = { ...content, previousHash, message: content.sequence === sequence ? message : content.message };
      previousHash = hashOf(changed);
      await this.#write(row, { ...changed, hash: previousHash });
      await this.#setHead({ sequence: content.sequence, hash: previousHash });
    }
  }

  /** The end is gone, its signed heads too, and the head names the last that is left. */
  async cutAfter(sequence: number): Promise<void> {
    const late = [...(await this.#rows('r_0001_')), ...(await this.#rows('seal_0001_'))].filter(
      ({ rowKey }) => Number(rowKey.split('_')[2]) > sequence,
    );
    for (const { partitionKey, rowKey } of late) await this.#table.deleteEntity(partitionKey, rowKey);
    await this.#setHead({ sequence, hash: String(contentOf(await this.#record(sequence))['hash']) });
  }

  /** Takes one anchor away, as nobody could under an immutability policy. */
  async removeAnchor(): Promise<void> {
    const container = BlobServiceClient.fromConnectionString(this.#sandbox.storage.connectionString).getContainerClient(
      'keyturn-anchors',
    );
    for await (const { name } of container.listBlobsFlat()) {
      await container.deleteBlob(name);
      return;
    }
  }

  /** Everything as it is now. @returns what puts it back so */
  async remember(): Promise<() => Promise<void>> {
    const before = await this.#rows('');
    return async () => {
      const known = new Set(before.map(({ rowKey }) => rowKey));
      for (const { partitionKey, rowKey } of await this.#rows('')) {
        if (!known.has(rowKey)) await this.#table.deleteEntity(partitionKey, rowKey);
      }
      for (const row of before) await this.#table.upsertEntity(row, 'Replace');
    };
  }

  /** What the task hub held, orchestrations and all, is lost; the host must not be running. */
  loseTaskHub(): void {
    rmSync(join(this.#sandbox.folder, 'host'), { recursive: true });
  }

  async #rows(prefix: string): Promise<Row[]> {
    const rows: Row[] = [];
    for await (const { etag: _etag, timestamp: _timestamp, ...row } of this.#table.listEntities<Row>()) {
      if (row.rowKey.startsWith(prefix)) rows.push(row as Row);
    }
    return rows;
  }

  async #record(sequence: number): Promise<Row> {
    const found = (await this.#rows('r_0001_')).find(({ rowKey }) => Number(rowKey.split('_')[2]) === sequence);
    if (found === undefined) throw new Error(`there is no record ${sequence}`);
    return found;
  }

  async #write(row: Row, content: object): Promise<void> {
    await this.#table.upsertEntity({ ...row, record: JSON.stringify(content) }, 'Replace');
  }

  async #setHead(columns: { sequence: number; hash: string }): Promise<void> {
    const [head] = await this.#rows('head_0001');
    if (head === undefined) throw new Error('there is no head');
    await this.#table.upsertEntity({ ...head, ...columns }, 'Replace');
  }
}

const contentOf = (row: Row): Content => JSON.parse(String(row['record'])) as Content;

/** SHA-256 over the canonical JSON of every member but the hash. */
function hashOf({ hash: _hash, ...content }: Record<string, unknown>): string {
  return createHash('sha256').update(canonical(content)).digest('hex');
}

function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(',')}}`;
}
