import { type Problems, shown } from './problems';

const cloudNames = ['AzureCloud', 'AzureUSGovernment', 'AzureChinaCloud', 'Custom'] as const;
export type CloudName = (typeof cloudNames)[number];

/** Where the services of one cloud are, and what tokens for them are asked for. Audiences come without `/.default`. */
export interface Cloud {
  readonly name: CloudName;
  readonly armEndpoint: string;
  readonly armAudience: string;
  /** Null only if no target needs it. */
  readonly iotHubAudience: string | null;
  readonly dpsAudience: string | null;
  /** Ending of every vault's host; null where any host is accepted. */
  readonly vaultSuffix: string | null;
  /** The same of managed HSMs. */
  readonly managedHsmSuffix: string | null;
  /** Microsoft Entra authority; null for the SDK's own default. */
  readonly authorityHost: string | null;
}

/**
 * Endpoints: Azure's documentation of the sovereign clouds. IoT Hub's audiences: "authenticate-authorize-azure-ad"
 * (2025-03-28), DPS: "concepts-control-access-dps-azure-ad". What those do not name is null and has to be set.
 */
const known: Readonly<Record<Exclude<CloudName, 'Custom'>, Cloud>> = {
  AzureCloud: {
    name: 'AzureCloud',
    armEndpoint: 'https://management.azure.com',
    armAudience: 'https://management.azure.com',
    iotHubAudience: 'https://iothubs.azure.net',
    dpsAudience: 'https://azure-devices-provisioning.net',
    vaultSuffix: '.vault.azure.net',
    managedHsmSuffix: '.managedhsm.azure.net',
    authorityHost: null,
  },
  AzureUSGovernment: {
    name: 'AzureUSGovernment',
    armEndpoint: 'https://management.usgovcloudapi.net',
    armAudience: 'https://management.usgovcloudapi.net',
    iotHubAudience: 'https://iothubs.azure.us',
    dpsAudience: null,
    vaultSuffix: '.vault.usgovcloudapi.net',
    managedHsmSuffix: '.managedhsm.usgovcloudapi.net',
    authorityHost: 'https://login.microsoftonline.us',
  },
  AzureChinaCloud: {
    name: 'AzureChinaCloud',
    armEndpoint: 'https://management.chinacloudapi.cn',
    armAudience: 'https://management.chinacloudapi.cn',
    iotHubAudience: null,
    dpsAudience: null,
    vaultSuffix: '.vault.azure.cn',
    managedHsmSuffix: '.managedhsm.azure.cn',
    authorityHost: 'https://login.chinacloudapi.cn',
  },
};

const nowhere: Cloud = {
  name: 'Custom',
  armEndpoint: '',
  armAudience: '',
  iotHubAudience: null,
  dpsAudience: null,
  vaultSuffix: null,
  managedHsmSuffix: null,
  authorityHost: null,
};

/** Which targets are configured decides which audiences have to be known. */
export interface NeededAudiences {
  readonly iotHub: boolean;
  readonly dps: boolean;
}

export function readCloud(
  setting: (name: string) => string | undefined,
  needed: NeededAudiences,
  problems: Problems,
): Cloud {
  const name = setting('KEYTURN_CLOUD') ?? 'AzureCloud';
  const base = isKnown(name) ? known[name] : nowhere;
  const isCloud = isKnown(name) || name === 'Custom';
  if (!isCloud) {
    problems.add(
      'KEYTURN_CLOUD',
      `${shown(name)} is not a cloud`,
      `use one of ${cloudNames.join(', ')}, or leave it out`,
    );
  }
  const address = (variable: string, preset: string | null): string | null => {
    const value = setting(variable);
    if (value === undefined) return preset || null;
    return httpsAddress(value) ?? problems.add(variable, 'is not an https address', 'give it as https://host');
  };
  const armEndpoint = address('KEYTURN_ARM_ENDPOINT', base.armEndpoint);
  const cloud: Cloud = {
    ...base,
    armEndpoint: armEndpoint ?? '',
    armAudience: address('KEYTURN_ARM_AUDIENCE', base.armAudience || armEndpoint) ?? '',
    iotHubAudience: address('KEYTURN_IOTHUB_AUDIENCE', base.iotHubAudience),
    dpsAudience: address('KEYTURN_DPS_AUDIENCE', base.dpsAudience),
  };
  if (!armEndpoint && setting('KEYTURN_ARM_ENDPOINT') === undefined && name === 'Custom') {
    problems.add(
      'KEYTURN_ARM_ENDPOINT',
      'is missing',
      'a custom cloud needs the https address of its Resource Manager',
    );
  }
  const audience = 'set the audience that tokens for its data plane are issued for';
  if (isCloud && needed.iotHub && !cloud.iotHubAudience && setting('KEYTURN_IOTHUB_AUDIENCE') === undefined) {
    problems.add('KEYTURN_IOTHUB_AUDIENCE', `is not known for IoT Hub in ${name}`, audience);
  }
  if (isCloud && needed.dps && !cloud.dpsAudience && setting('KEYTURN_DPS_AUDIENCE') === undefined) {
    problems.add('KEYTURN_DPS_AUDIENCE', `is not known for DPS in ${name}`, audience);
  }
  return cloud;
}

const isKnown = (name: string): name is keyof typeof known => Object.hasOwn(known, name);

/** The address without a trailing slash; null if it is not a plain https address (user names and queries may hide secrets). */
export function httpsAddress(text: string): string | null {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  const plain =
    url.protocol === 'https:' && url.username === '' && url.password === '' && url.search === '' && !url.hash;
  return plain ? url.href.replace(/\/+$/, '') : null;
}
