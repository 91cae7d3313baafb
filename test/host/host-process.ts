import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

export interface Status {
  readonly name: string;
  readonly instanceId: string;
  readonly runtimeStatus: string;
  readonly input: unknown;
  readonly output: unknown;
  readonly customStatus: unknown;
  readonly executionId: string;
  readonly history: readonly Record<string, unknown>[];
}

export interface ClockState {
  readonly offsetMilliseconds: number;
  readonly inFlight: number;
  readonly sequence: number;
  readonly nextDue: string | null;
  readonly customStatuses: readonly unknown[];
}

/** A host in a child process over a directory of its own; it can be killed and started again on the same state. */
export class HostProcess {
  readonly directory = mkdtempSync(join(tmpdir(), 'keyturn-host-'));
  private readonly flags: readonly string[];
  private child: ChildProcess | undefined;
  port = 0;
  rpcPort = 0;
  errors = '';

  constructor(flags: readonly string[] = [], main = resolve('dist/test/host/apps/flows.js')) {
    this.flags = flags;
    const app = join(this.directory, 'app');
    mkdirSync(app);
    // The app lives where its packages are; a one-line file stands for it, so that every host has its own package.json.
    writeFileSync(join(app, 'index.js'), `require(${JSON.stringify(main)});\n`);
    writeFileSync(join(app, 'package.json'), JSON.stringify({ main: 'ind*.js' }));
    writeFileSync(join(app, 'host.json'), JSON.stringify({ version: '2.0' }));
  }

  get exited(): Promise<number | null> {
    const child = this.child as ChildProcess;
    if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
    return once(child, 'exit').then(([code]) => code as number | null);
  }

  /** Starts the host and waits for its ready line. @throws Error with stderr if it ends instead */
  async start(ports: readonly string[] = ['--port', '0', '--rpc-port', '0']): Promise<this> {
    const host = resolve('dist/sandbox/host/main.js');
    const paths = ['--app', join(this.directory, 'app'), '--state', join(this.directory, 'state')];
    const more = ['--clock', join(this.directory, 'clock.json'), '--log', join(this.directory, 'host.log')];
    // biome-ignore lint/style/noProcessEnv: a child process inherits it
    const { WEBSITE_HOSTNAME: _, ...environment } = process.env;
    const child = spawn(process.execPath, [host, ...paths, ...more, ...ports, ...this.flags], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...environment, JOURNAL_DIRECTORY: this.directory },
    });
    this.child = child;
    this.errors = '';
    child.stderr.on('data', (text: Buffer) => {
      this.errors += text.toString();
    });
    const lines = createInterface({ input: child.stdout });
    const first = await Promise.race([once(lines, 'line'), once(child, 'exit')]);
    if (typeof first[0] !== 'string') throw new Error(`The host ended with ${first[0]}: ${this.errors}`);
    const ready = JSON.parse(first[0]) as { port: number; rpcPort: number };
    this.port = ready.port;
    this.rpcPort = ready.rpcPort;
    return this;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
    const exited = this.exited;
    this.child?.kill(signal);
    return exited;
  }

  /** Ends the host and removes its directory. */
  async dispose(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }

  fetch(path: string, init?: RequestInit): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.port}${path}`, init);
  }

  rpc(path: string, init?: RequestInit): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.rpcPort}/durabletask/${path}`, init);
  }

  post(path: string, body?: unknown): Promise<Response> {
    return this.rpc(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: body === undefined ? '' : JSON.stringify(body),
    });
  }

  async startNew(name: string, id: string, input?: unknown): Promise<Response> {
    return this.post(`orchestrators/${name}/${id}`, input);
  }

  async status(id: string): Promise<Status> {
    const response = await this.fetch(`/admin/durable/instances/${encodeURIComponent(id)}`);
    if (response.status !== 200) throw new Error(`There is no instance ${id}.`);
    return (await response.json()) as Status;
  }

  /** Polls until `isIt` holds of the instance; the host has no push for it, and neither has the real one. */
  async until(id: string, isIt: (status: Status) => boolean): Promise<Status> {
    for (let tries = 0; tries < 2000; tries++) {
      const status = await this.status(id);
      if (isIt(status)) return status;
      await new Promise((done) => setTimeout(done, 5));
    }
    throw new Error(`The instance ${id} did not get there: ${JSON.stringify(await this.status(id))}`);
  }

  async done(id: string): Promise<Status> {
    for (let tries = 0; tries < 2000; tries++) {
      const response = await this.rpc(`instances/${id}?showInput=false`);
      await response.arrayBuffer();
      if (response.status === 200) return this.status(id);
      await new Promise((done) => setTimeout(done, 5));
    }
    throw new Error(`The instance ${id} does not end: ${JSON.stringify(await this.status(id))}`);
  }

  async run(name: string, id: string, input?: unknown): Promise<Status> {
    await this.startNew(name, id, input);
    return this.done(id);
  }

  async clock(): Promise<ClockState> {
    return (await (await this.fetch('/admin/clock')).json()) as ClockState;
  }

  async setClock(offsetMilliseconds: number): Promise<Response> {
    const body = JSON.stringify({ offsetMilliseconds });
    return this.fetch('/admin/clock', { method: 'POST', body });
  }

  /** Waits until nothing is in flight. */
  async idle(): Promise<ClockState> {
    for (let tries = 0; tries < 2000; tries++) {
      const state = await this.clock();
      if (state.inFlight === 0) return state;
      await new Promise((done) => setTimeout(done, 5));
    }
    throw new Error('The host does not come to rest.');
  }

  /** The lines the app's activities have written, over all the host's lives. */
  journal(): string[] {
    try {
      return readFileSync(join(this.directory, 'journal.txt'), 'utf8')
        .split('\n')
        .filter((line) => line !== '');
    } catch {
      return [];
    }
  }
}
