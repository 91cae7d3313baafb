import { createTableWatch } from '../../shared/azure/table-watch';
import { useAzurite } from './azurite';
import { describeWatchStoreContract } from './watch-store.contract';

const azurite = useAzurite();

describeWatchStoreContract('table storage', async () => createTableWatch(azurite().tables));

test('before the first sweep there was none', async () => {
  const client = await azurite().tables.own('KeyturnWatch');
  await client.deleteEntity('sweep', 'last').catch(() => undefined);
  expect(await createTableWatch(azurite().tables).lastSweep()).toBeNull();
});
