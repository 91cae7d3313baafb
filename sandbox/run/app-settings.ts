import type { CloudAddresses } from './cloud-addresses';
import { names, resourceIds } from './seed';

/** The KEK's unversioned identifier in this local cloud. */
export function keyIdentifier(cloud: CloudAddresses): string {
  return `${cloud.vaults[names.vault]}/keys/${names.key}`;
}

/** rotation.json: what Keyturn moves, the hub as canary. Soak, probes and deadlines are Keyturn's own. */
export function rotationFile(cloud: CloudAddresses): object {
  return {
    keys: [
      {
        key: keyIdentifier(cloud),
        vaultResourceId: resourceIds.vault,
        targets: [
          { kind: 'iotHub', name: names.hub, resourceId: resourceIds.hub, probe: { twin: 'device-0001' } },
          { kind: 'dps', name: names.dps, resourceId: resourceIds.dps, probe: { enrollment: 'enrollment-0001' } },
          { kind: 'dataKeys', name: names.dataKeysTable, table: names.dataKeysTable },
        ],
      },
    ],
  };
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
