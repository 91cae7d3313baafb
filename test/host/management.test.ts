import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { HostProcess } from './host-process';

describe('the durable management API', () => {
  const host = new HostProcess(['--exact-timers']);
  beforeAll(() => host.start());
  afterAll(() => host.dispose());

  test('a start answers 202 with the id and the URLs, without one for rewind', async () => {
    const response = await host.startNew('countDown', 'start', { left: 0 });
    const body = (await response.json()) as Record<string, string>;
    expect(response.status).toBe(202);
    expect(body['id']).toBe('start');
    expect(Object.keys(body)).toEqual(expect.arrayContaining(['statusQueryGetUri', 'terminatePostUri']));
    expect(body).not.toHaveProperty('rewindPostUri');
  });

  test('a start without an id makes one, and without input the input is an empty string', async () => {
    const { id = '' } = (await (await host.post('orchestrators/recordedChild')).json()) as { id?: string };
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect((await host.done(id)).output).toEqual({ sub: '' });
  });

  test('a start whose body is not JSON is 400', async () => {
    expect((await host.rpc('orchestrators/countDown/bad', { method: 'POST', body: '{' })).status).toBe(400);
  });

  test.each(['running', 'suspended'])('a start of a %s id is 409', async (state) => {
    const id = `is-${state}`;
    await host.startNew('twoEvents', id);
    await host.until(id, (it) => it.runtimeStatus === 'Running');
    if (state === 'suspended') {
      await host.post(`instances/${id}/suspend?reason=x`);
      await host.until(id, (it) => it.runtimeStatus === 'Suspended');
    }
    const response = await host.startNew('twoEvents', id);
    expect([response.status, Object.keys((await response.json()) as object)]).toEqual([409, ['Message']]);
  });

  test('a start of a finished id silently runs it again', async () => {
    const first = await host.run('countDown', 'again', { left: 0 });
    expect((await host.startNew('countDown', 'again', { left: 0 })).status).toBe(202);
    const second = await host.until('again', (it) => it.executionId !== first.executionId);
    expect(second.executionId).not.toBe(first.executionId);
  });

  test('simultaneous starts of one id are all told 202; one runs, and the input of the others is lost', async () => {
    // The interim answer says that the host has looked for the id; only then are the bodies sent.
    const starts = await Promise.all(
      [1, 2, 3].map(async (n) => {
        const path = '/durabletask/orchestrators/twoEvents/contended';
        const started = request({ port: host.rpcPort, path, method: 'POST', headers: { expect: '100-continue' } });
        started.flushHeaders();
        await once(started, 'continue');
        return { n, started };
      }),
    );
    for (const { n, started } of starts) {
      started.end(JSON.stringify({ n }));
      const [response] = (await once(started, 'response')) as [IncomingMessage];
      expect(response.resume().statusCode).toBe(202);
    }
    const { history, input } = await host.until('contended', (it) => it.runtimeStatus === 'Running');
    expect(input).toEqual({ n: 1 });
    expect(history.filter((event) => event['EventType'] === 0)).toHaveLength(1);
  });

  test('the status is 202 while it runs, 200 after, 404 for an unknown id', async () => {
    await host.startNew('twoEvents', 'status');
    expect((await host.rpc('instances/status')).status).toBe(202);
    await host.post('instances/status/raiseEvent/e', 1);
    await host.post('instances/status/raiseEvent/e', 2);
    await host.done('status');
    const response = await host.rpc('instances/status?showHistory=true&showHistoryOutput=true&showInput=false');
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      input: null,
      output: [1, 2],
      createdTime: expect.stringMatching(/:\d\dZ$/),
      historyEvents: [
        { EventType: 'ExecutionStarted', FunctionName: 'twoEvents' },
        { EventType: 'EventRaised', Name: 'e', Input: '1' },
        { EventType: 'EventRaised', Name: 'e', Input: '2' },
        { EventType: 'ExecutionCompleted', OrchestrationStatus: 'Completed', Result: [1, 2] },
      ],
    });
    expect((await host.rpc('instances/nobody')).status).toBe(404);
  });

  test('lists come in pages, joined by a continuation token, and can be filtered', async () => {
    for (const n of [1, 2, 3, 4, 5]) await host.run('countDown', `page${n}`, { left: 0 });
    const ids: string[] = [];
    let token: string | null = null;
    do {
      const headers: Record<string, string> = token === null ? {} : { 'x-ms-continuation-token': token };
      const response = await host.rpc('instances/?top=2&instanceIdPrefix=page&runtimeStatus=Completed', { headers });
      ids.push(...((await response.json()) as { instanceId: string }[]).map((it) => it.instanceId));
      token = response.headers.get('x-ms-continuation-token');
    } while (token !== null);
    expect(ids).toEqual(['page1', 'page2', 'page3', 'page4', 'page5']);
    const none = await host.rpc('instances/?instanceIdPrefix=page&runtimeStatus=Failed,Terminated');
    expect(await none.json()).toEqual([]);
  });

  test('an event needs application/json', async () => {
    const init = { method: 'POST', body: '1', headers: { 'content-type': 'text/plain' } };
    expect((await host.rpc('instances/status/raiseEvent/e', init)).status).toBe(400);
  });

  test.each(['terminate', 'suspend', 'resume'])(
    '%s of an unknown id is 404, of a finished one 410',
    async (operation) => {
      await host.run('countDown', `done-${operation}`, { left: 0 });
      expect((await host.post(`instances/nobody/${operation}?reason=x`)).status).toBe(404);
      const gone = await host.post(`instances/done-${operation}/${operation}?reason=x`);
      expect([gone.status, await gone.text()]).toEqual([410, '']);
    },
  );

  test('purge forgets a finished instance, and refuses a running one', async () => {
    await host.run('countDown', 'purged', { left: 0 });
    const response = await host.rpc('instances/purged', { method: 'DELETE' });
    expect([response.status, await response.json()]).toEqual([200, { instancesDeleted: 1 }]);
    expect((await host.rpc('instances/purged')).status).toBe(404);
    expect((await host.rpc('instances/purged', { method: 'DELETE' })).status).toBe(404);
    await host.startNew('twoEvents', 'busy');
    expect((await host.rpc('instances/busy', { method: 'DELETE' })).status).toBe(412);
  });

  test('purge of many needs createdTimeFrom, and leaves what runs', async () => {
    expect((await host.rpc('instances/', { method: 'DELETE' })).status).toBe(400);
    await host.startNew('twoEvents', 'survivor');
    await host.run('countDown', 'swept', { left: 0 });
    const response = await host.rpc('instances/?createdTimeFrom=2020-01-01T00:00:00Z', { method: 'DELETE' });
    expect(response.status).toBe(200);
    expect((await host.rpc('instances/swept')).status).toBe(404);
    expect((await host.rpc('instances/survivor')).status).toBe(202);
  });

  test('restart runs the same input under a new id', async () => {
    await host.run('recordedChild', 'origin', { n: 1 });
    const { id = '' } = (await (await host.post('instances/origin/restart')).json()) as { id?: string };
    expect(id).not.toBe('origin');
    expect((await host.done(id)).output).toEqual({ sub: { n: 1 } });
  });

  test('rewind of what has not failed is 412; of what has, and entities, are refused by name', async () => {
    await host.run('uncaught', 'failed');
    await host.run('countDown', 'fine', { left: 0 });
    expect((await host.post('instances/fine/rewind?reason=x')).status).toBe(412);
    for (const path of ['instances/failed/rewind?reason=x', 'entities/counter/a?op=add']) {
      const response = await host.post(path);
      expect([response.status, await response.json()]).toEqual([
        501,
        { Message: expect.stringContaining('not supported by this local host') },
      ]);
    }
  });
});
