import { fakeDataKeyStore } from '../fakes/data-key-store';
import { describeDataKeyStoreContract } from './data-key-store.contract';

describeDataKeyStoreContract('the fake', async () => {
  const store = fakeDataKeyStore();
  return {
    store,
    ownerPuts: async (record) => store.ownerPuts(record),
    ownerRemoves: async (id) => store.ownerRemoves(id),
  };
});
