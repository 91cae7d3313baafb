import { createServer } from 'node:net';

/** A port that something wants, by the name people know it by. */
export interface WantedPort {
  readonly what: string;
  readonly port: number;
}

/** Wanted ports are taken; the message says which, and what to do. */
export class BusyPortsError extends Error {
  override readonly name = 'BusyPortsError';
  constructor(busy: readonly WantedPort[]) {
    const list = busy.map(({ what, port }) => `port ${port} (${what})`).join(', ');
    super(
      `${list} ${busy.length === 1 ? 'is' : 'are'} in use, by another sandbox or another program. ` +
        'Stop it (Ctrl-C in its terminal), or start on free ports: npm start -- --ports auto',
    );
  }
}

/** @throws BusyPortsError naming every wanted port on which nobody could listen now. */
export async function refuseBusyPorts(wanted: readonly WantedPort[]): Promise<void> {
  const free = await Promise.all(wanted.map(({ port }) => isFree(port)));
  const busy = wanted.filter((_, index) => !free[index]);
  if (busy.length > 0) throw new BusyPortsError(busy);
}

/** Tries both loopback families: a program on `::1` alone would still get the requests meant for `localhost`. */
async function isFree(port: number): Promise<boolean> {
  return (await canListen(port, '127.0.0.1')) && (await canListen(port, '::1'));
}

function canListen(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      // A machine without IPv6 has nobody listening there.
      resolve(error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT');
    });
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/**
 * Free ports of 127.0.0.1, as many as asked for. Between this answer and its use somebody else could take one; what listens
 * then fails and says so.
 */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listen()));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
  return ports;
}

function listen(): Promise<ReturnType<typeof createServer>> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}
