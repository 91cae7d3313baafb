import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CloudSeed } from '../../../sandbox/cloud/seed';
import { AppHost } from '../../../sandbox/run/app-host';
import { appEnvironment, baseEnvironment } from '../../../sandbox/run/app-settings';
import { type Storage, startAzurite } from '../../../sandbox/run/azurite';
import { startCloud } from '../../../sandbox/run/bring-up';
import { Children } from '../../../sandbox/run/children';
import type { CloudAddresses } from '../../../sandbox/run/cloud-addresses';
import { Tokens } from '../../../sandbox/run/tokens';
import { type Answer, type Call, Wire } from '../../../sandbox/run/wire';
import { type SecretSearch, searchText } from '../../../sandbox/secrets/secret-search';
import { makeAppFolder } from './app-folder';
import { type Cast, configurationOf } from './cast';
import type { Order } from './order';
import { storeRecords } from './records';
import { searchOf } from './secrets';

/** How many KEKs the app is told of at once: each start tells it of the next ones, and each sweep looks at all of them. */
const ON_STAGE = 2;
const PATIENCE_MILLISECONDS = 300_000;
const RETRY_MILLISECONDS = 50;
const LOOK_MILLISECONDS = 100;

/** What not every run needs. */
export type Need = 'another key' | 'events' | 'people';

/**
 * A local cloud that stays up, and the app in its host, a process of its own that kills itself when it is told to and is started again at
 * once. Storage is in memory: it is never killed.
 */
export class Ground {
  readonly folder: string;
  readonly cloud: CloudAddresses;
  readonly storage: Storage;
  readonly wire: Wire;
  readonly tokens: Tokens;
  readonly casts: readonly Cast[];
  /** How often the app has died since it was last asked. */
  #deaths = 0;
  #broken: Error | undefined;
  #loaded: readonly Cast[] = [];
  #next = 0;
  readonly #needs: ReadonlySet<Need>;
  readonly #host: AppHost;
  readonly #children: Children;
  readonly #hostChildren: Children;
  readonly #search: SecretSearch;

  private constructor(parts: Parts) {
    this.folder = parts.folder;
    this.cloud = parts.cloud;
    this.storage = parts.storage;
    this.casts = parts.casts;
    this.#needs = parts.needs;
    this.#children = parts.children;
    this.wire = new Wire(parts.cloud.ca);
    this.tokens = new Tokens(this.wire, parts.cloud.token);
    this.#search = searchOf(this, parts.seed);
    this.#hostChildren = new Children(() => this.#died());
    this.#host = new AppHost(this.#hostChildren, {
      ...{ root: process.cwd(), app: parts.app, folder: parts.folder, port: 0, rpcPort: 0 },
      ...(parts.needs.has('people') ? { authenticate: `${parts.cloud.token}/introspect` } : {}),
      env: {
        ...appEnvironment(parts.cloud, parts.storage, this.#rotationFile, parts.environment),
        // It is started hundreds of times; that it is there again sooner is all that this changes.
        NODE_COMPILE_CACHE: join(parts.folder, 'compiled'),
      },
    });
  }

  /** @param seed what the local cloud holds */
  static async up(seed: CloudSeed, casts: readonly Cast[], needs: ReadonlySet<Need>): Promise<Ground> {
    const folder = mkdtempSync(join(tmpdir(), 'keyturn-crash-'));
    mkdirSync(join(folder, 'logs'));
    const children = new Children((error) => process.stderr.write(`${error.message}\n`));
    const root = process.cwd();
    // biome-ignore lint/style/noProcessEnv: a child process inherits what it needs of it
    const environment = process.env;
    const env = baseEnvironment(environment);
    const [storage, cloud] = await Promise.all([
      startAzurite(children, { root, folder, free: true, env, inMemory: true }),
      startCloud(children, { root, folder, ports: 'auto', seed, environment }),
    ]).catch((error: unknown) => {
      children.killAll();
      throw error;
    });
    const ground = new Ground({
      folder,
      cloud,
      storage,
      casts,
      needs,
      seed,
      children,
      environment,
      app: makeAppFolder(root, folder),
    });
    // A worker of the test runner may be ended from outside; what was started must not outlive it.
    process.once('exit', () => ground.#killAll());
    // The app looks at what lies under a key as soon as it is told of it.
    for (const cast of casts) await storeRecords(ground, cast);
    await ground.#search.learn();
    await ground.#start();
    ground.wire.hear(ground.#host.url, (path, text) => ground.#search.heard(path, text));
    if (needs.has('people')) ground.wire.signIn(ground.#host.url, () => ground.as('olivia'));
    if (needs.has('events')) await ground.#subscribe();
    await ground.control('/time-travel', { hostAdmin: ground.#host.url, on: true });
    return ground;
  }

  get #rotationFile(): string {
    return join(this.folder, 'rotation.json');
  }

  /** The next KEK that nothing was done to yet, and the app knows it. @throws Error when all have been played on */
  async next(): Promise<Cast> {
    const cast = this.casts[this.#next];
    if (cast === undefined) throw new Error(`all ${this.casts.length} keys have been played on`);
    if (!this.#loaded.includes(cast)) await this.#restart();
    this.#next += 1;
    return cast;
  }

  get left(): number {
    return this.casts.length - this.#next;
  }

  /** The header of somebody who has signed in to the app. */
  as(identity: 'olivia' | 'avery'): Promise<Record<string, string>> {
    return this.tokens.header(identity, 'api://keyturn');
  }

  /** How often the app has died by its own hand since this was asked last. */
  takeDeaths(): number {
    const deaths = this.#deaths;
    this.#deaths = 0;
    return deaths;
  }

  /** Tells the app where it is to die, or that an answer is to be lost; nothing stands after its next start. */
  async order(order: Order): Promise<void> {
    await this.app('/api/crash/order', { body: order });
  }

  /** Asks something of the local cloud's control server. */
  control<T = unknown>(path: string, body?: object): Promise<T> {
    return this.wire.ask<T>(`${this.cloud.control}${path}`, { body });
  }

  /** The app's answer; asks again, as one and the same request, while there is nobody to answer. @throws Error for any status of 4xx */
  async app<T>(path: string, call: { readonly body?: object } = {}): Promise<T> {
    const { status, body } = await this.asked(path, call);
    if (status >= 300) throw new Error(`${path} was answered ${status}`);
    return body as T;
  }

  /** The same, whatever the status below 500. `unheard` counts the tries that nobody answered. */
  async asked(
    path: string,
    { body, headers: who }: Pick<Call, 'body' | 'headers'> = {},
  ): Promise<Answer & { readonly unheard: number }> {
    const headers = body === undefined ? { ...who } : { ...who, 'idempotency-key': randomUUID() };
    const late = Date.now() + PATIENCE_MILLISECONDS;
    for (let unheard = 0; ; unheard += 1) {
      if (this.#broken !== undefined) throw this.#broken;
      const answer = await this.wire.call(`${this.#host.url}${path}`, { body, headers }).catch(() => undefined);
      if (answer !== undefined && answer.status < 500) return { ...answer, unheard };
      if (Date.now() > late) throw new Error(`${path} was not answered; the logs are in ${this.folder}`);
      await delay(RETRY_MILLISECONDS);
    }
  }

  /** Lets time pass, as it would if nobody did anything; what is due by then happens. */
  async letPass(minutes: number): Promise<void> {
    const { offsetMilliseconds } = await this.control<{ offsetMilliseconds: number }>('/clock');
    const later = offsetMilliseconds + minutes * 60_000;
    // The host first: an event that is delivered at once must not be dated before the jump.
    await this.app('/admin/clock', { body: { offsetMilliseconds: later } });
    await this.control('/clock', { advanceTo: Date.now() + later + 1000 });
  }

  /** Runs the sweep now, and waits until one that began after this has ended. */
  async sweep(): Promise<void> {
    const last = async (): Promise<string | null> => {
      // Whatever else is away, the health says when the last sweep began.
      const { body } = await this.wire.call(`${this.#host.url}/api/health`);
      return (body as { sweep: { startedAt: string } | null }).sweep?.startedAt ?? null;
    };
    const before = await last();
    await this.wire.ask(`${this.#host.url}/admin/functions/sweep`, { body: {} });
    while ((await last()) === before) await delay(LOOK_MILLISECONDS);
  }

  /**
   * Looks for key material where none may be, before everything goes and in every file afterwards.
   * @param keep the folder with the logs, because somebody will want to read them
   * @returns what was found, or why it could not be looked for
   */
  async down(keep: boolean): Promise<readonly string[]> {
    const unsearched = await this.#search.searchLive().then(
      () => [],
      (error: Error) => [`key material could not be looked for: ${error.message}`],
    );
    this.wire.close();
    await this.#hostChildren.stopAll();
    await this.#children.stopAll();
    this.#search.searchFiles();
    const { report } = this.#search;
    const problems = [...unsearched, ...report.problems];
    process.stderr.write([`secrets: ${searchText(report)}`, ...problems, ''].join('\n'));
    if (!keep && problems.length === 0) rmSync(this.folder, { recursive: true, force: true });
    return problems;
  }

  #died(): void {
    this.#deaths += 1;
    this.#start().catch((error: Error) => {
      this.#broken = error;
    });
  }

  async #restart(): Promise<void> {
    await this.#host.kill();
    await this.#start();
  }

  async #start(): Promise<void> {
    const from = Math.max(0, this.#next - 1);
    this.#loaded = this.casts.slice(from, from + ON_STAGE);
    writeFileSync(this.#rotationFile, JSON.stringify(this.#configuration()));
    await this.#host.start();
  }

  #configuration(): object {
    return configurationOf(this.cloud, this.#loaded, this.#needs.has('people'));
  }

  /** From here on the app is told of what the vault tells of its keys. */
  async #subscribe(): Promise<void> {
    const body = {
      name: 'keyturn-key-events',
      endpoint: `${this.#host.url}/runtime/webhooks/eventgrid?functionName=keyEvents`,
      schema: 'EventGridSchema',
      eventTypes: ['KeyNearExpiry', 'KeyNewVersionCreated'].map((type) => `Microsoft.KeyVault.${type}`),
    };
    await this.wire.ask(`${this.cloud.eventGrid}/subscriptions`, { body });
  }

  #killAll(): void {
    this.#hostChildren.killAll();
    this.#children.killAll();
  }
}

interface Parts {
  readonly seed: CloudSeed;
  readonly folder: string;
  readonly cloud: CloudAddresses;
  readonly storage: Storage;
  readonly casts: readonly Cast[];
  readonly needs: ReadonlySet<Need>;
  readonly children: Children;
  readonly environment: NodeJS.ProcessEnv;
  readonly app: string;
}
