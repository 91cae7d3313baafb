import { createPublicKey, publicEncrypt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createDefaultHttpClient, type HttpClient } from '@azure/core-rest-pipeline';
import { CryptographyClient, KeyClient, type KeyVaultKey } from '@azure/keyvault-keys';
import type { RunningKeyVault } from '../../sandbox/key-vault';
import { LOG_RESOURCE, type LogAnalytics, startLogAnalytics, WORKSPACE_ID } from '../../sandbox/log-analytics';
import { usualModes } from '../../sandbox/log-analytics/audit-events';
import { createVaultLog } from '../../shared/azure/vault-log';
import {
  assign,
  type CloudFixture,
  clientOptions,
  credentialOf,
  GROUP,
  owner,
  SUBSCRIPTION,
  service,
  startFixture,
  stranger,
} from '../sandbox/cloud-fixture';

// Keys are really generated; on a busy machine that takes seconds.
jest.setTimeout(60_000);

let fixture: CloudFixture;
let vault: RunningKeyVault;
let logs: LogAnalytics;
/** Two versions of one key, and another key of the same vault. */
let versions: readonly KeyVaultKey[];
let other: KeyVaultKey;

const now = (): Date => fixture.context.clock.now();
/** Lets as long pass as the log is late. */
const pass = (seconds: number): void => fixture.context.clock.advanceTo(now().getTime() + seconds * 1000);
const withoutTables = () => {
  logs.setModes({ table: 'none' });
  return logOf();
};
const lastDay = () => ({
  from: new Date(now().getTime() - 86_400_000).toISOString(),
  until: new Date(now().getTime() + 1000).toISOString(),
});
const versionOf = (index: number): string => versions[index]?.properties.version ?? '';

const trusting = (): HttpClient => {
  const network = createDefaultHttpClient();
  const ca = readFileSync(fixture.context.certificates.caFile, 'utf8');
  return { sendRequest: (request) => network.sendRequest({ ...request, tlsSettings: { ca } }) };
};
const logOf = (who = owner, workspaceId = WORKSPACE_ID) =>
  createVaultLog(
    { workspaceId, endpoint: logs.url, audience: LOG_RESOURCE },
    credentialOf(fixture.context, who, LOG_RESOURCE),
    trusting(),
  );

async function unwrap(key: KeyVaultKey, who = service): Promise<void> {
  const { n, e } = key.key as { n: Uint8Array; e: Uint8Array };
  const jwk = { kty: 'RSA', n: Buffer.from(n).toString('base64url'), e: Buffer.from(e).toString('base64url') };
  const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
  const blob = publicEncrypt({ key: publicKey, oaepHash: 'sha256' }, Buffer.alloc(32, 7));
  const client = new CryptographyClient(key, credentialOf(fixture.context, who), clientOptions(fixture.context));
  await client.unwrapKey('RSA-OAEP-256', blob);
}

beforeAll(async () => {
  fixture = await startFixture();
  vault = await fixture.vault();
  assign(fixture.context, owner, 'Reader', `/subscriptions/${SUBSCRIPTION}`);
  assign(fixture.context, stranger, 'Key Vault Crypto User', `${GROUP}/providers/Microsoft.KeyVault/vaults/orchard`);
  logs = await startLogAnalytics(fixture.context, new Map([['orchard', vault]]));
  const client = new KeyClient(vault.url, credentialOf(fixture.context, owner), clientOptions(fixture.context));
  const make = (name: string) => client.createKey(name, 'RSA', { keyOps: ['wrapKey', 'unwrapKey'] });
  versions = [await make('kek'), await make('kek')];
  other = await make('kek-2');
});
beforeEach(() => {
  logs.setModes(usualModes);
  pass(2 * 86_400);
});
afterAll(async () => {
  await logs.close();
  await fixture.stop();
});

describe.each(['AZKVAuditLogs', 'AzureDiagnostics'] as const)('the log in the table %s', (table) => {
  const key = () => `${vault.url}/keys/kek`;
  beforeEach(() => logs.setModes({ table }));

  test('tells who unwrapped with a version, how often, and nothing of another version or key', async () => {
    const [first, second] = versions as [KeyVaultKey, KeyVaultKey];
    await unwrap(first);
    await unwrap(first);
    await unwrap(second);
    await unwrap(other);
    pass(600);
    expect(await logOf().uses(key(), [versionOf(0)], lastDay())).toMatchObject([
      { version: versionOf(0), principalId: service.principalId, operation: 'KeyUnwrap', count: 2 },
    ]);
    expect(await logOf().uses(key(), [versionOf(0), versionOf(1)], lastDay())).toHaveLength(2);
  });

  test('tells of each caller apart, and of what was refused too', async () => {
    const [first] = versions as [KeyVaultKey];
    await expect(unwrap(first, owner)).resolves.toBeUndefined();
    await unwrap(first, stranger);
    fixture.context.permissions.assignments = fixture.context.permissions.assignments.filter(
      ({ principalId }) => principalId !== stranger.principalId,
    );
    await expect(unwrap(first, stranger)).rejects.toMatchObject({ statusCode: 403 });
    pass(600);
    const uses = await logOf().uses(key(), [versionOf(0)], lastDay());
    expect(Object.fromEntries(uses.map(({ principalId, count }) => [principalId, count]))).toEqual({
      [owner.principalId]: 1,
      [stranger.principalId]: 2,
    });
    assign(fixture.context, stranger, 'Key Vault Crypto User', `${GROUP}/providers/Microsoft.KeyVault/vaults/orchard`);
  });

  test('comes late, has an end, and says how new it is', async () => {
    const [first] = versions as [KeyVaultKey];
    expect(await logOf().newestRecord(key(), lastDay())).toBeNull();
    await unwrap(first);
    const at = now().getTime();
    expect(await logOf().uses(key(), [versionOf(0)], lastDay())).toEqual([]);
    pass(600);
    const newest = await logOf().newestRecord(key(), lastDay());
    expect(Math.abs(Date.parse(newest ?? '') - at)).toBeLessThan(60_000);
    pass(2 * 86_400);
    expect(await logOf().uses(key(), [versionOf(0)], lastDay())).toEqual([]);
  });
});

test('a log that stands still shows nothing new', async () => {
  logs.setModes({ stillSince: now().toISOString() });
  pass(1);
  await unwrap(versions[0] as KeyVaultKey);
  pass(600);
  expect(await logOf().newestRecord(`${vault.url}/keys/kek`, lastDay())).toBeNull();
});

test.each([
  ['no vault sends its log to', () => withoutTables()],
  ['that one may not read', () => logOf(stranger)],
  ['that is not there', () => logOf(owner, '00000000-0000-0000-0000-000000000000')],
])('I12: a workspace %s is a fault, never an empty answer', async (_what, log) => {
  await expect(log().uses(`${vault.url}/keys/kek`, [versionOf(0)], lastDay())).rejects.toMatchObject({
    name: 'FaultError',
    code: 'vault-log',
  });
});

test('we are known in the log by the id that our token has', async () => {
  expect(await logOf(service).ownPrincipal()).toBe(service.principalId);
});
