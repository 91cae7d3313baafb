import fc from 'fast-check';
import { createDataPlane } from '../../shared/azure/data-plane';
import { retryAfterOf } from '../../shared/azure/error-body';
import { createKeyVault } from '../../shared/azure/key-vault';
import { createResourceManager } from '../../shared/azure/resource-manager';
import { ConfigurationError, loadConfiguration } from '../../shared/config';
import { retryDelaySeconds } from '../../shared/rotation/back-off';
import { type LocalServer, recordingCredential, startLocalServer } from '../unit/shared/azure/local-server';
import { text, tries } from './junk';

jest.setTimeout(3_600_000);

const arm = 'https://management.azure.com';
const vault = 'https://fabrikam.vault.azure.net';
const key = `${vault}/keys/kek`;
const kid = `${key}/${'1'.repeat(32)}`;
const hub = '/subscriptions/s/resourceGroups/g/providers/Microsoft.Devices/IotHubs/hub';

let server: LocalServer;
let credential: ReturnType<typeof recordingCredential>;
beforeAll(async () => {
  server = await startLocalServer();
});
beforeEach(() => {
  credential = recordingCredential();
});
afterAll(() => server.stop());

/** Every host that was asked for anything: the client hands all requests to one server, which is told for whom each was. */
const hostsAsked = (): string[] => [...new Set(server.asked.map(({ headers }) => String(headers['x-host'])))];
const resources = () =>
  createResourceManager(credential, { endpoint: arm, audience: arm, httpClient: server.httpClient });
const keyVault = (verifyChallengeResource = false) =>
  createKeyVault(credential, {
    isConfigured: (url) => url === vault,
    verifyChallengeResource,
    httpClient: server.httpClient,
  });
const outcomeOf = (asked: Promise<unknown>) =>
  asked.then(
    () => null,
    (error: Error & { code?: string }) => error,
  );

/** Addresses that are not of `origin`, in the ways in which they can be dressed up as if they were. */
const elsewhere = (origin: string): fc.Arbitrary<string> => {
  const { host } = new URL(origin);
  const [name = ''] = host.split('.');
  return fc.constantFrom(
    ...['https://evil.example/operations/7', 'http://evil.example/', '//evil.example/x', 'https://127.0.0.1/x'],
    ...['https://169.254.169.254/metadata/identity/oauth2/token', 'https://[::1]/x', 'https://0x7f000001/x'],
    ...[`http://${host}/operations/7`, `https://${host}:8443/x`, `https://${host}.evil.example/x`, `ftp://${host}/x`],
    ...[`https://${host}@evil.example/x`, `https://evil.example/${host}`, `https://evil.example#${host}`],
    ...[`https://evil.example\\@${host}.evil.example/x`, `https://${name}.evil.example/x`, `https:evil.example/x`],
    ...['file:///etc/passwd', 'javascript:alert(1)', 'data:,x', `https://xn--${host}/x`, 'https://evil.example:443/x'],
  );
};

describe('An answer that names another address is not followed, and the refusal is told by name', () => {
  test('by ARM as the place of an operation, in either header', async () => {
    const headers = fc.constantFrom('azure-asyncoperation', 'location');
    await fc.assert(
      fc.asyncProperty(elsewhere(arm), headers, async (address, header) => {
        server.answer({ status: 202, headers: { [header]: address } }, { status: 200, body: {} });
        const error = await outcomeOf(resources().put(hub, 'v', {}, null));
        expect(error).toMatchObject({ name: 'FaultError', code: 'foreign-address' });
        expect(await outcomeOf(resources().operation(address))).toMatchObject({ code: 'foreign-address' });
        expect(hostsAsked()).toEqual(['management.azure.com']);
        expect(server.asked).toHaveLength(1);
      }),
      tries(60),
    );
  });

  test('by ARM as the next page of a list', async () => {
    await fc.assert(
      fc.asyncProperty(elsewhere(arm), async (nextLink) => {
        server.answer({ status: 200, body: { value: [], nextLink } }, { status: 200, body: { value: [] } });
        expect(await outcomeOf(resources().list('/subscriptions'))).toMatchObject({ code: 'foreign-address' });
        expect(server.asked).toHaveLength(1);
      }),
      tries(40),
    );
  });

  test('by Key Vault as the next page of versions: no token is asked for and nothing is sent', async () => {
    const pages = elsewhere(vault).filter((address) => URL.canParse(address));
    await fc.assert(
      fc.asyncProperty(pages, async (nextLink) => {
        server.answer({ status: 200, body: { value: [], nextLink } }, { status: 200, body: { value: [] } });
        const error = await outcomeOf(keyVault().versions(key));
        expect(hostsAsked()).toEqual(['fabrikam.vault.azure.net']);
        // What is no address of HTTP the SDK takes for a path in the same vault.
        if (!/^https?:\/\//.test(nextLink)) return;
        expect(error).toMatchObject({ name: 'RefusalError', code: 'foreign-address' });
        expect(server.asked).toHaveLength(1);
      }),
      tries(40),
    );
  });

  test('as a redirect, by ARM, a vault or a hub, whatever its status', async () => {
    const status = fc.constantFrom(300, 301, 302, 303, 307, 308);
    await fc.assert(
      fc.asyncProperty(elsewhere(arm), status, async (location, code) => {
        const redirect = { status: code, headers: { location } };
        const dataPlane = createDataPlane(
          credential,
          { iotHubAudience: 'https://a', dpsAudience: null },
          server.httpClient,
        );
        const asked: (() => Promise<unknown>)[] = [
          () => resources().get(hub, 'v'),
          () => resources().put(hub, 'v', {}, null),
          () => keyVault().versions(key),
          () => keyVault().unwrap(kid, 'RSA-OAEP-256', Buffer.alloc(256)),
        ];
        for (const ask of asked) {
          server.answer(redirect, { status: 200, body: {} });
          expect(await outcomeOf(ask())).toMatchObject({ name: 'FaultError', code: 'unavailable' });
          expect(server.asked).toHaveLength(1);
        }
        server.answer(redirect, { status: 200, body: {} });
        expect(await dataPlane.readTwin('hub.azure-devices.net', 'a')).toMatchObject({ answer: 'unknown' });
        expect(server.asked).toHaveLength(1);
      }),
      tries(15),
    );
  });

  test.each([
    ['another resource', `Bearer authorization="https://login.microsoftonline.com/t", resource="https://evil.example"`],
    [
      'one that only begins so',
      `Bearer authorization="https://login.microsoftonline.com/t", resource="https://vault.azure.net.evil.example"`,
    ],
    ['none that is an address', `Bearer authorization="https://login.microsoftonline.com/t", resource="evil"`],
  ])('as a challenge of a vault for %s', async (_, challenge) => {
    const challenged = { status: 401, headers: { 'www-authenticate': challenge } };
    server.answer(challenged, { status: 200, body: { value: [] } });
    expect(await outcomeOf(keyVault(true).versions(key))).toMatchObject({ code: 'challenge-resource' });
    expect(credential.scopes).toEqual([]);
    expect(server.asked).toHaveLength(1);
    expect(server.asked[0]?.headers.authorization).toBeUndefined();
  });

  test('a challenge with a stranger as authority gets a token of our own identity, for the vault, and nobody else is asked', async () => {
    const challenge = 'Bearer authorization="https://evil.example/tenant", resource="https://vault.azure.net"';
    server.answer({ status: 401, headers: { 'www-authenticate': challenge } }, { status: 200, body: { value: [] } });
    await keyVault(true).versions(key);
    expect(credential.scopes).toEqual(['https://vault.azure.net/.default']);
    expect(hostsAsked()).toEqual(['fabrikam.vault.azure.net']);
  });
});

describe('What cannot be a host name, an end or a time is taken for none', () => {
  test('a host name that ARM tells of a hub goes out as that host or not at all', async () => {
    const dressed = fc.oneof(
      text,
      elsewhere('https://hub.azure-devices.net'),
      fc.constantFrom('me@hub', 'hub/x', 'hub?x', 'hub#', 'hub:99999999', 'a b'),
    );
    await fc.assert(
      fc.asyncProperty(dressed, async (hostName) => {
        server.answer({ status: 200, body: { deviceId: 'a' } });
        const dataPlane = createDataPlane(
          credential,
          { iotHubAudience: 'https://a', dpsAudience: null },
          server.httpClient,
        );
        const { answer } = await dataPlane.readTwin(hostName, 'a');
        const [asked] = server.asked;
        if (answer === 'unknown' && asked === undefined) return;
        expect(hostsAsked()).toEqual([new URL(`https://${hostName.toLowerCase()}`).host]);
        expect(asked?.url).toBe('/twins/a?api-version=2021-04-12');
      }),
      tries(100),
    );
  });

  test('a Retry-After is a wait that is neither negative nor longer than an hour, or none', () => {
    const said = fc.oneof(
      text,
      fc.integer().map(String),
      fc.double().map(String),
      fc.date({ noInvalidDate: true }).map((at) => at.toUTCString()),
      fc.constantFrom('9'.repeat(400), '1e9', '-5', '0x10'),
    );
    fc.assert(
      fc.property(said, fc.constantFrom('retry-after', 'retry-after-ms', 'x-ms-retry-after-ms'), (value, header) => {
        const seconds = retryAfterOf((name) => (name === header ? value : undefined));
        expect(seconds === undefined || (Number.isFinite(seconds) && seconds >= 0)).toBe(true);
        const delay = retryDelaySeconds(1, seconds);
        expect(delay >= 2 && delay <= 3600).toBe(true);
      }),
      tries(500),
    );
  });

  test('a list whose every page names itself as the next is given up', async () => {
    const itself = { status: 200, body: { value: [], nextLink: `${arm}/subscriptions?page=2`, $skipToken: 'again' } };
    server.answer(...Array.from({ length: 1100 }, () => itself));
    expect(await outcomeOf(resources().list('/subscriptions'))).toMatchObject({ name: 'FaultError' });
    expect(server.asked.length).toBe(1000);
    server.answer(...Array.from({ length: 1100 }, () => itself));
    expect(await outcomeOf(resources().query(['s'], 'resources'))).toMatchObject({ name: 'FaultError' });
    expect(server.asked.length).toBe(1000);
  });
});

describe('An address in the settings that a token or an alert must not go to is refused by the name of its setting', () => {
  const environment = {
    AzureWebJobsStorage:
      'DefaultEndpointsProtocol=https;AccountName=a;AccountKey=c2VjcmV0;EndpointSuffix=core.windows.net',
    KEYTURN_ALERT_TOPIC_ENDPOINT: 'https://alerts.westeurope-1.eventgrid.azure.net/api/events',
  };
  const bad = [
    'http://hooks.example/x',
    'ftp://hooks.example/x',
    'file:///etc/passwd',
    'https://me:secret@hooks.example/x',
    'hooks.example',
    '//hooks.example/x',
    'https://',
  ];
  const settings = [
    'KEYTURN_WEBHOOK_URL',
    'KEYTURN_ALERT_TOPIC_ENDPOINT',
    'KEYTURN_ARM_ENDPOINT',
    'KEYTURN_ARM_AUDIENCE',
    'KEYTURN_LOG_ENDPOINT',
  ];
  test.each(settings.flatMap((setting) => bad.map((address) => [setting, address] as const)))(
    '%s %s',
    (setting, address) => {
      const workspace =
        setting === 'KEYTURN_LOG_ENDPOINT' ? { KEYTURN_LOG_WORKSPACE_ID: '10000000-0000-4000-8000-000000000001' } : {};
      const file = () => JSON.stringify({ keys: [{ key, targets: [{ kind: 'dataKeys', name: 'a', table: 'Abc' }] }] });
      let error: unknown;
      try {
        loadConfiguration({ ...environment, ...workspace, [setting]: address }, file);
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toBeInstanceOf(ConfigurationError);
      expect((error as ConfigurationError).problems.map((problem) => problem.setting)).toContain(setting);
      expect((error as ConfigurationError).message).not.toContain('me:secret');
    },
  );
});
