import type { CloudSeed, KekSeed } from '../cloud/seed';
import { LOG_RESOURCE, WORKSPACE_ID } from '../log-analytics';
import type { CloudAddresses } from './cloud-addresses';
import { appRoles, dpsResourceId, hubResourceId, names, resourceIds } from './seed';

/** A KEK's unversioned identifier in this local cloud. */
export function keyIdentifier(cloud: CloudAddresses, key: string = names.key, vault: string = names.vault): string {
  return `${cloud.vaults[vault]}/keys/${key}`;
}

/** Members of a key's entry in rotation.json, beside its targets. */
export type KeySettings = Readonly<Record<string, unknown>>;

/** rotation.json: every seeded key with what the seed puts under it, the hub as canary. What `settings` leaves out is Keyturn's own. */
export function rotationFile(cloud: CloudAddresses, seed: CloudSeed, settings: KeySettings, signIn = false): object {
  const keys = seed.vaults
    .filter(({ name }) => name === names.vault)
    .flatMap(({ keys }) => keys.map(({ name }) => name))
    .filter((name) => name !== names.auditKey);
  const replacements = keysElsewhere(cloud, seed);
  return {
    ...(signIn ? { access: Object.fromEntries(Object.entries(appRoles).map(([role, value]) => [role, [value]])) } : {}),
    auditKey: keyIdentifier(cloud, names.auditKey),
    keys: keys.map((key) => ({
      key: keyIdentifier(cloud, key),
      vaultResourceId: resourceIds.vault,
      ...(replacements.length === 0 ? {} : { replacements }),
      ...settings,
      targets: targetsUnder(seed, key),
    })),
  };
}

/** The keys of other vaults, which every KEK may be replaced by. */
function keysElsewhere(cloud: CloudAddresses, { vaults }: CloudSeed): readonly object[] {
  return vaults
    .filter(({ name }) => name !== names.vault)
    .flatMap(({ name, resourceId, keys }) =>
      keys.map((key) => ({ key: keyIdentifier(cloud, key.name, name), vaultResourceId: resourceId })),
    );
}

function targetsUnder({ hubs, provisioningServices }: CloudSeed, key: string): object[] {
  const isUnder = ({ kek }: { kek: KekSeed | null }) => kek?.key === key;
  const hub = ({ name }: { name: string }) => {
    return { kind: 'iotHub', name, resourceId: hubResourceId(name), probe: { twin: 'device-0001' } };
  };
  const dps = ({ name }: { name: string }) => {
    return { kind: 'dps', name, resourceId: dpsResourceId(name), probe: { enrollment: 'enrollment-0001' } };
  };
  const dataKeys = { kind: 'dataKeys', name: names.dataKeysTable, table: names.dataKeysTable };
  return [
    ...hubs.filter((each) => isUnder(each) && each.stranger !== true).map(hub),
    ...provisioningServices.filter(isUnder).map(dps),
    ...(key === names.key ? [dataKeys] : []),
  ];
}

/**
 * The environment that App Service would give the app: where things are, and a managed identity. Of this process's own
 * environment only what a program needs to run at all; above all, no credentials of whoever started it.
 */
export function appEnvironment(
  cloud: CloudAddresses,
  storage: { readonly connectionString: string },
  rotationFilePath: string,
  inherited: NodeJS.ProcessEnv,
  withLog = false,
): NodeJS.ProcessEnv {
  return {
    ...baseEnvironment(inherited),
    NODE_EXTRA_CA_CERTS: cloud.ca,
    IDENTITY_ENDPOINT: cloud.identityEndpoint,
    IDENTITY_HEADER: cloud.identityHeader,
    AzureWebJobsStorage: storage.connectionString,
    KEYTURN_CLOUD: 'Custom',
    KEYTURN_ARM_ENDPOINT: cloud.arm,
    KEYTURN_ARM_AUDIENCE: 'https://management.azure.com',
    KEYTURN_IOTHUB_AUDIENCE: 'https://iothubs.azure.net',
    KEYTURN_DPS_AUDIENCE: 'https://azure-devices-provisioning.net',
    // The SDK compares the vault's host with the domain of the challenge; on localhost that cannot hold.
    KEYTURN_VERIFY_CHALLENGE_RESOURCE: 'false',
    KEYTURN_ALERT_TOPIC_ENDPOINT: `${cloud.alertTopic}/api/events`,
    KEYTURN_ROTATION_FILE: rotationFilePath,
    ...(withLog
      ? {
          KEYTURN_LOG_WORKSPACE_ID: WORKSPACE_ID,
          KEYTURN_LOG_ENDPOINT: cloud.logs,
          KEYTURN_LOG_AUDIENCE: LOG_RESOURCE,
        }
      : {}),
  };
}

const needed = [
  'PATH',
  'HOME',
  'TMPDIR',
  'TEMP',
  'TMP',
  'LANG',
  'TZ',
  'SystemRoot',
  'USERPROFILE',
  'APPDATA',
  'LOCALAPPDATA',
];

/** What every child gets. */
export function baseEnvironment(inherited: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(needed.flatMap((name) => (inherited[name] === undefined ? [] : [[name, inherited[name]]])));
}
