import { constants, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import {
  createDefaultHttpClient,
  createHttpHeaders,
  type HttpClient,
  type PipelineRequest,
} from '@azure/core-rest-pipeline';
import type { RunningKeyVault } from '../../../../sandbox/key-vault';
import { createBulkConnections } from '../../../../shared/azure/bulk-connections';
import { createKeyVault } from '../../../../shared/azure/key-vault';
import type { KeyVault } from '../../../../shared/rotation/ports';
import {
  type CloudFixture,
  credentialOf,
  DAY,
  keySeed,
  owner,
  startFixture,
  stranger,
} from '../../../sandbox/cloud-fixture';

// Keys are really generated; on a busy machine that takes seconds.
jest.setTimeout(60_000);

let fixture: CloudFixture;
let running: RunningKeyVault;
let sent: PipelineRequest[];

const network = createDefaultHttpClient();
const at = (days: number): string => new Date(Date.now() + days * DAY).toISOString();
const key = (): string => `${running.url}/keys/kek`;
const kid = (index: number): string => `${key()}/${running.vault.key('kek').versions[index]?.version}`;
const paths = (): string[] => sent.map(({ url, method }) => `${method} ${new URL(url).pathname.split('/').at(-1)}`);

/** The network, with the local CA trusted and every request written down. */
const httpClient: HttpClient = {
  sendRequest(request) {
    sent.push({ ...request, headers: request.headers });
    request.tlsSettings = { ca: readFileSync(fixture.context.certificates.caFile) };
    return network.sendRequest(request);
  },
};

function connect(who = owner, client = httpClient): KeyVault {
  return createKeyVault(credentialOf(fixture.context, who), {
    isConfigured: (url) => url === running.url,
    verifyChallengeResource: false,
    httpClient: client,
  });
}

/** What somebody else wrapped, with the public key alone. */
async function wrapped(keyVault: KeyVault, index: number, dataKey: Buffer): Promise<Buffer> {
  const { publicKey } = await keyVault.version(kid(index));
  if (publicKey === null) throw new Error('The key was expected to be RSA.');
  const wrapping = createPublicKey({ key: { kty: 'RSA', ...publicKey }, format: 'jwk' });
  return publicEncrypt({ key: wrapping, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, dataKey);
}

const [expired, disabled, current] = [0, 1, 2];

beforeAll(async () => {
  fixture = await startFixture();
  running = await fixture.vault({
    keys: [
      keySeed([
        { createdOn: at(-400), expiresOn: at(-1) },
        { createdOn: at(-300), expiresOn: at(30), enabled: false },
        { createdOn: at(-200), expiresOn: at(30), tags: { rotationId: 'run' } },
      ]),
      keySeed([{ createdOn: at(-10) }], { name: 'gone' }),
    ],
  });
});
beforeEach(() => {
  sent = [];
});
afterAll(() => fixture.stop());

test('of versions that were not used for long no client is kept: their number does not grow with what records name', async () => {
  const challenge = 'Bearer authorization="https://login.test/tenant", resource="https://vault.azure.net"';
  let challenged = 0;
  const nobodyThere: HttpClient = {
    async sendRequest(request) {
      const isFirst = !request.headers.has('authorization');
      if (isFirst) challenged += 1;
      const headers = createHttpHeaders(isFirst ? { 'www-authenticate': challenge } : {});
      return { request, status: isFirst ? 401 : 404, headers, bodyAsText: '{"error":{"code":"KeyNotFound"}}' };
    },
  };
  const keyVault = createKeyVault(
    { getToken: async () => ({ token: 'a-token', expiresOnTimestamp: Date.now() + 3_600_000 }) },
    { isConfigured: () => true, verifyChallengeResource: false, httpClient: nobodyThere },
  );
  const unwrap = async (number: number): Promise<number> => {
    const version = String(number).padStart(32, '0');
    await keyVault
      .unwrap(`https://v.test/keys/kek/${version}`, 'RSA-OAEP-256', Buffer.alloc(256))
      .catch(() => undefined);
    return challenged;
  };
  // Each client is challenged when it is used first.
  for (let number = 1; number <= 256; number++) expect(await unwrap(number)).toBe(number);
  expect(await unwrap(1)).toBe(256);
  expect(await unwrap(257)).toBe(257);
  expect(await unwrap(1)).toBe(257);
  expect(await unwrap(2)).toBe(258);
});

describe('the Key Vault adapter against the stand-in', () => {
  test('a vault that is not configured is refused before any request, whatever is asked of it', async () => {
    const keyVault = connect();
    const foreign = 'https://stranger.vault.azure.net/keys/kek';
    const refused = { name: 'RefusalError', code: 'vault-not-configured' };
    const version = `${foreign}/0123456789abcdef0123456789abcdef`;
    await expect(keyVault.versions(foreign)).rejects.toMatchObject(refused);
    await expect(keyVault.version(version)).rejects.toMatchObject(refused);
    await expect(keyVault.rotationPolicy(foreign)).rejects.toMatchObject(refused);
    await expect(keyVault.unwrap(version, 'RSA-OAEP-256', randomBytes(256))).rejects.toMatchObject(refused);
    await expect(keyVault.wrap(version, 'RSA-OAEP-256', randomBytes(32))).rejects.toMatchObject(refused);
    const like = await keyVault.version(kid(current));
    sent = [];
    const options = { like, expiresOn: null, tags: {} };
    await expect(keyVault.createVersion(foreign, options)).rejects.toMatchObject(refused);
    expect(sent).toEqual([]);
  });

  test('what is no key identifier, or names no version, is refused before any request', async () => {
    const refused = { name: 'RefusalError', code: 'key-identifier' };
    await expect(connect().version(key())).rejects.toMatchObject(refused);
    await expect(connect().versions(`${running.url}/secrets/kek`)).rejects.toMatchObject(refused);
    expect(sent).toEqual([]);
  });

  test('a key that was deleted has no versions and no policy; until when it can be recovered is told, as long as it is deleted', async () => {
    const keyVault = connect();
    const gone = `${running.url}/keys/gone`;
    expect(await keyVault.deleted(gone)).toBeNull();
    expect(await keyVault.deleted(key())).toBeNull();
    running.vault.remove('gone');
    expect(await keyVault.versions(gone)).toEqual([]);
    const told = await keyVault.deleted(gone);
    expect(told?.deletedOn).toBeInstanceOf(Date);
    expect((told?.purgedOn?.getTime() ?? 0) - (told?.deletedOn?.getTime() ?? 0)).toBeGreaterThanOrEqual(7 * DAY);
  });

  test('all versions are listed with their tags (I7), disabled and expired ones too', async () => {
    const versions = await connect().versions(key());
    expect(versions.map((version) => version.kid).sort()).toEqual([kid(0), kid(1), kid(2)].sort());
    expect(versions.find((version) => version.kid === kid(disabled))).toMatchObject({ enabled: false });
    expect(versions.find((version) => version.kid === kid(current))).toMatchObject({ tags: { rotationId: 'run' } });
  });

  test('a key that does not exist has no versions', async () => {
    expect(await connect().versions(`${running.url}/keys/nobody`)).toEqual([]);
  });

  test('an enabled version shows its type, size, operations and public key', async () => {
    expect(await connect().version(kid(current))).toMatchObject({
      keyType: 'RSA',
      keySize: 2048,
      operations: ['wrapKey', 'unwrapKey'],
      publicKey: { n: expect.stringMatching(/^[\w-]{342}$/), e: 'AQAB' },
    });
  });

  test('a disabled version and one that never was are refused by different names', async () => {
    await expect(connect().version(kid(disabled))).rejects.toMatchObject({ code: 'version-disabled' });
    const never = `${key()}/00000000000000000000000000000000`;
    await expect(connect().version(never)).rejects.toMatchObject({ code: 'version-not-found' });
  });

  test('an expired version still unwraps, and the key is not read for it', async () => {
    const dataKey = randomBytes(32);
    const blob = await wrapped(connect(), expired, dataKey);
    sent = [];
    expect(Buffer.from(await connect().unwrap(kid(expired), 'RSA-OAEP-256', blob))).toEqual(dataKey);
    expect(new Set(paths())).toEqual(new Set(['POST unwrapkey']));
  });

  test('wrapping goes through the service, and what it wrapped it unwraps', async () => {
    const keyVault = connect();
    const dataKey = randomBytes(32);
    const blob = await keyVault.wrap(kid(current), 'RSA-OAEP', dataKey);
    expect(new Set(paths())).toEqual(new Set(['POST wrapkey']));
    expect(Buffer.from(await keyVault.unwrap(kid(current), 'RSA-OAEP', blob))).toEqual(dataKey);
  });

  test('a disabled version does not unwrap, and is refused', async () => {
    const refused = { name: 'RefusalError', code: 'version-disabled' };
    await expect(connect().unwrap(kid(disabled), 'RSA-OAEP-256', randomBytes(256))).rejects.toMatchObject(refused);
  });

  test('an identity without a role is refused, and told what it needs', async () => {
    const refused = {
      name: 'RefusalError',
      code: 'key-vault-forbidden',
      message: expect.stringMatching(/ten minutes/),
    };
    await expect(connect(stranger).versions(key())).rejects.toMatchObject(refused);
  });

  test('many unwraps at once by a client that was not challenged yet all carry their blob', async () => {
    const keyVault = connect();
    const dataKeys = Array.from({ length: 6 }, () => randomBytes(32));
    const blobs = await Promise.all(dataKeys.map((dataKey) => wrapped(keyVault, current, dataKey)));
    let first = true;
    // The challenge comes back to the first request last, as it may on a network.
    const slow: HttpClient = {
      async sendRequest(request) {
        const isFirst = first;
        first = false;
        const response = await httpClient.sendRequest(request);
        if (isFirst) await pause(200);
        return response;
      },
    };
    const fresh = connect(owner, slow);
    const opened = await Promise.all(blobs.map((blob) => fresh.unwrap(kid(current), 'RSA-OAEP-256', blob)));
    expect(opened.map((each) => Buffer.from(each))).toEqual(dataKeys);
  });

  test('wraps and unwraps have connections of their own: challenged once, and refused as by the usual ones', async () => {
    const dataKeys = Array.from({ length: 6 }, () => randomBytes(32));
    const blobs = await Promise.all(dataKeys.map((dataKey) => wrapped(connect(), current, dataKey)));
    const keyVault = createKeyVault(credentialOf(fixture.context, owner), {
      isConfigured: () => true,
      verifyChallengeResource: false,
      httpClient,
      bulkHttpClient: createBulkConnections({ ca: readFileSync(fixture.context.certificates.caFile, 'utf8') }),
    });
    const unwrapped = () => fixture.context.requests.counts('keyVault')['keyVault orchard unwrapKey 401'] ?? 0;
    const challenges = unwrapped();
    sent = [];
    const opened = await Promise.all(blobs.map((blob) => keyVault.unwrap(kid(current), 'RSA-OAEP-256', blob)));
    expect(opened.map((each) => Buffer.from(each))).toEqual(dataKeys);
    expect(unwrapped()).toBe(challenges + 1);
    expect(sent).toEqual([]);
    running.vault.quota.set({ rsa2048: 0, retryAfterSeconds: 7 });
    const again = keyVault.unwrap(kid(current), 'RSA-OAEP-256', blobs[0] as Buffer);
    await expect(again).rejects.toMatchObject({ name: 'FaultError', code: 'throttled', retryAfterSeconds: 7 });
    running.vault.quota.set(undefined);
    const { code } = await keyVault.unwrap(kid(disabled), 'RSA-OAEP-256', randomBytes(256)).catch((error) => error);
    expect(code).toBe('version-disabled');
    await keyVault.version(kid(current));
    expect(paths()).not.toEqual([]);
  });

  test.each([
    ['429 without a body', 429, undefined, 'FaultError', 'throttled'],
    ['503 whose body is null', 503, 'null', 'FaultError', 'unavailable'],
    ['403 whose body is a text', 403, '"no"', 'RefusalError', 'key-vault-forbidden'],
  ])('an answer of %s is told apart like any other', async (_, status, bodyAsText, name, code) => {
    const client: HttpClient = {
      sendRequest: async (request) => {
        const headers = createHttpHeaders({ 'content-type': 'application/json' });
        return { request, status, headers, ...(bodyAsText === undefined ? {} : { bodyAsText }) };
      },
    };
    const keyVault = connect(owner, client);
    await expect(keyVault.unwrap(kid(current), 'RSA-OAEP-256', randomBytes(256))).rejects.toMatchObject({ name, code });
    await expect(keyVault.version(kid(current))).rejects.toMatchObject({ name, code });
  });

  test('a new version is like the old one, tagged (I7), and expires when it was told to', async () => {
    const keyVault = connect();
    const like = await keyVault.version(kid(current));
    const expiresOn = new Date(Math.ceil(Date.now() / 1000) * 1000 + 90 * DAY);
    const created = await keyVault.createVersion(key(), { like, expiresOn, tags: { rotationId: 'other' } });
    const { keyType, keySize, operations } = like;
    expect(created).toMatchObject({ keyType, keySize, operations, expiresOn, tags: { rotationId: 'other' } });
    expect(created.kid).toBe(`${key()}/${created.version}`);
    expect(created.version).not.toBe(like.version);
  });

  test('I12: a version that the vault says it has not disabled, and a policy that it tells of otherwise, are refused', async () => {
    const deaf: HttpClient = {
      async sendRequest(request) {
        const response = await httpClient.sendRequest(request);
        const told = response.bodyAsText ?? '';
        // Taken with a 200, and nothing of it done.
        if (request.method === 'PATCH')
          return { ...response, bodyAsText: told.replace('"enabled":false', '"enabled":true') };
        return request.url.includes('rotationpolicy')
          ? { ...response, bodyAsText: told.replace('P90D', 'P900D') }
          : response;
      },
    };
    const keyVault = connect(owner, deaf);
    await expect(keyVault.setEnabled(kid(disabled), false)).rejects.toMatchObject({ code: 'version-not-changed' });
    const policy = { expiresIn: 'P90D', rotatesAfterCreate: null, rotatesBeforeExpiry: 'P30D' };
    await expect(keyVault.setRotationPolicy(key(), policy)).rejects.toMatchObject({ code: 'policy-not-changed' });
    await connect().setRotationPolicy(key(), policy);
  });

  test('throttling is a fault that is not waited out here', async () => {
    const keyVault = connect();
    await keyVault.versions(key());
    const throttled: HttpClient = {
      async sendRequest(request) {
        sent.push(request);
        const headers = (
          await network.sendRequest({
            ...request,
            tlsSettings: { ca: readFileSync(fixture.context.certificates.caFile) },
          })
        ).headers;
        headers.set('retry-after', '120');
        return { request, status: 429, headers, bodyAsText: '{"error":{"code":"Throttled"}}' };
      },
    };
    const impatient = createKeyVault(credentialOf(fixture.context, owner), {
      isConfigured: () => true,
      verifyChallengeResource: false,
      httpClient: throttled,
    });
    sent = [];
    const fault = { name: 'FaultError', code: 'throttled', retryAfterSeconds: 120 };
    await expect(impatient.versions(key())).rejects.toMatchObject(fault);
    expect(sent).toHaveLength(1);
  });
});
