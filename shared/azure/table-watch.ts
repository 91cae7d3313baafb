import { partitionOf } from '../rotation/key-identifier';
import type { SweepEnd, Watched, WatchStore } from '../rotation/ports';
import { attempt } from './status-codes';
import { longText, ownTables, readLongText, readRow, submit, type Tables, textOf } from './tables';

/** Row `watch` in a partition for each KEK, and one row for the last sweep of all: partition `sweep`, row `last`. */
export function createTableWatch(tables: Tables): WatchStore {
  const table = () => tables.own(ownTables.watch);
  return {
    async read(key) {
      const row = await readRow(await table(), partitionOf(key), 'watch');
      if (row === null) return { watched: null, etag: null };
      const found = JSON.parse(readLongText(row, 'found') ?? '{}') as Partial<Watched>;
      const { drifts = [], findings = [] } = found;
      return { watched: { drifts, findings, changedAt: textOf(row, 'changedAt') }, etag: row.etag };
    },
    async put(key, { changedAt, ...found }, etag) {
      const entity = {
        partitionKey: partitionOf(key),
        rowKey: 'watch',
        changedAt,
        ...longText('found', JSON.stringify(found)),
      };
      await submit(await table(), `note what was found of ${key}`, [
        etag === null ? ['create', entity] : ['update', entity, 'Replace', { etag }],
      ]);
    },
    async lastSweep() {
      const row = await readRow(await table(), 'sweep', 'last');
      if (row === null) return null;
      return {
        startedAt: textOf(row, 'startedAt'),
        finishedAt: textOf(row, 'finishedAt'),
        keys: Number(row['keys']),
        failed: Number(row['failed']),
      };
    },
    async putSweep(end: SweepEnd) {
      const client = await table();
      await attempt({ service: 'storage', what: 'note the end of a sweep' }, () =>
        client.upsertEntity({ partitionKey: 'sweep', rowKey: 'last', ...end }, 'Replace'),
      );
    },
  };
}
