import { env } from 'node:process';
import { DefaultAzureCredential } from '@azure/identity';
import { describeKeyVaultContract } from './key-vault.contract';

/** A vault that nobody here wrote: an emulator's address, or a real vault's in which the signed-in identity is Crypto Officer. */
// biome-ignore lint/style/noProcessEnv: a test is told from outside what to run against, and the app's configuration must not know it
const vaultUrl = env['KEYTURN_TEST_VAULT_URL'];

if (vaultUrl === undefined) {
  test.skip('the Key Vault contract, kept by the vault that KEYTURN_TEST_VAULT_URL names (not set)', () => undefined);
} else {
  describeKeyVaultContract(vaultUrl, async () => ({
    vaultUrl: vaultUrl.replace(/\/$/, ''),
    credential: new DefaultAzureCredential(),
    clientOptions: { disableChallengeResourceVerification: !vaultUrl.includes('.vault.') },
    prefix: 'keyturn-contract-',
  }));
}
