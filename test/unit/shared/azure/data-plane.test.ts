import { createDataPlane } from '../../../../shared/azure/data-plane';
import type { DataPlane, DataPlaneAnswer } from '../../../../shared/rotation/ports';
import { type LocalServer, recordingCredential, type Said, startLocalServer } from './local-server';

let server: LocalServer;
let credential: ReturnType<typeof recordingCredential>;
let dataPlane: DataPlane;

beforeAll(async () => {
  server = await startLocalServer();
});
afterAll(() => server.stop());
beforeEach(() => {
  credential = recordingCredential();
  const audiences = {
    iotHubAudience: 'https://iothubs.azure.net',
    dpsAudience: 'https://azure-devices-provisioning.net',
  };
  dataPlane = createDataPlane(credential, audiences, server.httpClient);
});

const hubError = (code: string, text: string) => ({ Message: `ErrorCode:${code};${text}` });

const twins: [sentence: string, said: Said | 'reset', answer: DataPlaneAnswer['answer']][] = [
  ['the twin itself: it opened', { status: 200, body: { deviceId: 'a b', properties: {} } }, 'opened'],
  ['another twin: it is not what was asked for', { status: 200, body: { deviceId: 'other' } }, 'unreadable'],
  ['something that is no JSON', { status: 200, body: 'garbage' }, 'unreadable'],
  ['a device that is not there', { status: 404, body: hubError('DeviceNotFound', 'gone') }, 'not-found'],
  [
    'a refusal that speaks of Key Vault',
    { status: 403, body: hubError('IotHubForbidden', 'Key Vault refused unwrap.') },
    'unreadable',
  ],
  ['a refusal for want of a role', { status: 403, body: hubError('IotHubForbidden', 'Not authorized.') }, 'unknown'],
  ['a token that is not accepted', { status: 401 }, 'unknown'],
  ['an internal error', { status: 500, body: hubError('ServerError', 'Sorry.') }, 'unreadable'],
  [
    'a vault that cannot be reached for now',
    { status: 503, body: hubError('ServiceUnavailable', 'Key Vault could not be reached.') },
    'unknown',
  ],
  ['throttling', { status: 429, headers: { 'retry-after': '60' } }, 'unknown'],
  ['a connection that broke', 'reset', 'unknown'],
];

describe('reading a twin', () => {
  for (const [sentence, said, answer] of twins) {
    test(`answered by ${sentence}, is ${answer}, and asked once`, async () => {
      server.answer(said);
      const told = await dataPlane.readTwin('hub.azure-devices.net', 'a b');
      expect(told.answer).toBe(answer);
      expect(told.message).toMatch(/hub\.azure-devices\.net/);
      expect(server.asked).toHaveLength(1);
    });
  }

  test('asks the hub, for the hub’s audience', async () => {
    server.answer({ status: 200, body: { deviceId: 'a b' } });
    await dataPlane.readTwin('hub.azure-devices.net', 'a b');
    expect(server.asked).toMatchObject([
      { method: 'GET', url: '/twins/a%20b?api-version=2021-04-12', headers: { 'x-host': 'hub.azure-devices.net' } },
    ]);
    expect(credential.scopes).toEqual(['https://iothubs.azure.net/.default']);
  });

  test.each(['evil.test/?x=', 'me@evil.test', '', 'hub.test#', 'a b'])('sends no token to "%s"', async (host) => {
    server.answer();
    expect((await dataPlane.readTwin(host, 'a')).answer).toBe('unknown');
    expect(server.asked).toEqual([]);
    expect(credential.scopes).toEqual([]);
  });

  test('is unknown when nobody can sign in', async () => {
    const error = Object.assign(new Error('secret'), { name: 'CredentialUnavailableError' });
    const audiences = { iotHubAudience: 'https://a', dpsAudience: null };
    const signedOut = createDataPlane({ getToken: () => Promise.reject(error) }, audiences, server.httpClient);
    const told = await signedOut.readTwin('hub.test', 'a');
    expect(told.answer).toBe('unknown');
    expect(told.message).not.toContain('secret');
    expect((await signedOut.readEnrollment('dps.test', 'a')).message).toMatch(/audience/);
  });
});

describe('reading an enrollment', () => {
  test('asks the DPS, for its audience, and opens by the registration id', async () => {
    server.answer({ status: 200, body: { registrationId: 'e1' } });
    expect((await dataPlane.readEnrollment('dps.azure-devices-provisioning.net', 'e1')).answer).toBe('opened');
    expect(server.asked).toMatchObject([{ method: 'GET', url: '/enrollments/e1?api-version=2021-10-01' }]);
    expect(credential.scopes).toEqual(['https://azure-devices-provisioning.net/.default']);
  });

  test('tells its numeric code', async () => {
    server.answer({ status: 404, body: { errorCode: 404204, message: 'gone' } });
    const told = await dataPlane.readEnrollment('dps.test', 'e1');
    expect(told).toMatchObject({ answer: 'not-found', message: expect.stringContaining('404204') });
  });
});
