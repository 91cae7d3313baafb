import { createTableLedger } from '../../shared/azure/table-ledger';
import { ownTables } from '../../shared/azure/tables';
import { partitionOf } from '../../shared/rotation/key-identifier';
import { useAzurite } from './azurite';
import { describeLedgerContract } from './ledger.contract';

const azurite = useAzurite();

describeLedgerContract('table storage', async () => createTableLedger(azurite().tables));

describe('the ledger in table storage', () => {
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
  } as const;
});
