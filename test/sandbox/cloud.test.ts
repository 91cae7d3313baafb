import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { KeyClient } from '@azure/keyvault-keys';
import type { CloudSeed } from '../../sandbox/cloud/seed';
import { type CloudAddresses, type RunningCloud, startCloud } from '../../sandbox/cloud/start';
import type { FaultRule } from '../../sandbox/kit';
import { clientOptions, credentialOf, DAY, GROUP, identity, keySeed, SUBSCRIPTION, TENANT } from './cloud-fixture';

// Keys are really generated; on a busy machine that takes seconds.
jest.setTimeout(60_000);

const hubIdentity = {
  ...identity('hub-identity', 4),
  resourceId: `${GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/hub`,
};
const app = identity('keyturn', 1);
const at = (days: number): string => new Date(Date.now() + days * DAY).toISOString();

function makeSeed(): CloudSeed {
  return {
    subscriptionId: SUBSCRIPTION,
    tenantId: TENANT,
    resourceGroup: 'orchard',
    location: 'westeurope',
    identities: [app, identity('reader', 2), identity('owner', 3), hubIdentity],
    vaults: [{ name: 'orchard', keys: [keySeed([{ createdOn: at(-60), expiresOn: at(40) }])] }],
    hubs: [
      { name: 'hub', kek: { vault: 'orchard', key: 'kek', versioned: true }, identity: 'hub-identity', devices: 2 },
    ],
    provisioningServices: [],
    roleAssignments: [
      { identity: 'keyturn', role: 'Key Vault Crypto Officer', scope: 'vault:orchard' },
      { identity: 'hub-identity', role: 'Key Vault Crypto Service Encryption User', scope: 'key:orchard/kek' },
    ],
    eventSubscriptions: [],
    alertTopic: { name: 'alerts' },
  };
}

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keyturn-cloud-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

describe('in one process', () => {
  let cloud: RunningCloud;
  let agent: Agent;

  beforeEach(async () => {
    cloud = await startCloud(makeSeed(), directory, 'auto');
    agent = new Agent({ ca: readFileSync(cloud.addresses.ca) });
  });

  afterEach(async () => {
    agent.destroy();
    await cloud.close();
  });

  const control = async (method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> => {
    const init = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(`${cloud.addresses.control}${path}`, { method, ...init });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  };

  /** An exchange with the token address, which has a certificate of the local CA. */
  const token = async (query: string, form?: string): Promise<{ status: number; body: Record<string, string> }> => {
    const outgoing = request(`${cloud.addresses.token}${query}`, {
      method: form === undefined ? 'GET' : 'POST',
      agent,
    });
    outgoing.end(form);
    const [incoming] = (await once(outgoing, 'response')) as [NodeJS.ReadableStream & { statusCode: number }];
    let text = '';
    for await (const chunk of incoming) text += String(chunk);
    return { status: incoming.statusCode, body: JSON.parse(text) as Record<string, string> };
  };

  const whose = (access: string | undefined) =>
    cloud.context.tokens.verify(`Bearer ${access}`, ['https://vault.azure.net'])?.name;

  test('the token address gives a named identity its token, and the reader one who names nobody', async () => {
    const named = await token('?resource=https://vault.azure.net&identity=owner');
    expect(named.body).toMatchObject({ resource: 'https://vault.azure.net', token_type: 'Bearer' });
    expect(whose(named.body['access_token'])).toBe('owner');
    expect(Number(named.body['expires_on'])).toBeGreaterThan(Date.now() / 1000 + 3000);
    expect(whose((await token('?resource=https://vault.azure.net')).body['access_token'])).toBe('reader');
    expect((await token('?resource=x&identity=nobody')).status).toBe(400);
    expect((await token('?identity=owner')).status).toBe(400);
  });

  test('the token address takes a client credentials form, by name or client id, with resource or scope', async () => {
    const form = `grant_type=client_credentials&client_id=${app.clientId}&client_secret=any`;
    const byScope = await token(`/${TENANT}/oauth2/v2.0/token`, `${form}&scope=https://vault.azure.net/.default`);
    expect(whose(byScope.body['access_token'])).toBe('keyturn');
    const byResource = await token('', `${form.replace(app.clientId, 'owner')}&resource=https://vault.azure.net`);
    expect(whose(byResource.body['access_token'])).toBe('owner');
    expect((await token('', 'grant_type=password')).status).toBe(400);
  });

  test('the managed identity endpoint asks for its header and speaks for the app or for an identity by its id', async () => {
    const ask = (more: string, header: string) =>
      fetch(`${cloud.addresses.identityEndpoint}?api-version=2019-08-01&resource=https://vault.azure.net${more}`, {
        headers: { 'X-IDENTITY-HEADER': header },
      });
    const right = cloud.addresses.identityHeader;
    expect((await ask('', 'wrong')).status).toBe(401);
    const mine = (await (await ask('', right)).json()) as Record<string, string>;
    expect(whose(mine['access_token'])).toBe('keyturn');
    const id = encodeURIComponent(hubIdentity.resourceId);
    const its = (await (await ask(`&mi_res_id=${id}`, right)).json()) as Record<string, string>;
    expect(whose(its['access_token'])).toBe('hub-identity');
    expect((await ask('&client_id=unknown', right)).status).toBe(400);
  });

  test('a fault asked for over the control server strikes and is listed, and is gone when it is taken back', async () => {
    const keys = new KeyClient(
      cloud.addresses.vaults['orchard'] as string,
      credentialOf(cloud.context, app),
      clientOptions(cloud.context),
    );
    const rule: FaultRule = { standIn: 'keyVault', name: 'orchard', effect: { kind: 'status', status: 503 } };
    const { status, body } = await control('POST', '/faults', rule);
    expect(status).toBe(201);
    await expect(keys.getKey('kek')).rejects.toMatchObject({ statusCode: 503 });
    expect((await control('GET', '/faults')).body).toHaveLength(1);
    await control('DELETE', `/faults/${(body as { id: string }).id}`);
    expect((await keys.getKey('kek')).name).toBe('kek');
  });

  test('a fault that could never strike is refused', async () => {
    expect((await control('POST', '/faults', { standIn: 'keyvault', effect: { kind: 'reset' } })).status).toBe(400);
    expect((await control('POST', '/faults', { standIn: 'keyVault', effect: { kind: 'explode' } })).status).toBe(400);
    expect((await control('POST', '/faults', { standIn: 'arm', path: '(', effect: { kind: 'reset' } })).status).toBe(
      400,
    );
  });

  test('a jump asked for is answered when what it set going is done: the version of the policy can be read', async () => {
    const vault = cloud.vaults.get('orchard')?.vault;
    const rotate = { trigger: { timeBeforeExpiry: 'P30D' }, action: { type: 'Rotate' } };
    vault?.setPolicy('kek', { lifetimeActions: [rotate], attributes: { expiryTime: 'P90D' } });
    await control('POST', '/clock', { advanceTo: at(11) });
    expect(vault?.key('kek').versions).toHaveLength(2);
    const { body } = await control('GET', '/oplog?operationName=KeyRotateIfDue');
    expect(body).toEqual([expect.objectContaining({ vault: 'orchard', key: 'kek', status: 200 })]);
  });

  test('reading the control server neither holds the clock nor counts as a request', async () => {
    // The hub's own first wrap may still be leaving.
    while (cloud.context.flight.count > 0) await new Promise((resolve) => setImmediate(resolve));
    const before = cloud.context.flight.sequence;
    await control('GET', '/clock');
    await control('GET', '/requests');
    expect(cloud.context.flight.sequence).toBe(before);
    expect(Object.keys((await control('GET', '/requests')).body as object).join()).not.toContain('control');
  });

  test('near expiry and the policy can be had by request, and an unknown key or vault is not found', async () => {
    const told: string[] = [];
    cloud.context.bus.subscribe((event) => told.push(event.type));
    expect((await control('POST', '/vaults/orchard/keys/kek/near-expiry')).status).toBe(202);
    expect((await control('POST', '/vaults/orchard/keys/nokey/near-expiry')).status).toBe(404);
    expect((await control('POST', '/vaults/novault/keys/kek/near-expiry')).status).toBe(404);
    expect((await control('POST', '/vaults/orchard/keys/kek/run-policy')).status).toBe(400);
    expect(told).toEqual(['Microsoft.KeyVault.KeyNearExpiry']);
  });

  test('a role is given and taken while the cloud runs, by the short forms of the seed', async () => {
    const wanted = { identity: 'reader', role: 'Key Vault Reader', scope: 'key:orchard/kek' };
    const allowed = () =>
      cloud.context.permissions.allows(
        identity('reader', 2).principalId,
        `${GROUP}/providers/Microsoft.KeyVault/vaults/orchard/keys/kek`,
        'Microsoft.KeyVault/vaults/keys/read',
      );
    await control('POST', '/role-assignments', wanted);
    expect(allowed()).toBe(true);
    await control('DELETE', '/role-assignments', wanted);
    expect(allowed()).toBe(false);
  });
});

describe('as a process', () => {
  /** What the app does in Azure, word for word, but for the address and the CA. */
  const READ_AS_THE_APP = `
    const { DefaultAzureCredential, ManagedIdentityCredential } = require('@azure/identity');
    const { KeyClient } = require('@azure/keyvault-keys');
    const read = async (credential) => {
      const client = new KeyClient(process.argv[1], credential, { disableChallengeResourceVerification: true });
      return (await client.getKey('kek')).properties.version;
    };
    Promise.all([read(new ManagedIdentityCredential()), read(new DefaultAzureCredential())]).then(
      (versions) => console.log(JSON.stringify(versions)),
      (error) => { console.error(error.message); process.exit(1); },
    );`;

  test('prints where everything is, serves the credentials of @azure/identity, and ends when asked to', async () => {
    const seedFile = join(directory, 'seed.json');
    writeFileSync(seedFile, JSON.stringify(makeSeed()));
    const main = join(process.cwd(), 'dist', 'sandbox', 'cloud', 'main.js');
    const state = join(directory, 'state');
    const child = spawn(process.execPath, [main, '--state', state, '--seed', seedFile, '--ports', 'auto'], { env: {} });
    const exited = once(child, 'exit');
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    const addresses = JSON.parse(line) as Omit<CloudAddresses, 'identityHeader' | 'alertTopicKey'>;
    // What is printed ends in logs.
    expect(addresses).not.toHaveProperty('identityHeader');
    expect(addresses).not.toHaveProperty('alertTopicKey');
    expect(addresses).toMatchObject({
      vaults: { orchard: expect.stringMatching(/^https:\/\/localhost:\d+$/) },
      hubs: { hub: expect.stringMatching(/^https:/) },
      arm: expect.stringMatching(/^https:/),
      control: expect.stringMatching(/^http:/),
    });
    const reading = spawn(process.execPath, ['-e', READ_AS_THE_APP, addresses.vaults['orchard'] as string], {
      env: {
        IDENTITY_ENDPOINT: addresses.identityEndpoint,
        IDENTITY_HEADER: readFileSync(join(state, 'identity-header'), 'utf8'),
        NODE_EXTRA_CA_CERTS: addresses.ca,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [versions] = (await once(createInterface(reading.stdout), 'line')) as [string];
    const [first, second] = JSON.parse(versions) as string[];
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    expect(second).toBe(first);
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  });

  test('a seed that contradicts itself is refused with one line that says where', async () => {
    const seedFile = join(directory, 'seed.json');
    const seed = makeSeed();
    writeFileSync(
      seedFile,
      JSON.stringify({ ...seed, roleAssignments: [{ identity: 'nobody', role: 'Owner', scope: 'group' }] }),
    );
    const main = join(process.cwd(), 'dist', 'sandbox', 'cloud', 'main.js');
    const child = spawn(process.execPath, [main, '--state', directory, '--seed', seedFile, '--ports', 'auto'], {
      env: {},
    });
    const exited = once(child, 'exit');
    let errors = '';
    for await (const chunk of child.stderr) errors += String(chunk);
    expect(errors.trim()).toBe("The seed has no identity named 'nobody'.");
    expect(await exited).toEqual([1, null]);
  });
});
