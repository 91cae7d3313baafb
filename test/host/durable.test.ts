import { dueTime } from '../../sandbox/host/engine/timer-queue';
import { HostProcess } from './host-process';

describe('orchestrations in the local host', () => {
  const host = new HostProcess(['--exact-timers', '--activity-concurrency', '20', '--no-pull', 'sleepQuietly']);
  let offset = 0;
  const jump = (milliseconds: number): Promise<Response> => {
    offset += milliseconds;
    return host.setClock(offset);
  };

  beforeAll(() => host.start());
  afterAll(() => host.dispose());

  describe('activities', () => {
    test('of one Task.all run side by side', async () => {
      const { output } = await host.run('fanOut', 'fan', { width: 5, milliseconds: 200 });
      expect(output).toEqual(['0', '1', '2', '3', '4']);
      const lines = host.journal().filter((line) => /^(start|end) \d$/.test(line));
      expect(lines.slice(0, 5).every((line) => line.startsWith('start'))).toBe(true);
    });

    test('that throw can be caught, and more work follows', async () => {
      const { runtimeStatus, output } = await host.run('caught', 'caught');
      expect(runtimeStatus).toBe('Completed');
      expect(output).toMatchObject({
        after: { after: true },
        message: expect.stringMatching(/^Activity function 'boom' failed: kaputt \n \{/),
      });
    });

    test('that throw uncaught fail the orchestration with the reason as its output', async () => {
      const { runtimeStatus, output } = await host.run('uncaught', 'uncaught');
      expect(runtimeStatus).toBe('Failed');
      expect(output).toMatch(/^Orchestrator function 'uncaught' failed: Activity function 'boom' failed: kaputt/);
    });

    test('get booleans as strings and null as undefined, as from the real extension', async () => {
      expect((await host.run('kinds', 'kinds')).output).toEqual([
        { type: 'string', value: 'True' },
        { type: 'undefined', value: 'undefined' },
        { type: 'number', value: '5' },
        { type: 'string', value: 'text' },
        { type: 'undefined', value: 'undefined' },
      ]);
    });

    test('after a failed Task.all the next action waits for all siblings', async () => {
      expect((await host.run('failedAll', 'failedAll')).output).toBe('done');
      const lines = host.journal().filter((line) => /sibling|^after$/.test(line));
      expect(lines).toEqual(['start sibling', 'end sibling', 'after']);
    });

    test('hundreds at once are all counted', async () => {
      expect((await host.run('wideEcho', 'wide', { width: 300 })).output).toBe(300);
    });
  });

  describe('retries', () => {
    test('try again after the interval, on a timer that may pull the clock', async () => {
      await host.startNew('retry', 'retry', { times: 1, attempts: 3 });
      const { nextDue } = await host
        .until('retry', (it) => it.history.some((e) => e['EventType'] === 10))
        .then(() => host.idle());
      expect(nextDue).not.toBeNull();
      await jump(1100);
      expect((await host.done('retry')).output).toBe(2);
    });

    test('give up after the last attempt', async () => {
      await host.startNew('retry', 'giveUp', { times: 9, attempts: 1 });
      expect((await host.done('giveUp')).output).toEqual({ gaveUp: true });
    });

    test('in a Task.any whose timer is cancelled end as Non-Deterministic, as in the real extension', async () => {
      await host.startNew('raceWithRetry', 'raceWithRetry');
      await host.until('raceWithRetry', (it) => it.history.some((e) => e['EventType'] === 6));
      await host.idle();
      await jump(1100);
      const { runtimeStatus, output } = await host.done('raceWithRetry');
      expect(runtimeStatus).toBe('Failed');
      expect(output).toMatch(/^Non-Deterministic workflow detected/);
    });
  });

  describe('a race of an event and a timer', () => {
    test('is won by the event, and the cancelled timer does not keep the instance running', async () => {
      await host.startNew('race', 'race1', { milliseconds: 3_600_000 });
      await host.until('race1', (it) => it.runtimeStatus === 'Running');
      expect((await host.idle()).nextDue).not.toBeNull();
      expect((await host.post('instances/race1/raiseEvent/go', { n: 1 })).status).toBe(202);
      expect((await host.done('race1')).output).toEqual({ winner: 'event', said: { said: { n: 1 } } });
      expect((await host.idle()).nextDue).toBeNull();
    });

    test('leaves a cancelled timer that no longer pulls the clock while the instance goes on', async () => {
      await host.startNew('raceThenWait', 'cancelled');
      await host.until('cancelled', (it) => it.history.some((event) => event['EventType'] === 10));
      await host.post('instances/cancelled/raiseEvent/go', 1);
      await host.until('cancelled', (it) => it.history.some((event) => event['EventType'] === 15));
      expect((await host.idle()).nextDue).toBeNull();
      await host.post('instances/cancelled/raiseEvent/end', 1);
      expect((await host.done('cancelled')).output).toBe('event');
    });

    test('is won by the timer when the clock gets there, and history stands on the virtual clock', async () => {
      await host.startNew('race', 'race2', { milliseconds: 86_400_000 });
      const { nextDue } = await host.until('race2', (it) => it.runtimeStatus === 'Running').then(() => host.idle());
      await jump(86_400_000);
      const { output, history } = await host.done('race2');
      expect(output).toEqual({ winner: 'timer' });
      const fired = history.findIndex((event) => event['EventType'] === 11);
      expect(Date.parse(String(history[fired - 1]?.['Timestamp']))).toBeGreaterThanOrEqual(Date.parse(String(nextDue)));
    });
  });

  describe('timers', () => {
    test('over six days are cut into pieces of three', async () => {
      const day = 86_400_000;
      await host.startNew('sleep', 'long', { milliseconds: 8 * day });
      await host.until('long', (it) => it.runtimeStatus === 'Running');
      for (const days of [3, 5]) {
        await host.idle();
        await jump(days * day);
      }
      const { history, runtimeStatus } = await host.done('long');
      expect(runtimeStatus).toBe('Completed');
      expect(history.filter((event) => event['EventType'] === 10)).toHaveLength(2);
    });

    test('are told of together with what an instance that sleeps says of itself', async () => {
      await host.startNew('sleepSaying', 'saying', { says: { waitingFor: 'approval' } });
      await host.until('saying', (it) => it.runtimeStatus === 'Running');
      const { nextDue, customStatuses } = await host.idle();
      expect(nextDue).not.toBeNull();
      expect(customStatuses).toContainEqual({ waitingFor: 'approval' });
      await jump(3_600_000);
      await host.done('saying');
      expect((await host.idle()).customStatuses).not.toContainEqual({ waitingFor: 'approval' });
    });

    test('of an orchestrator that is named as no-pull do not count as due', async () => {
      await host.startNew('sleepQuietly', 'quiet');
      await host.until('quiet', (it) => it.runtimeStatus === 'Running');
      expect((await host.idle()).nextDue).toBeNull();
      expect((await host.done('quiet')).runtimeStatus).toBe('Completed');
    });
  });

  describe('sub-orchestrations', () => {
    test("are named after the parent's execution and know their parent", async () => {
      const { output, executionId } = await host.run('parent', 'parent', { child: 'child', childInput: { a: 1 } });
      expect(output).toEqual({ from: `${executionId}:0`, parent: 'parent', input: { a: 1 } });
    });

    test('that fail can be caught by the parent', async () => {
      const { output } = await host.run('parent', 'parentOfFailing', { child: 'failingChild' });
      expect(output).toMatchObject({
        childFailed: expect.stringContaining("Orchestrator function 'failingChild' failed: the child fails"),
      });
    });

    test('under the id of a running instance take its place without a word, as in the real extension', async () => {
      await host.startNew('twoEvents', 'taken');
      await host.until('taken', (it) => it.runtimeStatus === 'Running');
      await host.run('parent', 'usurper', { child: 'child', childId: 'taken' });
      expect(await host.status('taken')).toMatchObject({ name: 'child', runtimeStatus: 'Completed' });
    });
  });

  describe('continueAsNew', () => {
    test('begins again with an empty history and another execution id', async () => {
      await host.startNew('countDown', 'countDown', { left: 3 });
      const { output, history, input } = await host.done('countDown');
      expect(output).toBe('landed');
      expect(input).toEqual({ left: 0 });
      expect(history.filter((event) => event['EventType'] === 4)).toHaveLength(1);
    });

    test('keeps events that were not consumed, in their order', async () => {
      await host.startNew('collect', 'collect', { seen: [] });
      for (const n of [1, 2, 3]) await host.post('instances/collect/raiseEvent/item', n);
      expect((await host.done('collect')).output).toEqual([1, 2, 3]);
    });
  });

  describe('events', () => {
    test('that come before anyone waits are kept in order', async () => {
      await host.startNew('twoEvents', 'early');
      await host.post('instances/early/raiseEvent/e', 'first');
      await host.post('instances/early/raiseEvent/e', 'second');
      expect((await host.done('early')).output).toEqual(['first', 'second']);
    });

    test('to an unknown instance are 404, to a finished one 410', async () => {
      await host.run('countDown', 'over', { left: 0 });
      expect((await host.post('instances/nobody/raiseEvent/e', 1)).status).toBe(404);
      expect((await host.post('instances/over/raiseEvent/e', 1)).status).toBe(410);
    });
  });

  describe('what hangs or misleads on the real extension', () => {
    test.each([
      ['unknownActivity', /activity function 'nobodyRegisteredThis' is not registered.*real extension would hang/],
      ['unknownChild', /sub-orchestrator function 'nobodyRegisteredThis' is not registered.*real extension would hang/],
      ['throwsString', /not an Error.*real extension would hang/],
      ['neverRegistered', /'neverRegistered' doesn't exist/],
      ['usesEntity', /callEntity is not supported by this local host/],
      ['usesHttp', /callHttp is not supported by this local host/],
      ['changesItsMind', /^Non-Deterministic workflow detected.*'echo'.*'note'/],
    ])('%s fails with a message that says so', async (name, message) => {
      const { runtimeStatus, output } = await host.run(name, `bad-${name}`);
      expect(runtimeStatus).toBe('Failed');
      expect(output).toMatch(message);
    });

    test('a custom status over 16 KB of UTF-16 fails the orchestration, one under it does not', async () => {
      expect((await host.run('bigStatus', 'fits', { length: 8000 })).runtimeStatus).toBe('Completed');
      const { runtimeStatus, output } = await host.run('bigStatus', 'tooBig', { length: 8200 });
      expect(runtimeStatus).toBe('Failed');
      expect(output).toMatch(/must not exceed 16 KB/);
    });
  });

  describe('suspend', () => {
    test('keeps events and starts nothing until resume; the reason is the output', async () => {
      await host.startNew('stepsAfterEvent', 'held');
      await host.until('held', (it) => it.runtimeStatus === 'Running');
      expect((await host.post('instances/held/suspend?reason=why')).status).toBe(202);
      const held = await host.until('held', (it) => it.runtimeStatus === 'Suspended');
      expect(held.output).toBe('why');
      expect((await host.post('instances/held/suspend?reason=again')).status).toBe(500);
      await host.post('instances/held/raiseEvent/go', { n: 7 });
      await host.idle();
      expect((await host.status('held')).runtimeStatus).toBe('Suspended');
      expect(host.journal()).not.toContain('went {"n":7}');
      expect((await host.post('instances/held/resume?reason=on')).status).toBe(202);
      expect((await host.done('held')).output).toBe('went {"n":7}');
    });

    test('keeps a timer from pulling the clock, and one that falls due meanwhile waits for resume', async () => {
      await host.startNew('sleep', 'dozing', { milliseconds: 3_600_000 });
      await host.until('dozing', (it) => it.runtimeStatus === 'Running');
      await host.post('instances/dozing/suspend?reason=x');
      await host.until('dozing', (it) => it.runtimeStatus === 'Suspended');
      expect((await host.idle()).nextDue).toBeNull();
      await jump(3_600_000);
      await host.idle();
      expect((await host.status('dozing')).runtimeStatus).toBe('Suspended');
      await host.post('instances/dozing/resume?reason=x');
      expect((await host.done('dozing')).runtimeStatus).toBe('Completed');
    });

    test('resume of a running instance is 500', async () => {
      await host.startNew('twoEvents', 'running');
      await host.until('running', (it) => it.runtimeStatus === 'Running');
      const response = await host.post('instances/running/resume?reason=x');
      expect(response.status).toBe(500);
      expect(Object.keys((await response.json()) as object)).toEqual([
        'Message',
        'ExceptionMessage',
        'ExceptionType',
        'StackTrace',
      ]);
    });
  });

  test('terminate ends an instance with the reason as its output, and its children go on', async () => {
    await host.startNew('parent', 'killed', { child: 'twoEvents', childId: 'orphan' });
    await host.until('killed', (it) => it.history.some((event) => event['EventType'] === 7));
    expect((await host.post('instances/killed/terminate?reason=enough')).status).toBe(202);
    expect(await host.done('killed')).toMatchObject({ runtimeStatus: 'Terminated', output: 'enough' });
    expect((await host.post('instances/killed/terminate?reason=enough')).status).toBe(410);
    expect((await host.status('orphan')).runtimeStatus).toBe('Running');
  });
});

describe('timers as they fire in Azure', () => {
  const host = new HostProcess();
  beforeAll(() => host.start());
  afterAll(() => host.dispose());

  test('are early by less than a second, each by its own part of it', async () => {
    const flows = Array.from({ length: 8 }, (_, index) => `early${index}`);
    await Promise.all(flows.map((id) => host.startNew('sleep', id, { milliseconds: 1000 })));
    const early = await Promise.all(flows.map(async (id) => (await host.done(id)).output as { early: number }));
    expect(Math.max(...early.map((it) => it.early))).toBeGreaterThan(0);
    expect(Math.max(...early.map((it) => it.early))).toBeLessThan(1000);
    expect(new Set(early.map((it) => it.early)).size).toBeGreaterThan(1);
  });

  test('fire early by as much again when the same timer is set again', () => {
    const due = dueTime('execution', 3, 50_000, 0, false);
    expect(due).toBe(dueTime('execution', 3, 50_000, 0, false));
    expect(due).not.toBe(dueTime('execution', 4, 50_000, 0, false));
    expect([due > 49_000, due <= 50_000]).toEqual([true, true]);
    expect(dueTime('execution', 3, 50_000, 49_999, false)).toBeGreaterThanOrEqual(49_999);
    expect(dueTime('execution', 3, 50_000, 0, true)).toBe(50_000);
  });
});
