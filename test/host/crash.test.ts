import { HostProcess } from './host-process';

describe('kill -9', () => {
  const host = new HostProcess(['--exact-timers']);
  beforeAll(() => host.start());
  afterAll(() => host.dispose());

  const crash = async (plan: object): Promise<void> => {
    const response = await host.fetch('/admin/crash', { method: 'POST', body: JSON.stringify(plan) });
    expect(response.status).toBe(202);
  };
  const lines = (id: string): string[] => host.journal().filter((line) => line.startsWith(`${id} `));

  test('before an activity starts: it runs once, after the restart', async () => {
    await crash({ before: 'note', nth: 2 });
    await host.startNew('manySteps', 'before', { steps: 3 });
    await host.exited;
    await host.start();
    expect((await host.done('before')).output).toBe(3);
    expect(lines('before')).toEqual(['before 0', 'before 1', 'before 2']);
  });

  test('after an activity ran and before its result was committed: it runs twice', async () => {
    await crash({ after: 'note', nth: 2 });
    await host.startNew('manySteps', 'after', { steps: 3 });
    await host.exited;
    await host.start();
    expect((await host.done('after')).output).toBe(3);
    expect(lines('after')).toEqual(['after 0', 'after 1', 'after 1', 'after 2']);
  });

  test('loses neither a timer nor an event that came early nor the parent of a sub-orchestration', async () => {
    await host.startNew('race', 'timer', { milliseconds: 3_600_000 });
    await host.startNew('twoEvents', 'events');
    await host.startNew('parent', 'parent', { child: 'stepsAfterEvent', childId: 'child' });
    await host.until('timer', (it) => it.runtimeStatus === 'Running');
    await host.until('child', (it) => it.runtimeStatus === 'Running');
    await host.post('instances/events/raiseEvent/e', 1);
    await host.kill();
    await host.start();
    expect((await host.clock()).nextDue).not.toBeNull();
    await host.setClock(3_600_000);
    await host.post('instances/events/raiseEvent/e', 2);
    await host.post('instances/child/raiseEvent/go', {});
    expect((await host.done('timer')).output).toEqual({ winner: 'timer' });
    expect((await host.done('events')).output).toEqual([1, 2]);
    expect((await host.done('parent')).output).toBe('went {}');
  });

  test('after a timer fired: it does not fire again', async () => {
    await host.startNew('raceThenWait', 'once');
    const fired = (history: readonly Record<string, unknown>[]): unknown[] =>
      history.filter((event) => event['EventType'] === 11);
    await host.until('once', (it) => fired(it.history).length > 0);
    await host.kill();
    await host.start();
    await host.idle();
    await host.post('instances/once/raiseEvent/end', 1);
    const { history, output } = await host.done('once');
    expect([output, fired(history).length]).toEqual(['timer', 1]);
  });

  test('while suspended it stays suspended', async () => {
    await host.startNew('stepsAfterEvent', 'held');
    await host.post('instances/held/suspend?reason=why');
    await host.until('held', (it) => it.runtimeStatus === 'Suspended');
    await host.post('instances/held/raiseEvent/go', 1);
    await host.kill();
    await host.start();
    await host.idle();
    expect(await host.status('held')).toMatchObject({ runtimeStatus: 'Suspended', output: 'why' });
    await host.post('instances/held/resume?reason=x');
    expect((await host.done('held')).output).toBe('went 1');
  });
});
