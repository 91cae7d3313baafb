import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TableClient } from '@azure/data-tables';
import { FIXED_PORTS } from '../cloud/ports';
import type { CloudSeed } from '../cloud/seed';
import { ensureCertificates } from '../kit';
import type { SecretSearch } from '../secrets/secret-search';
import { startAlertWebhook } from './alert-webhook';
import { APP_PORTS, AppHost } from './app-host';
import { appEnvironment, baseEnvironment, type KeySettings, keyIdentifier, rotationFile } from './app-settings';
import type { PortChoice } from './arguments';
import { AskedFaults } from './asked-faults';
import { AZURITE_PORTS, type Storage, startAzurite } from './azurite';
import type { Children } from './children';
import { type CloudAddresses, completed, readAddresses } from './cloud-addresses';
import type { Endpoints, EndpointsFile } from './endpoints';
import { makeRecords, type PublicJwk } from './owner';
import type { WantedPort } from './ports';
import { searchOf } from './secrets';
import { counts, names } from './seed';
import { documents, enrollments, type RecordSource, twins } from './sources';
import { Tokens } from './tokens';
import { Travel } from './travel';
import { Wire } from './wire';

/** Everything that runs, and how to reach it. */
export interface Sandbox {
  readonly folder: string;
  readonly cloud: CloudAddresses;
  readonly storage: Storage;
  readonly host: AppHost;
  readonly wire: Wire;
  readonly tokens: Tokens;
  readonly faults: AskedFaults;
  readonly travel: Travel;
  /** What the local cloud began with. */
  readonly seed: CloudSeed;
  readonly table: TableClient;
  /** In the order in which the rotation moves them. */
  readonly sources: readonly RecordSource[];
  /** Unversioned identifier of the KEK. */
  readonly key: string;
  /** Looks for key material where none may be. */
  readonly search: SecretSearch;
  /** Writes rotation.json anew; the app reads it when it is started. */
  configure(settings: KeySettings): void;
}

export interface BringUpOptions {
  /** The checkout. */
  readonly root: string;
  /** The app's folder: the checkout, or what is deployed of it. */
  readonly app: string;
  readonly folder: string;
  readonly ports: PortChoice;
  readonly seed: CloudSeed;
  /** What rotation.json says of each key beside its targets. */
  readonly settings: KeySettings;
  /** Whether people sign in, and roles decide. */
  readonly signIn?: boolean;
  /** Whether the app is told where the vaults' log is. */
  readonly withLog?: boolean;
  readonly environment: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

/** The documented ports; each must be free before anything is started. */
export function wantedPorts(): WantedPort[] {
  const { vaults, hubs, provisioningServices, ...others } = FIXED_PORTS;
  return [
    { what: 'the app', port: APP_PORTS.app },
    { what: "the app's durable extension", port: APP_PORTS.rpc },
    ...Object.entries(AZURITE_PORTS).map(([name, port]) => ({ what: `storage: ${name}`, port })),
    ...Object.entries(others).map(([name, port]) => ({ what: `local cloud: ${name}`, port })),
    { what: 'Key Vault', port: vaults },
    { what: 'IoT Hub', port: hubs },
    { what: 'DPS', port: provisioningServices },
  ];
}

/**
 * Starts the local cloud and the app, in the order in which each needs the others: storage and cloud, the owner's data keys, the
 * app, and last the event subscription, so that the first event finds somebody who takes it.
 */
export async function bringUp(children: Children, options: BringUpOptions): Promise<Sandbox> {
  const { root, app, folder, ports, seed, environment, signal } = options;
  const free = ports === 'auto';
  const env = baseEnvironment(environment);
  const [storage, cloud, webhook] = await Promise.all([
    startAzurite(children, { root, folder, free, env }),
    startCloud(children, options),
    startAlertWebhook(),
  ]);
  signal.throwIfAborted();
  const wire = new Wire(cloud.ca);
  const tokens = new Tokens(wire, cloud.token);
  const table = TableClient.fromConnectionString(storage.connectionString, names.dataKeysTable, {
    allowInsecureConnection: true,
  });
  const key = keyIdentifier(cloud);
  await storeDataKeys(table, await publicKey(key, wire, tokens));
  signal.throwIfAborted();
  const rotationPath = join(folder, 'rotation.json');
  const configure = (settings: KeySettings): void =>
    writeFileSync(rotationPath, `${JSON.stringify(rotationFile(cloud, seed, settings, options.signIn), null, 2)}\n`);
  configure(options.settings);
  const host = new AppHost(children, {
    root,
    app,
    folder,
    port: free ? 0 : APP_PORTS.app,
    rpcPort: free ? 0 : APP_PORTS.rpc,
    ...(options.signIn === true ? { authenticate: `${cloud.token}/introspect` } : {}),
    env: {
      ...appEnvironment(cloud, storage, rotationPath, environment, options.withLog),
      KEYTURN_WEBHOOK_URL: webhook.url,
      KEYTURN_WEBHOOK_SECRET: webhook.secret,
    },
  });
  await host.start();
  // Whoever looks on reads, and nothing else.
  if (options.signIn === true) wire.signIn(host.url, () => tokens.header('rhea', 'api://keyturn'));
  signal.throwIfAborted();
  const faults = new AskedFaults(wire, cloud.control);
  const travel = new Travel(async (on) => {
    await wire.ask(`${cloud.control}/time-travel`, { body: { hostAdmin: host.url, on } });
  });
  const search = searchOf({
    ...{ folder, cloud, storage, wire, tokens, seed, webhook, key },
    dataKeys: [table],
    app: host.url,
  });
  await search.learn();
  const parts = { folder, cloud, storage, host, wire, tokens, faults, travel, seed, table, key, search, configure };
  return { ...parts, sources: recordSources(parts) };
}

/** Old records of everything that the seed holds, in the order in which a rotation moves it. */
function recordSources({ cloud, seed, table, wire, tokens }: Omit<Sandbox, 'sources' | 'search'>): RecordSource[] {
  const place = ({ name, identity }: { name: string; identity: string }, urls: Record<string, string>) => {
    return { name, identity, url: urls[name] ?? '' };
  };
  return [
    ...seed.hubs.map((hub) => twins(place(hub, cloud.hubs), wire, tokens)),
    ...seed.provisioningServices.map((dps) => enrollments(place(dps, cloud.dps), wire, tokens)),
    documents(table, wire, tokens),
  ];
}

/** Lets events and time go: from here on the app hears of the key, and the clock may jump. */
export async function letGo({ wire, cloud, host, travel }: Sandbox): Promise<void> {
  await wire.ask(`${cloud.eventGrid}/subscriptions`, {
    body: {
      name: 'keyturn-key-events',
      endpoint: `${host.url}/runtime/webhooks/eventgrid?functionName=keyEvents`,
      schema: 'EventGridSchema',
      eventTypes: ['KeyNearExpiry', 'KeyExpired', 'KeyNewVersionCreated'].map((type) => `Microsoft.KeyVault.${type}`),
    },
  });
  await travel.begin();
}

/** Publishes where everything is. */
export function publishEndpoints(file: EndpointsFile, { cloud, storage, host }: Sandbox): void {
  const endpoints: Endpoints = {
    app: host.url,
    vaults: cloud.vaults,
    arm: cloud.arm,
    eventGrid: cloud.eventGrid,
    hubs: cloud.hubs,
    dps: cloud.dps,
    table: storage.table,
    blob: storage.blob,
    storage: storage.connectionString,
    dataKeysTable: names.dataKeysTable,
    ca: cloud.ca,
    token: cloud.token,
  };
  file.write(endpoints);
}

/** Starts the local cloud alone, as a process of its own; its state lies in `<folder>/cloud`. */
export async function startCloud(
  children: Children,
  options: Pick<BringUpOptions, 'root' | 'folder' | 'ports' | 'seed' | 'environment'>,
): Promise<CloudAddresses> {
  const { root, folder, ports, seed, environment } = options;
  const state = join(folder, 'cloud');
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const seedFile = join(folder, 'seed.json');
  writeFileSync(seedFile, JSON.stringify(seed, null, 2));
  // Made before the cloud starts, because a process reads the authorities it trusts at its own start.
  const { caFile } = await ensureCertificates(state);
  const { ready } = await children.start({
    name: 'the local cloud',
    script: join(root, 'dist', 'sandbox', 'cloud', 'main.js'),
    args: ['--state', state, '--seed', seedFile, '--ports', ports],
    env: { ...baseEnvironment(environment), NODE_EXTRA_CA_CERTS: caFile },
    log: join(folder, 'logs', 'cloud.log'),
    readyWithinSeconds: 60,
    readyFrom: readAddresses,
  });
  return completed(ready, state);
}

/** What an owner did long ago: his data keys, wrapped with the version in use, and the documents that they open. */
async function storeDataKeys(table: TableClient, key: PublicJwk): Promise<void> {
  const records = makeRecords(counts.dataKeys, 'fleet', key);
  await table.createTable();
  for (let from = 0; from < records.length; from += 100) {
    await table.submitTransaction(records.slice(from, from + 100).map((record) => ['create', { ...record }]));
  }
}

async function publicKey(key: string, wire: Wire, tokens: Tokens): Promise<PublicJwk> {
  const headers = await tokens.header('owner', 'https://vault.azure.net');
  const body = await wire.ask<{ key: PublicJwk }>(`${key}?api-version=7.4`, { headers });
  return body.key;
}
