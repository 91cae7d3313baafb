import { FaultError, RefusalError } from '../../../../shared/rotation/errors';
import { createDiscovery } from '../../../../shared/targets/discovery';
import { fakeResourceManager } from '../../../fakes/resource-manager';
import { dpsBody, dpsId, hubBody, hubId, kid, v1 } from '../use-cases/world';

const hubs = '/subscriptions/s/providers/Microsoft.Devices/IotHubs?api-version=hub-preview';
const dpss = '/subscriptions/s/providers/Microsoft.Devices/provisioningServices?api-version=dps-preview';
const forbidden = new RefusalError('resource-forbidden', 'Not allowed to list.');

function setUp(subscriptions: readonly string[] = ['s']) {
  const arm = fakeResourceManager();
  const discovery = createDiscovery(arm, {
    subscriptions,
    hubApiVersion: 'hub-preview',
    dpsApiVersion: 'dps-preview',
  });
  return { arm, discovery };
}

describe('discovery', () => {
  test('lists every hub and DPS of each subscription in the api-version that carries encryption, with all keys that they name', async () => {
    const { arm, discovery } = setUp();
    const plain = { id: `${hubId}-plain`, properties: {} };
    arm.lists.set(hubs, [hubBody(v1), plain]);
    arm.lists.set(dpss, [dpsBody(v1)]);
    const { resources, unread } = await discovery.find();
    expect(unread).toEqual([]);
    expect(resources).toEqual([
      {
        kind: 'iotHub',
        resourceId: hubId,
        keyIdentifiers: ['https://other.vault.azure.net/keys/else/0123', kid(v1)],
      },
      { kind: 'iotHub', resourceId: plain.id, keyIdentifiers: [] },
      { kind: 'dps', resourceId: dpsId, keyIdentifiers: [kid(v1)] },
    ]);
    expect(arm.interfere.calls('list')).toBe(2);
    expect(arm.interfere.calls('query')).toBe(0);
  });

  test('I12 says of a hub or DPS that it is under way: it may come to another key than it shows', async () => {
    const { arm, discovery } = setUp();
    const under = (state: string) => ({ id: `${hubId}-${state}`, properties: { state } });
    arm.lists.set(hubs, [under('Active'), under('Transitioning')]);
    const { resources } = await discovery.find();
    expect(resources.map(({ underWay = false }) => underWay)).toEqual([false, true]);
  });

  test('I12 a subscription whose lists are refused is unread, whatever Resource Graph still knows of it', async () => {
    const { arm, discovery } = setUp();
    arm.interfere.failAlways('list', forbidden);
    arm.graph.push(
      { id: hubId, type: 'microsoft.devices/iothubs' },
      { id: `${hubId}-gone`, type: 'microsoft.devices/iothubs' },
    );
    arm.addService(hubId, { kind: 'iotHub', body: hubBody(v1) });
    const { resources, unread } = await discovery.find();
    expect(unread).toEqual([{ subscription: 's', message: 'Not allowed to list.' }]);
    expect(resources.map(({ resourceId }) => resourceId)).toEqual([hubId]);
  });

  test('one list that fails leaves what the other has shown, and one that Resource Graph repeats counts once', async () => {
    const { arm, discovery } = setUp();
    arm.lists.set(hubs, [hubBody(v1)]);
    arm.interfere.fail('list', 2, new FaultError('unavailable', 'ARM is away.'));
    arm.graph.push({ id: hubId.toUpperCase(), type: 'microsoft.devices/iothubs' });
    arm.addService(hubId.toUpperCase(), { kind: 'iotHub', body: { ...hubBody(v1), id: hubId.toUpperCase() } });
    const { resources, unread } = await discovery.find();
    expect(unread).toHaveLength(1);
    expect(resources).toHaveLength(1);
  });

  test('where Resource Graph is refused too, nothing is found and the subscription is unread', async () => {
    const { arm, discovery } = setUp();
    arm.interfere.failAlways('list', forbidden);
    arm.interfere.failAlways('query', forbidden);
    expect(await discovery.find()).toEqual({ resources: [], unread: [expect.objectContaining({ subscription: 's' })] });
  });

  test('without a subscription nothing is asked', async () => {
    const { arm, discovery } = setUp([]);
    expect(await discovery.find()).toEqual({ resources: [], unread: [] });
    expect(arm.interfere.effects).toEqual([]);
  });
});

describe('the latest change of a resource', () => {
  const change = (timestamp: string, changes: object, more: object = {}) => ({
    properties: { changeAttributes: { timestamp, correlationId: 'c', ...more }, changes },
  });
  const ofKey = { 'properties.encryption.keyVaultProperties[0].keyIdentifier': { newValue: 'x' } };

  test('is the newest that is said to have changed the key, by whom and with what', async () => {
    const { arm, discovery } = setUp();
    arm.graph.push(
      change('2026-11-22T10:00:00+00:00', ofKey, { clientType: 'Azure Portal', changedBy: 'ann' }),
      change('2026-11-22T11:00:00+00:00', ofKey, { clientType: 'ARM Template', changedBy: 'pipeline' }),
      change('2026-11-22T11:30:00+00:00', { 'tags.a': {} }),
      change('no time', ofKey),
      {},
    );
    expect(await discovery.lastChange(hubId, new Date(0))).toEqual({
      at: '2026-11-22T11:00:00.000Z',
      by: 'pipeline',
      client: 'ARM Template',
      correlationId: 'c',
      ofKey: true,
    });
  });

  test('is the newest of any, and called no more than that, where none is said to be of the key', async () => {
    const { arm, discovery } = setUp();
    arm.graph.push(change('2026-11-22T10:00:00Z', {}), change('2026-11-22T11:00:00Z', { 'tags.a': {} }));
    expect(await discovery.lastChange(hubId, new Date(0))).toMatchObject({
      at: '2026-11-22T11:00:00.000Z',
      by: null,
      client: null,
      ofKey: false,
    });
  });

  test('is null where none is known, and for what is no resource id', async () => {
    const { arm, discovery } = setUp();
    expect(await discovery.lastChange(hubId, new Date(0))).toBeNull();
    expect(await discovery.lastChange('hub-1', new Date(0))).toBeNull();
    expect(arm.interfere.calls('query')).toBe(1);
  });
});
