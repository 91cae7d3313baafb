import type { TokenCredential } from '@azure/core-auth';
import type { Configuration } from '../config';
import { vaultIsConfigured } from '../config';
import type {
  AlertChannel,
  AlertOutbox,
  AuditLog,
  DataKeyStore,
  DataPlane,
  KeyVault,
  Ledger,
  PlanStore,
  ResourceManager,
  RotationHistory,
  VaultBudgets,
  VaultLog,
  WatchStore,
} from '../rotation/ports';
import type { Sealing } from '../rotation/sealing';
import { createBlobAnchorStore } from './blob-anchor-store';
import { createBlobPlanStore } from './blob-plan-store';
import { createDataPlane } from './data-plane';
import { createHeadSigner } from './head-signer';
import { checkHealth, type Health } from './health';
import { createKeyVault } from './key-vault';
import {
  anchorContainerOnFirstUse,
  bulkConnectionsOnFirstUse,
  credentialOnFirstUse,
  eventGridAlertsOnFirstUse,
  planContainerOnFirstUse,
  vaultLogOnFirstUse,
} from './on-first-use';
import { createResourceManager } from './resource-manager';
import { createTableAlertOutbox } from './table-alert-outbox';
import { createTableAuditLog } from './table-audit-log';
import { createTableDataKeys } from './table-data-keys';
import { createTableLedger } from './table-ledger';
import { createTableRotationHistory } from './table-rotation-history';
import { createTableVaultBudgets } from './table-vault-budgets';
import { createTableWatch } from './table-watch';
import { createTables } from './tables';
import { createWebhookAlerts } from './webhook-alerts';

/** Everything outside, connected. */
export interface AzurePorts {
  readonly keyVault: KeyVault;
  readonly resourceManager: ResourceManager;
  readonly dataPlane: DataPlane;
  dataKeyStore(table: string): DataKeyStore;
  readonly ledger: Ledger;
  readonly auditLog: AuditLog;
  readonly history: RotationHistory;
  readonly watch: WatchStore;
  readonly plans: PlanStore;
  readonly alerts: readonly AlertChannel[];
  readonly outbox: AlertOutbox;
  /** Null where no workspace is set. */
  readonly vaultLog: VaultLog | null;
  /** Null where no key signs histories. */
  readonly sealing: Sealing | null;
  readonly budgets: VaultBudgets;
  /** What Keyturn needs, and whether it is there now. Never throws. */
  health(): Promise<readonly Health[]>;
}

/** Connects what a configuration names. Nothing is sent, and the largest SDKs are not loaded, before a port is used. */
export function connectAzure(configuration: Configuration): AzurePorts {
  const { cloud, storage, verifyChallengeResource, logWorkspace } = configuration;
  const credential = credentialOnFirstUse(configuration);
  const tables = createTables(storage, credential);
  const container = planContainerOnFirstUse(storage, credential);
  const keyVault = createKeyVault(credential, {
    isConfigured: (url) => vaultIsConfigured(configuration, url),
    verifyChallengeResource,
    bulkHttpClient: bulkConnectionsOnFirstUse(),
  });
  const resourceManager = createResourceManager(credential, {
    endpoint: cloud.armEndpoint,
    audience: cloud.armAudience,
  });
  const ports = {
    keyVault,
    resourceManager,
    dataPlane: createDataPlane(credential, cloud),
    dataKeyStore: (table: string) => createTableDataKeys(tables, table),
    ledger: createTableLedger(tables, configuration.stop),
    auditLog: createTableAuditLog(tables),
    history: createTableRotationHistory(tables),
    watch: createTableWatch(tables),
    plans: createBlobPlanStore(container),
    alerts: createChannels(configuration, credential),
    outbox: createTableAlertOutbox(tables),
    vaultLog: logWorkspace === null ? null : vaultLogOnFirstUse(logWorkspace, credential),
    sealing: createSealing(configuration, credential),
    budgets: createTableVaultBudgets(tables),
  };
  return { ...ports, health: () => checkHealth(configuration, ports, container) };
}

function createSealing(
  { audit, storage, verifyChallengeResource }: Configuration,
  credential: TokenCredential,
): Sealing | null {
  if (audit === null) return null;
  return {
    signer: createHeadSigner(credential, { ...audit, verifyChallengeResource }),
    anchors: createBlobAnchorStore(anchorContainerOnFirstUse(storage, credential)),
    every: audit.every,
  };
}

function createChannels(
  { alertTopic, webhook }: Pick<Configuration, 'alertTopic' | 'webhook'>,
  credential: TokenCredential,
): readonly AlertChannel[] {
  return [
    ...(alertTopic === null ? [] : [eventGridAlertsOnFirstUse(alertTopic, credential)]),
    ...(webhook === null ? [] : [createWebhookAlerts(webhook)]),
  ];
}

export type { Health } from './health';
export { type PacedKeyVault, paceKeyVault } from './paced-key-vault';
export { createVaultPacer } from './vault-pacer';
