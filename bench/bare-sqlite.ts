import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const seconds = 1.5;

/**
 * How many transactions of one small row this machine's SQLite commits in a second, with the settings of the host's own store
 * (WAL, synchronous NORMAL): what the disk and SQLite allow before any host has done anything.
 */
export function bareCommitsPerSecond(directory: string): number {
  const database = new DatabaseSync(join(directory, 'bare.sqlite'));
  database.exec(`PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
    CREATE TABLE rows (id INTEGER PRIMARY KEY, text TEXT NOT NULL);`);
  const begin = database.prepare('BEGIN IMMEDIATE');
  const insert = database.prepare('INSERT INTO rows VALUES (?, ?)');
  const commit = database.prepare('COMMIT');
  const text = 'x'.repeat(200);
  const began = performance.now();
  let commits = 0;
  while (performance.now() - began < seconds * 1000) {
    begin.run();
    insert.run(++commits, text);
    commit.run();
  }
  const took = (performance.now() - began) / 1000;
  database.close();
  return commits / took;
}
