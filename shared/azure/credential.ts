import type { TokenCredential } from '@azure/core-auth';
import { DefaultAzureCredential } from '@azure/identity';
import type { Configuration } from '../config';

/**
 * The identity of this app: its managed identity in Azure (and wherever else IDENTITY_ENDPOINT is offered), the developer's
 * own sign-in elsewhere. Nothing is asked for until the first token is needed.
 * @public to the check for dead code, which does not follow on-first-use.ts
 */
export function createCredential({ cloud, identityClientId }: Configuration): TokenCredential {
  return new DefaultAzureCredential({
    ...(cloud.authorityHost === null ? {} : { authorityHost: cloud.authorityHost }),
    ...(identityClientId === null ? {} : { managedIdentityClientId: identityClientId }),
  });
}
