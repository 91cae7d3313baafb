import { availableParallelism } from 'node:os';
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
    await host.startNew('race', 'timer', { milliseconds: 1500 });
    await host.startNew('twoEvents', 'events');
    await host.startNew('parent', 'parent', { child: 'stepsAfterEvent', childId: 'child' });
    await host.until('timer', (it) => it.runtimeStatus === 'Running');
    await host.until('child', (it) => it.runtimeStatus === 'Running');
    await host.post('instances/events/raiseEvent/e', 1);
    await host.kill();
    await host.start();
    expect((await host.clock()).nextDue).not.toBeNull();
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

  test('at random points: every orchestration ends, every step is done, and only what was in flight is repeated', async () => {
    const seed = Number(process.hrtime.bigint() % 100_000n);
    let state = seed;
    const random = (): number => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return state / 2_147_483_648;
    };
    const flows = Array.from({ length: 60 }, (_, index) => `r${index}`);
    const accepted = await Promise.all(flows.map((id) => host.startNew('manySteps', id, { steps: 20 })));
    expect(accepted.every((response) => response.status === 202)).toBe(true);
    const kills = 5;
    for (let kill = 0; kill < kills; kill++) {
      await new Promise((resolve) => setTimeout(resolve, random() * 120));
      await host.kill();
      await host.start();
    }
    const ended = await Promise.all(flows.map((id) => host.done(id)));
    const journal = host.journal();
    const missing = flows.flatMap((id) =>
      Array.from({ length: 20 }, (_, step) => `${id} ${step}`).filter((line) => !journal.includes(line)),
    );
    const repeats = flows.reduce((sum, id) => sum + lines(id).length - 20, 0);
    // At most as many activities can be in flight at a kill as run at once.
    const report = { seed, outputs: [...new Set(ended.map((it) => it.output))], missing, repeatsBounded: true };
    expect({ ...report, repeatsBounded: repeats <= kills * 10 * availableParallelism() }).toEqual({
      seed,
      outputs: [20],
      missing: [],
      repeatsBounded: true,
    });
    // Within one orchestration the order is kept: a step never comes back after a later one.
    for (const id of flows) {
      const steps = lines(id).map((line) => Number(line.split(' ')[1]));
      expect(steps).toEqual(steps.toSorted((a, b) => a - b));
    }
  }, 20_000);
});
