import { createServer, type Server } from 'node:net';
import { BusyPortsError, freePorts, refuseBusyPorts } from '../../sandbox/run/ports';

const open: Server[] = [];

function listenOn(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    open.push(server);
    server.once('error', reject);
    server.listen(0, host, () => resolve((server.address() as { port: number }).port));
  });
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

describe('Ports that are in use', () => {
  test('are named with what they are for, and with both ways out', async () => {
    const port = await listenOn('127.0.0.1');
    const refused = refuseBusyPorts([{ what: 'the app', port }]);
    await expect(refused).rejects.toThrow(BusyPortsError);
    await expect(refused).rejects.toThrow(new RegExp(`port ${port} \\(the app\\).*Ctrl-C.*--ports auto`));
  });

  test('are all named at once', async () => {
    const [one, other] = [await listenOn('127.0.0.1'), await listenOn('127.0.0.1')];
    const [free = 0] = await freePorts(1);
    const wanted = [one, free, other].map((port) => ({ what: 'x', port }));
    const message = await refuseBusyPorts(wanted).catch((error: Error) => error.message);
    expect(message).toContain(String(one));
    expect(message).toContain(String(other));
    expect(message).not.toContain(String(free));
  });

  test('are noticed although somebody listens on all interfaces only', async () => {
    const port = await listenOn('0.0.0.0');
    await expect(refuseBusyPorts([{ what: 'storage', port }])).rejects.toThrow(String(port));
  });

  test('stop nobody when they are free, and stay free after the look', async () => {
    const wanted = (await freePorts(3)).map((port) => ({ what: 'x', port }));
    await refuseBusyPorts(wanted);
    await expect(refuseBusyPorts(wanted)).resolves.toBeUndefined();
  });
});
