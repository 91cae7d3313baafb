import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TableClient, TableServiceClient } from '@azure/data-tables';
import { BlobServiceClient } from '@azure/storage-blob';

/** What lies in one place, to be searched. */
export interface Place {
  readonly kind: 'table' | 'blob' | 'database' | 'file' | 'answer' | 'alert';
  /** For a message: `logs/app.log`, `KeyturnLedger`. */
  readonly name: string;
  readonly bytes: Buffer;
}

/** Every entity of every table: keys, columns and all. */
export async function* tablesOf(connectionString: string): AsyncGenerator<Place> {
  const options = { allowInsecureConnection: true };
  for await (const { name = '' } of TableServiceClient.fromConnectionString(connectionString, options).listTables()) {
    const entities: string[] = [];
    for await (const entity of TableClient.fromConnectionString(connectionString, name, options).listEntities()) {
      entities.push(JSON.stringify(entity, asText));
    }
    yield { kind: 'table', name, bytes: Buffer.from(entities.join('\n')) };
  }
}

/** Every blob of every container, with its name and its metadata. */
export async function* blobsOf(connectionString: string): AsyncGenerator<Place> {
  const service = BlobServiceClient.fromConnectionString(connectionString);
  for await (const { name: containerName } of service.listContainers()) {
    const container = service.getContainerClient(containerName);
    for await (const { name, metadata } of container.listBlobsFlat({ includeMetadata: true })) {
      const content = await container.getBlobClient(name).downloadToBuffer();
      const about = Buffer.from(JSON.stringify([name, metadata]));
      yield { kind: 'blob', name: `${containerName}/${name}`, bytes: Buffer.concat([about, content]) };
    }
  }
}

/**
 * Every file under a folder, then what the tables of each SQLite database hold: a long text lies in its file in pieces. Nobody may have it
 * open any more. Databases come last, because whoever opens one whose process was killed takes its journal away.
 */
export function* filesUnder(folder: string): Generator<Place> {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  const files = paths.map((path) => join(folder, path)).filter((file) => statSync(file).isFile());
  const named = files.map((file) => ({ file, name: relative(folder, file).replaceAll(sep, '/') }));
  for (const { file, name } of named) yield { kind: 'file', name, bytes: readFileSync(file) };
  for (const { file, name } of named)
    if (name.endsWith('.sqlite')) yield { kind: 'database', name, bytes: rowsOf(file) };
}

function rowsOf(file: string): Buffer {
  const database = new DatabaseSync(file);
  try {
    const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
    const rows = tables.flatMap(({ name }) => database.prepare(`SELECT * FROM "${String(name)}"`).all());
    return Buffer.from(rows.map((row) => JSON.stringify(row, asText)).join('\n'));
  } finally {
    database.close();
  }
}

/** Numbers too large for JSON as text; bytes stay the list of numbers that JSON makes of them. */
function asText(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
