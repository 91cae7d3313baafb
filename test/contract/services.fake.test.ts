import { fakeClock } from '../fakes/clock';
import { encryptedDataPlane } from '../fakes/data-plane';
import { fakeKey, fakeKeyVault } from '../fakes/key-vault';
import { type FakeService, fakeResourceManager, sasKey } from '../fakes/resource-manager';
import { ServiceData } from '../fakes/service-data';
import { describeServicesContract, type ServiceKind } from './services.contract';

const group = '/subscriptions/s/resourceGroups/g/providers';
const identity = `${group}/Microsoft.ManagedIdentity/userAssignedIdentities/id-1`;
const services = {
  iotHub: { id: `${group}/Microsoft.Devices/IotHubs/hub-1`, apiVersion: '2023-06-30-preview', record: 'device-1' },
  dps: {
    id: `${group}/Microsoft.Devices/provisioningServices/dps-1`,
    apiVersion: '2020-09-01-preview',
    record: 'enrollment-1',
  },
} as const;
const hosts = { iotHub: 'hub-1.azure-devices.net', dps: 'dps-1.azure-devices-provisioning.net' } as const;

const named = { userAssignedIdentity: identity };
const bodies = (kid: string) => ({
  iotHub: {
    hostName: hosts.iotHub,
    eventHubEndpoints: { events: { partitionCount: 4 } },
    encryption: { keyVaultProperties: [{ keyIdentifier: kid, identity: named }] },
  },
  dps: {
    serviceOperationsHostName: hosts.dps,
    encryption: { keyVaultProperties: [{ keyIdentifier: kid }], identity: named },
  },
});

describeServicesContract('the fakes', async () => {
  const clock = fakeClock();
  const keyVault = fakeKeyVault({ now: clock.now });
  const { kid } = keyVault.addVersion();
  const resourceManager = fakeResourceManager([], clock);
  const dataPlane = encryptedDataPlane();
  const add = (kind: ServiceKind): FakeService => {
    const data = new ServiceData(clock, keyVault.forServices, kid, [services[kind].record]);
    dataPlane.hosts.set(hosts[kind], data);
    return resourceManager.addService(services[kind].id, {
      kind,
      data,
      operationSeconds: 40,
      policies: [{ keyName: 'owner', rights: 'all', primaryKey: sasKey(), secondaryKey: sasKey() }],
      body: {
        id: services[kind].id,
        location: 'westeurope',
        sku: { name: 'S1' },
        tags: {},
        identity: { type: 'UserAssigned', userAssignedIdentities: { [identity]: {} } },
        properties: bodies(kid)[kind],
      },
    });
  };
  const fields = { iotHub: add('iotHub'), dps: add('dps') };
  return {
    resourceManager,
    dataPlane,
    key: fakeKey,
    firstKid: kid,
    service: (kind) => services[kind],
    newVersion: async () => keyVault.addVersion().kid,
    setEnabled: (each, enabled) => keyVault.setEnabled(each, enabled),
    read: (kind, { keyCache, wrapFailsAt, unversionedFollowed, echoEncryption, ...others }) => {
      const given = Object.entries({ keyCache, wrapFailsAt, unversionedFollowed }).filter(
        ([, value]) => value !== undefined,
      );
      Object.assign(fields[kind].data?.modes ?? {}, Object.fromEntries(given));
      Object.assign(fields[kind], others, echoEncryption === undefined ? {} : { echoes: echoEncryption });
    },
    failNextOperation: (kind, code) => {
      const failure = { code, message: 'It was asked to fail.' };
      fields[kind].failWith = code === 'ServiceUnavailable' ? { ...failure, mayHeal: true } : failure;
    },
    vaultAway: (away) => {
      keyVault.forServices.away = away;
    },
    pass: async (seconds) => clock.pass(seconds),
  };
});
