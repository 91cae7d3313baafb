import type { TableClient, TransactionAction } from '@azure/data-tables';
import { FaultError } from '../rotation/errors';
import type { DataKeyWrite, DataKeyWritten, WrappedDataKey } from '../rotation/ports';
import { sideBySide } from '../rotation/side-by-side';
import { mostInBatch } from '../rotation/store-limits';
import { statusOf } from './error-body';
import { attempt } from './status-codes';

type Read = (id: WrappedDataKey['id']) => Promise<WrappedDataKey | null>;
type Action = readonly ['update', UpdatedEntity, 'Merge' | 'Replace', { etag: string }];
type UpdatedEntity = { partitionKey: string; rowKey: string } & Record<string, unknown>;

interface Prepared {
  readonly write: DataKeyWrite;
  readonly action: Action;
}

/** An entity group transaction may hold 4 MiB (learn.microsoft.com, scalability targets for Table storage, 2026); headers and encoding need room too. */
const mostBytes = 3_000_000;
/** Requests of one batch that are under way at once, for records that cannot travel together. */
const requestsAtOnce = 16;

/**
 * Writes records on condition of their ETags: those of one partition in one entity group transaction, which is written or refused
 * as a whole; the partitions side by side.
 */
export async function replaceDataKeys(
  client: TableClient,
  writes: readonly DataKeyWrite[],
  read: Read,
): Promise<readonly DataKeyWritten[]> {
  if (writes.length > mostInBatch) throw new RangeError(`At most ${mostInBatch} data keys are written at once.`);
  const results = new Map<DataKeyWrite, DataKeyWritten>();
  await attempt({ service: 'storage', what: `write rewrapped data keys to ${client.tableName}` }, async () => {
    await sideBySide(byPartition(writes), requestsAtOnce, (group) => writeGroup(client, group, read, results));
  });
  return writes.map((write) => results.get(write) ?? 'not-written');
}

function byPartition(writes: readonly DataKeyWrite[]): readonly (readonly DataKeyWrite[])[] {
  const groups = new Map<string, DataKeyWrite[]>();
  for (const write of writes) {
    const { partitionKey } = write.record.id;
    const group = groups.get(partitionKey);
    if (group === undefined) groups.set(partitionKey, [write]);
    else group.push(write);
  }
  return [...groups.values()];
}

async function writeGroup(
  client: TableClient,
  group: readonly DataKeyWrite[],
  read: Read,
  results: Map<DataKeyWrite, DataKeyWritten>,
): Promise<void> {
  const sent: Prepared[] = [];
  await sideBySide(group, requestsAtOnce, async (write) => {
    const action = await prepare(client, write);
    if (typeof action === 'string') results.set(write, action);
    else sent.push({ write, action });
  });
  for (const chunk of chunksOf(sent)) {
    const written = await submitted(
      client,
      chunk.map(({ action }) => action),
    );
    await sideBySide(chunk, requestsAtOnce, async ({ write }) => {
      results.set(write, written ? 'written' : await whatHappened(write, read));
    });
  }
}

const ours = ['kid', 'alg', 'blob', 'check', 'previous'] as const;

/** A merge of our columns. It cannot take one away: for that the entity is written back as it is, types included. */
async function prepare(client: TableClient, { record, change }: DataKeyWrite): Promise<Action | DataKeyWritten> {
  const { id, etag } = record;
  if (!ours.some((name) => change[name] === null && record[name] !== null)) {
    const columns = Object.fromEntries(ours.flatMap((name) => (change[name] === null ? [] : [[name, change[name]]])));
    return ['update', { ...id, ...columns }, 'Merge', { etag }];
  }
  const entity = await readWhole(client, id);
  if (entity === null) return 'gone';
  if (entity['etag'] !== etag) return 'changed-meanwhile';
  const kept = Object.entries(entity).filter(
    ([name]) => !name.startsWith('odata.') && name !== 'etag' && name !== 'timestamp' && !isOurs(name),
  );
  const columns = ours.flatMap((name) => (change[name] === null ? [] : [[name, change[name]]]));
  return ['update', { ...Object.fromEntries([...kept, ...columns]), ...id }, 'Replace', { etag }];
}

const isOurs = (name: string): boolean => (ours as readonly string[]).includes(name);

async function readWhole(
  client: TableClient,
  { partitionKey, rowKey }: WrappedDataKey['id'],
): Promise<Record<string, unknown> | null> {
  try {
    return await client.getEntity<Record<string, unknown>>(partitionKey, rowKey, { disableTypeConversion: true });
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}

function chunksOf(all: readonly Prepared[]): readonly (readonly Prepared[])[] {
  const chunks: Prepared[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const each of all) {
    const size = sizeOf(each.action);
    if (bytes + size > mostBytes) {
      chunks.push([]);
      bytes = 0;
    }
    chunks.at(-1)?.push(each);
    bytes += size;
  }
  return chunks;
}

/** As JSON: bytes travel as base64. */
const sizeOf = ([, entity]: Action): number =>
  Buffer.byteLength(JSON.stringify(entity, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)));

/** @returns false when one of the records had changed or was gone: then none of them is written */
async function submitted(client: TableClient, actions: readonly Action[]): Promise<boolean> {
  try {
    const [only, ...more] = actions;
    if (only !== undefined && more.length === 0) {
      const [, entity, mode, options] = only;
      await client.updateEntity(entity, mode, options);
      return true;
    }
    const { subResponses } = await client.submitTransaction(actions.map((action) => [...action] as TransactionAction));
    if (subResponses.length === actions.length) return true;
    throw new FaultError('storage', 'Azure Storage told of fewer writes than it was sent. They are read again.');
  } catch (error) {
    const status = statusOf(error);
    if (status === 412 || status === 404) return false;
    throw error;
  }
}

/** The answer names at most one record, in a text for people: reading each says it of all. */
async function whatHappened({ record }: DataKeyWrite, read: Read): Promise<DataKeyWritten> {
  const present = await read(record.id);
  if (present === null) return 'gone';
  return present.etag === record.etag ? 'not-written' : 'changed-meanwhile';
}
