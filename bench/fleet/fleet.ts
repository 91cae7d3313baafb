import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { TableClient } from '@azure/data-tables';
import { AppHost } from '../../sandbox/run/app-host';
import { appEnvironment, baseEnvironment, keyIdentifier, rotationFile } from '../../sandbox/run/app-settings';
import { type Storage, startAzurite } from '../../sandbox/run/azurite';
import { startCloud } from '../../sandbox/run/bring-up';
import type { Children } from '../../sandbox/run/children';
import type { CloudAddresses } from '../../sandbox/run/cloud-addresses';
import type { Alert, Rotation } from '../../sandbox/run/contract';
import { makeRecords, type PublicJwk } from '../../sandbox/run/owner';
import { counts, names } from '../../sandbox/run/seed';
import { Tokens } from '../../sandbox/run/tokens';
import { Wire } from '../../sandbox/run/wire';
import { freePort } from '../free-port';
import { Gauge, gaugeEnvironment } from '../gauge';
import { ownChildren } from '../own-children';
import type { Cause, Known } from './events';
import type { Played, Reading } from './judgement';
import { fleetSeed, kekNames } from './seed';
import { countStores, readTable, taskHubBytes } from './stores';

const root = join(__dirname, '..', '..', '..');
const vaultAudience = 'https://vault.azure.net';

export interface FleetOptions {
  readonly keys: number;
  /** What rotation.json says of each key. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** What it says beside the keys. */
  readonly beside?: Readonly<Record<string, unknown>>;
  /** Events that Event Grid puts into one delivery. */
  readonly batch: number;
}

/** An orchestration as the durable API shows it. */
export interface Instance {
  readonly instanceId: string;
  readonly name: string;
  readonly runtimeStatus: string;
}

interface Parts {
  readonly cloud: CloudAddresses;
  readonly storage: Storage;
  readonly host: AppHost;
  readonly children: Children;
  readonly folder: string;
}

/** The local cloud with a vault full of KEKs, storage, and the app in its host: three processes, and nobody else who asks them. */
export class Fleet {
  readonly keys: readonly string[];
  readonly gauge: Gauge;
  readonly wire: Wire;
  readonly #parts: Parts;
  readonly #tokens: Tokens;

  private constructor(keys: readonly string[], parts: Parts, wire: Wire, gauge: Gauge) {
    this.keys = keys;
    this.#parts = parts;
    this.wire = wire;
    this.gauge = gauge;
    this.#tokens = new Tokens(wire, parts.cloud.token);
  }

  static async start(options: FleetOptions): Promise<Fleet> {
    // biome-ignore lint/style/noProcessEnv: the children get what they need of it
    const environment = process.env;
    const folder = mkdtempSync(join(tmpdir(), 'keyturn-bench-'));
    mkdirSync(join(folder, 'logs'));
    const children = ownChildren();
    const seed = fleetSeed(new Date(), options.keys);
    const [storage, cloud] = await Promise.all([
      startAzurite(children, { root, folder, free: true, inMemory: true, env: baseEnvironment(environment) }),
      startCloud(children, { root, folder, ports: 'auto', seed, environment }),
    ]);
    const wire = new Wire(cloud.ca);
    const rotationPath = join(folder, 'rotation.json');
    writeFileSync(rotationPath, JSON.stringify({ ...rotationFile(cloud, seed, options.settings), ...options.beside }));
    const keys = kekNames(options.keys).map((name) => keyIdentifier(cloud, name));
    const port = await freePort();
    const host = new AppHost(children, {
      ...{ root, app: root, folder, port: 0, rpcPort: 0 },
      env: { ...appEnvironment(cloud, storage, rotationPath, environment), ...gaugeEnvironment(port) },
    });
    const fleet = new Fleet(keys, { cloud, storage, host, children, folder }, wire, new Gauge(wire, port));
    await fleet.#storeDataKeys();
    await host.start();
    await fleet.#subscribe(options.batch);
    return fleet;
  }

  /** Delivers events as they are, in as many requests at once as they fill; answered when each was tried once. */
  async publish(events: readonly object[]): Promise<void> {
    const body = { events, wait: true };
    await this.wire.ask(`${this.#parts.cloud.eventGrid}/publish`, { body, timeout: 600_000 });
  }

  /** Somebody makes a version by hand, of which the vault tells by itself. @returns the bare version */
  async makeVersion(key: string): Promise<string> {
    const exp = Math.floor((await this.now()) / 1000) + 1000 * 86_400;
    const body = { kty: 'RSA', key_size: 2048, key_ops: ['wrapKey', 'unwrapKey'], attributes: { exp } };
    const headers = await this.#tokens.header('admin', vaultAudience);
    const answer = await this.wire.ask<{ key: PublicJwk }>(`${key}/create?api-version=7.4`, { headers, body });
    return bare(answer.key.kid);
  }

  /** Milliseconds since 1970 on the virtual clock. */
  async now(): Promise<number> {
    return Date.parse((await this.#cloudClock()).now);
  }

  /** Lets both clocks jump, and everything that was due by then happen; a time that has passed changes nothing. */
  async advanceTo(milliseconds: number): Promise<void> {
    const ahead = milliseconds - Date.now();
    const { offsetMilliseconds } = await this.#hostClock();
    if (ahead > offsetMilliseconds) {
      // The host first, or it would date an event that is delivered at once before the jump.
      await this.wire.ask(`${this.#parts.host.url}/admin/clock`, { body: { offsetMilliseconds: ahead } });
      await this.wire.ask(`${this.#parts.cloud.control}/clock`, { body: { advanceTo: Date.now() + ahead } });
    }
    await this.settle();
  }

  /** Waits until nothing is in flight, seen twice with nothing having happened in between. */
  async settle(): Promise<void> {
    for (let before = '', pause = 1; ; pause = Math.min(64, 2 * pause)) {
      const [host, cloud] = await Promise.all([this.#hostClock(), this.#cloudClock()]);
      const due = Math.min(timeOf(host.nextDue), timeOf(cloud.nextDue));
      const quiet = host.inFlight === 0 && cloud.inFlight === 0 && due > Date.parse(cloud.now);
      const seen = `${host.sequence} ${cloud.sequence}`;
      if (quiet && seen === before) return;
      before = quiet ? seen : '';
      if (!quiet) await delay(pause);
    }
  }

  /** Lets the clock jump to whatever is due next, or not any more. */
  async travel(on: boolean): Promise<void> {
    await this.wire.ask(`${this.#parts.cloud.control}/time-travel`, { body: { hostAdmin: this.#parts.host.url, on } });
  }

  /** Whether nothing runs under any KEK, by the ledger. */
  async allFree(): Promise<boolean> {
    return (await this.#claims()).every(({ rotationId }) => rotationId === undefined);
  }

  /** What the ledger and the vault say of every KEK. */
  async known(): Promise<readonly Known[]> {
    const claims = await this.#claims();
    const headers = await this.#tokens.header('admin', vaultAudience);
    return Promise.all(
      this.keys.map(async (key) => {
        const claim = claims.find((row) => row['key'] === key);
        const { value } = await this.wire.ask<{ value: { kid: string; attributes: { created: number } }[] }>(
          `${key}/versions?api-version=7.4`,
          { headers },
        );
        const versions = value.toSorted((a, b) => a.attributes.created - b.attributes.created);
        const last = claim?.['lastRun'] as string | undefined;
        const next = last === undefined ? null : (JSON.parse(last) as { nextVersion: string | null }).nextVersion;
        const seeded = bare(versions[1]?.kid ?? '');
        return {
          ...{ key, versions: versions.map(({ kid }) => bare(kid)), inUse: next ?? seeded },
          free: claim?.['rotationId'] === undefined,
        };
      }),
    );
  }

  /** What the app's process holds, and the tables, the containers and the task hub. */
  async read(): Promise<Reading> {
    const held = await this.gauge.held();
    const instances = await this.#instances();
    const kept = {
      ...(await countStores(this.#parts.storage)),
      'instances in the task hub': instances.length,
      'bytes of the task hub': await taskHubBytes(this.#parts.folder),
    };
    return { held, kept };
  }

  /** Everything that can be judged when nothing is under way any more. */
  async played(causes: readonly Cause[]): Promise<Played> {
    const instances = await this.#instances();
    const alive = new Set(['Running', 'Pending', 'Suspended', 'ContinuedAsNew']);
    return {
      causes,
      rotations: await this.rotations(),
      alerts: await this.wire.ask<Alert[]>(`${this.#parts.cloud.control}/alerts`),
      broken: (await this.#broken()).length,
      held: (await this.known()).filter(({ free }) => !free).length,
      running: instances.filter(({ runtimeStatus }) => alive.has(runtimeStatus)).length,
      failed: instances.filter(({ runtimeStatus }) => runtimeStatus === 'Failed').length,
    };
  }

  #instances(): Promise<readonly Instance[]> {
    const base = `${this.#parts.host.url}/runtime/webhooks/durabletask/instances`;
    return this.wire.ask<Instance[]>(`${base}?top=1000000&showInput=false`);
  }

  /** Old versions of completed rotations that are neither retired nor given up yet. */
  async unretired(): Promise<number> {
    const filter = "RowKey ge 'retirement_' and RowKey lt 'retirement`'";
    const rows = await readTable(this.#parts.storage, 'KeyturnLedger', filter);
    return rows.filter(({ status }) => status !== 'retired' && status !== 'ended').length;
  }

  async rotations(): Promise<readonly Rotation[]> {
    const rows = await readTable(this.#parts.storage, 'KeyturnRotations', "RowKey ge 'id_' and RowKey lt 'id`'");
    return rows.map((row) => JSON.parse(String(row['document'])) as Rotation);
  }

  /** Deliveries by what became of them: `delivered`, `retry`, `deadLetter`. */
  async deliveries(): Promise<Readonly<Record<string, number>>> {
    const all = await this.wire.ask<{ outcome: string }[]>(`${this.#parts.cloud.control}/deliveries`);
    const counted: Record<string, number> = {};
    for (const { outcome } of all) counted[outcome] = (counted[outcome] ?? 0) + 1;
    return counted;
  }

  /** KEKs whose history does not verify. */
  async #broken(): Promise<readonly string[]> {
    const broken: string[] = [];
    for (const key of this.keys) {
      const url = `${this.#parts.host.url}/api/audit/verify?key=${encodeURIComponent(key)}`;
      for (;;) {
        const { status, body } = await this.wire.call(url);
        // A reader of whole histories is told to go slowly.
        if (status === 429) await delay(500);
        else {
          if (status !== 200 || (body as { ok: boolean }).ok !== true) broken.push(key);
          break;
        }
      }
    }
    return broken;
  }

  async stop(): Promise<void> {
    await this.#parts.children.stopAll();
    this.wire.close();
    rmSync(this.#parts.folder, { recursive: true, force: true });
  }

  #claims(): Promise<Record<string, unknown>[]> {
    return readTable(this.#parts.storage, 'KeyturnLedger', "RowKey eq 'claim'");
  }

  #hostClock(): Promise<{ offsetMilliseconds: number; inFlight: number; sequence: number; nextDue: string | null }> {
    return this.wire.ask(`${this.#parts.host.url}/admin/clock`);
  }

  #cloudClock(): Promise<{ now: string; inFlight: number; sequence: number; nextDue: number | null }> {
    return this.wire.ask(`${this.#parts.cloud.control}/clock`);
  }

  async #storeDataKeys(): Promise<void> {
    const headers = await this.#tokens.header('owner', vaultAudience);
    const { key } = await this.wire.ask<{ key: PublicJwk }>(`${this.keys[0]}?api-version=7.4`, { headers });
    const { connectionString } = this.#parts.storage;
    const options = { allowInsecureConnection: true };
    const table = TableClient.fromConnectionString(connectionString, names.dataKeysTable, options);
    await table.createTable();
    const records = makeRecords(counts.dataKeys, 'fleet', key);
    await table.submitTransaction(records.map((record) => ['create', { ...record }]));
  }

  async #subscribe(maxEventsPerBatch: number): Promise<void> {
    const endpoint = `${this.#parts.host.url}/runtime/webhooks/eventgrid?functionName=keyEvents`;
    const body = { name: 'keyturn-key-events', endpoint, schema: 'EventGridSchema', maxEventsPerBatch };
    await this.wire.ask(`${this.#parts.cloud.eventGrid}/subscriptions`, { body });
  }
}

const bare = (kid: string): string => kid.split('/').at(-1) ?? '';

const timeOf = (due: string | number | null): number =>
  due === null ? Number.POSITIVE_INFINITY : new Date(due).getTime();
