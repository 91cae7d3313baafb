import { createTableDataKeys } from '../../shared/azure/table-data-keys';
import type { DataKeyStore, WrappedDataKey } from '../../shared/rotation/ports';
import { useAzurite } from './azurite';
import { type DataKeyStoreUnderTest, describeDataKeyStoreContract } from './data-key-store.contract';

const azurite = useAzurite();
let number = 0;

async function emptyStore(): Promise<DataKeyStoreUnderTest> {
  const table = `OwnersKeys${++number}`;
  const client = azurite().tables.foreign(table);
  await client.createTable();
  return {
    store: createTableDataKeys(azurite().tables, table),
    async ownerPuts({ id, ...columns }) {
      const given = Object.entries(columns).filter(([, value]) => value !== null);
      await client.upsertEntity({ ...id, ...Object.fromEntries(given) }, 'Replace');
    },
    async ownerRemoves({ partitionKey, rowKey }) {
      await client.deleteEntity(partitionKey, rowKey);
    },
  };
}

describeDataKeyStoreContract('table storage', emptyStore);

describe('an owner’s table of data keys', () => {
  const kid = 'https://kv-test.vault.azure.net/keys/kek/v1';
  const id = { partitionKey: 'owner', rowKey: 'a' };
  const owned = { tenant: 'fabrikam', big: 12_345_678_901n, ratio: 0.5, on: new Date(0), raw: new Uint8Array([1, 2]) };
  const read = async (store: DataKeyStore): Promise<WrappedDataKey> => {
    const record = await store.read(id);
    if (record === null) throw new Error('The record was expected to be there.');
    return record;
  };

  test.each([
    ['merged', 'alone', { check: 'Y2hlY2s', previous: '{}' }],
    ['cleared', 'alone', { check: null, previous: null }],
    ['merged', 'in a batch', { check: 'Y2hlY2s', previous: '{}' }],
    ['cleared', 'in a batch', { check: null, previous: null }],
  ])('the owner’s own columns keep their values and types when ours are %s, %s', async (_how, together, change) => {
    const { store } = await emptyStore();
    const client = azurite().tables.foreign(`OwnersKeys${number}`);
    await client.createEntity({ ...id, ...owned, kid, alg: 'RSA-OAEP', blob: 'b2xk', check: 'eA', previous: 'old' });
    const changed = { kid, alg: 'RSA-OAEP', blob: 'bmV3', ...change };
    const writes = [{ record: await read(store), change: changed }];
    if (together === 'in a batch') {
      const other = { ...id, rowKey: 'b' };
      await client.createEntity({ ...other, kid, alg: 'RSA-OAEP', blob: 'b2xk' });
      const record = await store.read(other);
      if (record !== null) writes.push({ record, change: changed });
    }
    expect(await store.replace(writes)).toEqual(writes.map(() => 'written'));
    const { etag: _etag, timestamp: _timestamp, ...entity } = await client.getEntity(id.partitionKey, id.rowKey);
    expect(entity).toMatchObject({ ...owned, blob: 'bmV3' });
    expect(Object.keys(entity).sort()).toEqual(
      [
        'odata.metadata',
        ...Object.keys({ ...id, ...owned, kid, alg: '', blob: '' }),
        ...(change.check ? ['check', 'previous'] : []),
      ].sort(),
    );
  });

  test('I9: what its owner writes between the last look at a record and the write that clears a column is not overwritten', async () => {
    const { store } = await emptyStore();
    const client = azurite().tables.foreign(`OwnersKeys${number}`);
    await client.createEntity({ ...id, ...owned, kid, alg: 'RSA-OAEP', blob: 'b2xk', previous: 'old' });
    const record = await read(store);
    const look = client.getEntity.bind(client);
    const looked = jest.spyOn(client, 'getEntity').mockImplementationOnce((async (...asked) => {
      const entity = await look(...asked);
      await client.upsertEntity({ ...id, blob: 'b3duZXI' }, 'Merge');
      return entity;
    }) as typeof client.getEntity);
    const change = { kid, alg: 'RSA-OAEP', blob: 'bmV3', check: null, previous: null };
    expect(await store.replace([{ record, change }])).toEqual(['changed-meanwhile']);
    looked.mockRestore();
    expect(await read(store)).toMatchObject({ blob: 'b3duZXI', previous: 'old' });
  });

  test('a record with columns of the wrong type is read as one that names nothing', async () => {
    const { store } = await emptyStore();
    const client = azurite().tables.foreign(`OwnersKeys${number}`);
    await client.createEntity({ ...id, kid: 5, blob: new Uint8Array([1]), check: true });
    expect(await read(store)).toMatchObject({ kid: '', alg: '', blob: '', check: null, previous: null });
  });

  test('a table that is not there is refused by name, and not created', async () => {
    const store = createTableDataKeys(azurite().tables, 'NobodysTable');
    await expect(store.page(null, 10)).rejects.toMatchObject({ name: 'RefusalError', code: 'table-not-found' });
    await expect(store.read(id)).rejects.toMatchObject({ code: 'table-not-found' });
  });
});
