import { type Answer, TestCloud, withHubKey } from './arm-cloud';

interface Hub extends Record<string, unknown> {
  etag: string;
  properties: Record<string, unknown> & { state: string; encryption?: unknown };
}
interface Outcome {
  status: string;
  error?: { code: string; message: string };
}

// Each test makes a cloud of its own, RSA key and servers included; a busy machine takes its time over that.
jest.setTimeout(30_000);

let cloud: TestCloud;
afterEach(() => cloud.close());

async function start(modes: NonNullable<Parameters<typeof TestCloud.start>[0]> = {}): Promise<string> {
  cloud = await TestCloud.start(modes);
  return wrappedUnder() ?? '';
}

const wrappedUnder = () => cloud.arm.resource('hub-a').key.wrappedUnder;

/** GET, past the stale answers. */
async function getHub(): Promise<Hub> {
  const answer = await cloud.call<Hub>('GET', cloud.hubUrl());
  return answer.status === 404 ? getHub() : answer.body;
}

async function putKey(keyIdentifier: string): Promise<Answer<Hub>> {
  const hub = await getHub();
  return cloud.call<Hub>('PUT', cloud.hubUrl(), {
    body: withHubKey(hub, keyIdentifier),
    headers: { 'If-Match': hub.etag },
  });
}

const header = (answer: Answer<unknown>, name: string) => String(answer.headers[name]);
const poll = (put: Answer<unknown>) => cloud.call<Outcome>('GET', header(put, 'azure-asyncoperation'));
const encryptionOf = async () => JSON.stringify((await getHub()).properties.encryption);

describe('a long-running operation', () => {
  test('runs on the virtual clock and tells its outcome at both addresses', async () => {
    await start();
    const put = await putKey(await cloud.newVersion());
    expect(put.status).toBe(200);
    expect(header(put, 'retry-after')).toBe('15');
    expect((await poll(put)).body).toEqual({ status: 'InProgress' });
    expect((await cloud.call('GET', header(put, 'location'))).status).toBe(202);
    await cloud.advance(39);
    expect((await poll(put)).body.status).toBe('InProgress');
    await cloud.advance(2);
    expect((await poll(put)).body).toEqual({ status: 'Succeeded' });
    const resource = await cloud.call<Hub>('GET', header(put, 'location'));
    expect(resource.status).toBe(200);
    expect(resource.body.properties.state).toBe('Active');
  });

  test('of a DPS takes its own time and answers the PUT with 201', async () => {
    await start();
    const { body } = await cloud.call('GET', cloud.dpsUrl());
    const put = await cloud.call('PUT', cloud.dpsUrl(), { body });
    expect(put.status).toBe(201);
    await cloud.advance(24);
    expect((await poll(put)).body.status).toBe('InProgress');
    await cloud.advance(2);
    expect((await poll(put)).body.status).toBe('Succeeded');
  });

  test('that was asked to fail ends so, and everything is as it was', async () => {
    await start({ dps: { modes: { wrapFailsAt: 'operation' } } });
    const { body } = await cloud.call('GET', cloud.dpsUrl());
    const before = cloud.arm.resource('dps-a').key.wrappedUnder;
    const next = await cloud.newVersion();
    cloud.context.faults.add({
      standIn: 'arm',
      operation: 'dpsOperation',
      times: 1,
      effect: { kind: 'operationFails', code: 'InvalidKey', message: 'The key is refused.' },
    });
    const changed = JSON.parse(JSON.stringify(body).replaceAll(String(before), next));
    const put = await cloud.call('PUT', cloud.dpsUrl(), { body: changed });
    await cloud.advance(26);
    expect((await poll(put)).body).toEqual({
      status: 'Failed',
      error: { code: 'InvalidKey', message: 'The key is refused.' },
    });
    expect(cloud.arm.resource('dps-a').key.wrappedUnder).toBe(before);
    const after = await cloud.call<Hub>('GET', cloud.dpsUrl());
    expect(after.body.properties.encryption).toEqual((body as Hub).properties.encryption);
    expect(after.body.properties.state).toBe('Active');
    expect(cloud.context.faults.list()).toEqual([]);
  });

  test('may be asked to fail by a fault that a poll meets first', async () => {
    await start();
    const put = await putKey(await cloud.newVersion());
    const effect = { kind: 'operationFails', code: 'InvalidKey', message: 'no' } as const;
    cloud.context.faults.add({ standIn: 'arm', operation: 'hubOperation', times: 1, effect });
    await poll(put);
    await cloud.advance(41);
    expect((await poll(put)).body.status).toBe('Failed');
  });
});

describe('a new key version', () => {
  test.each(['put', 'operation', 'later'] as const)(
    'really moves the data key (wrapFailsAt %s)',
    async (wrapFailsAt) => {
      const previous = await start({ hub: { modes: { wrapFailsAt, keyCache: '5m' } } });
      const next = await cloud.newVersion();
      expect((await cloud.readTwin()).status).toBe(200);
      await putKey(next);
      expect(wrappedUnder()).toBe(previous);
      await cloud.advance(41);
      if (wrapFailsAt === 'later') {
        expect(wrappedUnder()).toBe(previous);
        await cloud.advance(301);
      }
      expect(wrappedUnder()).toBe(next);
      expect(await encryptionOf()).toContain(next);
      await cloud.enable(previous, false);
      await cloud.advance(600);
      expect((await cloud.readTwin()).status).toBe(200);
    },
  );

  test('that was not moved to leaves the data under the old one, and disabling that loses the data', async () => {
    const previous = await start({ hub: { modes: { keyCache: '5m' } } });
    await cloud.newVersion();
    await cloud.enable(previous, false);
    await cloud.advance(600);
    const lost = await cloud.readTwin();
    expect(lost.status).toBe(403);
    expect(String(lost.body['Message'])).toContain('unwrap');
    await cloud.enable(previous, true);
    expect((await cloud.readTwin()).status).toBe(200);
  });

  test('is unwrapped by the service itself, under its own identity', async () => {
    await start({ hub: { modes: { wrapFailsAt: 'operation' } } });
    await putKey(await cloud.newVersion());
    const from = cloud.context.requests.list('keyVault').length;
    await cloud.advance(41);
    const requests = cloud.context.requests.list('keyVault').slice(from);
    expect(requests.map(({ operation, principal }) => `${operation} ${principal}`)).toEqual([
      'unwrapKey hub-identity',
      'wrapKey hub-identity',
      'unwrapKey hub-identity',
    ]);
  });

  test('that cannot wrap is refused at the PUT in mode put', async () => {
    const previous = await start({ hub: { modes: { wrapFailsAt: 'put' } } });
    const next = await cloud.newVersion();
    await cloud.enable(next, false);
    const put = await putKey(next);
    expect(put.status).toBe(400);
    expect(String(put.body['message'])).toContain('Key Vault refused wrapkey');
    const hub = await getHub();
    expect(hub.properties.state).toBe('Active');
    expect(JSON.stringify(hub)).toContain(previous);
  });

  test('that cannot wrap fails the operation in mode operation, and the old key stays', async () => {
    const previous = await start({ hub: { modes: { wrapFailsAt: 'operation' } } });
    const next = await cloud.newVersion();
    await cloud.enable(next, false);
    const put = await putKey(next);
    expect(JSON.stringify(put.body)).toContain(next);
    await cloud.advance(41);
    const outcome = await poll(put);
    expect(outcome.body.status).toBe('Failed');
    expect(outcome.body.error?.message).toContain('Key Vault refused wrapkey');
    expect(await encryptionOf()).toContain(previous);
    expect((await getHub()).properties.state).toBe('Active');
  });

  test('that cannot wrap shows only at a read after the cache has run out in mode later; a PUT of the old one heals it', async () => {
    const previous = await start({ hub: { modes: { wrapFailsAt: 'later', keyCache: '5m' } } });
    const next = await cloud.newVersion();
    await cloud.enable(next, false);
    const put = await putKey(next);
    await cloud.advance(41);
    expect((await poll(put)).body.status).toBe('Succeeded');
    expect((await cloud.readTwin()).status).toBe(200);
    await cloud.advance(301);
    await cloud.advance(301);
    expect((await cloud.readTwin()).status).toBe(403);
    await putKey(previous);
    await cloud.advance(41);
    await cloud.advance(301);
    expect((await cloud.readTwin()).status).toBe(200);
    expect(wrappedUnder()).toBe(previous);
  });

  test('that is taken back before the service rewraps is never moved to', async () => {
    const previous = await start();
    await putKey(await cloud.newVersion());
    await cloud.advance(41);
    cloud.arm.setModes('hub-a', { wrapFailsAt: 'operation' });
    await putKey(previous);
    await cloud.advance(3600);
    expect(wrappedUnder()).toBe(previous);
  });

  test('is moved to in mode later as soon as the vault is back', async () => {
    const previous = await start();
    const next = await cloud.newVersion();
    await putKey(next);
    const untilMilliseconds = cloud.context.clock.nowMilliseconds() + 900_000;
    cloud.context.faults.add({ standIn: 'keyVault', untilMilliseconds, effect: { kind: 'status', status: 503 } });
    await cloud.advance(800);
    expect(wrappedUnder()).toBe(previous);
    await cloud.advance(500);
    expect(wrappedUnder()).toBe(next);
  });

  test('is waited for while the vault cannot be reached, and fails at once in mode fails', async () => {
    await start({ hub: { modes: { wrapFailsAt: 'operation', vaultUnreachable: 'waits' } } });
    const next = await cloud.newVersion();
    const outage = (seconds: number) =>
      cloud.context.faults.add({
        standIn: 'keyVault',
        untilMilliseconds: cloud.context.clock.nowMilliseconds() + seconds * 1000,
        effect: { kind: 'status', status: 503 },
      });
    const put = await putKey(next);
    outage(300);
    await cloud.advance(200);
    expect((await poll(put)).body.status).toBe('InProgress');
    await cloud.advance(150);
    expect((await poll(put)).body.status).toBe('Succeeded');
    expect(wrappedUnder()).toBe(next);

    cloud.arm.setModes('hub-a', { vaultUnreachable: 'fails' });
    const again = await putKey(await cloud.newVersion());
    outage(300);
    await cloud.advance(41);
    expect((await poll(again)).body.error?.code).toBe('ServiceUnavailable');
  });

  test('under which the vault answers wrong bytes loses nothing', async () => {
    const previous = await start({ hub: { modes: { wrapFailsAt: 'operation', keyCache: '5m' } } });
    cloud.context.faults.add({ standIn: 'keyVault', operation: 'unwrapKey', times: 1, effect: { kind: 'wrongBytes' } });
    const put = await putKey(await cloud.newVersion());
    await cloud.advance(41);
    expect((await poll(put)).body.status).toBe('Failed');
    expect(wrappedUnder()).toBe(previous);
    await cloud.advance(301);
    expect((await cloud.readTwin()).status).toBe(200);
  });
});

describe('a key identifier without a version', () => {
  const unversioned = { vault: 'vault-a', key: 'kek', versioned: false };

  test.each([
    ['at-once', 1, true],
    ['after-a-day', 3600, false],
    ['after-a-day', 86_401, true],
    ['never', 10 * 86_400, false],
  ] as const)('is followed %s: after %i s %s', async (unversionedFollowed, seconds, moved) => {
    const previous = await start({ hub: { kek: unversioned, modes: { unversionedFollowed } } });
    expect(await encryptionOf()).not.toContain(previous);
    const next = await cloud.newVersion();
    await cloud.settle();
    await cloud.advance(seconds);
    expect(wrappedUnder()).toBe(moved ? next : previous);
  });

  test('is pinned by a PUT of a versioned one', async () => {
    const previous = await start({
      hub: { kek: unversioned, modes: { unversionedFollowed: 'at-once', wrapFailsAt: 'operation' } },
    });
    await putKey(previous);
    await cloud.advance(41);
    await cloud.newVersion();
    await cloud.advance(60);
    expect(wrappedUnder()).toBe(previous);
  });

  test('that is pinned before a day has passed is not followed any more', async () => {
    const previous = await start({ hub: { kek: unversioned, modes: { wrapFailsAt: 'operation' } } });
    await cloud.newVersion();
    await cloud.settle();
    await putKey(previous);
    await cloud.advance(2 * 86_400);
    expect(wrappedUnder()).toBe(previous);
  });
});

test('a mode or reading that does not exist is refused by name', async () => {
  await start();
  expect(() => cloud.arm.setModes('hub-a', { wrapFailsAt: 'never' as 'put' })).toThrow(
    "mode 'wrapFailsAt' has no reading 'never'",
  );
  expect(() => cloud.arm.setModes('hub-a', { sasKey: 'kept' } as object)).toThrow("no mode 'sasKey'");
  expect(() => cloud.arm.setModes('hub-b', {})).toThrow('hub-b');
});
