import { describeKeyVaultContract, type KeyVaultUnderTest } from '../key-vault.contract';
import { describeKeyVaultPortContract } from '../key-vault-port.contract';
import { type KnowingTest, knowing } from '../known-differences';
import { kekIn } from '../vault-kek';
import { anyToken, clientOf } from './client';
import { lowkeyDifferences } from './differences';
import { type RunningVault, startVault } from './process';

/** Starts the jar, holds it to both contracts, known differences apart, and stops it. */
export function describeStarted(name: string, java: string, jar: string, tell: (line: string) => void): KnowingTest {
  let running: RunningVault | undefined;
  let vault: KeyVaultUnderTest;
  beforeAll(async () => {
    running = await startVault(java, jar);
    vault = {
      vaultUrl: running.url,
      credential: anyToken,
      clientOptions: {
        // Its challenge names the vault itself as the resource, and no vault is called localhost.
        disableChallengeResourceVerification: true,
        // It answers 500 where it should refuse, and the SDK would wait and ask again.
        retryOptions: { maxRetries: 0 },
        httpClient: clientOf(running.certificate),
      },
    };
  });
  afterAll(() => running?.stop());
  const known = knowing(lowkeyDifferences, tell);
  describeKeyVaultContract(name, async () => vault, known.test);
  describeKeyVaultPortContract(`the adapter against ${name}`, () => kekIn(vault), known.test);
  return known;
}
