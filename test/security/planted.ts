import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { inspect } from 'node:util';
import type { PrivateKey } from '../../sandbox/secrets/known-secrets';

/** Ways in which code writes down bytes, on purpose or not. */
export const spellings: Readonly<Record<string, (bytes: Buffer) => string | Buffer>> = {
  'raw bytes': (bytes) => bytes,
  base64: (bytes) => bytes.toString('base64'),
  'base64 of something longer': (bytes) => Buffer.concat([Buffer.from('{"k":'), bytes, bytes]).toString('base64'),
  'base64 of something longer by one byte more': (bytes) =>
    Buffer.concat([Buffer.from('{"k":"'), bytes]).toString('base64'),
  base64url: (bytes) => bytes.toString('base64url'),
  hex: (bytes) => bytes.toString('hex'),
  'upper-case hex': (bytes) => bytes.toString('hex').toUpperCase(),
  'hex with colons': (bytes) => (bytes.toString('hex').match(/../g) ?? []).join(':'),
  'JSON of base64 within JSON within JSON': (bytes) =>
    JSON.stringify({ a: JSON.stringify({ b: JSON.stringify(bytes.toString('base64')) }) }),
  'JSON with escapes that nobody needs': (bytes) =>
    JSON.stringify(bytes.toString('base64')).replaceAll('/', '\\/').replaceAll('+', '\\u002B'),
  'part of an address': (bytes) => `https://x/?k=${encodeURIComponent(bytes.toString('base64'))}&v=1`,
  'JSON of a Buffer': (bytes) => JSON.stringify({ key: bytes }, null, 2),
  'JSON of a Uint8Array': (bytes) => JSON.stringify({ key: new Uint8Array(bytes) }),
  'a printed Buffer': (bytes) => inspect(bytes),
  'a printed Uint8Array': (bytes) => inspect({ key: new Uint8Array(bytes) }),
  'its first half alone, in base64': (bytes) => bytes.subarray(0, 16).toString('base64'),
  'its second half alone, in hex': (bytes) => bytes.subarray(-16).toString('hex'),
  'lines of base64': (bytes) => (bytes.toString('base64').match(/.{1,20}/g) ?? []).join('\n'),
};

/** A folder as a run of the sandbox leaves it, with one private key on the disk of the Key Vault stand-in. */
export function runFolder(): { readonly folder: string; readonly key: PrivateKey } {
  const folder = mkdtempSync(join(tmpdir(), 'keyturn-secrets-'));
  for (const name of ['cloud', 'host', 'logs']) mkdirSync(join(folder, name));
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const stored = [{ name: 'kek', versions: [{ version: 'v1', pem: privateKey }] }];
  writeFileSync(join(folder, 'cloud', 'vault-orchard.json'), JSON.stringify(stored));
  writeFileSync(join(folder, 'logs', 'app.log'), '{"level":"information"}\n');
  durableHistory(folder, 'nothing');
  return { folder, key: { name: 'orchard/kek/v1', version: 'v1', key: createPrivateKey(privateKey) } };
}

/** The durable engine's database, with a text that is so long that SQLite spreads it over pages. */
export function durableHistory(folder: string, text: string): void {
  const database = new DatabaseSync(join(folder, 'host', 'durable.sqlite'));
  database.exec('CREATE TABLE IF NOT EXISTS history (instanceId TEXT, events TEXT)');
  const [before, after] = [randomBytes(3000).toString('base64url'), randomBytes(3000).toString('base64url')];
  database.prepare('INSERT INTO history VALUES (?, ?)').run('r-1', `{"Result":"${before} ${text} ${after}"}`);
  database.close();
}
