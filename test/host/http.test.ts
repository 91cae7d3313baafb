import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { HostProcess } from './host-process';

describe('the local host over HTTP', () => {
  const host = new HostProcess(['--exact-timers', '--require-keys', 'let-me-in']);
  beforeAll(() => host.start());
  afterAll(() => host.dispose());

  describe('HTTP triggers', () => {
    test('get route parameters, the query with repeated keys joined, and the body', async () => {
      const response = await host.fetch('/api/Hello/J%C3%BCrgen?a=1&a=2', { method: 'POST', body: 'some body' });
      expect(await response.json()).toEqual({
        name: 'Jürgen',
        query: { a: '1,2' },
        body: 'some body',
        url: `http://127.0.0.1:${host.port}/api/Hello/J%C3%BCrgen?a=1&a=2`,
      });
    });

    test('with a literal route win over one with a parameter', async () => {
      expect(await (await host.fetch('/api/hello/literal')).text()).toBe('literal');
    });

    test.each([
      ['returned nothing', '/api/nothing', 204],
      ['threw', '/api/throws', 500],
      ['is not there', '/api/absent', 404],
      ['does not know the method', '/api/hello/literal/more', 404],
    ])('answer a handler that %s with an empty body', async (_, path, status) => {
      const response = await host.fetch(path);
      expect([response.status, await response.text()]).toEqual([status, '']);
    });

    test('of another method are not found', async () => {
      expect((await host.fetch('/api/hello/x', { method: 'DELETE' })).status).toBe(404);
    });

    test('with an authLevel ask for the key when told to', async () => {
      expect((await host.fetch('/api/secured')).status).toBe(401);
      expect((await host.fetch('/api/secured?code=wrong')).status).toBe(401);
      expect((await host.fetch('/api/secured?code=let-me-in')).status).toBe(200);
      expect((await host.fetch('/api/secured', { headers: { 'x-functions-key': 'let-me-in' } })).status).toBe(200);
    });

    test('refuse a body over 100 MB without reading it', async () => {
      const headers = { 'content-length': String(101 * 1024 * 1024) };
      const status = await new Promise<number | undefined>((resolve, reject) => {
        const sent = request({ port: host.port, path: '/api/hello/x', method: 'POST', headers }, (response) => {
          resolve(response.statusCode);
          sent.destroy();
        });
        sent.on('error', reject);
        sent.write('x');
      });
      expect(status).toBe(413);
    });

    test('can use the real client, whose status answers point at this host', async () => {
      const response = await host.fetch('/api/start/countDown/by-client', { method: 'POST', body: '{"left":0}' });
      expect(response.status).toBe(202);
      const location = response.headers.get('location') ?? '';
      expect(location).toContain(`http://127.0.0.1:${host.port}/runtime/webhooks/durabletask/instances/by-client`);
      await host.done('by-client');
      expect(await (await fetch(location)).json()).toMatchObject({ runtimeStatus: 'Completed', output: 'landed' });
    });

    test('take their time from the virtual clock', async () => {
      await host.setClock(3_600_000);
      const { now } = (await (await host.fetch('/api/time')).json()) as { now: string };
      expect(Date.parse(now)).toBeGreaterThan(Date.now() + 3_590_000);
    });
  });

  describe('the Event Grid webhook', () => {
    const send = (body: unknown, type: string | undefined = 'Notification', name = 'keyEvents'): Promise<Response> =>
      host.fetch(`/runtime/webhooks/eventgrid?functionName=${name}`, {
        method: 'POST',
        ...(type === undefined ? {} : { headers: { 'aeg-event-type': type } }),
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
    const eventsSeen = (): string[] => host.journal().filter((line) => line.startsWith('event '));

    test('invokes the function once for each event of a batch', async () => {
      expect((await send([{ id: 'a' }, { id: 'b' }])).status).toBe(202);
      expect((await send({ id: 'c', specversion: '1.0' })).status).toBe(202);
      expect(eventsSeen().toSorted()).toEqual(['event a', 'event b', 'event c']);
    });

    test('fails the whole batch when one invocation throws', async () => {
      expect((await send([{ id: 'd' }, { id: 'e', data: { fail: true } }])).status).toBe(500);
      expect(eventsSeen()).toContain('event d');
    });

    test('answers a subscription validation with its code', async () => {
      const response = await send([{ id: 'v', data: { validationCode: '512d38b6' } }], 'SubscriptionValidation');
      expect([response.status, await response.json()]).toEqual([200, { validationResponse: '512d38b6' }]);
    });

    test('refuses what is no notification', async () => {
      const noHeader = await host.fetch('/runtime/webhooks/eventgrid?functionName=keyEvents', {
        method: 'POST',
        body: '[]',
      });
      expect(noHeader.status).toBe(400);
      expect((await send('not JSON')).status).toBe(400);
      expect((await send([1])).status).toBe(400);
      expect((await send([{ id: 'x' }], 'Notification', 'hello')).status).toBe(404);
    });

    test('stands a thousand posts at once', async () => {
      const posts = Array.from({ length: 1000 }, (_, index) => send([{ id: `many${index}` }]));
      const statuses = (await Promise.all(posts)).map((response) => response.status);
      expect(new Set(statuses)).toEqual(new Set([202]));
      expect(eventsSeen().filter((line) => line.startsWith('event many'))).toHaveLength(1000);
    }, 20_000);
  });

  describe('timer triggers', () => {
    test('run when they are asked for by name', async () => {
      // A test before this one may have let the clock pass the hour at which the timer is due.
      const before = host.journal().length;
      expect((await host.fetch('/admin/functions/sweep', { method: 'POST' })).status).toBe(202);
      await host.idle();
      const sweeps = host.journal().slice(before);
      expect(sweeps.filter((line) => line.startsWith('sweep'))).toEqual(['sweep true false']);
      expect((await host.fetch('/admin/functions/hello', { method: 'POST' })).status).toBe(404);
    });

    test('follow the clock over a jump, once, and never pull it', async () => {
      const before = host.journal().filter((line) => line.startsWith('sweep')).length;
      expect((await host.idle()).nextDue).toBeNull();
      const { offsetMilliseconds } = await host.clock();
      await host.setClock(offsetMilliseconds + 3 * 86_400_000);
      await host.idle();
      expect(host.journal().filter((line) => line.startsWith('sweep'))).toHaveLength(before + 1);
    });
  });

  test.each([
    ['a target that is no URL', 'GET // HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a host header that is none', 'GET /api/nothing HTTP/1.1\r\nHost: a b\r\n\r\n'],
    ['a body that breaks off', 'POST /api/hello/x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nx'],
    ['a status that is none', 'GET /api/badStatus HTTP/1.1\r\nHost: x\r\n\r\n'],
  ])('survives %s', async (_, text) => {
    const socket = connect(host.port, '127.0.0.1');
    const closed = once(socket, 'close');
    socket.on('error', () => undefined).on('data', () => socket.destroy());
    socket.write(text, () => {
      if (text.startsWith('POST')) socket.destroy();
    });
    await closed;
    await host.idle();
    expect((await host.fetch('/api/nothing')).status).toBe(204);
  });

  describe('the clock', () => {
    test('only goes forward', async () => {
      const { offsetMilliseconds } = await host.clock();
      expect((await host.setClock(offsetMilliseconds - 1)).status).toBe(409);
      expect((await host.clock()).offsetMilliseconds).toBe(offsetMilliseconds);
    });

    test('shows the same sequence while nothing happens, and another after something did; /admin is nothing', async () => {
      const first = await host.idle();
      expect((await host.clock()).sequence).toBe(first.sequence);
      await host.fetch('/api/nothing');
      expect((await host.idle()).sequence).not.toBe(first.sequence);
    });
  });

  test('GET /admin/functions names everything registered', async () => {
    const functions = (await (await host.fetch('/admin/functions')).json()) as { name: string; type: string }[];
    expect(functions).toEqual(
      expect.arrayContaining([
        { name: 'hello', type: 'httpTrigger', route: 'hello/{name}', methods: ['GET', 'POST'], authLevel: 'anonymous' },
        { name: 'sweep', type: 'timerTrigger', schedule: '0 0 3 * * *' },
        { name: 'echo', type: 'activityTrigger' },
      ]),
    );
    expect((await host.fetch('/admin/host/status')).status).toBe(200);
  });
});
