import { createHash } from 'node:crypto';
import { odata, type TableClient } from '@azure/data-tables';
import { ConflictError } from '../rotation/errors';
import type { Alert, AlertOutbox, OwedAlert } from '../rotation/ports';
import { statusOf } from './error-body';
import { attempt } from './status-codes';
import { longText, ownTables, type Row, readLongText, readRows, submit, type Tables, textOf } from './tables';

/**
 * What channels still owe: one row for each channel and alert (partition: the channel, row: a hash of the alert's id), gone when
 * the channel has taken it. The table is as long as what is owed, so it is looked through as a whole.
 */
export function createTableAlertOutbox(tables: Tables): AlertOutbox {
  const table = () => tables.own(ownTables.alerts);
  return {
    async put(alert, channels, dueAt = new Date(alert.time)) {
      const client = await table();
      // One after the other: partitions share no transaction, and a repeat finds what the first try has written.
      for (const channel of channels) await insert(client, channel, alert, dueAt);
    },
    async due(now, limitPerChannel) {
      const rows = await readRows(await table(), odata`nextAttemptAt le ${now.toISOString()}`);
      const ordered = rows.map((row) => ({ at: textOf(row, 'nextAttemptAt'), row }));
      const taken = new Map<string, number>();
      return ordered
        .sort((a, b) => (a.at < b.at ? -1 : Number(a.at > b.at)))
        .filter(({ row }) => countUp(taken, textOf(row, 'partitionKey')) <= limitPerChannel)
        .map(({ row }) => readOwed(row));
    },
    async delivered({ channel, alert }) {
      const client = await table();
      await unlessGone(`strike off alert ${alert.id}`, () => client.deleteEntity(channel, rowOf(alert)));
    },
    async failed({ channel, alert, attempts }, nextAttemptAt) {
      const client = await table();
      const columns = { attempts: attempts + 1, nextAttemptAt: nextAttemptAt.toISOString() };
      const entity = { partitionKey: channel, rowKey: rowOf(alert), ...columns };
      await unlessGone(`put off alert ${alert.id}`, () => client.updateEntity(entity, 'Merge'));
    },
  };
}

/** Due a little later: whoever kept it tries it at once, and should that one die, a look at the outbox finds it then. */
async function insert(client: TableClient, channel: string, alert: Alert, dueAt: Date): Promise<void> {
  const { id } = alert;
  const columns = { alertId: id, attempts: 0, nextAttemptAt: dueAt.toISOString() };
  const row = { partitionKey: channel, rowKey: rowOf(alert), ...columns, ...longText('alert', JSON.stringify(alert)) };
  try {
    await submit(client, `keep alert ${id} for ${channel}`, [['create', row]]);
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error; // kept already
  }
}

function countUp(counts: Map<string, number>, name: string): number {
  const count = (counts.get(name) ?? 0) + 1;
  counts.set(name, count);
  return count;
}

const rowOf = ({ id }: Pick<Alert, 'id'>): string => createHash('sha256').update(id).digest('hex');

function readOwed(row: Row): OwedAlert {
  return {
    alert: JSON.parse(readLongText(row, 'alert') ?? '{}') as Alert,
    channel: textOf(row, 'partitionKey'),
    attempts: Number(row['attempts']),
  };
}

/** Another delivery may have struck it off: what is not owed any more needs no change. */
async function unlessGone(what: string, change: () => Promise<unknown>): Promise<void> {
  await attempt({ service: 'storage', what }, async () => {
    try {
      await change();
    } catch (error) {
      if (statusOf(error) !== 404) throw error;
    }
  });
}
