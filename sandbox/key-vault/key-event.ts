import type { CloudEvent } from '../kit';
import type { Key, KeyVersion } from './key';

export type KeyEventType = 'KeyNewVersionCreated' | 'KeyNearExpiry' | 'KeyExpired';

/** What Event Grid is told; field names and forms as in Azure's documentation "Azure Key Vault as Event Grid source" (2021-02-11). */
export function keyEvent(
  type: KeyEventType,
  vault: { name: string; url: string; resourceId: string },
  key: Key,
  version: KeyVersion,
): CloudEvent {
  return {
    type: `Microsoft.KeyVault.${type}`,
    source: vault.resourceId,
    subject: key.name,
    data: {
      Id: `${vault.url}/keys/${key.name}/${version.version}`,
      VaultName: vault.name,
      ObjectType: 'Key',
      ObjectName: key.name,
      Version: version.version,
      NBF: version.nbf ?? null,
      EXP: version.exp ?? null,
    },
  };
}
