import { createTableAuditLog } from '../../shared/azure/table-audit-log';
import { ownTables } from '../../shared/azure/tables';
import { partitionOf } from '../../shared/rotation/key-identifier';
import type { AuditEntry, AuditLog, AuditRecord } from '../../shared/rotation/ports';
import { describeAuditLogContract, verified } from './audit-log.contract';
import { useAzurite } from './azurite';

const azurite = useAzurite();

describeAuditLogContract('table storage', async () => createTableAuditLog(azurite().tables));

describe('tampering with the audit log in table storage', () => {
  let log: AuditLog;
  let key: string;
  let number = 0;
  const table = () => azurite().tables.own(ownTables.audit);
  const row = (sequence: number): string => `r_0001_${String(sequence).padStart(12, '0')}`;

  beforeEach(async () => {
    log = createTableAuditLog(azurite().tables);
    key = `https://kv-test.vault.azure.net/keys/tampered-${++number}`;
    for (const action of ['claim', 'plan', 'rewrap', 'verify']) await log.append(key, entryOf(action), action);
    expect(await verified(log, key)).toMatchObject({ ok: true, records: 4 });
  });

  const rewrite = async (sequence: number, columns: (text: string) => Record<string, string>): Promise<void> => {
    const client = await table();
    const { record } = await client.getEntity<{ record: string }>(partitionOf(key), row(sequence));
    await client.updateEntity({ partitionKey: partitionOf(key), rowKey: row(sequence), ...columns(record) });
  };

  test('an edited record is named', async () => {
    await rewrite(2, (record) => ({ record: record.replace('The plan was done.', 'The plan was not done.') }));
    expect(await verified(log, key)).toMatchObject({ ok: false, records: 1, brokenAt: { sequence: 2 } });
  });

  test('a record that is no JSON any more is named', async () => {
    await rewrite(3, () => ({ record: '{' }));
    expect(await verified(log, key)).toMatchObject({ ok: false, brokenAt: { sequence: 3 } });
  });

  test('a record filed under another rotation, where its own would not show it, is named', async () => {
    await rewrite(3, () => ({ rotationId: 'another' }));
    expect(await verified(log, key)).toMatchObject({ ok: false, brokenAt: { sequence: 3 } });
  });

  test('a removed record is named', async () => {
    await (await table()).deleteEntity(partitionOf(key), row(2));
    expect(await verified(log, key)).toMatchObject({ ok: false, brokenAt: { sequence: 2 } });
  });

  test('a tail that was cut off is missed', async () => {
    await (await table()).deleteEntity(partitionOf(key), row(4));
    expect(await verified(log, key)).toMatchObject({ ok: false, records: 3, brokenAt: { sequence: 4 } });
  });

  test('a record smuggled in behind the head is named', async () => {
    const record = JSON.stringify({ ...entryOf('forged'), key, chain: 1, sequence: 5, previousHash: '', hash: '' });
    await (await table()).createEntity({ partitionKey: partitionOf(key), rowKey: row(5), rotationId: 'run', record });
    expect(await verified(log, key)).toMatchObject({ ok: false, records: 4, brokenAt: { sequence: 5 } });
  });

  const again = (action: string): Promise<AuditRecord> => log.append(key, entryOf(action), action);

  test('a head that was removed does not keep a run from being told of: a new chain says why', async () => {
    await (await table()).deleteEntity(partitionOf(key), 'head_0001');
    expect(await again('soak')).toMatchObject({ chain: 2, sequence: 2 });
    expect(await again('completed')).toMatchObject({ chain: 2, sequence: 3 });
    expect(await verified(log, key)).toMatchObject({
      ok: false,
      brokenAt: { chain: 1 },
      chains: [{ ok: false }, { ok: true, records: 3, begins: { brokenChain: 1 } }],
    });
  });

  test('a head that was set back does not either', async () => {
    const client = await table();
    const { record } = await client.getEntity<{ record: string }>(partitionOf(key), row(2));
    const { sequence, hash } = JSON.parse(record) as AuditRecord;
    await client.updateEntity({ partitionKey: partitionOf(key), rowKey: 'head_0001', sequence, hash });
    expect(await again('soak')).toMatchObject({ chain: 2, sequence: 2 });
    expect(await verified(log, key)).toMatchObject({ ok: false, chains: [{ ok: false }, { ok: true, records: 2 }] });
  });

  test('a record that was removed is told again when its step is repeated, in a new chain', async () => {
    await (await table()).deleteEntity(partitionOf(key), row(3));
    expect(await again('rewrap')).toMatchObject({ chain: 2, sequence: 2, action: 'rewrap' });
    expect(await again('rewrap')).toMatchObject({ chain: 2, sequence: 2 });
    expect(await verified(log, key)).toMatchObject({
      ok: false,
      brokenAt: { chain: 1, sequence: 3, fault: 'removed' },
    });
  });

  test('when the head of a later chain is removed too, the one after it begins', async () => {
    const client = await table();
    await client.deleteEntity(partitionOf(key), 'head_0001');
    await again('soak');
    await client.deleteEntity(partitionOf(key), 'head_0002');
    expect(await again('completed')).toMatchObject({ chain: 3, sequence: 2 });
    expect(await again('alert')).toMatchObject({ chain: 3, sequence: 3 });
    expect((await verified(log, key)).chains.map(({ ok }) => ok)).toEqual([false, false, true]);
  });

  test('texts that are too long are cut where it can be seen, and still verify', async () => {
    const details = { note: 'ü'.repeat(5000) };
    const told = await log.append(key, { ...entryOf('plan'), message: '🔑'.repeat(40_000), details }, 'long');
    expect(told.message).toHaveLength(24_000);
    expect(told.message.endsWith('…')).toBe(true);
    expect(told.details['note']).toHaveLength(1000);
    const { items } = await log.list(key, { rotationId: null, limit: 100, continuation: null });
    expect(items.at(-1)).toEqual(told);
    expect(await verified(log, key)).toMatchObject({ ok: true, records: 5 });
  });

  test('a continuation that somebody made up begins at the first record', async () => {
    const continuation = Buffer.from("x' or RowKey gt 'a").toString('base64url');
    const { items } = await log.list(key, { rotationId: null, limit: 1, continuation });
    expect(items[0]?.sequence).toBe(1);
  });
});

function entryOf(action: string): AuditEntry {
  return {
    rotationId: 'run',
    at: '2026-11-22T14:35:01.123Z',
    actor: 'keyturn',
    action,
    target: null,
    outcome: 'done',
    message: `The ${action} was done.`,
    details: {},
  };
}
