import type { ServiceModes } from '../arm/modes';
import type { Identity } from '../kit/tokens';

/** What the local cloud holds when it starts. One JSON file; times are ISO 8601 on the virtual clock. */
export interface CloudSeed {
  subscriptionId: string;
  tenantId: string;
  resourceGroup: string;
  location: string;
  identities: Identity[];
  /** Name of the identity that the managed identity endpoint speaks for when a caller names none; `keyturn` if left out. */
  appIdentity?: string;
  /** Name of the identity that the token address speaks for when a caller names none; `reader`, else `owner`, if left out. */
  defaultIdentity?: string;
  /** Seconds of machine time that an access token lives; an hour if left out. */
  tokenLifetimeSeconds?: number;
  vaults: VaultSeed[];
  hubs: HubSeed[];
  provisioningServices: ProvisioningServiceSeed[];
  roleAssignments: RoleAssignmentSeed[];
  eventSubscriptions: EventSubscriptionSeed[];
  alertTopic: { name: string };
}

export interface VaultSeed {
  name: string;
  resourceId?: string;
  /** As ARM shows it, e.g. `{ "defaultAction": "Deny", "bypass": "AzureServices" }`; open to everybody if left out. */
  networkAcls?: Record<string, unknown>;
  /** Names of the identities whose network reaches the vault although `defaultAction` is Deny, as through a private endpoint. */
  reachableBy?: string[];
  /** True unless set: most services that take customer-managed keys ask for it. */
  purgeProtection?: boolean;
  keys: KeySeed[];
}

export interface KeySeed {
  name: string;
  kty: 'RSA' | 'RSA-HSM';
  size: 2048 | 3072 | 4096;
  /** E.g. `["wrapKey", "unwrapKey"]`. */
  ops: string[];
  /** As Key Vault's REST API has it: `{ lifetimeActions, attributes: { expiryTime } }`. */
  policy?: Record<string, unknown>;
  /** Oldest first. */
  versions: KeyVersionSeed[];
}

export interface KeyVersionSeed {
  createdOn: string;
  expiresOn?: string;
  notBefore?: string;
  enabled?: boolean;
  tags?: Record<string, string>;
}

/** The key encryption key that a service is bound to at the start. */
export interface KekSeed {
  vault: string;
  key: string;
  /** Whether the key identifier names the version. */
  versioned: boolean;
  /** How many versions before the newest the service stands on; 0 unless set. */
  versionsBack?: number;
}

export interface HubSeed {
  name: string;
  kek: KekSeed | null;
  /** Name of the user-assigned identity it unwraps with. */
  identity: string;
  devices: number;
  echoEncryption?: boolean;
  /** Readings of what Azure does not tell; the most hostile ones unless set. */
  modes?: Partial<ServiceModes>;
  /** Gives the hub a routing endpoint and file storage whose connection strings GET masks. */
  secretRouting?: boolean;
  /** Somebody else's: rotation.json does not name it, whatever key it is under. */
  stranger?: true;
}

export interface ProvisioningServiceSeed {
  name: string;
  kek: KekSeed | null;
  identity: string;
  enrollments: number;
  echoEncryption?: boolean;
  modes?: Partial<ServiceModes>;
  /** Gives the DPS a linked hub whose connection string GET masks. */
  linkedHub?: boolean;
}

export interface RoleAssignmentSeed {
  identity: string;
  /** Name of a built-in role, e.g. `Key Vault Crypto Officer`. */
  role: string;
  /** A resource id, `vault:<name>`, `key:<vault>/<name>`, `hub:<name>`, `dps:<name>` or `group`. */
  scope: string;
}

export interface EventSubscriptionSeed {
  name: string;
  /** Address of the webhook. */
  endpoint: string;
  eventTypes?: string[];
  schema: 'EventGridSchema' | 'CloudEventSchemaV1_0';
}
