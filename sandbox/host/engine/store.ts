import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import type { ParentInstance } from './history';

export type RuntimeStatus = 'Pending' | 'Running' | 'Suspended' | 'Completed' | 'Failed' | 'Terminated';

/** `input`, `output` and `customStatus` are JSON texts; times are milliseconds on the virtual clock. */
export interface InstanceRow {
  readonly instanceId: string;
  readonly executionId: string;
  readonly name: string;
  readonly status: RuntimeStatus;
  readonly input: string | null;
  readonly output: string | null;
  readonly customStatus: string | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly parent: ParentInstance | null;
}

/** An event on its way to an instance; `executionId` null means: to whichever execution is running. */
export interface QueuedMessage {
  readonly id: number;
  readonly instanceId: string;
  readonly executionId: string | null;
  readonly event: string;
}

export interface QueuedActivity {
  readonly id: number;
  readonly instanceId: string;
  readonly executionId: string;
  readonly taskId: number;
  readonly name: string;
  readonly input: string | null;
}

export interface TimerRow {
  readonly instanceId: string;
  readonly executionId: string;
  readonly timerId: number;
  readonly fireAt: number;
  /** When it fires here: as early as Azure's storage queues make it, unless exact timers were asked for. */
  readonly due: number;
  readonly createdAt: number;
  readonly cancelled: boolean;
}

export interface InstanceFilter {
  readonly createdFrom?: number | undefined;
  readonly createdTo?: number | undefined;
  readonly statuses?: readonly string[] | undefined;
  readonly prefix?: string | undefined;
  readonly after?: string | undefined;
  readonly limit: number;
}

/**
 * Messages and activities are rows only while they are queued, so they need no index but their id. A row of history holds
 * the events of one episode, a JSON text on each line; `seq` is the number of the first.
 */
const schema = `
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA wal_autocheckpoint = 10000;
CREATE TABLE IF NOT EXISTS instances (
  instanceId TEXT PRIMARY KEY, executionId TEXT NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL, input TEXT,
  output TEXT, customStatus TEXT, createdAt INTEGER NOT NULL, updatedAt INTEGER NOT NULL, parent TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS history (
  instanceId TEXT NOT NULL, seq INTEGER NOT NULL, events TEXT NOT NULL, PRIMARY KEY (instanceId, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
  id INTEGER PRIMARY KEY, instanceId TEXT NOT NULL, executionId TEXT, event TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS activities (
  id INTEGER PRIMARY KEY, instanceId TEXT NOT NULL, executionId TEXT NOT NULL, taskId INTEGER NOT NULL,
  name TEXT NOT NULL, input TEXT);
CREATE TABLE IF NOT EXISTS timers (
  instanceId TEXT NOT NULL, executionId TEXT NOT NULL, timerId INTEGER NOT NULL, fireAt INTEGER NOT NULL,
  due INTEGER NOT NULL, createdAt INTEGER NOT NULL, cancelled INTEGER NOT NULL,
  PRIMARY KEY (instanceId, executionId, timerId)) WITHOUT ROWID;
`;

/**
 * What survives `kill -9`: one SQLite file in WAL mode, opened exclusively so that two hosts cannot share it by mistake.
 * WAL with synchronous NORMAL survives the end of the process at any instant; a power cut may lose the last commits.
 */
export class Store {
  private readonly database: DatabaseSync;
  private readonly statements = new Map<string, StatementSync>();
  /** Never given twice in a process's life: SQLite would give the id of a deleted row again. */
  private nextId: number;
  private open: { readonly written: Promise<void>; readonly done: () => void } | undefined;

  /**
   * @param directory made if it is not there; the file is `durable.sqlite`
   * @throws Error if another host has the file open
   */
  constructor(directory: string) {
    mkdirSync(directory, { recursive: true });
    const path = join(directory, 'durable.sqlite');
    this.database = new DatabaseSync(path);
    try {
      this.database.exec(schema);
    } catch (error) {
      throw new Error(
        `The state file ${path} cannot be opened (is another host using it?): ${(error as Error).message}`,
      );
    }
    const ids = 'SELECT max(id) AS last FROM (SELECT id FROM messages UNION ALL SELECT id FROM activities)';
    this.nextId = Number(this.all(ids)[0]?.['last'] ?? 0) + 1;
  }

  close(): void {
    this.flush();
    this.statements.clear();
    this.database.close();
  }

  /**
   * Runs `work`: all of it, or, when it throws, nothing. What is done in one turn of the event loop goes to disk together, in
   * the same order, so that a crash loses the end of it and never a part in the middle. Whatever nobody outside may see
   * before it is on disk waits for `written`, or calls `flush` first.
   */
  transaction<T>(work: () => T): T {
    if (this.open === undefined) this.begin();
    this.run('SAVEPOINT unit');
    try {
      const result = work();
      this.run('RELEASE unit');
      return result;
    } catch (error) {
      // A full disk makes SQLite roll back everything, also what others did in this turn.
      if (!this.database.isTransaction) throw this.lost(error);
      this.run('ROLLBACK TO unit');
      this.run('RELEASE unit');
      throw error;
    }
  }

  /** Resolves when all that was done so far is on disk; undefined if it is. */
  get written(): Promise<void> | undefined {
    return this.open?.written;
  }

  /** Puts on disk what is not there yet. @throws what SQLite says; the process ends then */
  flush(): void {
    const { open } = this;
    if (open === undefined) return;
    try {
      this.run('COMMIT');
    } catch (error) {
      throw this.lost(error);
    }
    this.open = undefined;
    open.done();
  }

  private begin(): void {
    this.run('BEGIN IMMEDIATE');
    const { promise, resolve } = Promise.withResolvers<void>();
    this.open = { written: promise, done: resolve };
    setImmediate(() => this.flush());
  }

  /** Memory is ahead of the disk and cannot go back: the process ends, and the next one begins from the disk. */
  private lost(error: unknown): Error {
    const reason = new Error(`The state could not be written: ${String(error)}`, { cause: error });
    setImmediate(() => {
      throw reason;
    });
    return reason;
  }

  putInstance(row: InstanceRow): void {
    this.run(
      'INSERT OR REPLACE INTO instances VALUES (?,?,?,?,?,?,?,?,?,?)',
      row.instanceId,
      row.executionId,
      row.name,
      row.status,
      row.input,
      row.output,
      row.customStatus,
      row.createdAt,
      row.updatedAt,
      row.parent === null ? null : JSON.stringify(row.parent),
    );
  }

  getInstance(instanceId: string): InstanceRow | undefined {
    const [row] = this.all('SELECT * FROM instances WHERE instanceId = ?', instanceId);
    return row === undefined ? undefined : toInstance(row);
  }

  liveInstances(): InstanceRow[] {
    return this.all(`SELECT * FROM instances WHERE status IN ('Pending','Running','Suspended')`).map(toInstance);
  }

  /** In the order of their ids, so that the last id of a page is where the next one begins. */
  listInstances(filter: InstanceFilter): InstanceRow[] {
    const statuses = filter.statuses ?? [];
    const marks = statuses.map(() => '?').join(',');
    return this.all(
      `SELECT * FROM instances WHERE instanceId > ? AND createdAt >= ? AND createdAt <= ? AND instanceId LIKE ? ESCAPE '\\'
       ${statuses.length > 0 ? `AND status IN (${marks})` : ''} ORDER BY instanceId LIMIT ?`,
      filter.after ?? '',
      filter.createdFrom ?? Number.MIN_SAFE_INTEGER,
      filter.createdTo ?? Number.MAX_SAFE_INTEGER,
      `${(filter.prefix ?? '').replace(/[\\%_]/g, '\\$&')}%`,
      ...statuses,
      filter.limit,
    ).map(toInstance);
  }

  /** Forgets an instance with its history, messages, activities and timers. */
  deleteInstance(instanceId: string): void {
    for (const table of ['instances', 'history', 'messages', 'activities', 'timers']) {
      this.run(`DELETE FROM ${table} WHERE instanceId = ?`, instanceId);
    }
  }

  history(instanceId: string): string[] {
    return this.all('SELECT events FROM history WHERE instanceId = ? ORDER BY seq', instanceId).flatMap((row) =>
      String(row['events']).split('\n'),
    );
  }

  /** @param events as `JSON.stringify` writes them: without line breaks */
  appendHistory(instanceId: string, from: number, events: readonly string[]): void {
    this.run('INSERT INTO history VALUES (?,?,?)', instanceId, from, events.join('\n'));
  }

  deleteHistory(instanceId: string): void {
    this.run('DELETE FROM history WHERE instanceId = ?', instanceId);
  }

  addMessage(instanceId: string, executionId: string | null, event: string): QueuedMessage {
    const id = this.nextId++;
    this.run('INSERT INTO messages VALUES (?,?,?,?)', id, instanceId, executionId, event);
    return { id, instanceId, executionId, event };
  }

  deleteMessage(id: number): void {
    this.run('DELETE FROM messages WHERE id = ?', id);
  }

  messages(): QueuedMessage[] {
    return this.all('SELECT * FROM messages ORDER BY id') as unknown as QueuedMessage[];
  }

  addActivity(activity: Omit<QueuedActivity, 'id'>): QueuedActivity {
    const { instanceId, executionId, taskId, name, input } = activity;
    const id = this.nextId++;
    this.run('INSERT INTO activities VALUES (?,?,?,?,?,?)', id, instanceId, executionId, taskId, name, input);
    return { ...activity, id };
  }

  deleteActivity(id: number): void {
    this.run('DELETE FROM activities WHERE id = ?', id);
  }

  activities(): QueuedActivity[] {
    return this.all('SELECT * FROM activities ORDER BY id') as unknown as QueuedActivity[];
  }

  putTimer(timer: TimerRow): void {
    const { instanceId, executionId, timerId, fireAt, due, createdAt, cancelled } = timer;
    const values = [instanceId, executionId, timerId, fireAt, due, createdAt, cancelled ? 1 : 0];
    this.run('INSERT OR REPLACE INTO timers VALUES (?,?,?,?,?,?,?)', ...values);
  }

  deleteTimer(timer: TimerRow): void {
    const { instanceId, executionId, timerId } = timer;
    this.run('DELETE FROM timers WHERE instanceId=? AND executionId=? AND timerId=?', instanceId, executionId, timerId);
  }

  deleteTimersOf(instanceId: string): void {
    this.run('DELETE FROM timers WHERE instanceId = ?', instanceId);
  }

  timers(): TimerRow[] {
    return this.all('SELECT * FROM timers').map((row) => ({ ...row, cancelled: row['cancelled'] === 1 }) as never);
  }

  private statement(sql: string): StatementSync {
    let statement = this.statements.get(sql);
    if (statement === undefined) {
      statement = this.database.prepare(sql);
      this.statements.set(sql, statement);
    }
    return statement;
  }

  private run(sql: string, ...values: SQLInputValue[]): void {
    this.statement(sql).run(...values);
  }

  private all(sql: string, ...values: SQLInputValue[]): Record<string, unknown>[] {
    return this.statement(sql).all(...values) as Record<string, unknown>[];
  }
}

function toInstance(row: Record<string, unknown>): InstanceRow {
  const parent = row['parent'];
  return { ...row, parent: typeof parent === 'string' ? JSON.parse(parent) : null } as InstanceRow;
}
