import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AdminApi } from './admin-api';
import { Authentication } from './authentication';
import { HostClock, publishClock, readClockFile } from './clock';
import { CrashPlan } from './engine/crash-plan';
import { Engine } from './engine/engine';
import { Store } from './engine/store';
import { EventGridWebhook } from './event-grid-webhook';
import { FunctionApp } from './function-app';
import { HttpTriggers } from './http-triggers';
import { InFlight } from './in-flight';
import { HostLog } from './log';
import { ManagementApi } from './management-api';
import { durableClientBinding, managementUrls } from './management-urls';
import { BodyTooLarge } from './read-body';
import { empty, type Reply } from './reply';
import type { HostSettings } from './settings';
import { TimerTriggers } from './timer-triggers';

/** Two minutes of open connections at Event Grid's rate wait in here rather than being reset. */
const backlog = 4096;
const gracePeriod = 5000;
const webhookBase = '/runtime/webhooks/durabletask/';
const rpcBase = '/durabletask/';

export class PortInUse extends Error {}

/** A running host. */
export interface Host {
  readonly port: number;
  readonly rpcPort: number;
  /** Takes no more work, lets what runs finish for up to five seconds, closes the store. */
  stop(): Promise<void>;
}

type Handler = (request: IncomingMessage, url: URL) => Promise<Reply>;

/**
 * Starts a host: ports first, then the app, then the work the last process left.
 * @throws PortInUse; AppLoadError; whatever the app threw while loading
 */
export async function start(settings: HostSettings): Promise<Host> {
  const log = new HostLog(settings.log);
  log.captureConsole();
  const clock = new HostClock(readClockFile(settings.clock));
  publishClock(clock);
  const inFlight = new InFlight();
  const front = new Listener(inFlight, log);
  const rpc = new Listener(inFlight, log);
  const port = await front.listen(settings.port, '--port');
  const rpcPort = await rpc.listen(settings.rpcPort, '--rpc-port');
  const origin = `127.0.0.1:${port}`;
  // The client rewrites its URLs to port 7071 where this is missing; Azure and Core Tools always set it.
  // biome-ignore lint/style/noProcessEnv: the host sets the app's environment
  process.env['WEBSITE_HOSTNAME'] ??= origin;
  // biome-ignore lint/style/noProcessEnv: the platform tells the app whether its authentication is on
  process.env['WEBSITE_AUTH_ENABLED'] = settings.authenticate === undefined ? 'False' : 'True';
  const app = new FunctionApp(resolve(settings.app), log, inFlight);
  await app.load();
  // biome-ignore lint/style/noProcessEnv: the host's environment is the app's settings
  const timers = new TimerTriggers(app, clock, process.env);
  const { requireKeys, authenticate } = settings;
  const authentication = authenticate === undefined ? undefined : new Authentication(authenticate);
  const httpTriggers = new HttpTriggers(app, { requireKeys, authentication });
  const store = new Store(settings.state);
  const crashPlan = new CrashPlan();
  const { exactTimers, activityConcurrency } = settings;
  const noPull = new Set(settings.noPull);
  const engine = new Engine(
    { app, store, clock, inFlight, log, crashPlan },
    { exactTimers, activityConcurrency, noPull },
  );
  const urls = managementUrls(`http://${origin}${webhookBase}`);
  app.bindDurableClient(
    durableClientBinding(urls, `http://${origin}${webhookBase}`, `http://127.0.0.1:${rpcPort}${rpcBase}`),
  );
  const management = new ManagementApi(engine, urls);
  const admin = new AdminApi({ app, engine, clock, inFlight, timers, crashPlan });
  const eventGrid = new EventGridWebhook(app);
  rpc.handler = (request, url) => manage(management, request, url, rpcBase);
  front.handler = async (request, url) => {
    if (url.pathname.startsWith('/admin/')) return admin.handle(request, url.pathname.slice('/admin/'.length));
    if (url.pathname === '/runtime/webhooks/eventgrid') return eventGrid.handle(request, url);
    if (url.pathname.startsWith(webhookBase)) return manage(management, request, url, webhookBase);
    return (await httpTriggers.handle(request, url)) ?? empty(404);
  };
  for (const listener of [front, rpc]) listener.beforeReply = () => store.written;
  engine.start();
  timers.start();
  log.info(`The host listens on ${origin} with ${app.functions.size} functions.`);
  const stop = async (): Promise<void> => {
    timers.stop();
    engine.stop();
    const closed = Promise.all([front.close(), rpc.close()]);
    const until = Date.now() + gracePeriod;
    while (inFlight.count > 0 && Date.now() < until) await sleep(10);
    await Promise.race([closed, sleep(100)]);
    await app.terminate().catch(() => undefined);
    store.close();
    log.info('The host has stopped.');
    await log.close();
  };
  return { port, rpcPort, stop };
}

async function manage(management: ManagementApi, request: IncomingMessage, url: URL, base: string): Promise<Reply> {
  if (!url.pathname.startsWith(base)) return empty(404);
  return management.handle(request, url.pathname.slice(base.length), url.searchParams);
}

/** An HTTP server that says 503 until it has a handler, and counts its open requests (those to /admin not). */
class Listener {
  handler: Handler | undefined;
  /** What a reply may tell of has to be on disk first. */
  beforeReply: () => Promise<void> | undefined = () => undefined;
  private readonly server: Server;
  private readonly inFlight: InFlight;
  private readonly log: HostLog;

  constructor(inFlight: InFlight, log: HostLog) {
    this.inFlight = inFlight;
    this.log = log;
    this.server = createServer((request, response) => void this.serve(request, response));
    this.server.keepAliveTimeout = 60_000;
  }

  /** @throws PortInUse naming the flag that chooses another port */
  async listen(port: number, flag: string): Promise<number> {
    await new Promise<void>((done, fail) => {
      this.server.once('error', (error: NodeJS.ErrnoException) => {
        const inUse = `Port ${port} is in use. Stop what listens there, or choose another port with ${flag}.`;
        fail(error.code === 'EADDRINUSE' ? new PortInUse(inUse) : error);
      });
      this.server.listen({ port, host: '127.0.0.1', backlog }, done);
    });
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    await new Promise<void>((done) => {
      this.server.close(() => done());
      this.server.closeIdleConnections();
    });
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!request.url?.startsWith('/admin/')) response.once('close', this.inFlight.begin());
    try {
      const reply = await this.replyTo(request);
      await this.beforeReply();
      send(request, response, reply);
    } catch (error) {
      // The other side has gone, or the app's answer cannot be written as HTTP.
      this.log.write({ level: 'warning', message: `A request was not answered: ${String(error)}` });
      response.destroy();
    }
  }

  private async replyTo(request: IncomingMessage): Promise<Reply> {
    const url = URL.parse(request.url ?? '/', `http://${request.headers.host ?? '127.0.0.1'}`);
    if (url === null) return empty(400);
    if (this.handler === undefined) return empty(503);
    try {
      return await this.handler(request, url);
    } catch (error) {
      if (error instanceof BodyTooLarge) return { status: 413, headers: { connection: 'close' } };
      if (request.destroyed) throw error;
      this.log.write({ level: 'error', message: `A request failed: ${error instanceof Error ? error.stack : error}` });
      return empty(500);
    }
  }
}

function send(request: IncomingMessage, response: ServerResponse, reply: Reply): void {
  const bodiless = reply.status === 204 || reply.status === 304;
  const body = reply.body ?? '';
  response.statusCode = reply.status;
  for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value);
  if (!bodiless && !response.hasHeader('content-length')) response.setHeader('content-length', Buffer.byteLength(body));
  response.end(bodiless ? undefined : body);
  // A request whose body nobody read would block its connection for the next one.
  if (!request.complete) request.resume();
}
