import { provisioningEncryptionVersion, provisioningVersions } from './api-versions';
import { isObject, type JsonObject, objectAt, textAt } from './json';
import type { Description, EncryptionReading, ResourceKind } from './resource-kind';

/** Microsoft.Devices/provisioningServices (2020-09-01-preview, the only api-version with `encryption`, and its neighbours). */
export const provisioningService: ResourceKind = {
  type: 'Microsoft.Devices/provisioningServices',
  noun: 'ProvisioningService',
  versions: provisioningVersions,
  operations: {
    get: 'getDps',
    list: 'listDps',
    put: 'putDps',
    patch: 'patchDps',
    operation: 'dpsOperation',
    listKeys: 'listDpsKeys',
  },
  errorPrefix: 'IotDps',
  hasIfMatch: false,
  putStatus: 201,
  busyState: 'Activating',
  retryAfterSeconds: 10,
  ownProperties: ['state', 'provisioningState', 'serviceOperationsHostName', 'deviceProvisioningHostName', 'idScope'],
  defaultPolicies: [
    { keyName: 'provisioningserviceowner', rights: 'ServiceConfig, EnrollmentWrite, RegistrationStatusWrite' },
  ],
  fault: () => undefined,
  readEncryption,
  identityIn: (identity, apiVersion) => {
    if (apiVersion !== provisioningEncryptionVersion) return identity;
    const { identityType, type: _ignored, ...rest } = identity;
    return identityType === undefined ? {} : { ...rest, type: identityType };
  },
  identityOut: (identity, apiVersion) => {
    if (apiVersion !== provisioningEncryptionVersion) return identity;
    const { type, ...rest } = identity;
    return type === undefined ? {} : { identityType: type, ...rest };
  },
};

/** DPS names one identity for all keys, beside the list. */
function readEncryption(encryption: unknown): EncryptionReading | undefined {
  const list = isObject(encryption) ? encryption['keyVaultProperties'] : undefined;
  const keyIdentifier = textAt(Array.isArray(list) ? list[0] : undefined, 'keyIdentifier');
  if (keyIdentifier === undefined) return undefined;
  return { keyIdentifier, identity: textAt(objectAt(encryption, 'identity'), 'userAssignedIdentity') };
}

export function provisioningEncryption(keyIdentifier: string, identity: string): JsonObject {
  return {
    keySource: 'Microsoft.KeyVault',
    keyVaultProperties: [{ keyIdentifier }],
    identity: { userAssignedIdentity: identity },
  };
}

/** A DPS as it was created. @param linkedHub adds a linked hub with the secret that such a link holds */
export function provisioningDescription(service: {
  name: string;
  location: string;
  identity: JsonObject;
  encryption: JsonObject | null;
  linkedHub: boolean;
}): Description {
  const connectionString = `HostName=${service.name}-hub.azure-devices.net;SharedAccessKeyName=iothubowner;SharedAccessKey=c2VlZGVkLWxpbmstc2VjcmV0`;
  const link = {
    name: `${service.name}-hub.azure-devices.net`,
    location: service.location,
    connectionString,
    applyAllocationPolicy: true,
    allocationWeight: 1,
  };
  return {
    location: service.location,
    tags: {},
    sku: { name: 'S1', tier: 'Standard', capacity: 1 },
    identity: service.identity,
    properties: {
      iotHubs: service.linkedHub ? [link] : [],
      allocationPolicy: 'Hashed',
      ...(service.encryption && { encryption: service.encryption }),
    },
  };
}
