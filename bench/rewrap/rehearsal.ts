import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TableClient } from '@azure/data-tables';
import type { CloudSeed } from '../../sandbox/cloud/seed';
import type { Counted } from '../../sandbox/key-vault/tally';
import { ensureCertificates } from '../../sandbox/kit';
import { AppHost } from '../../sandbox/run/app-host';
import { appEnvironment, baseEnvironment } from '../../sandbox/run/app-settings';
import { type Storage, startAzurite } from '../../sandbox/run/azurite';
import type { Children } from '../../sandbox/run/children';
import { type CloudAddresses, completed, readAddresses } from '../../sandbox/run/cloud-addresses';
import { makeSeed, names, resourceIds } from '../../sandbox/run/seed';
import { Tokens } from '../../sandbox/run/tokens';
import { Wire } from '../../sandbox/run/wire';
import { freePort } from '../free-port';
import { Gauge, gaugeEnvironment } from '../gauge';
import { ownChildren } from '../own-children';
import { fill, type Owned, type PublicJwk, type ReadBack, readBack } from './stores';

const root = join(__dirname, '..', '..', '..');
const day = 86_400_000;

export interface Wanted {
  /** Data keys in all; each worker has a store and a KEK of its own, and an equal part of them. */
  readonly keys: number;
  readonly workers: number;
  readonly kty: 'RSA' | 'RSA-HSM';
  readonly withCheckValues: boolean;
  /** What rotation.json says of the vault: how much of which quota may be used. */
  readonly vault: { readonly share: number; readonly operationsPer10Seconds?: number };
}

/** A KEK, the table under it, and the process that will move it. */
interface Part {
  readonly owned: Owned;
  readonly key: string;
  readonly previousKid: string;
  readonly host: AppHost;
  readonly gauge: Gauge;
}

/**
 * One vault, storage and the workers, each a process of its own with nothing else in it, and stores full of wrapped data keys.
 * A worker is the whole app in its local host, as deployed: its settings, its HTTP API, its orchestrations.
 */
export class Rehearsal {
  readonly parts: readonly Part[];
  readonly vaultGauge: Gauge;
  readonly storageGauge: Gauge;
  readonly cloud: CloudAddresses;
  readonly storage: Storage;
  readonly #wire: Wire;
  readonly #children: Children;
  readonly #folder: string;
  readonly #nextKids = new Map<string, string>();

  private constructor(
    of: { wire: Wire; children: Children; folder: string; cloud: CloudAddresses; storage: Storage },
    gauges: { vault: Gauge; storage: Gauge },
    parts: readonly Part[],
  ) {
    this.#wire = of.wire;
    this.#children = of.children;
    this.#folder = of.folder;
    this.cloud = of.cloud;
    this.storage = of.storage;
    this.vaultGauge = gauges.vault;
    this.storageGauge = gauges.storage;
    this.parts = parts;
  }

  static async start(wanted: Wanted): Promise<Rehearsal> {
    const folder = mkdtempSync(join(tmpdir(), 'keyturn-bench-'));
    mkdirSync(join(folder, 'logs'));
    const children = ownChildren();
    const ports = { vault: await freePort(), storage: await freePort() };
    const cloud = await startVault(children, folder, seedOf(wanted), ports.vault);
    const env = { ...environment(), ...gaugeEnvironment(ports.storage) };
    const storage = await startAzurite(children, { root, folder, free: true, inMemory: true, env });
    const wire = new Wire(cloud.ca);
    const keys = keyNames(wanted).map((name) => `${cloud.vaults[names.vault]}/keys/${name}`);
    const rotationPath = join(folder, 'rotation.json');
    writeFileSync(rotationPath, JSON.stringify(rotationFile(keys, cloud, wanted)));
    const parts: Part[] = [];
    for (const [index, key] of keys.entries()) {
      const jwk = await publicKey(key, wire, new Tokens(wire, cloud.token));
      const owned = ownedBy(storage, index, wanted);
      await fill(owned, jwk);
      const port = await freePort();
      const workerFolder = join(folder, `worker-${index + 1}`);
      mkdirSync(join(workerFolder, 'logs'), { recursive: true });
      const host = new AppHost(children, {
        ...{ root, app: root, folder: workerFolder, port: 0, rpcPort: 0 },
        env: { ...appEnvironment(cloud, storage, rotationPath, environment()), ...gaugeEnvironment(port, workerHeap) },
      });
      await host.start();
      parts.push({ owned, key, previousKid: jwk.kid, host, gauge: new Gauge(wire, port) });
    }
    const gauges = { vault: new Gauge(wire, ports.vault), storage: new Gauge(wire, ports.storage) };
    return new Rehearsal({ wire, children, folder, cloud, storage }, gauges, parts);
  }

  /** @param quota as the vault's control takes it; null for a vault without limits */
  async limit(quota: Readonly<Record<string, unknown>> | null): Promise<void> {
    const address = `${this.#control()}/quota`;
    await this.#wire.ask(address, quota === null ? { method: 'DELETE' } : { body: quota });
  }

  /** Lets the vault count from nothing. */
  async beginCounting(): Promise<void> {
    await this.#wire.ask(`${this.#control()}/tally`, { body: { blobs: true } });
  }

  counted(): Promise<Counted> {
    return this.#wire.ask<Counted>(`${this.#control()}/tally`);
  }

  /** Starts a rotation of each key, at once, and waits until every store has been moved and verified. @returns milliseconds */
  async rotate(progress: (done: number) => void): Promise<number> {
    const began = performance.now();
    const rotations = await Promise.all(
      this.parts.map(async ({ host, key }) => {
        const body = { key, reason: 'the benchmark asks for it' };
        const { rotationId } = await this.#wire.ask<{ rotationId: string }>(`${host.url}/api/rotations`, { body });
        return `${host.url}/api/rotations/${rotationId}`;
      }),
    );
    const done = rotations.map(() => 0);
    await Promise.all(
      rotations.map(async (address, index) => {
        const { key } = this.parts[index] as Part;
        const nextVersion = await this.#moved(address, (count) => {
          done[index] = count;
          progress(done.reduce((sum, it) => sum + it, 0));
        });
        this.#nextKids.set(key, `${key}/${nextVersion}`);
      }),
    );
    return performance.now() - began;
  }

  /** A version that nothing uses yet, for whoever moves his keys without Keyturn. */
  async newVersion(part: Part): Promise<string> {
    const headers = await new Tokens(this.#wire, this.cloud.token).header('admin', 'https://vault.azure.net');
    const body = { kty: 'RSA', key_size: 2048, key_ops: ['wrapKey', 'unwrapKey'] };
    const address = `${part.key}/create?api-version=7.4`;
    const answer = await this.#wire.ask<{ key: PublicJwk }>(address, { headers, body });
    this.#nextKids.set(part.key, answer.key.kid);
    return answer.key.kid;
  }

  /** Every record of every store, read back and opened with the vault's own private keys. */
  async readBack(): Promise<ReadBack> {
    const { opened } = await this.counted();
    const pems = this.#privateKeys();
    const found: ReadBack = { right: 0, lost: 0, doubled: 0, unverified: 0, onNext: 0 };
    for (const { owned, key, previousKid } of this.parts) {
      const privateKey = (version: string) => pems.get(version);
      const nextKid = this.#nextKids.get(key) ?? '';
      const each = await readBack(owned, { privateKey, opened, previousKid, nextKid });
      for (const name of Object.keys(each) as (keyof ReadBack)[]) found[name] += each[name];
    }
    return found;
  }

  /** Runs a script in a process of its own with the settings of a worker. @returns the first line of JSON it prints */
  async runScript<T>(script: string, environmentOf: Readonly<Record<string, string>>): Promise<T> {
    const { ready, stop } = await this.#children.start<T>({
      ...{ name: script, script: join(root, 'dist', 'bench', 'apps', script), args: [] },
      env: { ...appEnvironment(this.cloud, this.storage, '', environment()), ...environmentOf },
      log: join(this.#folder, 'logs', 'script.log'),
      readyWithinSeconds: 600,
      readyFrom: (line) => (line.startsWith('{') ? (JSON.parse(line) as T) : undefined),
    });
    await stop();
    return ready;
  }

  async stop(): Promise<void> {
    await this.#children.stopAll();
    this.#wire.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #control(): string {
    return `${this.cloud.control}/vaults/${names.vault}`;
  }

  async #moved(address: string, progress: (done: number) => void): Promise<string> {
    for (;;) {
      const rotation = await this.#wire.ask<Rotation>(address);
      const { phase, waitingFor, nextVersion, reasons, targets } = rotation;
      progress(targets[0]?.done ?? 0);
      if (phase === 'soaking' || phase === 'completed') return nextVersion;
      if (rotation.endedAt !== null || phase === 'rolling-back') {
        throw new Error(`a rotation is ${phase}: ${reasons.map(({ message }) => message).join(' ')}`);
      }
      if (waitingFor !== null) progress(targets[0]?.done ?? 0);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  /** As the stand-in keeps them on its disk, by version. */
  #privateKeys(): ReadonlyMap<string, string> {
    const file = join(this.#folder, 'cloud', `vault-${names.vault}.json`);
    const keys = JSON.parse(readFileSync(file, 'utf8')) as { versions: { version: string; pem: string }[] }[];
    return new Map(keys.flatMap(({ versions }) => versions.map(({ version, pem }) => [version, pem])));
  }
}

interface Rotation {
  readonly phase: string;
  readonly waitingFor: string | null;
  readonly nextVersion: string;
  readonly endedAt: string | null;
  readonly reasons: readonly { readonly message: string }[];
  readonly targets: readonly { readonly done: number }[];
}

// biome-ignore lint/style/noProcessEnv: the children get what they need of it
const environment = (): NodeJS.ProcessEnv => process.env;

/**
 * Left to itself V8 takes what the machine has before it collects, which says nothing of what is needed. A worker that would keep
 * what it has read dies of this limit: a store of 100,000 records alone is larger.
 */
const workerHeap = ['--max-old-space-size=128', '--max-semi-space-size=16'];

const keyNames = ({ workers }: Wanted): string[] =>
  Array.from({ length: workers }, (_, index) => `${names.key}-${index + 1}`);

function seedOf(wanted: Wanted): CloudSeed {
  const seed = makeSeed(new Date());
  const versions = [
    {
      createdOn: new Date(Date.now() - 65 * day).toISOString(),
      // The plan adds up every deadline and refuses a version that could expire before.
      expiresOn: new Date(Date.now() + 300 * day).toISOString(),
    },
  ];
  const keys = keyNames(wanted).map((name) => ({
    ...{ name, kty: wanted.kty, size: 2048 as const, ops: ['wrapKey', 'unwrapKey'], versions },
  }));
  return {
    ...seed,
    vaults: seed.vaults.map((vault) => ({ ...vault, keys })),
    hubs: [],
    provisioningServices: [],
    roleAssignments: seed.roleAssignments.filter(({ scope }) => !/^(hub|dps|key):/.test(scope)),
  };
}

function rotationFile(keys: readonly string[], cloud: CloudAddresses, { vault }: Wanted): object {
  return {
    vaults: [{ url: cloud.vaults[names.vault], ...vault }],
    keys: keys.map((key, index) => ({
      key,
      vaultResourceId: resourceIds.vault,
      targets: [{ kind: 'dataKeys', name: tableName(index), table: tableName(index) }],
    })),
  };
}

const tableName = (index: number): string => `datakeys${index + 1}`;

function ownedBy(storage: Storage, index: number, { keys, workers, withCheckValues }: Wanted): Owned {
  const options = { allowInsecureConnection: true };
  const table = TableClient.fromConnectionString(storage.connectionString, tableName(index), options);
  return { table, keys: keys / workers, withCheckValues, secret: randomBytes(32) };
}

async function publicKey(key: string, wire: Wire, tokens: Tokens): Promise<PublicJwk> {
  const headers = await tokens.header('admin', 'https://vault.azure.net');
  return (await wire.ask<{ key: PublicJwk }>(`${key}?api-version=7.4`, { headers })).key;
}

async function startVault(children: Children, folder: string, seed: CloudSeed, port: number): Promise<CloudAddresses> {
  const state = join(folder, 'cloud');
  mkdirSync(state, { mode: 0o700 });
  const seedFile = join(folder, 'seed.json');
  writeFileSync(seedFile, JSON.stringify(seed));
  const { caFile } = await ensureCertificates(state);
  const { ready } = await children.start({
    name: 'the local cloud',
    script: join(root, 'dist', 'sandbox', 'cloud', 'main.js'),
    args: ['--state', state, '--seed', seedFile, '--ports', 'auto'],
    env: { ...baseEnvironment(environment()), NODE_EXTRA_CA_CERTS: caFile, ...gaugeEnvironment(port) },
    log: join(folder, 'logs', 'cloud.log'),
    readyWithinSeconds: 60,
    readyFrom: readAddresses,
  });
  return completed(ready, state);
}
