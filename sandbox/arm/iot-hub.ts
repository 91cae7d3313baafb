import { hubVersions } from './api-versions';
import { isObject, type JsonObject, objectAt, textAt } from './json';
import type { Description, EncryptionReading, ResourceKind } from './resource-kind';

/** Microsoft.Devices/IotHubs (Azure/azure-rest-api-specs: IotHubDescription; PUT, If-Match, tags-only PATCH). */
export const iotHub: ResourceKind = {
  type: 'Microsoft.Devices/IotHubs',
  noun: 'IotHub',
  versions: hubVersions,
  operations: {
    get: 'getHub',
    list: 'listHubs',
    put: 'putHub',
    patch: 'patchHub',
    operation: 'hubOperation',
    listKeys: 'listHubKeys',
  },
  errorPrefix: 'IH',
  hasIfMatch: true,
  putStatus: 200,
  busyState: 'Transitioning',
  retryAfterSeconds: 15,
  ownProperties: ['state', 'provisioningState', 'hostName', 'locations'],
  defaultPolicies: [
    { keyName: 'iothubowner', rights: 'RegistryWrite, ServiceConnect, DeviceConnect' },
    { keyName: 'service', rights: 'ServiceConnect' },
    { keyName: 'device', rights: 'DeviceConnect' },
    { keyName: 'registryRead', rights: 'RegistryRead' },
    { keyName: 'registryReadWrite', rights: 'RegistryWrite' },
  ],
  fault: (body) => {
    const endpoints = objectAt(objectAt(body, 'properties'), 'eventHubEndpoints');
    return isObject(endpoints['events']) ? undefined : "eventHubEndpoints must contain the key 'events'.";
  },
  readEncryption,
  identityIn: (identity) => identity,
  identityOut: (identity) => identity,
};

/** The hub names an identity beside each key; of several keys the service uses the first. */
function readEncryption(encryption: unknown): EncryptionReading | undefined {
  const list = isObject(encryption) ? encryption['keyVaultProperties'] : undefined;
  const first: unknown = Array.isArray(list) ? list[0] : undefined;
  const keyIdentifier = textAt(first, 'keyIdentifier');
  if (keyIdentifier === undefined) return undefined;
  return { keyIdentifier, identity: textAt(objectAt(first, 'identity'), 'userAssignedIdentity') };
}

export function hubEncryption(keyIdentifier: string, identity: string): JsonObject {
  return {
    keySource: 'Microsoft.KeyVault',
    keyVaultProperties: [{ keyIdentifier, identity: { userAssignedIdentity: identity } }],
  };
}

/** A hub as it was created: S1, one unit, no routing. @param secretRouting adds a routing endpoint and file storage with secrets in them */
export function hubDescription(hub: {
  name: string;
  location: string;
  identity: JsonObject;
  encryption: JsonObject | null;
  secretRouting: boolean;
}): Description {
  const serviceBus = `Endpoint=sb://${hub.name}-bus.servicebus.windows.net/;SharedAccessKeyName=send;SharedAccessKey=c2VlZGVkLXJvdXRpbmctc2VjcmV0;EntityPath=alerts`;
  const storage = `DefaultEndpointsProtocol=https;AccountName=${hub.name}files;AccountKey=c2VlZGVkLXN0b3JhZ2Utc2VjcmV0;EndpointSuffix=core.windows.net`;
  return {
    location: hub.location,
    tags: {},
    sku: { name: 'S1', tier: 'Standard', capacity: 1 },
    identity: hub.identity,
    properties: {
      ipFilterRules: [],
      eventHubEndpoints: {
        events: {
          retentionTimeInDays: 1,
          partitionCount: 4,
          partitionIds: ['0', '1', '2', '3'],
          path: hub.name,
          endpoint: `sb://${hub.name}.servicebus.windows.net/`,
        },
      },
      routing: {
        endpoints: {
          serviceBusQueues: hub.secretRouting
            ? [{ name: 'alerts', connectionString: serviceBus, resourceGroup: 'shared' }]
            : [],
          serviceBusTopics: [],
          eventHubs: [],
          storageContainers: [],
        },
        routes: [],
        fallbackRoute: {
          name: '$fallback',
          source: 'DeviceMessages',
          condition: 'true',
          endpointNames: ['events'],
          isEnabled: true,
        },
      },
      ...(hub.secretRouting && {
        storageEndpoints: { $default: { sasTtlAsIso8601: 'PT1H', connectionString: storage, containerName: 'files' } },
      }),
      messagingEndpoints: {
        fileNotifications: { lockDurationAsIso8601: 'PT1M', ttlAsIso8601: 'PT1H', maxDeliveryCount: 10 },
      },
      enableFileUploadNotifications: false,
      cloudToDevice: {
        maxDeliveryCount: 10,
        defaultTtlAsIso8601: 'PT1H',
        feedback: { lockDurationAsIso8601: 'PT1M', ttlAsIso8601: 'PT1H', maxDeliveryCount: 10 },
      },
      features: 'None',
      minTlsVersion: '1.2',
      ...(hub.encryption && { encryption: hub.encryption }),
    },
  };
}
