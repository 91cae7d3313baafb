import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CloudSeed } from '../../sandbox/cloud/seed';
import type { FaultRule, LoggedRequest } from '../../sandbox/kit';
import { AppHost } from '../../sandbox/run/app-host';
import { appEnvironment, baseEnvironment } from '../../sandbox/run/app-settings';
import { type Storage, startAzurite } from '../../sandbox/run/azurite';
import { startCloud } from '../../sandbox/run/bring-up';
import { Children } from '../../sandbox/run/children';
import type { CloudAddresses } from '../../sandbox/run/cloud-addresses';
import type { Page, Rotation } from '../../sandbox/run/contract';
import { accessSecrets } from '../../sandbox/run/secrets';
import { makeSeed, resourceIds } from '../../sandbox/run/seed';
import { Tokens } from '../../sandbox/run/tokens';
import { Wire } from '../../sandbox/run/wire';
import { SecretSearch, searchText } from '../../sandbox/secrets/secret-search';
import { OwnedStore } from './owned-store';
import { PrivateKeys } from './private-keys';
import { StorageFront } from './storage-front';

const KEY = 'kek';
const LOOK_MILLISECONDS = 250;
/** So short that a page outlives its token, and that whoever believes in one that was ended soon has to ask for another. */
const TOKEN_SECONDS = 2;
const day = 24 * 3_600_000;

/** Short, so that what is looked at is the move; the clock jumps over it anyhow. */
const settings = { soak: 'PT10M', probeEvery: 'PT2M', redProbes: { red: 3, of: 5 } };

/**
 * A local cloud with the app, for trials that must not touch each other: each has a vault, a KEK and a store of data keys of its own.
 * The app reaches its storage through a front, and nothing else does.
 */
export class Ground {
  readonly folder: string;
  readonly cloud: CloudAddresses;
  readonly storage: Storage;
  readonly wire: Wire;
  readonly front: StorageFront;
  readonly blobFront: StorageFront;
  readonly host: AppHost;
  readonly #children: Children;
  readonly #tokens: Tokens;
  readonly #stores: OwnedStore[] = [];
  readonly #search: SecretSearch;
  #look: Promise<readonly Rotation[]> | undefined;

  private constructor(parts: Parts, wire: Wire) {
    this.folder = parts.folder;
    this.cloud = parts.cloud;
    this.storage = parts.storage;
    this.front = parts.front;
    this.blobFront = parts.blobFront;
    this.host = parts.host;
    this.#children = parts.children;
    this.wire = wire;
    this.#tokens = new Tokens(wire, parts.cloud.token);
    this.#search = new SecretSearch({
      ...{ folder: this.folder, connectionString: this.storage.connectionString, dataKeys: [] },
      others: async () => this.#secrets(),
      alerts: async () => [JSON.stringify(await wire.ask(`${parts.cloud.eventGrid}/alerts`))],
    });
    wire.hear(this.host.url, (path, text) => this.#search.heard(path, text));
  }

  /** @param names of the trials; each gives the name of a vault and of a table */
  static async up(names: readonly string[]): Promise<Ground> {
    const folder = mkdtempSync(join(tmpdir(), 'keyturn-survival-'));
    mkdirSync(join(folder, 'logs'));
    const children = new Children((error) => process.stderr.write(`${error.message}\n`));
    // A worker of the test runner may be ended from outside; what was started must not outlive it.
    process.once('exit', () => children.killAll());
    const root = process.cwd();
    // biome-ignore lint/style/noProcessEnv: a child process inherits what it needs of it
    const environment = process.env;
    const env = baseEnvironment(environment);
    const [storage, cloud] = await Promise.all([
      startAzurite(children, { root, folder, free: true, env }),
      startCloud(children, { root, folder, ports: 'auto', seed: seedOf(names), environment }),
    ]);
    const [front, blobFront] = await Promise.all([StorageFront.start(storage.table), StorageFront.start(storage.blob)]);
    const connectionString = storage.connectionString
      .replace(`TableEndpoint=${storage.table}`, `TableEndpoint=${front.url}`)
      .replace(`BlobEndpoint=${storage.blob}`, `BlobEndpoint=${blobFront.url}`);
    const rotationFile = join(folder, 'rotation.json');
    writeFileSync(rotationFile, JSON.stringify(configurationOf(names, cloud)));
    const appEnv = appEnvironment(cloud, { connectionString }, rotationFile, environment);
    const host = new AppHost(children, { root, app: root, folder, port: 0, rpcPort: 0, env: appEnv });
    await host.start();
    const parts = { folder, cloud, storage, front, blobFront, host, children };
    const ground = new Ground(parts, new Wire(cloud.ca));
    await ground.control('/time-travel', { hostAdmin: host.url, on: true });
    return ground;
  }

  /** The owner's store of a trial, filled under the first version of its KEK. */
  async store(name: string, count: number): Promise<OwnedStore> {
    const keys = new PrivateKeys(join(this.folder, 'cloud', `vault-${name}.json`), this.keyOf(name));
    const store = new OwnedStore(name, this.storage.connectionString, keys);
    await store.fill(count, keys.refresh()[0] ?? '');
    this.#stores.push(store);
    return store;
  }

  /** Unversioned identifier of a trial's KEK. */
  keyOf(name: string): string {
    return `${this.cloud.vaults[name]}/keys/${KEY}`;
  }

  /** Asks something of the local cloud's control server. */
  control<T = unknown>(path: string, body?: object): Promise<T> {
    return this.wire.ask<T>(`${this.cloud.control}${path}`, { body });
  }

  async fault(rule: FaultRule): Promise<void> {
    await this.control('/faults', rule);
  }

  async endFaults(): Promise<void> {
    await this.wire.ask(`${this.cloud.control}/faults`, { method: 'DELETE' });
  }

  /** What a trial's vault was asked, in the order in which it answered. */
  async asked(name: string): Promise<LoggedRequest[]> {
    const all = await this.control<LoggedRequest[]>('/requests?standIn=keyVault&list=true');
    return all.filter((request) => request.name === name);
  }

  /** An administrator enables or disables a version by hand. */
  async setEnabled(kid: string, enabled: boolean): Promise<void> {
    const headers = await this.#tokens.header('admin', 'https://vault.azure.net');
    await this.wire.ask(`${kid}?api-version=7.4`, { method: 'PATCH', body: { attributes: { enabled } }, headers });
  }

  /** The app's answer; asks again while there is nobody to answer, because somebody has killed it. */
  async app<T>(path: string, body?: object): Promise<T> {
    // Asked again it is the same request: the answer to the first may only have been lost.
    const headers = body === undefined ? {} : { 'idempotency-key': randomUUID() };
    for (;;) {
      const answer = await this.wire.call(`${this.host.url}${path}`, { body, headers }).catch(() => undefined);
      if (answer !== undefined && answer.status < 300) return answer.body as T;
      if (answer !== undefined && answer.status < 500) throw new Error(`${path} was answered ${answer.status}`);
      await delay(50);
    }
  }

  /** All rotations of all trials, looked at now and then on behalf of everybody: the clock does not jump while somebody asks. */
  rotations(): Promise<readonly Rotation[]> {
    this.#look ??= delay(LOOK_MILLISECONDS)
      .then(() => this.app<Page<Rotation>>('/api/rotations?limit=50'))
      .then(({ items }) => items)
      .finally(() => {
        this.#look = undefined;
      });
    return this.#look;
  }

  /**
   * Looks for key material where none may be before everything goes, and in every file afterwards.
   * @param keep the folder with the logs, because somebody will want to read them
   * @returns what was found, one sentence each
   */
  async down(keep: boolean): Promise<readonly string[]> {
    await this.#search.searchLive();
    this.wire.close();
    await this.#children.stopAll();
    await Promise.all([this.front.close(), this.blobFront.close()]);
    this.#search.searchFiles();
    const { report } = this.#search;
    process.stderr.write(`secrets: ${searchText(report)}\n`);
    if (!keep && report.problems.length === 0) rmSync(this.folder, { recursive: true, force: true });
    return report.problems;
  }

  /** What the owners remember, and what the app was given to reach everything with. */
  #secrets() {
    return [
      ...accessSecrets(this.cloud, this.storage.connectionString),
      ...this.#stores.flatMap(({ name, dataKeys }) =>
        [...dataKeys].map(([id, bytes]) => ({ what: `the data key of ${name}/${id}`, bytes })),
      ),
    ];
  }
}

interface Parts {
  readonly folder: string;
  readonly cloud: CloudAddresses;
  readonly storage: Storage;
  readonly front: StorageFront;
  readonly blobFront: StorageFront;
  readonly host: AppHost;
  readonly children: Children;
}

/** The sandbox's own cloud, without hubs and provisioning services, and with as many vaults as there are trials. */
function seedOf(names: readonly string[]): CloudSeed {
  const now = Date.now();
  const createdOn = new Date(now - 65 * day).toISOString();
  const expiresOn = new Date(now + 300 * day).toISOString();
  const key = { name: KEY, kty: 'RSA', size: 2048, ops: ['wrapKey', 'unwrapKey'] } as const;
  return {
    ...makeSeed(new Date(now)),
    vaults: names.map((name) => ({
      name,
      keys: [{ ...key, ops: [...key.ops], versions: [{ createdOn, expiresOn }] }],
    })),
    tokenLifetimeSeconds: TOKEN_SECONDS,
    hubs: [],
    provisioningServices: [],
    roleAssignments: [
      { identity: 'keyturn', role: 'Reader', scope: 'group' },
      { identity: 'keyturn', role: 'EventGrid Data Sender', scope: resourceIds.alertTopic },
      ...names.flatMap((name) =>
        ['keyturn', 'admin'].map((identity) => ({
          identity,
          role: 'Key Vault Crypto Officer',
          scope: `vault:${name}`,
        })),
      ),
    ],
  };
}

function configurationOf(names: readonly string[], cloud: CloudAddresses): object {
  return {
    keys: names.map((name) => ({
      key: `${cloud.vaults[name]}/keys/${KEY}`,
      ...settings,
      targets: [{ kind: 'dataKeys', name, table: name }],
    })),
  };
}
