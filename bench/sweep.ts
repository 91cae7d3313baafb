import type { TokenCredential } from '@azure/core-auth';
import {
  createHttpHeaders,
  type HttpClient,
  type PipelineRequest,
  type PipelineResponse,
} from '@azure/core-rest-pipeline';
import { sweepAll } from '../functions/triggers/sweep';
import { createKeyVault } from '../shared/azure/key-vault';
import { createResourceManager } from '../shared/azure/resource-manager';
import type { DataPlane } from '../shared/rotation/ports';
import type { RotationPorts } from '../shared/rotation/run-ports';
import { createDiscovery } from '../shared/targets/discovery';
import { iotHubTarget } from '../shared/targets/iot-hub';
import type { Benchmark, Figure } from './figures';

const sizes = [1, 100, 1000] as const;
/** What a subscription holds at most (Azure's documentation of IoT Hub's quotas). */
const hubsOfSubscription = 50;
/** Versions that Key Vault answers in one page unless asked for fewer. */
const versionsOfPage = 25;
const arm = 'https://management.test';

interface Fleet {
  readonly keys: number;
  /** Versions of each key. */
  readonly versions: number;
}

interface Calls {
  readonly vault: number;
  readonly arm: number;
  readonly storage: number;
}

/** A fleet at rest: each KEK has one hub, is in its newest version, and nothing is wrong with it. */
async function sweep(fleet: Fleet): Promise<Calls> {
  const asked = { vault: 0, arm: 0, storage: 0 };
  const httpClient = answering(fleet, asked);
  const credential: TokenCredential = {
    getToken: async () => ({ token: 'a-token', expiresOnTimestamp: Date.now() + 3_600_000 }),
  };
  const keyVault = createKeyVault(credential, { isConfigured: () => true, verifyChallengeResource: false, httpClient });
  const resourceManager = createResourceManager(credential, { endpoint: arm, audience: arm, httpClient });
  const keys = Array.from({ length: fleet.keys }, (_, index) => keyOf(index));
  const subscriptions = [...new Set(keys.map((_, index) => subscriptionOf(index)))];
  const api = { hubApiVersion: '2023-06-30-preview', dpsApiVersion: '2020-09-01-preview' };
  const managed = new Map(
    keys.map((key, index) => {
      const settings = { key, name: `hub-${index}`, resourceId: hubOf(index), vaultResourceId: null };
      const probed = { apiVersion: api.hubApiVersion, twin: 'sentinel' };
      return [
        key,
        {
          key,
          targets: [iotHubTarget({ ...settings, ...probed }, { resourceManager, dataPlane })],
          windows: [],
          acceptUnknown: [],
        },
      ];
    }),
  );
  const ports = {
    now: () => new Date(),
    ...storage(asked),
    keyVault,
    discovery: createDiscovery(resourceManager, { subscriptions, ...api }),
    keys,
    managed: (key: string) => managed.get(key) ?? null,
  };
  const failures: unknown[] = [];
  const context = { log: () => undefined, error: (...said: unknown[]) => failures.push(said) };
  // A fleet at rest has no instance to ask for.
  await sweepAll({ ports: ports as unknown as RotationPorts, client: undefined as never, context });
  if (failures.length > 0) throw new Error(`the sweep failed: ${String(failures[0])}`);
  return asked;
}

const keyOf = (index: number): string => `https://vault-${index % 10}.vault.test/keys/kek-${index}`;
const subscriptionOf = (index: number): string => `subscription-${Math.floor(index / hubsOfSubscription)}`;
const hubOf = (index: number): string =>
  `/subscriptions/${subscriptionOf(index)}/resourceGroups/g/providers/Microsoft.Devices/IotHubs/hub-${index}`;

/** No probe is made by a sweep. */
const dataPlane = {} as DataPlane;

/** Storage in which nothing is under way and nothing was ever found; each call of a port is counted, pages and batches as one. */
function storage(asked: { storage: number }): object {
  const answer =
    <T>(value: T) =>
    async (): Promise<T> => {
      asked.storage += 1;
      return value;
    };
  return {
    ledger: { read: answer({ claim: null, etag: null, undo: [], commands: [] }), retirements: answer([]) },
    watch: { read: answer({ watched: null, etag: null }), putSweep: answer(undefined) },
  };
}

/** The vaults and ARM as they answer the real clients; requests that only fetch the challenge of a vault are not counted. */
function answering({ versions, keys }: Fleet, asked: { vault: number; arm: number }): HttpClient {
  const created = Math.floor(Date.now() / 1000);
  const attributes = { enabled: true, created, updated: created, exp: created + 300 * 86_400 };
  const hub = (index: number) => ({
    id: hubOf(index),
    properties: {
      state: 'Active',
      encryption: { keyVaultProperties: [{ keyIdentifier: `${keyOf(index)}/${bare(0)}` }] },
    },
  });
  const listed = (url: URL) => {
    const from = Number(url.searchParams.get('from') ?? 0);
    const key = url.href.slice(0, url.href.indexOf('/versions'));
    const value = Array.from({ length: Math.min(versionsOfPage, versions - from) }, (_, index) => ({
      kid: `${key}/${bare(from + index)}`,
      attributes: { ...attributes, created: created - from - index },
    }));
    const next = from + versionsOfPage;
    return { value, nextLink: next < versions ? `${key}/versions?api-version=7.6&from=${next}` : null };
  };
  const policy = { lifetimeActions: [], attributes: { expiryTime: 'P90D' } };
  const ofArm = (url: URL) => {
    if (!url.pathname.endsWith('/IotHubs')) {
      const index = /IotHubs\/hub-(\d+)$/.exec(url.pathname)?.[1];
      return index === undefined ? { value: [] } : hub(Number(index));
    }
    const of = Number(/subscription-(\d+)/.exec(url.pathname)?.[1]);
    const here = Array.from({ length: hubsOfSubscription }, (_, index) => of * hubsOfSubscription + index);
    return { value: here.filter((index) => index < keys).map(hub) };
  };
  return {
    async sendRequest(request) {
      const url = new URL(request.url);
      if (request.url.startsWith(arm)) {
        asked.arm += 1;
        return answer(request, ofArm(url));
      }
      if (!request.headers.has('authorization')) return challenge(request);
      asked.vault += 1;
      return answer(request, url.pathname.endsWith('/versions') ? listed(url) : policy);
    },
  };
}

const bare = (index: number): string => String(index).padStart(32, '0');

const answer = (request: PipelineRequest, body: object): PipelineResponse => ({
  request,
  status: 200,
  headers: createHttpHeaders({ 'content-type': 'application/json' }),
  bodyAsText: JSON.stringify(body),
});

function challenge(request: PipelineRequest): PipelineResponse {
  const headers = createHttpHeaders({
    'www-authenticate': 'Bearer authorization="https://login.test/tenant", resource="https://vault.azure.net"',
  });
  return { request, status: 401, headers, bodyAsText: '' };
}

export const sweepCalls: Benchmark = {
  name: 'sweep',
  title: 'the calls that one sweep makes, for 1, 100 and 1,000 keys at rest',
  async run(say) {
    const figures: Figure[] = [];
    for (const keys of sizes) {
      const { vault, arm: ofArm, storage: ofStorage } = await sweep({ keys, versions: 10 });
      say(`${keys} keys`);
      figures.push(
        { name: `${keys} keys: vault reads`, value: vault, unit: '', bar: { atMost: 2 * keys } },
        { name: `${keys} keys: ARM reads`, value: ofArm, unit: '' },
        { name: `${keys} keys: storage calls`, value: ofStorage, unit: '' },
      );
    }
    for (const versions of [25, 26, 60]) {
      const { vault } = await sweep({ keys: 100, versions });
      const pages = Math.ceil(versions / versionsOfPage);
      const name = `100 keys of ${versions} versions: vault reads a key`;
      figures.push({ name, value: vault / 100, unit: '', bar: { atMost: 1 + pages } });
    }
    return {
      about: `each key with one hub, ${hubsOfSubscription} to a subscription, ten vaults; nothing under way, nothing to tell`,
      figures,
      notes: ['Counted on the wire of the real clients, answers made up; storage by calls of its ports.'],
    };
  },
};
