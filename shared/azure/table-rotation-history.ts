import { odata, type TransactionAction } from '@azure/data-tables';
import type { Rotation } from '../contracts/rotation';
import { parseKeyIdentifier, partitionOf } from '../rotation/key-identifier';
import type { RotationHistory, RotationQuery } from '../rotation/ports';
import { longText, ownTables, type Row, readLongText, readRow, readRows, submit, type Tables, textOf } from './tables';

/**
 * Every rotation's document in one partition: `<time left>_<rotationId>`, so that the table's own order is newest first, and
 * `id_<rotationId>` with the same document for the lookup by id. Both are written in one transaction.
 */
export function createTableRotationHistory(tables: Tables): RotationHistory {
  const table = () => tables.own(ownTables.history);
  return {
    async put(rotation) {
      const columns = { ...filterColumns(rotation), ...longText('document', JSON.stringify(rotation)) };
      const rowKeys = [
        `${timeLeft(new Date(rotation.requestedAt))}_${rotation.rotationId}`,
        `id_${rotation.rotationId}`,
      ];
      const actions = rowKeys.map(
        (rowKey): TransactionAction => ['upsert', { partitionKey, rowKey, ...columns }, 'Replace'],
      );
      await submit(await table(), `keep rotation ${rotation.rotationId}`, actions);
    },
    async get(rotationId) {
      if (!/^[\w.-]{1,200}$/.test(rotationId)) return null;
      const row = await readRow(await table(), partitionKey, `id_${rotationId}`);
      return row && readDocument(row);
    },
    async list(query) {
      if (query.key !== null && parseKeyIdentifier(query.key) === null) return { items: [], continuation: null };
      const rows = await readRows(await table(), filterOf(query), query.limit + 1);
      const shown = rows.slice(0, query.limit);
      const last = rows.length > query.limit ? shown.at(-1) : undefined;
      return {
        items: shown.map(readDocument),
        continuation: last === undefined ? null : Buffer.from(textOf(last, 'rowKey')).toString('base64url'),
      };
    },
  };
}

const partitionKey = 'rotations';

/** Milliseconds until the year 2286, 13 digits: smaller is newer. */
function timeLeft(at: Date): string {
  return String(9_999_999_999_999 - at.getTime()).padStart(13, '0');
}

/** `keyPartition` tells a KEK however its identifier is spelled. */
function filterColumns({ rotationId, key, phase, requestedAt }: Rotation) {
  return { rotationId, key, keyPartition: partitionOf(key), phase, requestedAt };
}

/** `from` and `to` are both included. */
function filterOf({ key, phase, from, to, continuation }: RotationQuery): string {
  const parts = [
    odata`PartitionKey eq ${partitionKey}`,
    odata`RowKey gt ${after(to, continuation)}`,
    // Row keys begin with digits, after which ':' follows; within one instant they go on with '_', after which '`' follows.
    odata`RowKey lt ${from === null ? ':' : `${timeLeft(from)}\``}`,
  ];
  if (key !== null) parts.push(odata`keyPartition eq ${partitionOf(key)}`);
  if (phase !== null) parts.push(odata`phase eq ${phase}`);
  return parts.join(' and ');
}

/** Where the list begins: behind the last row shown, but never before the newest instant asked for. */
function after(to: Date | null, continuation: string | null): string {
  const start = to === null ? '0' : timeLeft(to);
  const shown = continuation === null ? '' : Buffer.from(continuation, 'base64url').toString('utf8');
  return /^\d{13}_[\w.-]+$/.test(shown) && shown > start ? shown : start;
}

function readDocument(row: Row): Rotation {
  return JSON.parse(readLongText(row, 'document') ?? '{}') as Rotation;
}
