import { createHash } from 'node:crypto';
import { odata, type TableClient, type TransactionAction } from '@azure/data-tables';
import { ConflictError } from '../rotation/errors';
import { partitionOf } from '../rotation/key-identifier';
import type {
  Command,
  Ledger,
  LedgerChange,
  LedgerState,
  RememberedAnswer,
  Retirement,
  SeenEvent,
  UndoEntry,
} from '../rotation/ports';
import { claimColumns, readClaim } from './claim-row';
import { attempt } from './status-codes';
import {
  cut,
  longText,
  nullableTextOf,
  ownTables,
  type Row,
  readLongText,
  readRow,
  readRows,
  submit,
  type Tables,
  textOf,
} from './tables';

/**
 * The ledger in one table, one partition for each KEK, so that every change is one transaction:
 * - `claim`: who may mutate now; its ETag is the fence
 * - `run_<rotationId>_undo_<target>`, `run_<rotationId>_command_<time>_<name>`: read as one range with the claim's rotation
 * - `retirement_<rotationId>`: one for each completed rotation whose old versions are on their way out
 * - `event-id_<hash>`, `event-version_<hash>`, `answer_<hash>`: read one by one, never listed
 *
 * The stop switch is one row for all: partition `stop`, row `stop`, with `reason`; gone, or with `thrown` false, it stops nothing.
 * @param stopReason the stop switch of the configuration; thrown there, it stays so whatever the row says
 */
export function createTableLedger(tables: Tables, stopReason: string | null = null): Ledger {
  const table = () => tables.own(ownTables.ledger);
  return {
    async read(key) {
      return readState(await table(), partitionOf(key));
    },
    async update(key, etag, change) {
      const client = await table();
      await submit(client, `change the claim of ${key}`, actionsOf(partitionOf(key), etag, change));
    },
    async recordEvent(key, event) {
      return recordEvent(await table(), partitionOf(key), event);
    },
    async markEventStarted(key, event) {
      const rows = eventRows(partitionOf(key), { ...event, started: true });
      await submit(await table(), `note that event ${event.eventId} was started`, upserts(rows));
    },
    async rememberedAnswer(key, idempotencyKey) {
      const row = await readRow(await table(), partitionOf(key), answerRow(idempotencyKey));
      return row && readAnswer(row);
    },
    async retirements(key) {
      const partitionKey = partitionOf(key);
      const filter = odata`PartitionKey eq ${partitionKey} and RowKey gt ${'retirement_'} and RowKey lt ${'retirement`'}`;
      // Rotation ids begin with their time: the order of the rows is theirs.
      return (await readRows(await table(), filter)).map(readRetirement);
    },
    async setStop(reason) {
      const client = await table();
      const row = { partitionKey: 'stop', rowKey: 'stop', thrown: reason !== null, reason: reason ?? '' };
      await attempt({ service: 'storage', what: 'write the stop switch' }, () => client.upsertEntity(row, 'Replace'));
    },
    async stopped() {
      if (stopReason !== null) return stopReason;
      const row = await readRow(await table(), 'stop', 'stop');
      if (row === null || row['thrown'] === false) return null;
      return cut(textOf(row, 'reason').trim(), longestReason) || 'no reason was given';
    },
  };
}

/** A reason travels into alerts and records. */
const longestReason = 500;

// --- Claim, undo, commands -----------------------------------------------------------------------------------------------

/** The claim first: a row written between the two reads belongs to a claim with a newer ETag, so a change based on this fails. */
async function readState(client: TableClient, partitionKey: string): Promise<LedgerState> {
  const row = await readRow(client, partitionKey, 'claim');
  if (row === null) return { claim: null, etag: null, undo: [], commands: [] };
  const claim = readClaim(row);
  const { rotationId } = claim;
  if (rotationId === null) return { claim, etag: row.etag, undo: [], commands: [] };
  const [from, to] = [`run_${rotationId}_`, `run_${rotationId}\``]; // '`' follows '_'
  const filter = odata`PartitionKey eq ${partitionKey} and RowKey ge ${from} and RowKey lt ${to}`;
  const rows = (await readRows(client, filter)).filter((each) => each['rotationId'] === rotationId);
  const undo = rows.filter((each) => textOf(each, 'rowKey').startsWith(`${from}undo_`)).map(readUndo);
  const commands = rows.filter((each) => textOf(each, 'rowKey').startsWith(`${from}command_`)).map(readCommand);
  return {
    claim,
    etag: row.etag,
    undo: undo.sort((a, b) => compare(a.savedAt, b.savedAt) || a.target - b.target),
    commands: commands.sort((a, b) => compare(a.at, b.at)),
  };
}

function actionsOf(partitionKey: string, etag: string | null, change: LedgerChange): TransactionAction[] {
  const claim = { partitionKey, rowKey: 'claim', ...claimColumns(change.claim) };
  const actions: TransactionAction[] = [etag === null ? ['create', claim] : ['update', claim, 'Replace', { etag }]];
  const { saveUndo, addCommand, putRetirement, rememberAnswer } = change;
  if (saveUndo) actions.push(['upsert', { partitionKey, ...undoRow(saveUndo) }, 'Replace']);
  if (addCommand) actions.push(['upsert', { partitionKey, ...commandRow(addCommand) }, 'Replace']);
  if (putRetirement) actions.push(['upsert', { partitionKey, ...retirementRow(putRetirement) }, 'Replace']);
  if (rememberAnswer) {
    const { idempotencyKey } = rememberAnswer;
    actions.push(['create', { partitionKey, rowKey: answerRow(idempotencyKey), ...rememberAnswer }]);
  }
  return actions;
}

function undoRow(undo: UndoEntry) {
  const { fingerprints, kid, operationUrl, expiresOn, ...columns } = undo;
  const rowKey = `run_${undo.rotationId}_undo_${String(undo.target).padStart(4, '0')}`;
  const optional = {
    ...(kid === null ? {} : { kid }),
    ...(operationUrl === null ? {} : { operationUrl }),
    // '' for a version that had no expiry: not the same as one that was not extended.
    ...(expiresOn === undefined ? {} : { expiresOn: expiresOn ?? '' }),
  };
  return { rowKey, ...columns, ...optional, ...longText('fingerprints', JSON.stringify(fingerprints)) };
}

function readUndo(row: Row): UndoEntry {
  const expiresOn = nullableTextOf(row, 'expiresOn');
  return {
    rotationId: textOf(row, 'rotationId'),
    target: Number(row['target']),
    kind: textOf(row, 'kind') as UndoEntry['kind'],
    name: textOf(row, 'name'),
    savedAt: textOf(row, 'savedAt'),
    kid: textOf(row, 'kid') || null,
    fingerprints: JSON.parse(readLongText(row, 'fingerprints') ?? '{}'),
    operationUrl: textOf(row, 'operationUrl') || null,
    ...(expiresOn === null ? {} : { expiresOn: expiresOn || null }),
  };
}

function commandRow(command: Command) {
  return { rowKey: `run_${command.rotationId}_command_${command.at}_${command.command}`, ...command };
}

function readCommand(row: Row): Command {
  const planHash = nullableTextOf(row, 'planHash');
  return {
    rotationId: textOf(row, 'rotationId'),
    command: textOf(row, 'command') as Command['command'],
    actor: textOf(row, 'actor'),
    at: textOf(row, 'at'),
    ...(planHash === null ? {} : { planHash }),
  };
}

// --- Retirements ---------------------------------------------------------------------------------------------------------

function retirementRow({ disabledAt, versions, reasons, evidence, ...retirement }: Retirement) {
  return {
    rowKey: `retirement_${retirement.rotationId}`,
    ...retirement,
    ...(disabledAt === null ? {} : { disabledAt }),
    ...(evidence === undefined ? {} : { evidence: JSON.stringify(evidence) }),
    ...longText('versions', JSON.stringify(versions)),
    ...longText('reasons', JSON.stringify(reasons)),
  };
}

function readRetirement(row: Row): Retirement {
  const evidence = nullableTextOf(row, 'evidence');
  const refusedSince = nullableTextOf(row, 'refusedSince');
  return {
    rotationId: textOf(row, 'rotationId'),
    versions: JSON.parse(readLongText(row, 'versions') ?? '[]'),
    completedAt: textOf(row, 'completedAt'),
    dueAt: textOf(row, 'dueAt'),
    status: textOf(row, 'status') as Retirement['status'],
    disabledAt: nullableTextOf(row, 'disabledAt'),
    reasons: JSON.parse(readLongText(row, 'reasons') ?? '[]'),
    ...(row['oldBlobsLeft'] === true ? { oldBlobsLeft: true } : {}),
    ...(evidence === null ? {} : { evidence: JSON.parse(evidence) }),
    ...(refusedSince === null ? {} : { refusedSince }),
  };
}

// --- Events --------------------------------------------------------------------------------------------------------------

/** Both rows go in at once or neither does; of deliveries that race one wins, and the others read what it wrote. */
async function recordEvent(client: TableClient, partitionKey: string, event: SeenEvent) {
  const rows = eventRows(partitionKey, event);
  // Repeats come in crowds: two cheap reads spare most of them a transaction that cannot succeed.
  const before = await findEvent(client, rows);
  if (before) return { seen: true, event: before };
  try {
    const what = `remember event ${event.eventId}`;
    await submit(
      client,
      what,
      rows.map((row) => ['create', row]),
    );
    return { seen: false, event };
  } catch (error) {
    const winner = error instanceof ConflictError ? await findEvent(client, rows) : null;
    if (winner === null) throw error;
    return { seen: true, event: winner };
  }
}

async function findEvent(
  client: TableClient,
  rows: readonly { partitionKey: string; rowKey: string }[],
): Promise<SeenEvent | null> {
  const found = await Promise.all(rows.map(({ partitionKey, rowKey }) => readRow(client, partitionKey, rowKey)));
  const row = found.find((each) => each !== null);
  return row ? readEvent(row) : null;
}

function eventRows(partitionKey: string, event: SeenEvent) {
  const rowKeys = [`event-id_${hash(event.eventId)}`, `event-version_${hash(`${event.type} ${event.version}`)}`];
  // Strangers choose the id's length.
  const columns = { ...event, eventId: cut(event.eventId, 1000) };
  return rowKeys.map((rowKey) => ({ partitionKey, rowKey, ...columns }));
}

const upserts = (rows: readonly { partitionKey: string; rowKey: string }[]) =>
  rows.map((row): TransactionAction => ['upsert', row, 'Replace']);

function readEvent(row: Row): SeenEvent {
  return {
    eventId: textOf(row, 'eventId'),
    type: textOf(row, 'type'),
    version: textOf(row, 'version'),
    instanceId: textOf(row, 'instanceId'),
    receivedAt: textOf(row, 'receivedAt'),
    started: row['started'] === true,
  };
}

// --- Answers -------------------------------------------------------------------------------------------------------------

const answerRow = (idempotencyKey: string): string => `answer_${hash(idempotencyKey)}`;

function readAnswer(row: Row): RememberedAnswer {
  return {
    idempotencyKey: textOf(row, 'idempotencyKey'),
    requestHash: textOf(row, 'requestHash'),
    rotationId: textOf(row, 'rotationId'),
  };
}

/** Strangers choose these texts; a hash is safe in a row key whatever they hold. */
const hash = (text: string): string => createHash('sha256').update(text).digest('hex');

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
