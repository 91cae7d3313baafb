import { createHash, randomBytes } from 'node:crypto';
import { EncryptedRecords } from '../../sandbox/data-plane/encrypted-records';
import { audiences, dpsApi, dpsId, hubApi, hubId, TestCloud } from './arm-cloud';

// Each test makes a cloud of its own, RSA key and servers included; a busy machine takes its time over that.
jest.setTimeout(30_000);

let cloud: TestCloud;
beforeEach(async () => {
  cloud = await TestCloud.start();
});
afterEach(() => cloud.close());

const hubUrl = (path: string) =>
  `${cloud.arm.hubs['hub-a']}${path}${path.includes('?') ? '&' : '?'}api-version=2021-04-12`;
const dpsUrl = (path: string) => `${cloud.arm.dps['dps-a']}${path}?api-version=2021-10-01`;

describe('records at rest', () => {
  test('are ciphertext bound to their id, and open with their own key only', () => {
    const records = new EncryptedRecords();
    const key = randomBytes(32);
    records.put('one', { word: 'plaintext-canary' }, key);
    expect(records.get('one', key)).toEqual({ word: 'plaintext-canary' });
    expect(records.atRest('one')?.includes('plaintext-canary')).toBe(false);
    expect(() => records.get('one', randomBytes(32))).toThrow();
  });
});

describe('the hub', () => {
  test('is found where ARM says it is', async () => {
    const hub = await cloud.call<{ properties: { hostName: string } }>(
      'GET',
      `${cloud.arm.url}${hubId}?api-version=${hubApi}`,
    );
    expect(`https://${hub.body.properties.hostName}`).toBe(cloud.arm.hubs['hub-a']);
    const dps = await cloud.call<{ properties: { serviceOperationsHostName: string } }>(
      'GET',
      `${cloud.arm.url}${dpsId}?api-version=${dpsApi}`,
    );
    expect(`https://${dps.body.properties.serviceOperationsHostName}`).toBe(cloud.arm.dps['dps-a']);
  });

  test('reads a twin, the same after every start', async () => {
    const twin = await cloud.readTwin('device-0003');
    expect(twin.status).toBe(200);
    const secretOfLife = createHash('sha256').update('reported by device-0003').digest('hex').slice(0, 16);
    expect(twin.body).toMatchObject({ deviceId: 'device-0003', properties: { reported: { secretOfLife } } });
    const missing = await cloud.readTwin('device-9999');
    expect(missing.status).toBe(404);
    expect(missing.body['Message']).toContain('ErrorCode:DeviceNotFound');
  });

  test('queries in pages', async () => {
    const query = (headers: Record<string, string>, text = 'SELECT * FROM devices') =>
      cloud.call<{ deviceId: string }[]>('POST', hubUrl('/devices/query'), {
        audience: audiences.hub,
        body: { query: text },
        headers,
      });
    const first = await query({ 'x-ms-max-item-count': '10' });
    expect(first.body).toHaveLength(10);
    const rest = await query({
      'x-ms-max-item-count': '10',
      'x-ms-continuation': String(first.headers['x-ms-continuation']),
    });
    expect(rest.body).toHaveLength(2);
    expect(rest.headers['x-ms-continuation']).toBeUndefined();
    const one = await query({}, "SELECT deviceId FROM devices WHERE deviceId='device-0002'");
    expect(one.body).toEqual([{ deviceId: 'device-0002' }]);
    expect((await query({}, 'DROP TABLE devices')).status).toBe(400);
  });

  test('throttles queries at 20 a minute', async () => {
    const ask = () =>
      cloud.call('POST', hubUrl('/devices/query'), {
        audience: audiences.hub,
        body: { query: 'SELECT * FROM devices' },
      });
    const still = jest.spyOn(cloud.context.clock, 'nowMilliseconds').mockReturnValue(Date.now());
    const statuses = [];
    for (let count = 0; count < 21; count += 1) statuses.push((await ask()).status);
    expect(statuses.indexOf(429)).toBe(20);
    still.mockRestore();
    await cloud.advance(60);
    expect((await ask()).status).toBe(200);
  });

  test('refuses strangers, other audiences and other api-versions', async () => {
    expect((await cloud.readTwin('device-0001', 'nobody')).status).toBe(403);
    expect((await cloud.readTwin('device-0001', '')).status).toBe(401);
    expect((await cloud.call('GET', hubUrl('/twins/device-0001'))).status).toBe(401);
    const old = `${cloud.arm.hubs['hub-a']}/twins/device-0001?api-version=2001-01-01`;
    expect((await cloud.call('GET', old, { audience: audiences.hub })).status).toBe(400);
  });

  test('goes on reading under its cached key for a day after the key is gone, and statistics do not notice at all', async () => {
    const kid = cloud.arm.resource('hub-a').key.wrappedUnder ?? '';
    await cloud.enable(kid, false);
    await cloud.advance(23 * 3600);
    expect((await cloud.readTwin()).status).toBe(200);
    await cloud.advance(2 * 3600);
    expect((await cloud.readTwin()).status).toBe(403);
    const statistics = await cloud.call('GET', hubUrl('/statistics/devices'), { audience: audiences.hub });
    expect(statistics.body).toMatchObject({ totalDeviceCount: 12 });
  });

  test('loses its data with its permission on the key, and answers 503 while the vault is away', async () => {
    cloud.arm.setModes('hub-a', { keyCache: '5m' });
    await cloud.advance(25 * 3600);
    expect((await cloud.readTwin()).status).toBe(200);
    const { permissions, tokens, faults } = cloud.context;
    const all = permissions.assignments;
    permissions.assignments = all.filter(
      ({ principalId }) => principalId !== tokens.identity('hub-identity').principalId,
    );
    await cloud.advance(301);
    const lost = await cloud.readTwin();
    expect(lost.status).toBe(403);
    expect(lost.body['Message']).toContain('Key Vault refused unwrapkey');
    permissions.assignments = all;
    const outage = faults.add({ standIn: 'keyVault', effect: { kind: 'reset' } });
    expect((await cloud.readTwin()).status).toBe(503);
    faults.remove(outage);
    expect((await cloud.readTwin()).status).toBe(200);
  });
});

describe('the DPS', () => {
  test('reads enrollments and groups, and queries them', async () => {
    expect((await cloud.readEnrollment('enrollment-0002')).body).toMatchObject({ registrationId: 'enrollment-0002' });
    const group = await cloud.call('GET', dpsUrl('/enrollmentGroups/group-0001'), { audience: audiences.dps });
    expect(group.body).toMatchObject({ enrollmentGroupId: 'group-0001' });
    const query = await cloud.call<unknown[]>('POST', dpsUrl('/enrollments/query'), {
      audience: audiences.dps,
      body: { query: 'SELECT * FROM enrollments' },
      headers: { 'x-ms-max-item-count': '2' },
    });
    expect(query.body).toHaveLength(2);
    expect(JSON.stringify(query.body)).not.toMatch(/symmetricKey|primaryKey/);
    expect((await cloud.readEnrollment('enrollment-0999')).status).toBe(404);
    expect((await cloud.readEnrollment('enrollment-0001', 'nobody')).status).toBe(403);
  });

  test('loses its data with its key', async () => {
    cloud.arm.setModes('dps-a', { keyCache: '5m' });
    await cloud.enable(cloud.arm.resource('dps-a').key.wrappedUnder ?? '', false);
    await cloud.advance(25 * 3600);
    const lost = await cloud.readEnrollment();
    expect(lost.status).toBe(403);
    expect(String(lost.body['message'])).toContain('Key Vault refused unwrapkey');
  });
});
