import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createWebhookAlerts } from '../../../../shared/azure/webhook-alerts';
import type { Alert } from '../../../../shared/rotation/ports';

interface Posted {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let server: Server;
let posted: Posted[];
/** What the webhook answers; null: nothing, ever. */
let answer: { status: number; headers?: Record<string, string>; body?: string } | null;
/** Called when a post has come. */
let arrived: () => void;

const alert: Alert = {
  id: 'run.completed.1',
  type: 'Keyturn.Rotation.Completed',
  subject: 'keys/kek',
  time: '2026-11-22T14:35:01.123Z',
  data: { left: 'Nothing – “é”.' },
};

beforeAll(async () => {
  server = createServer((request, response) => {
    const { method, url, headers } = request;
    let body = '';
    request.setEncoding('utf8').on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      posted.push({ method, url, headers, body });
      arrived();
      if (answer !== null) response.writeHead(answer.status, answer.headers).end(answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
beforeEach(() => {
  posted = [];
  answer = { status: 204 };
  arrived = () => undefined;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const address = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const channel = (secret: string | null = null) =>
  createWebhookAlerts({ url: `${address()}/hook?token=hidden`, secret });

describe('an alert posted to a webhook', () => {
  test('is JSON with five members, under its id as idempotency key, and without a signature unless there is a secret', async () => {
    await channel().send(alert);
    expect(posted).toHaveLength(1);
    const [{ method, url, headers, body }] = posted as [Posted];
    expect({ method, url, body: JSON.parse(body) }).toEqual({ method: 'POST', url: '/hook?token=hidden', body: alert });
    expect(headers).toMatchObject({ 'content-type': 'application/json', 'idempotency-key': alert.id });
    expect(headers).not.toHaveProperty('x-keyturn-signature');
  });

  test('is signed over the very bytes that were sent', async () => {
    const secret = 'a secret of sufficient length';
    await channel(secret).send(alert);
    const [{ headers, body }] = posted as [Posted];
    const expected = createHmac('sha256', secret).update(Buffer.from(body, 'utf8')).digest('hex');
    expect(headers['x-keyturn-signature']).toBe(`sha256=${expected}`);
  });

  test.each([200, 201, 202, 204])('that is answered %d was taken', async (status) => {
    answer = { status };
    await expect(channel().send(alert)).resolves.toBeUndefined();
  });

  test.each([
    [301, 'unavailable'],
    [400, 'webhook'],
    [401, 'sign-in'],
    [404, 'webhook'],
    [429, 'throttled'],
    [500, 'unavailable'],
  ])('that is answered %d is a fault, so that it is sent again, and was sent once', async (status, code) => {
    answer = { status, headers: { location: `${address()}/elsewhere`, 'retry-after': '30' }, body: 'token=hidden' };
    const sent = channel('a secret of sufficient length').send(alert);
    await expect(sent).rejects.toMatchObject({ name: 'FaultError', code });
    const message = await sent.catch((error: Error) => error.message);
    expect(message).toContain(new URL(address()).host);
    expect(message).not.toMatch(/hidden|secret|hook\?/);
    expect(posted.map(({ url }) => url)).toEqual(['/hook?token=hidden']);
  });

  test('that nobody answers is given up after five seconds', async () => {
    answer = null;
    const timeout = jest.spyOn(AbortSignal, 'timeout');
    timeout.mockImplementation((milliseconds) => {
      expect(milliseconds).toBe(5000);
      const controller = new AbortController();
      // Not before it has come: a post that comes late would be another test's.
      arrived = () => controller.abort(new DOMException('too late', 'TimeoutError'));
      return controller.signal;
    });
    await expect(channel().send(alert)).rejects.toMatchObject({ name: 'FaultError', code: 'timeout' });
    timeout.mockRestore();
  });

  test('whose webhook cannot be reached is a fault that does not tell its address', async () => {
    const sent = createWebhookAlerts({ url: 'http://127.0.0.1:1/hook?token=hidden', secret: null }).send(alert);
    await expect(sent).rejects.toMatchObject({ name: 'FaultError', code: 'unreachable' });
    expect(await sent.catch((error: Error) => `${error.message} ${error.stack}`)).not.toContain('hidden');
  });

  test('with an id that no header may carry is posted all the same, always under the same key', async () => {
    for (const id of ['run 🔑é\r\nx: y', 'run 🔑é\r\nx: y']) await channel().send({ ...alert, id });
    const keys = posted.map(({ headers }) => headers['idempotency-key']);
    expect(keys).toEqual(['run%20%F0%9F%94%91%C3%A9%0D%0Ax:%20y', 'run%20%F0%9F%94%91%C3%A9%0D%0Ax:%20y']);
    expect(JSON.parse(posted[0]?.body ?? '')).toMatchObject({ id: 'run 🔑é\r\nx: y' });
  });
});
