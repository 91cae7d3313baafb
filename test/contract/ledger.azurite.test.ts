import { createTableLedger } from '../../shared/azure/table-ledger';
import { ownTables } from '../../shared/azure/tables';
import { partitionOf } from '../../shared/rotation/key-identifier';
import { useAzurite } from './azurite';
import { describeLedgerContract } from './ledger.contract';

const azurite = useAzurite();

describeLedgerContract('table storage', async () => createTableLedger(azurite().tables));

describe('the stop switch in table storage', () => {
  const row = async (columns: Record<string, unknown>): Promise<void> => {
    const client = await azurite().tables.own(ownTables.ledger);
    await client.upsertEntity({ partitionKey: 'stop', rowKey: 'stop', ...columns }, 'Replace');
  };
  afterEach(async () => {
    await (await azurite().tables.own(ownTables.ledger)).deleteEntity('stop', 'stop').catch(() => undefined);
  });

  test('is thrown by a row with a reason, and taken back by removing it or by thrown: false', async () => {
    const ledger = createTableLedger(azurite().tables);
    await row({ reason: 'incident 4711' });
    expect(await ledger.stopped()).toBe('incident 4711');
    await row({ reason: 'incident 4711', thrown: false });
    expect(await ledger.stopped()).toBeNull();
    await row({ reason: 'again', thrown: true });
    expect(await ledger.stopped()).toBe('again');
    await (await azurite().tables.own(ownTables.ledger)).deleteEntity('stop', 'stop');
    expect(await ledger.stopped()).toBeNull();
  });

  test('is thrown by a row without a reason too: whoever writes one in a hurry means it', async () => {
    await row({});
    expect(await createTableLedger(azurite().tables).stopped()).toBe('no reason was given');
  });

  test('thrown by the configuration stays so whatever the row says, and asks no table', async () => {
    await row({ thrown: false });
    const tables = { ...azurite().tables, own: () => Promise.reject(new Error('No table is needed.')) };
    expect(await createTableLedger(tables, 'frozen for the audit').stopped()).toBe('frozen for the audit');
  });
});

describe('the ledger in table storage', () => {
  test('a claim that an older version wrote is a rotation that nothing is remembered of', async () => {
    const client = await azurite().tables.own(ownTables.ledger);
    const { purpose: _1, lastRotationId: _2, backOffUntil: _3, orphanedSince: _4, ...rest } = claim;
    const { unchangedSince: _5, toldStuckSince: _6, ...old } = rest;
    const columns = Object.fromEntries(Object.entries(old).filter(([, value]) => value !== null));
    const older = `${key}-older`;
    await client.createEntity({ partitionKey: partitionOf(older), rowKey: 'claim', ...columns, key: older });
    const { claim: read } = await createTableLedger(azurite().tables).read(older);
    expect(read).toEqual({ ...claim, key: older });
  });

  const key = 'https://kv-test.vault.azure.net/keys/range';

  test('a rotation whose id begins like the live one keeps its own undo and commands', async () => {
    const ledger = createTableLedger(azurite().tables);
    const run = (rotationId: string) => ({ claim: { ...claim, rotationId }, addCommand: { ...command, rotationId } });
    await ledger.update(key, null, run('run_1'));
    await ledger.update(key, (await ledger.read(key)).etag, run('run'));
    expect((await ledger.read(key)).commands).toEqual([{ ...command, rotationId: 'run' }]);
  });

  test('a plan longer than a table property is read as it was written', async () => {
    const ledger = createTableLedger(azurite().tables);
    const target = {
      kind: 'iotHub',
      name: 'é'.repeat(900),
      previousKid: null,
      previousVersion: null,
      total: 1,
    } as const;
    const plan = { planHash: 'a', previousVersion: null, targets: Array.from({ length: 50 }, () => target) };
    const long = `${key}-long`;
    await ledger.update(long, null, { claim: { ...claim, key: long, plan } });
    expect((await ledger.read(long)).claim?.plan).toEqual(plan);
    const client = await azurite().tables.own(ownTables.ledger);
    const row = await client.getEntity<Record<string, unknown>>(partitionOf(long), 'claim');
    expect(Object.keys(row).filter((name) => name.startsWith('plan'))).toEqual(['plan', 'plan_1']);
  });

  const command = { rotationId: 'run', command: 'rollback', actor: 'ann', at: '2026-11-22T14:35:01.123Z' } as const;
  const claim = {
    key,
    generation: 1,
    rotationId: 'run',
    instanceId: null,
    bound: false,
    claimedAt: '2026-11-22T14:35:01.123Z',
    requestedAt: '2026-11-22T14:35:01.123Z',
    reason: '',
    cause: null,
    toVersion: null,
    phase: 'requested',
    waitingFor: null,
    direction: 'forward',
    plan: null,
    nextVersion: null,
    soakStartedAt: null,
    recheck: false,
    purpose: 'rotation',
    lastRotationId: null,
    backOffUntil: null,
    orphanedSince: null,
    unchangedSince: '2026-11-22T14:35:01.123Z',
    toldStuckSince: null,
  } as const;
});
