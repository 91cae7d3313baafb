import { dpsId, hubApi, hubId, hubIdentityId, subscriptionId, TestCloud } from './arm-cloud';

interface Resource extends Record<string, unknown> {
  etag: string;
  tags: Record<string, string>;
  identity?: Record<string, unknown>;
  properties: Record<string, unknown> & {
    state: string;
    provisioningState: string;
    encryption?: Record<string, unknown>;
  };
}
interface Keys {
  value: { keyName: string; rights: string; primaryKey: string }[];
}

// Each test makes a cloud of its own, RSA key and servers included; a busy machine takes its time over that.
jest.setTimeout(30_000);

let cloud: TestCloud;
beforeEach(async () => {
  cloud = await TestCloud.start({
    hub: { modes: { wrapFailsAt: 'operation' } },
    dps: { modes: { wrapFailsAt: 'operation' } },
  });
});
afterEach(() => cloud.close());

const getHub = (api = hubApi) => cloud.call<Resource>('GET', cloud.hubUrl(api));
const putHub = (body: unknown, ifMatch?: string, api = hubApi) =>
  cloud.call<Resource>('PUT', cloud.hubUrl(api), { body, ...(ifMatch && { headers: { 'If-Match': ifMatch } }) });
const hubKeys = () => cloud.call<Keys>('POST', `${cloud.arm.url}${hubId}/listkeys?api-version=${hubApi}`);
const getDps = (api?: string) => cloud.call<Resource>('GET', cloud.dpsUrl(api));

/** GET, PUT as it is after `change`, run the operation to its end, read past the stale answer. */
async function rewrite(change: (hub: Resource) => void = () => undefined, api = hubApi): Promise<Resource> {
  const { body } = await getHub(api);
  change(body);
  expect((await putHub(body, body.etag, api)).status).toBe(200);
  await cloud.advance(41);
  await getHub();
  return (await getHub()).body;
}

describe('a PUT of a hub', () => {
  test('replaces the whole resource: what the body leaves out is gone', async () => {
    const before = (await getHub()).body;
    expect(before.properties).toHaveProperty('minTlsVersion', '1.2');
    const after = await rewrite((hub) => {
      delete hub.properties['minTlsVersion'];
      hub.tags = { only: 'this' };
    });
    expect(after.properties).not.toHaveProperty('minTlsVersion');
    expect(after.tags).toEqual({ only: 'this' });
  });

  test('changes the ETag, and refuses the old one with a flat body and a numeric code', async () => {
    const before = (await getHub()).body;
    const after = await rewrite();
    expect(after.etag).not.toBe(before.etag);
    const refused = await putHub(after, before.etag);
    expect(refused.status).toBe(412);
    expect(refused.body).toMatchObject({ code: 412001, httpStatusCode: 'PreconditionFailed' });
    expect(String(refused.body['message'])).toContain('IH412001');
    expect((await putHub(after)).status).toBe(412);
  });

  test('is refused with 409 while the hub is in transition, and the state says so', async () => {
    const { body } = await getHub();
    const accepted = await putHub(body, body.etag);
    expect(accepted.body.properties.state).toBe('Transitioning');
    expect((await getHub()).body.properties.provisioningState).toBe('Transitioning');
    const refused = await putHub(body, accepted.body.etag);
    expect(refused.status).toBe(409);
    expect(refused.body).toMatchObject({ code: 409002, httpStatusCode: 'Conflict' });
    expect(String(refused.body['message'])).toContain('not currently in Active state');
    await cloud.advance(41);
    await getHub();
    expect((await getHub()).body.properties.state).toBe('Active');
  });

  test('needs eventHubEndpoints.events in its body', async () => {
    const { body } = await getHub();
    body.properties['eventHubEndpoints'] = {};
    const refused = await putHub(body, body.etag);
    expect(refused.status).toBe(400);
    expect((await getHub()).body.etag).toBe(body.etag);
  });

  test('answers 404 once after the operation has succeeded', async () => {
    const { body } = await getHub();
    await putHub(body, body.etag);
    expect((await getHub()).status).toBe(200);
    await cloud.advance(41);
    const stale = await getHub();
    expect(stale.status).toBe(404);
    expect(stale.body).toMatchObject({ error: { code: 'ResourceNotFound' } });
    expect((await getHub()).status).toBe(200);
  });

  test('in a stable api-version drops the encryption block that such a GET never showed', async () => {
    const stable = '2023-06-30';
    expect((await getHub(stable)).body.properties).not.toHaveProperty('encryption');
    const after = await rewrite(() => undefined, stable);
    expect(after.properties).not.toHaveProperty('encryption');
    expect(cloud.arm.resource('hub-a').key.wrappedUnder).toBeNull();
    expect((await cloud.readTwin()).status).toBe(200);
  });

  test('in a stable api-version keeps the encryption block in mode keeps', async () => {
    cloud.arm.setModes('hub-a', { otherVersionPut: 'keeps' });
    const after = await rewrite(() => undefined, '2023-06-30');
    expect(after.properties.encryption).toBeDefined();
  });

  test('cannot bring customer-managed keys to a hub that was created without', async () => {
    const { encryption } = (await getHub()).body.properties;
    const plain = await rewrite(() => undefined, '2023-06-30');
    plain.properties.encryption = encryption ?? {};
    const refused = await putHub(plain, plain.etag);
    expect(refused.status).toBe(400);
    expect(String(refused.body['message'])).toContain('during creation');
  });

  test('needs the identity of the encryption block on the resource', async () => {
    const { body } = await getHub();
    body.identity = { type: 'None' };
    expect((await putHub(body, body.etag)).status).toBe(400);
  });
});

describe('shared access keys', () => {
  test('are not in a GET, and are in listkeys', async () => {
    expect((await getHub()).body.properties).not.toHaveProperty('authorizationPolicies');
    const keys = (await hubKeys()).body.value;
    expect(keys.map(({ keyName }) => keyName)).toContain('iothubowner');
    const one = await cloud.call('POST', `${cloud.arm.url}${hubId}/IotHubKeys/service/listkeys?api-version=${hubApi}`);
    expect(one.body['primaryKey']).toBe(keys.find(({ keyName }) => keyName === 'service')?.primaryKey);
  });

  test('are wiped by a PUT without them, and by policies sent without keys', async () => {
    const before = (await hubKeys()).body.value;
    await rewrite();
    const between = (await hubKeys()).body.value;
    expect(between.map(({ primaryKey }) => primaryKey)).not.toEqual(before.map(({ primaryKey }) => primaryKey));
    await rewrite((hub) => {
      hub.properties['authorizationPolicies'] = between.map(({ keyName, rights }) => ({ keyName, rights }));
    });
    expect((await hubKeys()).body.value[0]?.primaryKey).not.toBe(between[0]?.primaryKey);
  });

  test('survive a PUT that sends them, minus the policy it leaves out', async () => {
    const before = (await hubKeys()).body.value;
    await rewrite((hub) => {
      hub.properties['authorizationPolicies'] = before.slice(1);
    });
    expect((await hubKeys()).body.value).toEqual(before.slice(1));
  });

  test('survive a PUT without them in mode kept', async () => {
    cloud.arm.setModes('hub-a', { sasKeys: 'kept' });
    const before = (await hubKeys()).body;
    await rewrite();
    expect((await hubKeys()).body).toEqual(before);
  });
});

describe('a PATCH of a hub', () => {
  test('changes tags and nothing else', async () => {
    const before = (await getHub()).body;
    const body = { tags: { site: 'north' }, properties: { minTlsVersion: '1.0' } };
    const answer = await cloud.call<Resource>('PATCH', cloud.hubUrl(), { body });
    expect(answer.status).toBe(200);
    await cloud.advance(41);
    await getHub();
    const after = (await getHub()).body;
    expect(after.tags).toEqual({ site: 'north' });
    expect(after.properties).toEqual(before.properties);
    expect(after.etag).not.toBe(before.etag);
  });
});

describe('connection strings with secrets', () => {
  const secretOf = (hub: Record<string, unknown>) => JSON.stringify(hub).match(/SharedAccessKey=([^;"]*)/)?.[1];

  test('are masked in a GET, and a PUT of the masked ones loses the secret', async () => {
    await cloud.close();
    cloud = await TestCloud.start({ hub: { secretRouting: true } });
    const stored = () => secretOf(cloud.arm.resource('hub-a').description as unknown as Record<string, unknown>);
    const secret = stored();
    expect(secretOf((await getHub()).body)).toBe('****');
    cloud.arm.setModes('hub-a', { maskedSecrets: 'kept' });
    await rewrite();
    expect(stored()).toBe(secret);
    cloud.arm.setModes('hub-a', { maskedSecrets: 'written' });
    await rewrite();
    expect(stored()).toBe('****');
  });
});

describe('a DPS', () => {
  test('has its own encryption shape, in one api-version only', async () => {
    const { body } = await getDps();
    expect(body.properties.encryption).toMatchObject({
      keyVaultProperties: [{ keyIdentifier: expect.stringContaining('/keys/kek/') }],
      identity: { userAssignedIdentity: expect.stringContaining('dps-identity') },
    });
    expect(body.identity).toHaveProperty('identityType', 'UserAssigned');
    const newer = (await getDps('2022-12-12')).body;
    expect(newer.properties).not.toHaveProperty('encryption');
    expect(newer.identity).toHaveProperty('type', 'UserAssigned');
  });

  test('does not echo encryption when it is one that does not', async () => {
    cloud.arm.setModes('dps-a', { echoEncryption: false });
    expect((await getDps()).body.properties).not.toHaveProperty('encryption');
  });

  test('takes a PUT without If-Match and with a stale one', async () => {
    const { body } = await getDps();
    const first = await cloud.call<Resource>('PUT', cloud.dpsUrl(), { body });
    expect(first.status).toBe(201);
    expect(first.body.properties.state).toBe('Activating');
    await cloud.advance(26);
    const second = await cloud.call('PUT', cloud.dpsUrl(), { body, headers: { 'If-Match': 'long gone' } });
    expect(second.status).toBe(201);
    const third = await cloud.call('PUT', cloud.dpsUrl(), { body });
    expect(third.status).toBe(409);
    expect(typeof third.body['code']).toBe('number');
  });

  test('drops its key when a PUT puts encryption at the root, as the published example does', async () => {
    const { body } = await getDps();
    const { encryption, ...properties } = body.properties;
    await cloud.call('PUT', cloud.dpsUrl(), { body: { ...body, encryption, properties } });
    await cloud.advance(26);
    expect((await getDps()).body.properties).not.toHaveProperty('encryption');
  });
});

describe('sign-in, permission and unknown things', () => {
  test('get the answers of ARM itself', async () => {
    const anonymous = await cloud.call('GET', cloud.hubUrl(), { as: '' });
    expect(anonymous.status).toBe(401);
    expect(anonymous.headers['www-authenticate']).toContain('Bearer');
    expect((await cloud.call('GET', cloud.hubUrl(), { audience: 'https://vault.azure.net' })).status).toBe(401);
    expect((await cloud.call('GET', cloud.hubUrl(), { audience: 'https://management.core.windows.net/' })).status).toBe(
      200,
    );
    const stranger = await cloud.call('GET', cloud.hubUrl(), { as: 'nobody' });
    expect(stranger.status).toBe(403);
    expect(stranger.body).toMatchObject({ error: { code: 'AuthorizationFailed' } });
    const missing = await cloud.call('GET', `${cloud.arm.url}${hubId}x?api-version=${hubApi}`);
    expect(missing.body).toMatchObject({ error: { code: 'ResourceNotFound' } });
    expect((await cloud.call('GET', `${cloud.arm.url}${hubId}`)).body).toMatchObject({
      error: { code: 'MissingApiVersionParameter' },
    });
    expect((await getHub('1999-01-01')).body).toMatchObject({ error: { code: 'NoRegisteredProviderFound' } });
  });

  test('are throttled by a bucket that the virtual clock refills', async () => {
    const still = jest.spyOn(cloud.context.clock, 'nowMilliseconds').mockReturnValue(Date.now());
    const statuses = await Promise.all(Array.from({ length: 252 }, async () => (await getHub()).status));
    expect(statuses.filter((status) => status === 429)).toHaveLength(2);
    const throttled = await getHub();
    expect(throttled.body).toMatchObject({ error: { code: 'SubscriptionRequestsThrottled' } });
    expect(throttled.headers['retry-after']).toBe('1');
    still.mockRestore();
    await cloud.advance(10);
    const after = await getHub();
    expect(after.status).toBe(200);
    expect(Number(after.headers['x-ms-ratelimit-remaining-subscription-reads'])).toBeGreaterThan(200);
  });
});

describe('what surrounds hub and DPS', () => {
  const get = (path: string, query = 'api-version=2022-04-01') =>
    cloud.call<Record<string, unknown> & { value: { name: string; properties: Record<string, unknown> }[] }>(
      'GET',
      `${cloud.arm.url}${path}?${query}`,
    );
  const groupPath = hubId.slice(0, hubId.indexOf('/providers'));

  test('is there to be read: the vault, identities, lists', async () => {
    const vault = await get(`${groupPath}/providers/Microsoft.KeyVault/vaults/vault-a`);
    expect(vault.body['properties']).toMatchObject({
      vaultUri: `${cloud.vault.url}/`,
      enableRbacAuthorization: true,
      publicNetworkAccess: 'Enabled',
    });
    const identity = await get(hubIdentityId);
    expect(identity.body['properties']).toHaveProperty('principalId');
    const hubs = await get(`${groupPath}/providers/Microsoft.Devices/IotHubs`, `api-version=${hubApi}`);
    expect(hubs.body.value.map(({ name }) => name)).toEqual(['hub-a']);
    expect((await get(`${groupPath}/providers/Microsoft.KeyVault/vaults/other`)).status).toBe(404);
  });

  test('shows role assignments at, above and below a scope, and definitions with data actions', async () => {
    const hubIdentity = cloud.context.tokens.identity('hub-identity');
    const path = '/providers/Microsoft.Authorization/roleAssignments';
    const filter = encodeURIComponent(`principalId eq '${hubIdentity.principalId}'`);
    const kekScope = `${groupPath}/providers/Microsoft.KeyVault/vaults/vault-a/keys/kek`;
    const inherited = await get(`${kekScope}${path}`, `api-version=2022-04-01&$filter=${filter}`);
    expect(inherited.body.value).toHaveLength(1);
    const definition = await get(String(inherited.body.value[0]?.properties['roleDefinitionId']));
    expect(definition.body['properties']).toMatchObject({
      roleName: 'Key Vault Crypto Service Encryption User',
      permissions: [{ dataActions: expect.arrayContaining(['Microsoft.KeyVault/vaults/keys/unwrap/action']) }],
    });
    const elsewhere = await get(
      `${dpsId}${path}`,
      `api-version=2022-04-01&$filter=${encodeURIComponent(`assignedTo('${hubIdentity.principalId}')`)}`,
    );
    expect(elsewhere.body.value).toHaveLength(0);
    const below = await get(`${groupPath}${path}`, `api-version=2022-04-01&$filter=${filter}`);
    expect(below.body.value).toHaveLength(1);
    const atScope = await get(
      `${groupPath}${path}`,
      `api-version=2022-04-01&$filter=${encodeURIComponent('atScope()')}`,
    );
    expect(atScope.body.value.every(({ properties }) => properties['scope'] === groupPath)).toBe(true);
  });
});

describe('Azure Resource Graph', () => {
  interface Rows {
    data: { id?: string; type?: string; properties?: Record<string, unknown> }[];
  }
  const ask = (query: string, as = 'app', subscriptions = [subscriptionId]) =>
    cloud.call<Rows>('POST', `${cloud.arm.url}/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01`, {
      as,
      body: { subscriptions, query },
    });
  const every = "resources | where type in~ ('Microsoft.Devices/IotHubs', 'Microsoft.Devices/provisioningServices')";

  test('shows what the caller may read, and says nothing of the rest or of another subscription', async () => {
    const { status, body } = await ask(`${every} | project id, type`);
    expect(status).toBe(200);
    expect(body.data).toMatchObject([
      { id: hubId, type: 'microsoft.devices/iothubs' },
      { id: dpsId, type: 'microsoft.devices/provisioningservices' },
    ]);
    expect((await ask(every, 'nobody')).body.data).toEqual([]);
    expect((await ask(every, 'app', ['33333333-3333-3333-3333-333333333333'])).body.data).toEqual([]);
  });

  test('remembers who changed the key reference of a hub, when and with what', async () => {
    const hub = (await cloud.call('GET', cloud.hubUrl())).body;
    const { value } = (await hubKeys()).body;
    const kid = await cloud.newVersion();
    const properties = structuredClone(hub['properties']) as { encryption: { keyVaultProperties: object[] } };
    const [entry] = properties.encryption.keyVaultProperties;
    properties.encryption.keyVaultProperties = [{ ...entry, keyIdentifier: kid }];
    const put = await cloud.call('PUT', cloud.hubUrl(), {
      body: { ...hub, properties: { ...properties, authorizationPolicies: value } },
      headers: { 'if-match': String(hub['etag']), 'user-agent': 'a deployment' },
    });
    expect(put.status).toBeLessThan(300);
    await cloud.advance(120);
    const since = (instant: string) =>
      `resourcechanges | where properties.targetResourceId =~ '${hubId.toUpperCase()}' | where todatetime(properties.changeAttributes.timestamp) > datetime(${instant}) | project properties`;
    const { data } = (await ask(since('2020-01-01T00:00:00.000Z'))).body;
    expect(data.at(-1)?.properties).toMatchObject({
      changeAttributes: {
        changedBy: cloud.context.tokens.identity('app').principalId,
        clientType: 'ARM Template',
        operation: 'microsoft.devices/iothubs/write',
      },
      changes: { 'properties.encryption.keyVaultProperties[0].keyIdentifier': { newValue: kid } },
    });
    expect((await ask(since('2100-01-01T00:00:00.000Z'))).body.data).toEqual([]);
  });

  test.each(['secrets', 'resources | summarize count()'])('refuses what it does not know: %s', async (query) => {
    expect((await ask(query)).status).toBe(400);
  });
});
