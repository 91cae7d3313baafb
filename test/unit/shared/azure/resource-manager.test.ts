import { createResourceManager } from '../../../../shared/azure/resource-manager';
import type { ResourceManager } from '../../../../shared/rotation/ports';
import { type LocalServer, recordingCredential, type Said, startLocalServer } from './local-server';

const arm = 'https://management.test';
const id = '/subscriptions/1/resourceGroups/g/providers/Microsoft.Devices/IotHubs/hub';
const version = '2023-06-30-preview';
const operationUrl = `${arm}/subscriptions/1/providers/Microsoft.Devices/operations/7?api-version=x`;

let server: LocalServer;
let credential: ReturnType<typeof recordingCredential>;
let resources: ResourceManager;

beforeAll(async () => {
  server = await startLocalServer();
});
afterAll(() => server.stop());
beforeEach(() => {
  credential = recordingCredential();
  const { httpClient } = server;
  resources = createResourceManager(credential, {
    endpoint: arm,
    audience: 'https://management.core.test',
    httpClient,
  });
});

describe('reading a resource', () => {
  test('gives everything that came, known here or not, and signs in for the audience of the configuration', async () => {
    const body = {
      id,
      etag: 'AAA=',
      properties: { encryption: { keySource: 'Microsoft.KeyVault' }, unheardOf: [1, null] },
    };
    server.answer({ status: 200, body });
    expect(await resources.get(id, version)).toEqual(body);
    expect(server.asked).toMatchObject([{ method: 'GET', url: `${id}?api-version=${version}` }]);
    expect(server.asked[0]?.headers.authorization).toBe('Bearer a-token');
    expect(credential.scopes).toEqual(['https://management.core.test/.default']);
  });

  test('that is not there is refused by get and null for find', async () => {
    const notThere = { status: 404, body: { error: { code: 'ResourceNotFound' } } };
    server.answer(notThere, notThere);
    await expect(resources.get(id, version)).rejects.toMatchObject({ code: 'resource-not-found' });
    expect(await resources.find(id, version)).toBeNull();
  });

  test.each([
    ['the connection broke', 'reset' as const],
    ['the gateway stumbled', { status: 502 }],
  ])('is tried once more when %s', async (_what, hiccup) => {
    server.answer(hiccup, { status: 200, body: {} });
    expect(await resources.get(id, version)).toEqual({});
    expect(server.asked).toHaveLength(2);
  });

  test('is not tried on for ever, and a wait that was asked for is passed on instead of waited out', async () => {
    server.answer({ status: 503 }, { status: 503 });
    await expect(resources.get(id, version)).rejects.toMatchObject({ name: 'FaultError', code: 'unavailable' });
    expect(server.asked).toHaveLength(2);
    server.answer({ status: 429, headers: { 'retry-after': '300' } });
    await expect(resources.get(id, version)).rejects.toMatchObject({ code: 'throttled', retryAfterSeconds: 300 });
    expect(server.asked).toHaveLength(1);
  });

  test('does not follow a redirect with our token', async () => {
    server.answer({ status: 307, headers: { location: 'https://elsewhere.test/' } });
    await expect(resources.get(id, version)).rejects.toMatchObject({ name: 'FaultError' });
    expect(server.asked).toHaveLength(1);
  });

  test('that answers a page of HTML is a fault', async () => {
    server.answer({ status: 200, body: '<html>Sign in</html>' });
    await expect(resources.get(id, version)).rejects.toMatchObject({ name: 'FaultError', code: 'unavailable' });
  });

  test.each(['hub', '/a/../b', '/a?b=c', '/a#b', '//evil.test/a'])('by "%s" sends nothing', async (strange) => {
    server.answer();
    await expect(resources.get(strange, version)).rejects.toMatchObject({ code: 'resource-id' });
    expect(server.asked).toEqual([]);
  });
});

describe('writing a resource', () => {
  const put = (said: Said | 'reset', ifMatch: string | null = 'AAA=') => {
    server.answer(said);
    return resources.put(id, version, { location: 'x', properties: { unheardOf: 1 } }, ifMatch);
  };

  test('sends the body as it is, and If-Match as it was given', async () => {
    await put({ status: 200, body: {} });
    expect(server.asked).toMatchObject([{ method: 'PUT', headers: { 'if-match': 'AAA=' } }]);
    expect(JSON.parse(server.asked[0]?.body ?? '')).toEqual({ location: 'x', properties: { unheardOf: 1 } });
    await put({ status: 200, body: {} }, null);
    expect(server.asked[0]?.headers['if-match']).toBeUndefined();
  });

  test.each<[string, Said, { url: string; retryAfterSeconds: number } | null]>([
    [
      'Azure-AsyncOperation',
      { status: 201, headers: { 'azure-asyncoperation': operationUrl, 'retry-after': '7' } },
      { url: operationUrl, retryAfterSeconds: 7 },
    ],
    [
      'Azure-AsyncOperation before Location',
      { status: 202, headers: { location: `${arm}/other`, 'azure-asyncoperation': operationUrl } },
      { url: operationUrl, retryAfterSeconds: 15 },
    ],
    [
      'Location alone',
      { status: 202, headers: { location: operationUrl, 'retry-after': '0' } },
      { url: operationUrl, retryAfterSeconds: 1 },
    ],
    [
      'an update that is answered 200',
      { status: 200, headers: { 'azure-asyncoperation': operationUrl } },
      { url: operationUrl, retryAfterSeconds: 15 },
    ],
    ['no header: it is done', { status: 200 }, null],
    ['a Location on 200: it is done', { status: 200, headers: { location: operationUrl } }, null],
  ])('answers the operation by %s', async (_what, said, operation) => {
    expect(await put({ body: {}, ...said })).toEqual(operation);
  });

  test('whose operation is said to be elsewhere is a fault, since the write has begun', async () => {
    const elsewhere = { status: 202, headers: { location: 'https://evil.test/operations/7' } };
    await expect(put(elsewhere)).rejects.toMatchObject({ name: 'FaultError', code: 'foreign-address' });
  });

  test('under an old ETag is told apart from a resource that is busy', async () => {
    const flat = (code: number) => ({ code, httpStatusCode: 'x', message: 'IH' });
    await expect(put({ status: 412, body: flat(412001) })).rejects.toMatchObject({ name: 'PreconditionError' });
    await expect(put({ status: 409, body: flat(409002) })).rejects.toMatchObject({
      name: 'FaultError',
      code: 'resource-busy',
    });
  });

  test('is never sent twice: the answer may be all that was lost', async () => {
    await expect(put('reset')).rejects.toMatchObject({ name: 'FaultError', code: 'unreachable' });
    expect(server.asked).toHaveLength(1);
    await expect(put({ status: 500 })).rejects.toMatchObject({ name: 'FaultError', code: 'unavailable' });
    expect(server.asked).toHaveLength(1);
  });
});

describe('looking at an operation', () => {
  test.each<[string, Said, string]>([
    ['202', { status: 202 }, 'InProgress'],
    ['a status that is under way', { status: 200, body: { status: 'InProgress' } }, 'InProgress'],
    ['a status of the service’s own making', { status: 200, body: { status: 'Transitioning' } }, 'InProgress'],
    ['success in any case of letters', { status: 200, body: { status: 'SUCCEEDED' } }, 'Succeeded'],
    ['the resource itself', { status: 200, body: { id, properties: {} } }, 'Succeeded'],
    ['nothing more', { status: 204 }, 'Succeeded'],
  ])('sees %s', async (_what, said, status) => {
    server.answer({ headers: { 'retry-after': '9' }, ...said });
    expect(await resources.operation(operationUrl)).toEqual({ status, error: null, retryAfterSeconds: 9 });
    expect(server.asked[0]?.url).toBe(operationUrl.slice(arm.length));
  });

  test.each([
    ['in ARM’s envelope', { status: 'Failed', error: { code: 'KeyNotAccessible', message: 'No access to the key.' } }],
    ['in a flat body', { status: 'Failed', code: 'KeyNotAccessible', message: 'No access to the key.' }],
  ])('tells why it failed, %s', async (_what, body) => {
    server.answer({ status: 200, body });
    const error = { code: 'KeyNotAccessible', message: 'No access to the key.' };
    expect(await resources.operation(operationUrl)).toMatchObject({ status: 'Failed', error });
  });

  test.each([
    ['ServiceUnavailable', true],
    ['GatewayTimeout', true],
    ['503001', true],
    ['429001', true],
    ['400004', undefined],
    ['412001', undefined],
    ['KeyVaultError', undefined],
    ['NotServiceUnavailable', undefined],
  ])('that failed with %s says whether the same write may succeed later', async (code, mayHeal) => {
    server.answer({ status: 200, body: { status: 'Failed', error: { code, message: 'No.' } } });
    const { error } = await resources.operation(operationUrl);
    expect(error?.mayHeal).toBe(mayHeal);
    server.answer({ status: 200, body: { status: 'Canceled', error: { code, message: 'No.' } } });
    expect((await resources.operation(operationUrl)).error?.mayHeal).toBeUndefined();
  });

  test('tells of a failure without a reason, and of a cancellation', async () => {
    server.answer({ status: 200, body: { status: 'Canceled' } });
    expect(await resources.operation(operationUrl)).toMatchObject({ status: 'Canceled', error: { code: 'canceled' } });
  });

  test('that is no longer known is a fault: the resource tells the rest', async () => {
    server.answer({ status: 404 });
    await expect(resources.operation(operationUrl)).rejects.toMatchObject({
      name: 'FaultError',
      code: 'operation-not-found',
    });
  });

  test.each(['https://evil.test/operations/7', 'https://management.test.evil.test/x', 'http://management.test/x', 'x'])(
    'at %s is refused, and our token stays here',
    async (url) => {
      server.answer();
      await expect(resources.operation(url)).rejects.toMatchObject({ name: 'RefusalError', code: 'foreign-address' });
      expect(server.asked).toEqual([]);
    },
  );
});

describe('listing and posting', () => {
  test('a list goes on to its last page', async () => {
    server.answer(
      { status: 200, body: { value: [{ id: 'a' }], nextLink: `${arm}/next?page=2` } },
      { status: 200, body: { value: [{ id: 'b' }] } },
    );
    expect(await resources.list('/roles?$filter=x')).toEqual([{ id: 'a' }, { id: 'b' }]);
    expect(server.asked.map(({ url }) => url)).toEqual(['/roles?$filter=x', '/next?page=2']);
  });

  test('a list does not go on elsewhere', async () => {
    server.answer({ status: 200, body: { value: [], nextLink: 'https://evil.test/next' } });
    await expect(resources.list('/roles')).rejects.toMatchObject({ code: 'foreign-address' });
    expect(server.asked).toHaveLength(1);
  });

  test('an action is posted to the resource', async () => {
    server.answer({ status: 200, body: { value: [] } });
    expect(await resources.post(id, 'listkeys', version)).toEqual({ value: [] });
    expect(server.asked).toMatchObject([{ method: 'POST', url: `${id}/listkeys?api-version=${version}` }]);
  });
});

describe('a query of Azure Resource Graph', () => {
  test('goes through all pages, and is tried once more like a read', async () => {
    server.answer(
      { status: 502 },
      { status: 200, body: { data: [{ id: 'a' }], $skipToken: 'more' } },
      { status: 200, body: { data: [{ id: 'b' }] } },
    );
    expect(await resources.query(['s'], 'resources')).toEqual([{ id: 'a' }, { id: 'b' }]);
    expect(server.asked.map(({ method, url }) => `${method} ${url}`)).toEqual(
      Array.from({ length: 3 }, () => 'POST /providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01'),
    );
    const bodies = server.asked.map(({ body }) => JSON.parse(String(body)));
    expect(bodies[1]).toEqual({ subscriptions: ['s'], query: 'resources', options: { resultFormat: 'objectArray' } });
    expect(bodies[2]?.options).toEqual({ resultFormat: 'objectArray', $skipToken: 'more' });
  });
});
