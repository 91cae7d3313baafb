import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type ArmHubSeed, type ArmProvisioningSeed, type ArmStandIn, startArm } from '../../sandbox/arm';
import { roleAssignment } from '../../sandbox/cloud/scopes';
import type { CloudSeed, RoleAssignmentSeed, VaultSeed } from '../../sandbox/cloud/seed';
import { type RunningKeyVault, startKeyVault } from '../../sandbox/key-vault';
import { type CloudContext, createContext, type Identity } from '../../sandbox/kit';

export const subscriptionId = '11111111-1111-1111-1111-111111111111';
const tenantId = '22222222-2222-2222-2222-222222222222';
const group = `/subscriptions/${subscriptionId}/resourceGroups/plant`;
export const hubId = `${group}/providers/Microsoft.Devices/IotHubs/hub-a`;
export const dpsId = `${group}/providers/Microsoft.Devices/provisioningServices/dps-a`;
export const hubIdentityId = `${group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/hub-identity`;

export const hubApi = '2023-06-30-preview';
export const dpsApi = '2020-09-01-preview';

export const audiences = {
  arm: 'https://management.azure.com/',
  vault: 'https://vault.azure.net',
  hub: 'https://iothubs.azure.net',
  dps: 'https://azure-devices-provisioning.net',
};

function identity(name: string, digit: string): Identity {
  const id = (kind: string) => `${digit.repeat(8)}-0000-0000-0000-0000000000${kind}`;
  return { name, principalId: id('01'), clientId: id('02'), tenantId };
}

const managed = (name: string, digit: string): Identity => ({
  ...identity(name, digit),
  resourceId: `${group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${name}`,
});

export const identities = [
  identity('owner', 'a'),
  identity('app', 'b'),
  identity('nobody', 'c'),
  managed('hub-identity', 'd'),
  managed('dps-identity', 'e'),
];

const roles: RoleAssignmentSeed[] = [
  { identity: 'owner', role: 'Owner', scope: 'group' },
  { identity: 'owner', role: 'Key Vault Administrator', scope: 'group' },
  { identity: 'app', role: 'Contributor', scope: 'group' },
  { identity: 'app', role: 'IoT Hub Data Reader', scope: 'hub:hub-a' },
  { identity: 'app', role: 'Device Provisioning Service Data Reader', scope: 'dps:dps-a' },
  { identity: 'hub-identity', role: 'Key Vault Crypto Service Encryption User', scope: 'vault:vault-a' },
  { identity: 'dps-identity', role: 'Key Vault Crypto Service Encryption User', scope: 'key:vault-a/kek' },
];

export interface Answer<Body = Record<string, unknown>> {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Body;
}

export interface CallOptions {
  as?: string;
  audience?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

const vaultSeed: VaultSeed = {
  name: 'vault-a',
  keys: [
    {
      name: 'kek',
      kty: 'RSA',
      size: 2048,
      ops: ['wrapKey', 'unwrapKey'],
      versions: [{ createdOn: '2026-01-01T00:00:00Z' }],
    },
  ],
};

/** A small cloud in this process: one vault with one key, one hub and one DPS under it. */
export class TestCloud {
  readonly context: CloudContext;
  readonly vault: RunningKeyVault;
  readonly arm: ArmStandIn;
  readonly #directory: string;
  /** Kept connections: a TLS handshake for every request would be most of a test's time. */
  readonly #agent: Agent;

  constructor(context: CloudContext, vault: RunningKeyVault, arm: ArmStandIn, directory: string) {
    this.context = context;
    this.vault = vault;
    this.arm = arm;
    this.#directory = directory;
    this.#agent = new Agent({ ca: readFileSync(context.certificates.caFile), keepAlive: true, maxSockets: 8 });
  }

  static async start(
    change: { hub?: Partial<ArmHubSeed>; dps?: Partial<ArmProvisioningSeed> } = {},
  ): Promise<TestCloud> {
    const directory = mkdtempSync(join(tmpdir(), 'keyturn-arm-'));
    template ??= makeTemplate();
    cpSync(await template, directory, { recursive: true });
    const context = await createContext(directory, {
      tenantId,
      subscriptionId,
      resourceGroup: 'plant',
      location: 'westeurope',
      identities,
    });
    const seed: CloudSeed = {
      subscriptionId,
      tenantId,
      resourceGroup: 'plant',
      location: 'westeurope',
      identities,
      vaults: [vaultSeed],
      hubs: [
        {
          name: 'hub-a',
          kek: { vault: 'vault-a', key: 'kek', versioned: true },
          identity: 'hub-identity',
          devices: 12,
          ...change.hub,
        },
      ],
      provisioningServices: [
        {
          name: 'dps-a',
          kek: { vault: 'vault-a', key: 'kek', versioned: true },
          identity: 'dps-identity',
          enrollments: 3,
          ...change.dps,
        },
      ],
      roleAssignments: roles,
      eventSubscriptions: [],
      alertTopic: { name: 'alerts' },
    };
    context.permissions.assignments = roles.map((role) => roleAssignment(context, seed, role));
    const vault = await startKeyVault(context, vaultSeed, {
      directory,
      tokenUrl: 'https://localhost:1',
    });
    const arm = await startArm(context, { seed, vaults: { 'vault-a': vault.url } });
    return new TestCloud(context, vault, arm, directory);
  }

  async close(): Promise<void> {
    this.context.clock.stop();
    this.#agent.destroy();
    await this.arm.close();
    await this.vault.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async call<Body = Record<string, unknown>>(
    method: string,
    url: string,
    options: CallOptions = {},
  ): Promise<Answer<Body>> {
    const { as = 'app', audience = audiences.arm, body } = options;
    const principalId = identities.find(({ name }) => name === as)?.principalId;
    const headers = {
      ...(principalId && { authorization: `Bearer ${this.context.tokens.issue(principalId, audience)}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...options.headers,
    };
    return (await send(method, url, headers, body, this.#agent)) as Answer<Body>;
  }

  hubUrl(api = hubApi): string {
    return `${this.arm.url}${hubId}?api-version=${api}`;
  }

  dpsUrl(api = dpsApi): string {
    return `${this.arm.url}${dpsId}?api-version=${api}`;
  }

  readTwin(id = 'device-0001', as = 'app'): Promise<Answer> {
    const url = `${this.arm.hubs['hub-a']}/twins/${id}?api-version=2021-04-12`;
    return this.call('GET', url, { as, audience: audiences.hub });
  }

  readEnrollment(id = 'enrollment-0001', as = 'app'): Promise<Answer> {
    const url = `${this.arm.dps['dps-a']}/enrollments/${id}?api-version=2021-10-01`;
    return this.call('GET', url, { as, audience: audiences.dps });
  }

  /** Makes a new version of the key and returns its identifier. */
  async newVersion(): Promise<string> {
    const url = `${this.vault.url}/keys/kek/rotate?api-version=7.4`;
    const answer = await this.call<{ key: { kid: string } }>('POST', url, {
      as: 'owner',
      audience: audiences.vault,
      body: {},
    });
    return answer.body.key.kid;
  }

  async enable(kid: string, enabled: boolean): Promise<void> {
    const body = { attributes: { enabled } };
    const { status } = await this.call('PATCH', `${kid}?api-version=7.4`, {
      as: 'owner',
      audience: audiences.vault,
      body,
    });
    if (status !== 200) throw new Error(`the vault answered ${status}`);
  }

  /** Jumps and waits until nothing is under way any more. */
  async advance(seconds: number): Promise<void> {
    const { clock } = this.context;
    const until = clock.nowMilliseconds() + seconds * 1000;
    for (;;) {
      const due = clock.nextDue();
      clock.advanceTo(due === undefined ? until : Math.min(Math.max(due, clock.nowMilliseconds()), until));
      await this.settle();
      if (clock.nowMilliseconds() >= until) return;
    }
  }

  async settle(): Promise<void> {
    do await pause(1);
    while (this.context.flight.count > 0);
  }
}

/** Certificates and the vault's first key, made once for all tests of a file: making them takes longer than most of the tests. */
let template: Promise<string> | undefined;

async function makeTemplate(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'keyturn-arm-template-'));
  const context = await createContext(directory, {
    tenantId,
    subscriptionId,
    resourceGroup: 'plant',
    location: 'westeurope',
    identities,
  });
  const vault = await startKeyVault(context, vaultSeed, { directory, tokenUrl: 'https://localhost:1' });
  await vault.close();
  context.clock.stop();
  return directory;
}

afterAll(async () => {
  if (template) rmSync(await template, { recursive: true, force: true });
});

export function send(
  method: string,
  url: string,
  headers: Record<string, string>,
  body: unknown,
  agent?: Agent,
): Promise<Answer<unknown>> {
  return new Promise((resolve, reject) => {
    const options = { method, headers, agent: agent ?? false };
    const open = url.startsWith('https:') ? httpsRequest : httpRequest;
    const outgoing = open(url, options, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          body: text === '' ? undefined : JSON.parse(text),
        });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** The hub's encryption block with another key identifier, everything else as it was. */
export function withHubKey(hub: Record<string, unknown>, keyIdentifier: string): Record<string, unknown> {
  const changed = structuredClone(hub) as {
    properties: { encryption: { keyVaultProperties: { keyIdentifier: string }[] } };
  };
  const [first] = changed.properties.encryption.keyVaultProperties;
  if (first) first.keyIdentifier = keyIdentifier;
  return changed as unknown as Record<string, unknown>;
}
