import type { DatabaseSync } from 'node:sqlite';

/** When all has ended nothing waits on disk, and every history tells of each thing once. */
export function remainder(database: DatabaseSync): readonly string[] {
  const problems: string[] = [];
  for (const table of ['messages', 'activities', 'timers']) {
    const count = Number(database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.['n']);
    if (count > 0) problems.push(`${count} ${table} are left on disk`);
  }
  const rows = database.prepare('SELECT instanceId, events FROM history ORDER BY instanceId, seq').all();
  const seen = new Map<string, number>();
  for (const { instanceId, events } of rows) {
    for (const line of String(events).split('\n')) {
      const event = JSON.parse(line) as Record<string, unknown>;
      const about = event['TaskScheduledId'] ?? event['TimerId'];
      if (about === undefined) continue;
      // A completion and a failure of the same task are two answers to one question as well.
      const name = `${instanceId} ${event['TimerId'] === undefined ? 'task' : 'timer'} ${about}`;
      seen.set(name, (seen.get(name) ?? 0) + 1);
    }
  }
  for (const [name, times] of seen) if (times > 1) problems.push(`the history of ${name} has ${times} results`);
  return problems;
}
