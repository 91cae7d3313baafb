import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AccessToken, TokenCredential } from '@azure/core-auth';
import type { KeySeed, VaultSeed } from '../../sandbox/cloud/seed';
import { KEY_VAULT_RESOURCE, type RunningKeyVault, startKeyVault } from '../../sandbox/key-vault';
import { type CloudContext, createContext, type Identity, roleByName } from '../../sandbox/kit';

export const TENANT = '10000000-0000-4000-8000-000000000001';
export const SUBSCRIPTION = '10000000-0000-4000-8000-000000000002';
export const GROUP = `/subscriptions/${SUBSCRIPTION}/resourceGroups/orchard`;

export function identity(name: string, number: number): Identity {
  const digits = String(number).padStart(12, '0');
  return {
    name,
    principalId: `20000000-0000-4000-8000-${digits}`,
    clientId: `30000000-0000-4000-8000-${digits}`,
    tenantId: TENANT,
  };
}

export const owner = identity('owner', 1);
export const service = identity('service', 2);
export const stranger = identity('stranger', 3);

/** Gives one identity one role at one scope. */
export function assign(context: CloudContext, who: Identity, role: string, scope: string): void {
  context.permissions.assignments.push({
    id: `${scope}/providers/Microsoft.Authorization/roleAssignments/${context.permissions.assignments.length}`,
    principalId: who.principalId,
    roleDefinitionId: `/subscriptions/${SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/${roleByName(role).id}`,
    scope,
  });
}

/** A credential of this local cloud, for the unmodified SDK clients. */
export function credentialOf(context: CloudContext, who: Identity, audience = KEY_VAULT_RESOURCE): TokenCredential {
  return {
    getToken: async (): Promise<AccessToken> => ({
      token: context.tokens.issue(who.principalId, audience),
      expiresOnTimestamp: Date.now() + 3_000_000,
    }),
  };
}

/** What a client of the SDK needs to talk to a stand-in: its CA, no check of the challenge's host, and no waiting in retries. */
export function clientOptions(context: CloudContext) {
  return {
    disableChallengeResourceVerification: true,
    tlsOptions: { ca: readFileSync(context.certificates.caFile) },
    retryOptions: { maxRetries: 0 },
  };
}

export interface CloudFixture {
  context: CloudContext;
  directory: string;
  /** Starts a vault whose crypto officer is `owner`, and which lets `service` wrap and unwrap. */
  vault(seed?: Partial<VaultSeed>): Promise<RunningKeyVault>;
  stop(): Promise<void>;
}

export async function startFixture(): Promise<CloudFixture> {
  const directory = mkdtempSync(join(tmpdir(), 'keyturn-cloud-'));
  const context = await createContext(directory, {
    tenantId: TENANT,
    subscriptionId: SUBSCRIPTION,
    resourceGroup: 'orchard',
    location: 'westeurope',
    identities: [owner, service, stranger],
  });
  const running: RunningKeyVault[] = [];
  return {
    context,
    directory,
    vault: async (seed = {}) => {
      const vault = await startKeyVault(
        context,
        { name: 'orchard', keys: [], ...seed },
        { directory, tokenUrl: 'https://localhost:1' },
      );
      running.push(vault);
      assign(context, owner, 'Key Vault Crypto Officer', vault.vault.resourceId);
      assign(context, service, 'Key Vault Crypto Service Encryption User', vault.vault.resourceId);
      return vault;
    },
    stop: async () => {
      context.clock.stop();
      await Promise.all(running.map((vault) => vault.close()));
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export function keySeed(versions: KeySeed['versions'], more: Partial<KeySeed> = {}): KeySeed {
  return { name: 'kek', kty: 'RSA', size: 2048, ops: ['wrapKey', 'unwrapKey'], versions, ...more };
}

export const DAY = 86_400_000;
