import { join } from 'node:path';
import { ChildCrashedError, type Children } from './children';

export const APP_PORTS = { app: 7071, rpc: 17071 } as const;

export interface AppHostOptions {
  /** The checkout. */
  root: string;
  /** Holds the app's package.json and host.json. */
  app: string;
  /** Folder of this run. */
  folder: string;
  /** Ports to listen on; 0 for any free one. */
  port: number;
  rpcPort: number;
  /** Address that says who holds a token, if people sign in. */
  authenticate?: string;
  env: NodeJS.ProcessEnv;
}

/** The Functions host with the app in it: one process, which may be killed and started again on the same state and ports. */
export class AppHost {
  readonly log: string;
  readonly #children: Children;
  readonly #options: AppHostOptions;
  #running: { kill(): Promise<void> } | undefined;

  constructor(children: Children, options: AppHostOptions) {
    this.#children = children;
    this.#options = { ...options };
    this.log = join(options.folder, 'logs', 'app.log');
  }

  get url(): string {
    return `http://127.0.0.1:${this.#options.port}`;
  }

  async start(): Promise<void> {
    await this.#start(false);
  }

  /** @returns why the app did not start, with the host's exit code; null if it did, and runs now */
  async startOrRefusal(): Promise<ChildCrashedError | null> {
    try {
      await this.#start(true);
      return null;
    } catch (error) {
      if (error instanceof ChildCrashedError) return error;
      throw error;
    }
  }

  async #start(mayRefuse: boolean): Promise<void> {
    const { root, app, folder, env, authenticate } = this.#options;
    const child = await this.#children.start({
      name: 'the Functions host with the app',
      script: join(root, 'dist', 'sandbox', 'host', 'main.js'),
      args: [
        ...['--port', String(this.#options.port), '--rpc-port', String(this.#options.rpcPort)],
        ...['--app', app, '--state', join(folder, 'host')],
        ...['--clock', join(folder, 'cloud', 'clock.json'), '--log', this.log],
        ...(authenticate === undefined ? [] : ['--authenticate', authenticate]),
      ],
      env,
      log: join(folder, 'logs', 'host.log'),
      readyWithinSeconds: 60,
      readyFrom: readPorts,
      mayRefuse,
    });
    this.#running = child;
    // Whoever was told the first ones, Event Grid above all, finds it there after a restart.
    this.#options.port = child.ready.port;
    this.#options.rpcPort = child.ready.rpcPort;
  }

  /** `kill -9`: nothing is written or answered after this. */
  async kill(): Promise<void> {
    await this.#running?.kill();
    this.#running = undefined;
  }
}

function readPorts(line: string): { port: number; rpcPort: number } | undefined {
  if (!line.startsWith('{"ready":true')) return undefined;
  return JSON.parse(line) as { port: number; rpcPort: number };
}
