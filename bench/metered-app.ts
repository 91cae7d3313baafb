import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CloudSeed } from '../sandbox/cloud/seed';
import { AppHost } from '../sandbox/run/app-host';
import { appEnvironment } from '../sandbox/run/app-settings';
import { bringUp, letGo, type Sandbox } from '../sandbox/run/bring-up';
import type { Children } from '../sandbox/run/children';
import { hubResourceId, makeSeed, names } from '../sandbox/run/seed';
import type { Noted, Reading } from './apps/meter';
import { freePort } from './free-port';
import { ownChildren } from './own-children';

const root = join(__dirname, '..', '..');
const rotationDeadline = 3 * 60_000;

/** A rotation as the app's own API shows it. */
export interface Rotation {
  readonly rotationId: string;
  readonly phase: string;
  readonly endedAt: string | null;
  readonly reasons: readonly { readonly message: string }[];
}

/** Where a request of the app's went. */
export type Place = 'storage' | 'vault' | 'arm' | 'dataPlane' | 'token' | 'alerts' | 'host' | 'elsewhere';

export interface Observed {
  readonly rotation: Rotation;
  /** CPU time of the one process that holds the host and the app. */
  readonly cpuMilliseconds: number;
  readonly requests: readonly Noted[];
}

/** The local cloud, and the app in its host with a meter in it. Nothing else reads or watches, so that nothing else is measured. */
export class MeteredApp {
  readonly sandbox: Sandbox;
  private readonly children: Children;
  private readonly host: AppHost;
  private readonly meter: string;
  private readonly places: ReadonlyMap<string, Place>;

  private constructor(sandbox: Sandbox, children: Children, host: AppHost, meterPort: number) {
    this.sandbox = sandbox;
    this.children = children;
    this.host = host;
    this.meter = `http://127.0.0.1:${meterPort}/`;
    this.places = placesOf(sandbox);
  }

  /** @param options.seed changes the seed; `settings` and `targets` are what rotation.json says of the key */
  static async start(options: {
    readonly seed?: (seed: CloudSeed) => CloudSeed;
    readonly settings?: Readonly<Record<string, unknown>>;
    readonly targets?: (targets: readonly object[]) => readonly object[];
  }): Promise<MeteredApp> {
    const { seed = (it) => it, settings = {}, targets = (it) => it } = options;
    const folder = mkdtempSync(join(tmpdir(), 'keyturn-bench-'));
    mkdirSync(join(folder, 'logs'));
    const children = ownChildren();
    // biome-ignore lint/style/noProcessEnv: the children get what they need of it
    const environment = process.env;
    const signal = new AbortController().signal;
    const sandbox = await bringUp(children, {
      ...{ root, app: root, folder, ports: 'auto', seed: seed(makeSeed(new Date())), settings, environment, signal },
    });
    await sandbox.host.kill();
    const rotationPath = join(folder, 'rotation.json');
    narrowTargets(rotationPath, targets);
    const meterPort = await freePort();
    const host = new AppHost(children, {
      ...{ root, app: root, folder, port: 0, rpcPort: 0 },
      env: {
        ...appEnvironment(sandbox.cloud, sandbox.storage, rotationPath, environment),
        NODE_OPTIONS: `--require=${join(__dirname, 'apps', 'meter.js')}`,
        METER_PORT: String(meterPort),
      },
    });
    await host.start();
    await letGo({ ...sandbox, host });
    // The sandbox's own switch knows the host that was stopped.
    await sandbox.wire.ask(`${sandbox.cloud.control}/time-travel`, { body: { hostAdmin: host.url, on: true } });
    return new MeteredApp(sandbox, children, host, meterPort);
  }

  /** Delivers a near-expiry event for the version in use and waits until the rotation it starts has completed. */
  async rotate(): Promise<Observed> {
    const { wire, cloud } = this.sandbox;
    const before = await this.read();
    const known = new Set((await this.rotations()).map(({ rotationId }) => rotationId));
    await wire.ask(`${cloud.control}/vaults/${names.vault}/keys/${names.key}/near-expiry`, {
      method: 'POST',
      body: {},
    });
    const rotation = await this.ended(known);
    const after = await this.read();
    if (rotation.phase !== 'completed') {
      throw new Error(
        `the rotation ended ${rotation.phase}: ${rotation.reasons.map(({ message }) => message).join(' ')}`,
      );
    }
    return { rotation, cpuMilliseconds: after.cpuMilliseconds - before.cpuMilliseconds, requests: after.requests };
  }

  /** Every durable instance there is, with its whole history. */
  async instances(): Promise<{ readonly name: string; readonly history: readonly unknown[] }[]> {
    const { wire } = this.sandbox;
    const list = await wire.ask<{ instanceId: string }[]>(
      `${this.host.url}/runtime/webhooks/durabletask/instances?top=1000&showInput=false`,
    );
    return Promise.all(
      list.map(({ instanceId }) => wire.ask<never>(`${this.host.url}/admin/durable/instances/${instanceId}`)),
    );
  }

  placeOf({ host }: Noted): Place {
    return this.places.get(portOf(host)) ?? 'elsewhere';
  }

  /** Lines of the vaults' own logs. */
  operations(): Promise<{ readonly operationName: string; readonly identity?: string }[]> {
    return this.sandbox.wire.ask(`${this.sandbox.cloud.control}/oplog`);
  }

  async stop(): Promise<void> {
    await this.children.stopAll();
    this.sandbox.wire.close();
    rmSync(this.sandbox.folder, { recursive: true, force: true });
  }

  private read(): Promise<Reading> {
    return this.sandbox.wire.ask<Reading>(this.meter);
  }

  private async rotations(): Promise<readonly Rotation[]> {
    const address = `${this.host.url}/api/rotations?key=${encodeURIComponent(this.sandbox.key)}&limit=5`;
    return (await this.sandbox.wire.ask<{ items: readonly Rotation[] }>(address)).items;
  }

  private async ended(known: ReadonlySet<string>): Promise<Rotation> {
    const until = Date.now() + rotationDeadline;
    while (Date.now() < until) {
      const [newest] = await this.rotations();
      if (newest !== undefined && !known.has(newest.rotationId) && newest.endedAt !== null) return newest;
      await new Promise((done) => setTimeout(done, 250));
    }
    throw new Error(`no rotation has ended; the logs are in ${this.sandbox.folder}`);
  }
}

function placesOf({ cloud, storage }: Sandbox): Map<string, Place> {
  const places: [string, Place][] = [
    [storage.table, 'storage'],
    [storage.blob, 'storage'],
    [cloud.arm, 'arm'],
    [cloud.alertTopic, 'alerts'],
    [cloud.identityEndpoint, 'token'],
    ...Object.values(cloud.vaults).map((url): [string, Place] => [url, 'vault']),
    ...[...Object.values(cloud.hubs), ...Object.values(cloud.dps)].map((url): [string, Place] => [url, 'dataPlane']),
  ];
  return new Map(places.map(([url, place]) => [new URL(url).port, place]));
}

const portOf = (host: string): string => host.split(':').at(-1) ?? '';

function narrowTargets(path: string, targets: (targets: readonly object[]) => readonly object[]): void {
  if (!existsSync(path)) throw new Error(`there is no ${path}`);
  const file = JSON.parse(readFileSync(path, 'utf8')) as { keys: { targets: object[] }[] };
  const keys = file.keys.map((key) => ({ ...key, targets: targets(key.targets) }));
  writeFileSync(path, JSON.stringify({ ...file, keys }));
}

/** The seed with this many hubs under the key and nothing else, and the targets that name them. */
export function hubsOnly(count: number) {
  const nameOf = (index: number) => `${names.hub}-${String(index + 1).padStart(2, '0')}`;
  const all = Array.from({ length: count }, (_, index) => nameOf(index));
  return {
    seed: (seed: CloudSeed): CloudSeed => ({
      ...seed,
      vaults: seed.vaults.map((vault) => ({ ...vault, keys: vault.keys.map(lastingKey) })),
      hubs: seed.hubs.flatMap((hub) => all.map((name) => ({ ...hub, name, devices: 1 }))),
      provisioningServices: [],
      roleAssignments: seed.roleAssignments.flatMap((role) => {
        if (role.scope === `hub:${names.hub}`) return all.map((name) => ({ ...role, scope: `hub:${name}` }));
        return role.scope === `dps:${names.dps}` ? [] : [role];
      }),
    }),
    targets: () =>
      all.map((name) => ({ kind: 'iotHub', name, resourceId: hubResourceId(name), probe: { twin: 'device-0001' } })),
  };
}

/** The plan adds up every target's deadlines and refuses a version that could expire before: with 50 targets those are months. */
function lastingKey(key: CloudSeed['vaults'][number]['keys'][number]) {
  const expiresOn = new Date(Date.now() + 1000 * 86_400_000).toISOString();
  return { ...key, versions: key.versions.map((version) => ({ ...version, expiresOn })) };
}
