import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Somebody's own address for alerts, beside the topic: takes whatever is posted and keeps it as it came. */
export interface AlertWebhook {
  /** Holds a secret, as addresses of webhooks do. */
  readonly url: string;
  readonly code: string;
  /** Signs what is posted. */
  readonly secret: string;
  /** Headers and body of each post. */
  readonly received: readonly string[];
  close(): void;
}

export async function startAlertWebhook(): Promise<AlertWebhook> {
  const [code, secret] = [randomBytes(24).toString('hex'), randomBytes(24).toString('hex')];
  const received: string[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    received.push(`${JSON.stringify(request.headers)}\n${Buffer.concat(chunks).toString('utf8')}`);
    response.writeHead(204).end();
  });
  // Nothing waits for it: it ends with the process.
  server.unref();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${port}/alerts?code=${code}`, code, secret, received, close };
}
