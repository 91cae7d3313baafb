import type { TokenCredential } from '@azure/core-auth';
import { createVaultLog } from '../../../../shared/azure/vault-log';
import { type LocalServer, recordingCredential, startLocalServer } from './local-server';

const workspace = {
  workspaceId: '0f0e0d0c-0b0a-0908-0706-050403020100',
  endpoint: 'https://logs.test',
  audience: 'https://logs.audience',
};
const key = 'https://fabrikam.vault.azure.net/keys/kek';
const v1 = '1'.repeat(32);
const window = { from: '2026-11-15T00:00:00.000Z', until: '2026-11-22T00:00:00.000Z' };

let server: LocalServer;

beforeAll(async () => {
  server = await startLocalServer();
});
afterAll(() => server.stop());

const log = (credential: TokenCredential = recordingCredential()) =>
  createVaultLog(workspace, credential, server.httpClient);

const table = (columns: readonly (readonly [string, string])[], ...rows: readonly unknown[][]) => ({
  status: 200,
  body: { tables: [{ name: 'PrimaryResult', columns: columns.map(([name, type]) => ({ name, type })), rows }] },
});
const usesTable = (...rows: readonly unknown[][]) =>
  table(
    [
      ['Version', 'string'],
      ['Principal', 'string'],
      ['OperationName', 'string'],
      ['Uses', 'long'],
      ['LastAt', 'datetime'],
    ],
    ...rows,
  );
const newest = (...rows: readonly unknown[][]) => table([['Newest', 'datetime']], ...rows);

describe('the log of a vault', () => {
  test('is asked in its workspace, in version 1, for the window, with a token for its audience', async () => {
    server.answer(usesTable());
    const credential = recordingCredential();
    expect(await log(credential).uses(key, [v1], window)).toEqual([]);
    const [asked] = server.asked;
    expect(asked).toMatchObject({
      method: 'POST',
      headers: { 'x-host': 'logs.test', authorization: 'Bearer a-token' },
    });
    expect(asked?.url).toBe(`/v1/workspaces/${workspace.workspaceId}/query`);
    expect(JSON.parse(asked?.body ?? '').timespan).toBe(`${window.from}/${window.until}`);
    expect(credential.scopes).toEqual(['https://logs.audience/.default']);
  });

  test('tells each use with who it was, how often and when last', async () => {
    server.answer(usesTable([v1, 'p-1', 'KeyUnwrap', 12, '2026-11-20T10:00:00.5Z']));
    expect(await log().uses(key, [v1], window)).toEqual([
      { version: v1, principalId: 'p-1', operation: 'KeyUnwrap', count: 12, lastAt: '2026-11-20T10:00:00.500Z' },
    ]);
  });

  test('I12: a use of which it does not say the version, the caller, the number or the time is a use all the same', async () => {
    server.answer(usesTable(['', '', '', 0, null]));
    expect(await log().uses(key, [v1], window)).toEqual([
      { version: null, principalId: null, operation: 'a use', count: 1, lastAt: window.until },
    ]);
  });

  test('has no newest record where nothing of the vault came into it', async () => {
    server.answer(newest([null]), newest(), newest(['2026-11-21T23:58:00Z']));
    const vaultLog = log();
    expect(await vaultLog.newestRecord(key, window)).toBeNull();
    expect(await vaultLog.newestRecord(key, window)).toBeNull();
    expect(await vaultLog.newestRecord(key, window)).toBe('2026-11-21T23:58:00.000Z');
  });

  test('I12: that is answered in part only is not read', async () => {
    server.answer({ status: 200, body: { ...usesTable().body, error: { code: 'PartialError', message: 'too much' } } });
    await expect(log().uses(key, [v1], window)).rejects.toMatchObject({ name: 'FaultError', code: 'vault-log' });
  });

  test.each([
    [400, 'vault-log'],
    [401, 'sign-in'],
    [403, 'vault-log'],
    [404, 'vault-log'],
    [429, 'throttled'],
    [501, 'unavailable'],
  ])('that cannot be read is a fault, never a refusal and never an empty answer: %d', async (status, code) => {
    server.answer({ status, body: { error: { code: 'C', message: 'm' } } });
    await expect(log().uses(key, [v1], window)).rejects.toMatchObject({ name: 'FaultError', code });
    expect(server.asked).toHaveLength(1);
  });

  test('is asked once more when the connection breaks: a query changes nothing', async () => {
    server.answer('reset', usesTable());
    expect(await log().uses(key, [v1], window)).toEqual([]);
  });

  test('cannot be made to say anything by a name with quotes, backslashes or signs of an expression in it', async () => {
    server.answer(usesTable());
    await log().uses('https://fabrikam.vault.azure.net/keys/k-1', ['" or true or "\\'], window);
    const { query } = JSON.parse(server.asked[0]?.body ?? '') as { query: string };
    expect(query).toContain(String.raw`Version in ("\" or true or \"\\")`);
    expect(query).toContain(String.raw`fabrikam\\.vault\\.azure\\.net(:443)?/keys/k\\-1([/? ]|$)`);
    await expect(log().uses(key, [v1], { ...window, from: '1) or (true' })).rejects.toThrow(RangeError);
  });
});

describe('our own name in the log', () => {
  const withToken = (token: string): TokenCredential => ({
    getToken: () => Promise.resolve({ token, expiresOnTimestamp: Date.now() + 3_600_000 }),
  });
  const encode = (claims: unknown): string => Buffer.from(JSON.stringify(claims)).toString('base64url');

  test('is the object id of the token', async () => {
    expect(await log(withToken(`x.${encode({ oid: 'me' })}.y`)).ownPrincipal()).toBe('me');
  });

  test.each([
    ['opaque', 'a-token'],
    ['without an object id', `x.${encode({})}.y`],
    ['with an object id that is none', `x.${encode({ oid: 1 })}.y`],
  ])('is not known of a token that is %s', async (_what, token) => {
    expect(await log(withToken(token)).ownPrincipal()).toBeNull();
  });
});
