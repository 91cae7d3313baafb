import type { TokenCredential } from '@azure/core-auth';
import type { HttpClient } from '@azure/core-rest-pipeline';
import type { ContainerClient } from '@azure/storage-blob';
import type { AlertTopic, Configuration, LogWorkspace, StorageLocation } from '../config';
import type { AlertChannel, VaultLog } from '../rotation/ports';

/**
 * The clients whose SDKs are most of this app's code, and without which it can start: sign-in, blobs, Event Grid and connections for bulk work. They are
 * loaded when first used. By `require`, because TypeScript would leave `import()` as it is, which Jest does not take; tools/bundle.mjs
 * puts `import()` in its place, so that each becomes a file of its own beside the bundle.
 */
const load = {
  credential: async () => require('./credential') as typeof import('./credential'),
  anchorContainer: async () => require('./anchor-container') as typeof import('./anchor-container'),
  planContainer: async () => require('./plan-container') as typeof import('./plan-container'),
  eventGridAlerts: async () => require('./event-grid-alerts') as typeof import('./event-grid-alerts'),
  vaultLog: async () => require('./vault-log') as typeof import('./vault-log'),
  bulkConnections: async () => require('./bulk-connections') as typeof import('./bulk-connections'),
};

export function credentialOnFirstUse(configuration: Configuration): TokenCredential {
  const credential = once(async () => (await load.credential()).createCredential(configuration));
  return { getToken: async (...asked) => (await credential()).getToken(...asked) };
}

export function planContainerOnFirstUse(
  storage: StorageLocation,
  credential: TokenCredential,
): () => Promise<ContainerClient> {
  return once(async () => (await load.planContainer()).createPlanContainer(storage, credential));
}

export function anchorContainerOnFirstUse(
  storage: StorageLocation,
  credential: TokenCredential,
): () => Promise<ContainerClient> {
  return once(async () => (await load.anchorContainer()).createAnchorContainer(storage, credential));
}

export function eventGridAlertsOnFirstUse(topic: AlertTopic, credential: TokenCredential): AlertChannel {
  const channel = once(async () => (await load.eventGridAlerts()).createEventGridAlerts(topic, credential));
  return { name: 'event-grid', send: async (alert) => (await channel()).send(alert) };
}

export function bulkConnectionsOnFirstUse(): HttpClient {
  const connections = once(async () => (await load.bulkConnections()).createBulkConnections());
  return { sendRequest: async (request) => (await connections()).sendRequest(request) };
}

export function vaultLogOnFirstUse(workspace: LogWorkspace, credential: TokenCredential): VaultLog {
  const log = once(async () => (await load.vaultLog()).createVaultLog(workspace, credential));
  return {
    ownPrincipal: async () => (await log()).ownPrincipal(),
    newestRecord: async (...asked) => (await log()).newestRecord(...asked),
    uses: async (...asked) => (await log()).uses(...asked),
  };
}

/** Makes it at the first call, for all calls; what could not be made is tried again. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => {
    made ??= make().catch((error) => {
      made = null;
      throw error;
    });
    return made;
  };
}
