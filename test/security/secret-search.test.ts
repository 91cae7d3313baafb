import { createPublicKey, constants as crypto, publicEncrypt, randomBytes } from 'node:crypto';
import { copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TableClient } from '@azure/data-tables';
import { BlobServiceClient } from '@azure/storage-blob';
import { anyToken, base64Secret, textSecret } from '../../sandbox/secrets/known-secrets';
import { Needles } from '../../sandbox/secrets/needles';
import { SecretSearch, searchText } from '../../sandbox/secrets/secret-search';
import { useAzurite } from '../contract/azurite';
import { durableHistory, runFolder, spellings } from './planted';

const azurite = useAzurite();
const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

const connectionString = (): string => {
  const { storage } = azurite();
  return storage.by === 'connection-string' ? storage.connectionString : '';
};
const dataKey = randomBytes(32);
const sasKey = randomBytes(32).toString('base64');
const options = { allowInsecureConnection: true };

/** A run whose owner has one data key, and what a search of it comes to once somebody has left something somewhere. */
async function searchedAfter(plant: (folder: string) => unknown): Promise<readonly string[]> {
  const { folder, key } = runFolder();
  folders.push(folder);
  const table = TableClient.fromConnectionString(connectionString(), 'owned', options);
  await table.createTable();
  const padding = crypto.RSA_PKCS1_OAEP_PADDING;
  const blob = publicEncrypt({ key: createPublicKey(key.key), padding, oaepHash: 'sha256' }, dataKey);
  const record = { kid: 'https://v/keys/kek/v1', alg: 'RSA-OAEP-256', blob: blob.toString('base64url') };
  await table.upsertEntity({ partitionKey: 'fleet', rowKey: 'document-1', ...record });
  const alerts: string[] = [];
  const search = new SecretSearch({
    ...{ folder, connectionString: connectionString(), dataKeys: [table] },
    others: async () => [...base64Secret('primaryKey service of hub', sasKey)],
    alerts: async () => alerts,
  });
  await search.learn();
  await plant(folder);
  heard.splice(0).forEach((text) => {
    search.heard('/api/rotations', text);
  });
  alerts.push(...alerted.splice(0));
  await search.searchLive();
  search.searchFiles();
  expect(search.report.secrets).toBeGreaterThanOrEqual(10);
  return search.report.problems;
}

const heard: string[] = [];
const alerted: string[] = [];

describe('A secret is found in every form in which it may have been written', () => {
  test.each(Object.entries(spellings))('%s', (_, spell) => {
    const others = Array.from({ length: 500 }, (_each, index) => ({ what: `other ${index}`, bytes: randomBytes(32) }));
    const needles = new Needles();
    needles.add([...others, { what: 'the data key', bytes: dataKey }]);
    const spelled = spell(dataKey);
    const text = Buffer.concat([randomBytes(100_000), Buffer.from(' '), Buffer.from(spelled), Buffer.from(' end')]);
    expect(new Set(needles.findIn(text).map(({ secret }) => secret.what))).toEqual(new Set(['the data key']));
  });

  test('and none is found where none is: not in a million random bytes, nor in their text', () => {
    const needles = new Needles();
    needles.add(Array.from({ length: 1000 }, (_, index) => ({ what: String(index), bytes: randomBytes(32) })));
    const noise = randomBytes(1_000_000);
    expect([...needles.findIn(noise), ...needles.findIn(Buffer.from(noise.toString('base64')))]).toEqual([]);
  });

  test('a token, by how every token begins', () => {
    const needles = new Needles();
    needles.add([anyToken]);
    const token = `eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.${randomBytes(40).toString('base64url')}.c2ln`;
    expect(needles.findIn(Buffer.from(`authorization: Bearer ${token}`))).toHaveLength(1);
    expect(needles.findIn(Buffer.from(Buffer.from(`x${token}`).toString('base64'))).length).toBeGreaterThan(0);
  });

  test('one that is too short to be told from chance is refused, not passed over', () => {
    expect(() => new Needles().add([textSecret('a word', 'hunter2')])).toThrow('a word is too short');
  });
});

describe('Key material left in a place where none may be is found there', () => {
  const text = dataKey.toString('base64');
  const plants: Readonly<Record<string, (folder: string) => unknown>> = {
    'database host/durable.sqlite': (folder) => durableHistory(folder, text),
    'file logs/app.log': (folder) => writeFileSync(join(folder, 'logs', 'app.log'), `unwrapped ${text}\n`),
    'file rotation.json': (folder) => writeFileSync(join(folder, 'rotation.json'), JSON.stringify({ key: text })),
    'file cloud/vault-orchard.json': (folder) =>
      writeFileSync(join(folder, 'cloud', 'vault-orchard.json'), JSON.stringify([{ name: text, versions: [] }])),
    'table KeyturnAudit': async () => {
      const audit = TableClient.fromConnectionString(connectionString(), 'KeyturnAudit', options);
      await audit.createTable();
      await audit.upsertEntity({ partitionKey: 'kek', rowKey: 'r_0001', record: JSON.stringify({ message: text }) });
    },
    'blob keyturn-plans/r-1.json': async () => {
      const plans = BlobServiceClient.fromConnectionString(connectionString()).getContainerClient('keyturn-plans');
      await plans.createIfNotExists();
      await plans.getBlockBlobClient('r-1.json').upload(text, text.length);
    },
    'answer /api/rotations': () => heard.push(`500 {}\n{"detail":"${text}"}`),
    'alert an alert': () => alerted.push(JSON.stringify({ data: { reason: text } })),
  };

  test.each(Object.keys(plants))('%s', async (place) => {
    const problems = await searchedAfter(plants[place] as (folder: string) => unknown);
    expect(problems).toContain(`the data key of fleet/document-1 is in ${place}, as base64`);
  });

  test('in the journal too that a killed host has left beside its database', async () => {
    const problems = await searchedAfter((folder) => {
      const alive = join(folder, 'alive.sqlite');
      const database = new DatabaseSync(alive);
      database.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (text TEXT)');
      database.prepare('INSERT INTO t VALUES (?)').run(text);
      // As they lie when the process is gone without having closed them.
      for (const file of ['', '-wal', '-shm']) copyFileSync(`${alive}${file}`, join(folder, `killed.sqlite${file}`));
      database.close();
      rmSync(alive);
    });
    for (const place of ['file killed.sqlite-wal', 'database killed.sqlite'])
      expect(problems).toContain(`the data key of fleet/document-1 is in ${place}, as base64`);
  });

  test('a SAS key too, as text and as the bytes that it stands for', async () => {
    const inLog = (content: string) => (folder: string) => writeFileSync(join(folder, 'logs', 'host.log'), content);
    for (const content of [`{"primaryKey":${JSON.stringify(sasKey)}}`, Buffer.from(sasKey, 'base64').toString('hex')]) {
      expect(await searchedAfter(inLog(content))).toContainEqual(
        expect.stringMatching(/^primaryKey service of hub is in file logs\/host\.log/),
      );
    }
  });

  test('a part of a private key too; on the disk of the Key Vault stand-in, where it is at home, it is not told of', async () => {
    const { folder, key } = runFolder();
    folders.push(folder);
    const { d = '' } = key.key.export({ format: 'jwk' });
    const search = new SecretSearch({
      ...{ folder, connectionString: connectionString(), dataKeys: [] },
      others: async () => [],
      alerts: async () => [],
    });
    await search.learn();
    search.searchFiles();
    expect(search.report.problems).toEqual([]);
    writeFileSync(join(folder, 'cloud', 'clock.json'), JSON.stringify({ d }));
    search.searchFiles();
    expect(search.report.problems).toContainEqual(
      expect.stringMatching(/^d of orchard\/kek\/v1 is in file cloud\/clock\.json, as base64/),
    );
    expect(searchText(search.report)).toMatch(/^7 looked for in \d+ forms in 2 databases, \d+ files: \d+ FOUND$/);
  });
});
