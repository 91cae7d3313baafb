import { createHash, randomBytes } from 'node:crypto';
import { CryptographyClient, KeyClient } from '@azure/keyvault-keys';
import type { RunningKeyVault } from '../../sandbox/key-vault';
import { type CloudEvent, type Identity, startServer } from '../../sandbox/kit';
import {
  assign,
  type CloudFixture,
  clientOptions,
  credentialOf,
  DAY,
  keySeed,
  owner,
  service,
  startFixture,
  stranger,
} from './cloud-fixture';

// Keys are really generated; on a busy machine that takes seconds.
jest.setTimeout(60_000);

let fixture: CloudFixture;
let running: RunningKeyVault;
let events: CloudEvent[];

const context = () => fixture.context;
const at = (days: number): string => new Date(Date.now() + days * DAY).toISOString();
const kek = () => running.vault.key('kek').versions;
const idOf = (index: number): string => `${running.url}/keys/kek/${kek()[index]?.version}`;
const keys = (who: Identity = owner) =>
  new KeyClient(running.url, credentialOf(context(), who), clientOptions(context()));
const crypto = (index: number, who: Identity = service) =>
  new CryptographyClient(
    { id: idOf(index), name: 'kek', properties: { vaultUrl: running.url, name: 'kek' } },
    credentialOf(context(), who),
    clientOptions(context()),
  );

interface Rejection {
  status: number;
  /** As the SDK reads Key Vault's error body. */
  error: { code?: string; message?: string; innerError?: { code?: string } };
  headers: Record<string, string>;
}

/** What a rejected call was answered. */
async function rejection(call: Promise<unknown>): Promise<Rejection> {
  const thrown: {
    response?: { status: number; headers: { toJSON(): Record<string, string> } };
    details?: { error?: Rejection['error'] };
  } = await call.then(
    () => {
      throw new Error('The call was expected to be refused.');
    },
    (error) => error,
  );
  if (thrown.response === undefined) throw thrown;
  const { status, headers } = thrown.response;
  return { status, error: thrown.details?.error ?? {}, headers: headers.toJSON() };
}

beforeEach(async () => {
  fixture = await startFixture();
  events = [];
  context().bus.subscribe((event) => events.push(event));
  running = await fixture.vault({ keys: [keySeed([{ createdOn: at(-70), expiresOn: at(20) }])] });
});

afterEach(() => fixture.stop());

describe('permissions', () => {
  test('an identity without a role is forbidden, in the words that Azure uses for RBAC', async () => {
    const { status, error } = await rejection(crypto(0, stranger).wrapKey('RSA-OAEP', randomBytes(32)));
    expect(status).toBe(403);
    expect(error.code).toBe('Forbidden');
    expect(error.innerError?.code).toBe('ForbiddenByRbac');
    expect(error.message).toContain(`oid=${stranger.principalId}`);
    expect(error.message).toContain("Action: 'Microsoft.KeyVault/vaults/keys/wrap/action'");
  });

  test('a role on one key does not open another', async () => {
    await keys().createKey('other', 'RSA');
    assign(context(), stranger, 'Key Vault Crypto Service Encryption User', `${running.vault.resourceId}/keys/kek`);
    expect((await keys(stranger).getKey('kek')).name).toBe('kek');
    expect((await rejection(keys(stranger).getKey('other'))).status).toBe(403);
  });

  test('who may wrap may not create, and a control plane owner may not even read', async () => {
    expect((await rejection(keys(service).createKey('kek', 'RSA'))).status).toBe(403);
    assign(context(), stranger, 'Owner', `/subscriptions/${context().subscriptionId}`);
    expect((await rejection(keys(stranger).getKey('kek'))).status).toBe(403);
  });

  test('a permission that is taken away is gone with the next request', async () => {
    const wrapped = await crypto(0).wrapKey('RSA-OAEP-256', randomBytes(32));
    context().permissions.assignments = context().permissions.assignments.filter(
      (assignment) => assignment.principalId !== service.principalId,
    );
    expect((await rejection(crypto(0).unwrapKey('RSA-OAEP-256', wrapped.result))).status).toBe(403);
  });

  test('a token for somebody else is challenged again, not accepted', async () => {
    const client = new KeyClient(
      running.url,
      credentialOf(context(), owner, 'https://management.azure.com'),
      clientOptions(context()),
    );
    const { status, headers } = await rejection(client.getKey('kek'));
    expect(status).toBe(401);
    expect(headers['www-authenticate']).toContain('resource="https://vault.azure.net"');
    expect(headers['www-authenticate']).toContain(`/${context().tenantId}"`);
  });
});

test('network rules keep out who is not let in, whatever role they have', async () => {
  const walled = await fixture.vault({
    name: 'walled',
    networkAcls: { defaultAction: 'Deny' },
    reachableBy: ['owner'],
  });
  const reach = (who: Identity) => new KeyClient(walled.url, credentialOf(context(), who), clientOptions(context()));
  await reach(owner).createKey('kek', 'RSA');
  const { status, error } = await rejection(reach(service).getKey('kek'));
  expect([status, error.innerError?.code]).toEqual([403, 'ForbiddenByFirewall']);
});

describe('answers of Key Vault', () => {
  test('a disabled key is refused with KeyDisabled', async () => {
    await keys().updateKeyProperties('kek', kek()[0]?.version as string, { enabled: false });
    const { status, error } = await rejection(crypto(0).unwrapKey('RSA-OAEP', randomBytes(256)));
    expect(status).toBe(403);
    expect(error).toMatchObject({
      code: 'Forbidden',
      message: 'Operation unwrapKey is not allowed on a disabled key.',
      innerError: { code: 'KeyDisabled' },
    });
  });

  test('purging is refused under purge protection, and done without it', async () => {
    await (await keys().beginDeleteKey('kek', { intervalInMs: 50 })).pollUntilDone();
    expect((await rejection(keys().purgeDeletedKey('kek'))).status).toBe(403);
    running.vault.recovery.purgeProtection = false;
    await keys().purgeDeletedKey('kek');
    expect((await rejection(keys().getDeletedKey('kek'))).status).toBe(404);
  });

  test('what the stand-in does not do is refused by name', async () => {
    const { status, error } = await rejection(
      keys().importKey('imported', { kty: 'RSA', n: randomBytes(256), e: randomBytes(3) }),
    );
    expect(status).toBe(501);
    expect(error.message).toContain('importKey');
  });

  test('an api-version that nobody knows is a bad parameter', async () => {
    const client = new KeyClient(running.url, credentialOf(context(), owner), {
      ...clientOptions(context()),
      serviceVersion: '6.0' as '7.6',
    });
    expect(await rejection(client.getKey('kek'))).toMatchObject({ status: 400, error: { code: 'BadParameter' } });
  });

  test.each(['7.5', '7.6'] as const)('api-version %s is answered too', async (serviceVersion) => {
    const client = new KeyClient(running.url, credentialOf(context(), owner), {
      ...clientOptions(context()),
      serviceVersion,
    });
    expect((await client.getKey('kek')).properties.version).toBe(kek()[0]?.version);
  });

  test('a seeded version has the dates of the seed', async () => {
    const { createdOn, expiresOn } = (await keys().getKey('kek')).properties;
    expect(((expiresOn?.getTime() ?? 0) - (createdOn?.getTime() ?? 0)) / DAY).toBeCloseTo(90, 3);
  });
});

describe('quota', () => {
  test('transactions over the limit are answered 429 until ten seconds of virtual time have passed', async () => {
    running.vault.quota.set({ rsa2048: 3, retryAfterSeconds: 10 });
    const wrap = () => crypto(0).wrapKey('RSA-OAEP-256', randomBytes(32));
    await wrap();
    await wrap();
    await wrap();
    const { status, error, headers } = await rejection(wrap());
    expect([status, headers['retry-after']]).toEqual([429, '10']);
    expect(error.code).toBe('Throttled');
    context().clock.advanceTo(context().clock.nowMilliseconds() + 10_001);
    await wrap();
  });

  test('kinds of transactions share one budget by weight', async () => {
    running.vault.quota.set({ rsa2048: 4, create: 2 });
    await keys().createKey('other', 'RSA');
    await keys().getKey('other');
    await keys().getKey('other');
    expect((await rejection(keys().getKey('other'))).status).toBe(429);
  });

  test('a sliding window gives back what is ten seconds old; a fixed one gives everything back every ten seconds', async () => {
    const window = 10_000;
    const { clock } = context();
    const wrap = () => crypto(0).wrapKey('RSA-OAEP-256', randomBytes(32));
    for (const [kind, afterTheTurn] of [
      ['sliding', 429],
      ['fixed', 200],
    ] as const) {
      const turn = Math.ceil((clock.nowMilliseconds() + window) / window) * window;
      clock.advanceTo(turn - 5000);
      running.vault.quota.set({ rsa2048: 1, window: kind });
      await wrap();
      expect((await rejection(wrap())).status).toBe(429);
      clock.advanceTo(turn);
      expect(
        await wrap().then(
          () => 200,
          ({ statusCode }) => statusCode,
        ),
      ).toBe(afterTheTurn);
    }
  });
});

describe('tally', () => {
  test('counts, since it began, what was asked and answered, and how often which blob was opened', async () => {
    const { result: blob } = await crypto(0).wrapKey('RSA-OAEP-256', randomBytes(32));
    const opened = `${kek()[0]?.version} ${Buffer.from(blob).toString('base64url').slice(0, 16)}`;
    running.vault.tally.begin(true);
    await crypto(0).unwrapKey('RSA-OAEP-256', blob);
    await crypto(0).unwrapKey('RSA-OAEP-256', blob);
    await rejection(crypto(0).unwrapKey('RSA-OAEP-256', Buffer.alloc(256)));
    expect(running.vault.tally.read()).toMatchObject({
      requests: { 'unwrapKey 200': 2, 'unwrapKey 400': 1 },
      opened: { [opened]: 2 },
    });
    running.vault.tally.begin(false);
    expect(running.vault.tally.read()).toMatchObject({ requests: {}, opened: {}, firstUnwrap: null });
  });
});

describe('events', () => {
  const told = () => events.map((event) => event.type.replace('Microsoft.KeyVault.', ''));

  test('a created and a rotated version are told, each with the data of its own version', async () => {
    const created = await keys().createKey('kek', 'RSA', { expiresOn: new Date(at(200)), notBefore: new Date(at(1)) });
    const rotated = await keys().rotateKey('kek');
    expect(told()).toEqual(['KeyNewVersionCreated', 'KeyNewVersionCreated']);
    expect(events[0]).toEqual({
      type: 'Microsoft.KeyVault.KeyNewVersionCreated',
      source: running.vault.resourceId,
      subject: 'kek',
      data: {
        Id: created.id,
        VaultName: 'orchard',
        ObjectType: 'Key',
        ObjectName: 'kek',
        Version: created.properties.version,
        NBF: Math.floor(Date.parse(created.properties.notBefore?.toISOString() as string) / 1000),
        EXP: Math.floor(Date.parse(created.properties.expiresOn?.toISOString() as string) / 1000),
      },
    });
    expect(events[1]?.data).toMatchObject({ Version: rotated.properties.version, NBF: null, EXP: null });
  });

  test('near expiry is told once, thirty days before, and expiry when it comes; neither pulls the clock', async () => {
    await keys().createKey('late', 'RSA', { expiresOn: new Date(at(100)) });
    events.length = 0;
    expect(context().clock.nextDue()).toBeUndefined();
    context().clock.advanceTo(Date.now() + 69 * DAY);
    expect(told().filter((type) => type !== 'KeyExpired')).toEqual([]);
    events.length = 0;
    context().clock.advanceTo(Date.now() + 71 * DAY);
    expect(told()).toEqual(['KeyNearExpiry']);
    context().clock.advanceTo(Date.now() + 101 * DAY);
    expect(told()).toEqual(['KeyNearExpiry', 'KeyExpired']);
  });

  test('a Notify action moves the notice', async () => {
    await keys().createKey('late', 'RSA', { expiresOn: new Date(at(100)) });
    await keys().updateKeyRotationPolicy('late', {
      expiresIn: 'P90D',
      lifetimeActions: [{ action: 'Notify', timeBeforeExpiry: 'P10D' }],
    });
    events.length = 0;
    context().clock.advanceTo(Date.now() + 89 * DAY);
    expect(told()).not.toContain('KeyNearExpiry');
    context().clock.advanceTo(Date.now() + 91 * DAY);
    expect(told()).toContain('KeyNearExpiry');
  });

  test('a version that was near its expiry before the vault started is told of only by request', async () => {
    context().clock.advanceTo(Date.now() + DAY);
    expect(told()).toEqual([]);
    running.vault.tellNearExpiry('kek');
    expect(events[0]).toMatchObject({ type: 'Microsoft.KeyVault.KeyNearExpiry', data: { Id: idOf(0) } });
  });
});

describe('rotation by policy', () => {
  test('the policy makes a new version when its time has come, done by nobody and logged as KeyRotateIfDue', async () => {
    await keys().updateKeyRotationPolicy('kek', { lifetimeActions: [{ action: 'Rotate', timeAfterCreate: 'P80D' }] });
    const made = new Promise<CloudEvent>((resolve) => context().bus.subscribe(resolve));
    context().clock.advanceTo(Date.now() + 11 * DAY);
    const event = await made;
    expect(event.type).toBe('Microsoft.KeyVault.KeyNewVersionCreated');
    expect(event.data['Version']).toBe(kek()[1]?.version);
    await context().clock.idle();
    const line = running.vault.log.list().find((entry) => entry.operationName === 'KeyRotateIfDue');
    expect(line).toMatchObject({ key: 'kek', version: kek()[1]?.version, principalId: undefined });
  });

  test('the policy is run by request, if it rotates at all', async () => {
    await expect(running.vault.runPolicy('kek')).rejects.toThrow('no Rotate action');
    await keys().updateKeyRotationPolicy('kek', {
      expiresIn: 'P90D',
      lifetimeActions: [{ action: 'Rotate', timeAfterCreate: 'P80D' }],
    });
    await running.vault.runPolicy('kek');
    expect(kek()).toHaveLength(2);
    expect(((kek()[1]?.exp ?? 0) - (kek()[1]?.created ?? 0)) / 86_400).toBe(90);
  });

  test('a policy under which a rotation is overdue rotates once, also when it is asked for meanwhile', async () => {
    const rotate = { trigger: { timeBeforeExpiry: 'P30D' }, action: { type: 'Rotate' } };
    running.vault.setPolicy('kek', { lifetimeActions: [rotate], attributes: { expiryTime: 'P90D' } });
    // The vault begins by itself as well: whoever comes later joins the first.
    await Promise.all([running.vault.rotateIfDue('kek'), running.vault.rotateIfDue('kek')]);
    await context().clock.idle();
    expect(kek()).toHaveLength(2);
  });

  test('Notify cannot be removed', async () => {
    await keys().updateKeyRotationPolicy('kek', { lifetimeActions: [] });
    const policy = await keys().getKeyRotationPolicy('kek');
    expect(policy.lifetimeActions).toEqual([expect.objectContaining({ action: 'Notify', timeBeforeExpiry: 'P30D' })]);
  });
});

describe('faults by request', () => {
  const rule = { standIn: 'keyVault', name: 'orchard' } as const;

  test('wrong bytes come well formed, and the same again for the same blob', async () => {
    const dataKey = randomBytes(32);
    const wrapped = await crypto(0).wrapKey('RSA-OAEP-256', dataKey);
    context().faults.add({ ...rule, operation: 'unwrapKey', effect: { kind: 'wrongBytes' } });
    const [one, two] = [
      await crypto(0).unwrapKey('RSA-OAEP-256', wrapped.result),
      await crypto(0).unwrapKey('RSA-OAEP-256', wrapped.result),
    ];
    expect(one.result).toHaveLength(32);
    expect(Buffer.from(one.result)).not.toEqual(dataKey);
    expect(Buffer.from(two.result)).toEqual(Buffer.from(one.result));
  });

  test('a lost answer leaves the version that was made', async () => {
    context().faults.add({ ...rule, operation: 'createKey', times: 1, effect: { kind: 'lostAnswer' } });
    await expect(keys().createKey('kek', 'RSA', { tags: { run: 'x' } })).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(kek().map((version) => version.tags)).toEqual([{}, { run: 'x' }]);
  });

  test('an outage ends by itself on the virtual clock, which may jump there', async () => {
    const end = context().clock.nowMilliseconds() + 3_600_000;
    context().faults.add({ ...rule, untilMilliseconds: end, effect: { kind: 'status', status: 503 } });
    expect((await rejection(keys().getKey('kek'))).status).toBe(503);
    expect(context().clock.nextDue()).toBe(end);
    context().clock.advanceTo(end);
    expect((await keys().getKey('kek')).name).toBe('kek');
  });

  test('a counted fault waits for work: the request that is only challenged for a token does not use it up', async () => {
    context().faults.add({ ...rule, operation: 'getKey', times: 1, effect: { kind: 'status', status: 500 } });
    expect((await rejection(keys().getKey('kek'))).status).toBe(500);
    expect((await keys().getKey('kek')).name).toBe('kek');
  });

  test('a fault may be meant for one principal alone', async () => {
    context().faults.add({ ...rule, principal: 'service', effect: { kind: 'status', status: 403 } });
    expect((await rejection(keys(service).getKey('kek'))).status).toBe(403);
    expect((await keys(owner).getKey('kek')).name).toBe('kek');
  });
});

describe('records', () => {
  test('the log of the vault names operation, version, principal and status, refused ones too', async () => {
    const wrapped = await crypto(0).wrapKey('RSA-OAEP-256', randomBytes(32));
    await crypto(0).unwrapKey('RSA-OAEP-256', wrapped.result);
    await rejection(crypto(0, stranger).unwrapKey('RSA-OAEP-256', wrapped.result));
    const version = kek()[0]?.version;
    expect(running.vault.log.list()).toEqual([
      expect.objectContaining({ operationName: 'KeyWrap', version, principalId: service.principalId, status: 200 }),
      expect.objectContaining({ operationName: 'KeyUnwrap', version, identity: 'service', status: 200 }),
      expect.objectContaining({ operationName: 'KeyUnwrap', version, identity: 'stranger', status: 403 }),
    ]);
  });

  test('the log of requests tells which blob an unwrap opened, whether its answer arrived, and which fault struck it', async () => {
    const { result: blob } = await crypto(0).wrapKey('RSA-OAEP-256', randomBytes(32));
    const rule = { standIn: 'keyVault', operation: 'unwrapKey', times: 1, effect: { kind: 'lostAnswer' } } as const;
    context().faults.add(rule);
    await expect(crypto(0).unwrapKey('RSA-OAEP-256', blob)).rejects.toMatchObject({ code: 'ECONNRESET' });
    await crypto(0).unwrapKey('RSA-OAEP-256', blob);
    const digest = createHash('sha256').update(Buffer.from(blob).toString('base64url')).digest('base64url');
    const unwraps = context()
      .requests.list()
      .filter((request) => request.digest !== undefined);
    expect(unwraps).toEqual([
      expect.objectContaining({ digest, status: 0, fault: 'lostAnswer' }),
      expect.objectContaining({ digest, status: 200, fault: undefined }),
    ]);
  });

  test('a restarted vault has its keys, versions and policy back and opens what it wrapped before', async () => {
    const dataKey = randomBytes(32);
    const wrapped = await crypto(0).wrapKey('RSA-OAEP-256', dataKey);
    await keys().rotateKey('kek');
    await keys().updateKeyRotationPolicy('kek', { expiresIn: 'P60D', lifetimeActions: [] });
    const before = kek().map(({ version, exp, created }) => ({ version, exp, created }));
    await running.close();
    running = await fixture.vault({ keys: [keySeed([{ createdOn: at(-1) }])] });
    expect(kek().map(({ version, exp, created }) => ({ version, exp, created }))).toEqual(before);
    expect((await keys().getKeyRotationPolicy('kek')).expiresIn).toBe('P60D');
    const opened = await crypto(0).unwrapKey('RSA-OAEP-256', wrapped.result);
    expect(Buffer.from(opened.result)).toEqual(dataKey);
  });

  test('while a request is answered it is in flight, and a slow one holds the clock', async () => {
    const { flight, faults } = context();
    faults.add({ standIn: 'keyVault', operation: 'getKey', effect: { kind: 'latency', milliseconds: 50 } });
    const call = keys().getKey('kek');
    const seen: number[] = [];
    const watch = setInterval(() => seen.push(flight.count), 5);
    await call;
    clearInterval(watch);
    expect(Math.max(...seen)).toBe(1);
    // Ends with the test's time limit if it never leaves.
    while (flight.count > 0) await new Promise((resolve) => setImmediate(resolve));
  });
});

test('a port that is taken is refused by number', async () => {
  const options = {
    standIn: 'arm',
    name: 'x',
    port: running.port,
    tls: false,
    handle: async () => ({ status: 200 }),
  } as const;
  await expect(startServer(context(), options)).rejects.toMatchObject({ code: 'EADDRINUSE', port: running.port });
});
