import { fakeKey, fakeKeyVault } from '../fakes/key-vault';
import { describeKeyVaultPortContract } from './key-vault-port.contract';

describeKeyVaultPortContract('the fake', async () => {
  const keyVault = fakeKeyVault();
  keyVault.addVersion();
  return { keyVault, key: fakeKey, setPolicy: async (policy) => keyVault.setPolicy(policy) };
});
