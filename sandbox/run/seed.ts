import type { CloudSeed, RoleAssignmentSeed } from '../cloud/seed';

/** Names of what the local cloud holds. */
export const names = {
  vault: 'keyturn-vault',
  key: 'fleet-kek',
  auditKey: 'keyturn-audit',
  hub: 'keyturn-hub',
  dps: 'keyturn-dps',
  dataKeysTable: 'fleetdatakeys',
  alertTopic: 'keyturn-alerts',
} as const;

export const counts = { devices: 20, enrollments: 12, dataKeys: 100 } as const;

const subscriptionId = '6f1d1f3a-5c0e-4a35-9d0b-3f6f0c7a1e11';
const tenantId = '0b8f3c52-7a3d-4f4c-8e0e-5d2a9b7c4d22';
const resourceGroup = 'keyturn-sandbox';
const group = `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}`;

/** Resource id of a hub of the sandbox by its name. */
export const hubResourceId = (name: string): string => `${group}/providers/Microsoft.Devices/IotHubs/${name}`;
export const dpsResourceId = (name: string): string =>
  `${group}/providers/Microsoft.Devices/provisioningServices/${name}`;

/** Resource ids of the seeded resources, as configuration and a reader of ARM name them. */
export const resourceIds = {
  group,
  vault: `${group}/providers/Microsoft.KeyVault/vaults/${names.vault}`,
  hub: hubResourceId(names.hub),
  dps: dpsResourceId(names.dps),
  alertTopic: `${group}/providers/Microsoft.EventGrid/topics/${names.alertTopic}`,
} as const;

const hour = 3_600_000;
const day = 24 * hour;

/** Days before its expiry that the seeded version's near-expiry notice is set to. */
const NOTICE_DAYS = 25;

/** How long after the start the vault gives that notice by itself, in milliseconds of the sandbox's time. */
const NOTICE_IN = 6 * hour;

/** When the seeded version gets its near-expiry notice. */
export function noticeDue(seededAt: Date): Date {
  return new Date(seededAt.getTime() + NOTICE_IN);
}

/**
 * One KEK, whose version expires in 25 days (weeks are left: a rotation with its soak and every deadline fits in), and under it a
 * hub, a DPS and, written later by their owner, wrapped data keys.
 */
export function makeSeed(now: Date): CloudSeed {
  const expiresOn = new Date(now.getTime() + NOTICE_DAYS * day + NOTICE_IN);
  return {
    subscriptionId,
    tenantId,
    resourceGroup,
    location: 'westeurope',
    identities: [
      identity('keyturn', 1),
      { ...identity('hub-identity', 2), resourceId: userAssigned('hub-identity') },
      { ...identity('dps-identity', 3), resourceId: userAssigned('dps-identity') },
      identity('owner', 4),
      identity('reader', 5),
      identity('admin', 6),
      ...people,
    ],
    appIdentity: 'keyturn',
    defaultIdentity: 'reader',
    vaults: [
      {
        name: names.vault,
        resourceId: resourceIds.vault,
        keys: [
          {
            name: names.key,
            kty: 'RSA',
            size: 2048,
            ops: ['wrapKey', 'unwrapKey'],
            policy: policy({ type: 'Notify', days: NOTICE_DAYS }),
            versions: [
              { createdOn: new Date(now.getTime() - 65 * day).toISOString(), expiresOn: expiresOn.toISOString() },
            ],
          },
          // Signs the heads of histories, and nothing else.
          {
            name: names.auditKey,
            kty: 'RSA',
            size: 2048,
            ops: ['sign', 'verify'],
            versions: [{ createdOn: new Date(now.getTime() - 65 * day).toISOString() }],
          },
        ],
      },
    ],
    hubs: [{ name: names.hub, kek, identity: 'hub-identity', devices: counts.devices }],
    provisioningServices: [
      { name: names.dps, kek, identity: 'dps-identity', enrollments: counts.enrollments, echoEncryption: true },
    ],
    roleAssignments: roles,
    eventSubscriptions: [],
    alertTopic: { name: names.alertTopic },
  };
}

/** The same key, but its policy makes the next version by itself, at the moment at which the other seed gives notice. */
export function rotatedByItsPolicy(seed: CloudSeed): CloudSeed {
  const rotate = policy({ type: 'Rotate', days: NOTICE_DAYS }, { type: 'Notify', days: 7 });
  const vaults = seed.vaults.map((vault) => ({
    ...vault,
    keys: vault.keys.map((key) => (key.name === names.key ? { ...key, policy: rotate } : key)),
  }));
  return { ...seed, vaults };
}

/** Who may sign in to the app, where a scenario lets roles decide; the names begin as the roles do. */
export const appRoles = {
  reader: 'Keyturn.Reader',
  operator: 'Keyturn.Operator',
  approver: 'Keyturn.Approver',
} as const;
const people = [
  { ...identity('rhea', 7), appRoles: [appRoles.reader] },
  { ...identity('olivia', 8), appRoles: [appRoles.operator, appRoles.approver] },
  { ...identity('avery', 9), appRoles: [appRoles.approver] },
];

const kek = { vault: names.vault, key: names.key, versioned: true };

/** A rotation policy as Key Vault's REST API has it: what happens so many days before expiry; new versions live 90 days. */
function policy(...actions: { type: 'Notify' | 'Rotate'; days: number }[]): Record<string, unknown> {
  return {
    lifetimeActions: actions.map(({ type, days }) => ({
      trigger: { timeBeforeExpiry: `P${days}D` },
      action: { type },
    })),
    attributes: { expiryTime: 'P90D' },
  };
}

/** What Azure's documentation asks for, no more; the app's own are those that its deployment would give it. */
const roles: RoleAssignmentSeed[] = [
  // Of the whole subscription: a hub that nobody configured may be anywhere in it.
  { identity: 'keyturn', role: 'Reader', scope: `/subscriptions/${subscriptionId}` },
  { identity: 'keyturn', role: 'Key Vault Crypto Officer', scope: `vault:${names.vault}` },
  { identity: 'keyturn', role: 'Contributor', scope: `hub:${names.hub}` },
  { identity: 'keyturn', role: 'Contributor', scope: `dps:${names.dps}` },
  { identity: 'keyturn', role: 'IoT Hub Data Reader', scope: `hub:${names.hub}` },
  { identity: 'keyturn', role: 'Device Provisioning Service Data Reader', scope: `dps:${names.dps}` },
  { identity: 'keyturn', role: 'EventGrid Data Sender', scope: resourceIds.alertTopic },
  {
    identity: 'hub-identity',
    role: 'Key Vault Crypto Service Encryption User',
    scope: `key:${names.vault}/${names.key}`,
  },
  {
    identity: 'dps-identity',
    role: 'Key Vault Crypto Service Encryption User',
    scope: `key:${names.vault}/${names.key}`,
  },
  { identity: 'owner', role: 'Key Vault Crypto User', scope: `key:${names.vault}/${names.key}` },
  // The person who looks after all this, and now and then changes something by hand.
  { identity: 'admin', role: 'Contributor', scope: 'group' },
  { identity: 'admin', role: 'Key Vault Crypto Officer', scope: `vault:${names.vault}` },
  { identity: 'reader', role: 'Reader', scope: 'group' },
  { identity: 'reader', role: 'IoT Hub Data Reader', scope: `hub:${names.hub}` },
  { identity: 'reader', role: 'Device Provisioning Service Data Reader', scope: `dps:${names.dps}` },
];

function identity(name: string, number: number) {
  const id = (kind: string) => `${kind}-0000-4000-8000-${String(number).padStart(12, '0')}`;
  return { name, principalId: id('aaaaaaaa'), clientId: id('cccccccc'), tenantId };
}

function userAssigned(name: string): string {
  return `${group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${name}`;
}
