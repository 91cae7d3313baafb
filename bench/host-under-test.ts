import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** As many connections as the Durable extension's client would share in a busy app. */
const connections = 32;

/** The local host in a process of its own with the app `apps/flows.ts`, and a client that costs as little as a client can. */
export class HostUnderTest {
  private readonly child: ChildProcess;
  private readonly port: number;
  private readonly rpcPort: number;
  private readonly agent = new Agent({ keepAlive: true, maxSockets: connections });

  private constructor(child: ChildProcess, ports: { port: number; rpcPort: number }) {
    this.child = child;
    this.port = ports.port;
    this.rpcPort = ports.rpcPort;
  }

  /** @param directory an empty one, for the app and the host's state */
  static async start(directory: string): Promise<HostUnderTest> {
    const app = join(directory, 'app');
    mkdirSync(app);
    writeFileSync(join(app, 'index.js'), `require(${JSON.stringify(join(__dirname, 'apps', 'flows.js'))});\n`);
    writeFileSync(join(app, 'package.json'), JSON.stringify({ main: 'index.js' }));
    writeFileSync(join(app, 'host.json'), JSON.stringify({ version: '2.0' }));
    const host = join(__dirname, '..', 'sandbox', 'host', 'main.js');
    const state = ['--app', app, '--state', join(directory, 'state'), '--log', join(directory, 'host.log')];
    const child = spawn(process.execPath, [host, ...state, '--port', '0', '--rpc-port', '0'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    process.once('exit', () => child.kill('SIGKILL'));
    const lines = createInterface({ input: child.stdout });
    const [line] = (await once(lines, 'line')) as [string];
    return new HostUnderTest(child, JSON.parse(line) as { port: number; rpcPort: number });
  }

  /** Starts `count` instances at once. @returns seconds until all of them have ended */
  async orchestrations(name: string, prefix: string, count: number): Promise<number> {
    const began = performance.now();
    const body = JSON.stringify({ a: 1 });
    const starts = Array.from({ length: count }, (_, index) => this.startNew(name, `${prefix}-${index}`, body));
    await Promise.all(starts);
    await this.idle();
    return (performance.now() - began) / 1000;
  }

  /** Runs one instance. @returns seconds until it has ended */
  async one(name: string, id: string, input: object): Promise<number> {
    const began = performance.now();
    await this.startNew(name, id, JSON.stringify(input));
    await this.idle();
    return (performance.now() - began) / 1000;
  }

  async stop(): Promise<void> {
    this.agent.destroy();
    const gone = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await gone;
  }

  private async startNew(name: string, id: string, body: string): Promise<void> {
    const { status } = await this.ask(this.rpcPort, 'POST', `/durabletask/orchestrators/${name}/${id}`, body);
    if (status !== 202) throw new Error(`starting ${name} was answered ${status}`);
  }

  private async idle(): Promise<void> {
    for (;;) {
      const { text } = await this.ask(this.port, 'GET', '/admin/clock');
      if ((JSON.parse(text) as { inFlight: number }).inFlight === 0) return;
      await new Promise((done) => setTimeout(done, 10));
    }
  }

  private ask(port: number, method: string, path: string, body?: string): Promise<Answer> {
    const headers = {
      'content-type': 'application/json',
      ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
    };
    return new Promise((resolve, reject) => {
      const outgoing = request({ agent: this.agent, host: '127.0.0.1', port, method, path, headers }, (incoming) => {
        let text = '';
        incoming.setEncoding('utf8');
        incoming.on('data', (chunk: string) => {
          text += chunk;
        });
        incoming.once('end', () => resolve({ status: incoming.statusCode ?? 0, text }));
      });
      outgoing.once('error', reject);
      outgoing.end(body);
    });
  }
}
