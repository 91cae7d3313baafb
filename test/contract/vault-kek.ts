import { randomUUID } from 'node:crypto';
import { KeyClient } from '@azure/keyvault-keys';
import { createKeyVault } from '../../shared/azure/key-vault';
import type { KeyVaultUnderTest } from './key-vault.contract';
import type { KekUnderTest } from './key-vault-port.contract';

/** A new KEK in a vault, through the adapter that the app uses, and its owner's hand on its policy through the SDK. */
export async function kekIn(vault: KeyVaultUnderTest): Promise<KekUnderTest> {
  const { vaultUrl, credential, clientOptions, prefix = '' } = vault;
  const client = new KeyClient(vaultUrl, credential, clientOptions);
  const name = `${prefix}${randomUUID()}`;
  await client.createKey(name, 'RSA', { keyOps: ['wrapKey', 'unwrapKey'], tags: { team: 'iot' } });
  return {
    keyVault: createKeyVault(credential, {
      isConfigured: (asked) => asked === vaultUrl,
      verifyChallengeResource: clientOptions.disableChallengeResourceVerification !== true,
      ...(clientOptions.httpClient === undefined ? {} : { httpClient: clientOptions.httpClient }),
    }),
    key: `${vaultUrl}/keys/${name}`,
    setPolicy: async ({ expiresIn, rotatesAfterCreate, rotatesBeforeExpiry }) => {
      await client.updateKeyRotationPolicy(name, {
        ...(expiresIn == null ? {} : { expiresIn }),
        lifetimeActions: [
          { action: 'Notify', timeBeforeExpiry: 'P20D' },
          ...(rotatesAfterCreate == null ? [] : [{ action: 'Rotate' as const, timeAfterCreate: rotatesAfterCreate }]),
          ...(rotatesBeforeExpiry == null
            ? []
            : [{ action: 'Rotate' as const, timeBeforeExpiry: rotatesBeforeExpiry }]),
        ],
      });
    },
  };
}
