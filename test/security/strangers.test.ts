import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { endpointsOf, runFolder, type SandboxRun, startSandbox } from '../e2e/sandbox-run';
import { recordedApp } from './recorded-app';

const LIMIT = 240_000;
const folder = mkdtempSync(join(tmpdir(), 'keyturn-strangers-'));

let started: SandboxRun | undefined;
let stranger: Server | undefined;
afterAll(() => {
  started?.child.kill('SIGKILL');
  stranger?.closeAllConnections();
  stranger?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Somebody who would be trusted if he were asked: his certificate is one that the app accepts. @returns how often he was connected to */
async function standBy(run: SandboxRun): Promise<{ port: number; connections: () => number }> {
  const cloud = resolve('.sandbox', 'runs', runFolder(run) ?? '', 'cloud');
  const [key, cert] = ['server.key.pem', 'server.pem'].map((name) => readFileSync(join(cloud, name)));
  const server = createServer({ ...(key && { key }), ...(cert && { cert }) }, (_, response) => response.end('{}'));
  stranger = server;
  let connections = 0;
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return { port: (server.address() as AddressInfo).port, connections: () => connections };
}

/** Identifiers of a key at the stranger's, some of them dressed up as the configured vault's. */
function identifiers(port: number, vault: string, key: string): string[] {
  const { host } = new URL(vault);
  const path = `/keys/${key}`;
  return [
    ...[`https://localhost:${port}${path}`, `https://127.0.0.1:${port}${path}`, `HTTPS://LOCALHOST:${port}${path}`],
    ...[`http://localhost:${port}${path}`, `https://[::1]:${port}${path}`, `https://0x7f000001:${port}${path}`],
    ...[`https://2130706433:${port}${path}`, `https://${host}@localhost:${port}${path}`, `//localhost:${port}${path}`],
    ...[`https://localhost:${port}#@${host}${path}`, `https://localhost:${port}/?x=${host}${path}`],
    ...[`https://localhost:${port}\\@${host}${path}`, `https://${host}${path}@localhost:${port}`],
    ...[`https://localhost.:${port}${path}`, `https://127.1:${port}${path}`, `ftp://localhost:${port}${path}`],
    ...[`https://${host}/redirect?to=https://localhost:${port}${path}`, `https://localhost:${port}/a/../keys/${key}`],
  ];
}

const version = 'f'.repeat(32);

/** Event Grid's two schemas, each with the identifier where it counts, and with the right one and the stranger everywhere else. */
function events(ids: readonly string[], right: string, elsewhere: string): object[] {
  const data = (id: string) => ({ Id: `${id}/${version}`, VaultName: elsewhere, ObjectType: 'Key', Version: version });
  const eventType = 'Microsoft.KeyVault.KeyNearExpiry';
  const eventGrid = (id: string, index: number) => ({
    ...{ id: `forged-${index}`, topic: elsewhere, subject: elsewhere, eventType, data: data(id) },
    ...{ dataVersion: '1', metadataVersion: '1', eventTime: new Date().toISOString() },
  });
  const cloudEvent = (id: string, index: number) => ({
    ...{ id: `forged-cloud-${index}`, source: elsewhere, dataschema: elsewhere, type: eventType, specversion: '1.0' },
    data: { ...data(id), callbackUrl: elsewhere, validationUrl: elsewhere },
  });
  return [...ids, right].flatMap((id, index) => [eventGrid(id, index), cloudEvent(id, index)]);
}

test(
  'Nobody whom the configuration does not name is ever connected to, whatever an event or a request says',
  async () => {
    const app = recordedApp(join(folder, 'app'));
    const run = startSandbox('--ports', 'auto', '--scenario', 'nothing-to-do', '--app', app.folder);
    started = run;
    await run.printed('Ctrl-C stops it');
    const where = endpointsOf(run) as { app: string; vaults: Record<string, string>; hubs: object; dps: object };
    const { port, connections } = await standBy(run);
    const vault = where.vaults['keyturn-vault'] ?? '';
    const right = `${vault}/keys/fleet-kek`;
    const elsewhere = `https://localhost:${port}/x`;
    const ids = identifiers(port, vault, 'fleet-kek');
    const ask = (path: string, init: RequestInit = {}) => fetch(`${where.app}${path}`, init);
    const post = (path: string, body: object, headers: Record<string, string> = {}) =>
      ask(path, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json', ...headers },
      });

    const webhook = '/runtime/webhooks/eventgrid?functionName=keyEvents';
    for (const event of events(ids, right, elsewhere)) {
      expect((await post(webhook, [event], { 'aeg-event-type': 'Notification' })).status).toBe(202);
    }
    for (const [index, id] of ids.entries()) {
      const refused = await post(
        '/api/rotations',
        { key: id, reason: 'forged' },
        { 'x-forwarded-host': `localhost:${port}` },
      );
      expect([id, refused.status, ((await refused.json()) as { issues: { path: string }[] }).issues[0]?.path]).toEqual([
        id,
        400,
        'key',
      ]);
      const replacing = await post('/api/rotations', {
        key: right,
        reason: 'forged',
        run: 'replace',
        replacement: id,
        dryRun: true,
      });
      const { checks = [] } = (await replacing.json()) as { checks?: { code: string; result: string }[] };
      const no = checks.filter(({ result }) => result === 'no').map(({ code }) => code);
      expect([id, replacing.status, replacing.status === 200 ? no : []]).toEqual([
        id,
        replacing.status === 200 ? 200 : 400,
        replacing.status === 200 ? ['replacement-not-configured'] : [],
      ]);
      const query = `key=${encodeURIComponent(id)}`;
      // To ask for whole histories counts for more, and more than so many is answered 429.
      for (const path of index < 5 ? ['rotations', 'audit', 'audit/verify'] : ['rotations']) {
        expect([200, 400, 404]).toContain((await ask(`/api/${path}?${query}`)).status);
      }
      const continuation = Buffer.from(JSON.stringify({ nextLink: id, nextPartitionKey: id })).toString('base64');
      for (const token of [id, continuation]) {
        expect((await ask(`/api/rotations?continuation=${encodeURIComponent(token)}`)).status).toBeLessThan(500);
      }
    }
    const swept = async () =>
      ((await (await ask('/api/health')).json()) as { sweep: { startedAt: string } | null }).sweep?.startedAt;
    const before = await swept();
    for (const timer of ['sweep', 'verifyHistories', 'deliverAlerts']) await post(`/admin/functions/${timer}`, {});
    while ((await swept()) === before) await delay(100);

    const own = [where.app, ...Object.values({ ...where.vaults, ...where.hubs, ...where.dps })].map(
      (url) => new URL(url).host,
    );
    const host = JSON.parse(
      readFileSync(resolve('.sandbox', 'runs', runFolder(run) ?? '', 'logs', 'host.log'), 'utf8').split('\n')[0] ?? '',
    );
    const known = new Set([...own, ...app.configured(), `127.0.0.1:${host.rpcPort}`]);
    const met = [...app.authorities()].map((authority) => authority.replace(/^(\[::1\]|::1):/, 'localhost:'));
    expect(met).toContain(new URL(vault).host);
    expect(met.filter((authority) => !known.has(authority))).toEqual([]);
    expect(connections()).toBe(0);
    // He was there to be connected to all the while.
    await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
    expect(connections()).toBe(1);
    run.child.kill('SIGINT');
    expect(await run.ended).toMatchObject({ code: 0 });
  },
  LIMIT,
);
