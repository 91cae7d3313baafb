import { createTableVaultBudgets } from '../../shared/azure/table-vault-budgets';
import { ownTables } from '../../shared/azure/tables';
import { useAzurite } from './azurite';
import { describeVaultBudgetsContract } from './vault-budgets.contract';

const azurite = useAzurite();

describeVaultBudgetsContract('table storage', async () => createTableVaultBudgets(azurite().tables));

describe('a budget in table storage', () => {
  const vault = 'https://kv-test.vault.azure.net';
  const budget = {
    writtenAt: 5,
    spans: [],
    nextAt: 5,
    dueAt: 5,
    learned: 812.4,
    blockedUntil: 9000,
    refusals: 2,
    refusedAt: 5,
  };

  test('shows a person what was learned, and until when nothing is sent', async () => {
    await createTableVaultBudgets(azurite().tables).write(vault, budget, null);
    const client = await azurite().tables.own(ownTables.ledger);
    const rows = [];
    for await (const row of client.listEntities({ queryOptions: { filter: `vault eq '${vault}'` } })) rows.push(row);
    expect(rows).toEqual([
      expect.objectContaining({
        rowKey: 'budget',
        learned: 812,
        refusals: 2,
        blockedUntil: '1970-01-01T00:00:09.000Z',
      }),
    ]);
  });

  test('that was garbled is begun anew, in its own row', async () => {
    const budgets = createTableVaultBudgets(azurite().tables);
    const client = await azurite().tables.own(ownTables.ledger);
    for await (const { partitionKey = '', rowKey = '' } of client.listEntities({
      queryOptions: { filter: `vault eq '${vault}'` },
    })) {
      await client.updateEntity({ partitionKey, rowKey, budget: '{"spans":7}' }, 'Merge');
    }
    const read = await budgets.read(vault);
    expect(read.budget).toBeNull();
    expect(await budgets.write(vault, budget, read.etag)).toBe('written');
    expect((await budgets.read(vault)).budget).toEqual(budget);
  });
});
