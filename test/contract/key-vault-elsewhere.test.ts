import { env } from 'node:process';
import { DefaultAzureCredential } from '@azure/identity';
import { describeKeyVaultContract, type KeyVaultUnderTest } from './key-vault.contract';
import { describeKeyVaultPortContract } from './key-vault-port.contract';
import { kekIn } from './vault-kek';

// Keys are really generated, and the vault may be far away.
jest.setTimeout(120_000);

/** A vault that nobody here wrote: an emulator's address, or a real vault's in which the signed-in identity is Crypto Officer. */
// biome-ignore lint/style/noProcessEnv: a test is told from outside what to run against, and the app's configuration must not know it
const vaultUrl = env['KEYTURN_TEST_VAULT_URL']?.replace(/\/$/, '');

if (vaultUrl === undefined) {
  test.skip('the Key Vault contracts, kept by the vault that KEYTURN_TEST_VAULT_URL names (not set)', () => undefined);
} else {
  const vault: KeyVaultUnderTest = {
    vaultUrl,
    credential: new DefaultAzureCredential(),
    clientOptions: { disableChallengeResourceVerification: !vaultUrl.includes('.vault.') },
    prefix: 'keyturn-contract-',
  };
  describeKeyVaultContract(vaultUrl, async () => vault);
  describeKeyVaultPortContract(`the adapter against ${vaultUrl}`, () => kekIn(vault));
}
