import { env } from 'node:process';
import { DefaultAzureCredential } from '@azure/identity';
import { describeKeyVaultContract, type KeyVaultUnderTest } from './key-vault.contract';
import { describeKeyVaultPortContract } from './key-vault-port.contract';
import { findJar, toolsHere } from './lowkey-vault/jar';
import { coordinates } from './lowkey-vault/release';
import { describeStarted } from './lowkey-vault/under-test';
import { kekIn } from './vault-kek';

// Keys are really generated, and the vault may be far away.
jest.setTimeout(180_000);

/** A vault that nobody here wrote: an emulator's address, or a real vault's in which the signed-in identity is Crypto Officer. */
const { KEYTURN_TEST_VAULT_URL: named, KEYTURN_TEST_EMULATOR: emulator } = env;

if (named !== undefined) describeNamed(named.replace(/\/$/, ''));
else if (emulator !== 'fetch') skip('not asked for: KEYTURN_TEST_EMULATOR=fetch, or npm run check');
else describeFetched();

function describeNamed(vaultUrl: string): void {
  const vault: KeyVaultUnderTest = {
    vaultUrl,
    credential: new DefaultAzureCredential(),
    clientOptions: { disableChallengeResourceVerification: !vaultUrl.includes('.vault.') },
    prefix: 'keyturn-contract-',
  };
  describeKeyVaultContract(vaultUrl, async () => vault);
  describeKeyVaultPortContract(`the adapter against ${vaultUrl}`, () => kekIn(vault));
}

function describeFetched(): void {
  const found = findJar(toolsHere);
  const tell = (line: string) => process.stderr.write(`keyturn: Lowkey Vault ${line}\n`);
  if ('jar' in found) {
    describeStarted(`Lowkey Vault (${coordinates})`, toolsHere.java, found.jar, tell);
    return;
  }
  tell(`is not asked: ${found.missing}`);
  skip(found.missing);
}

function skip(reason: string): void {
  test.skip(`the Key Vault contracts, kept by a vault that nobody here wrote (${reason})`, () => undefined);
}
