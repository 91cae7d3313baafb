import type { OrchestrationContext, Story } from '../../functions/durable';
import { play } from './harness';
import { replayRecorded } from './recordings';
import { ok, request, usual } from './script';

/** What the real extension would hang on or lose without a word must fail here, or every other test of this folder proves nothing. */
const told = (
  story: (context: OrchestrationContext) => Story<unknown>,
  raise: { name: string; atSeconds: number }[] = [],
) => play({ input: request, script: usual(), story, raise });
const soon = (context: OrchestrationContext, seconds: number) =>
  new Date(context.df.currentUtcDateTime.getTime() + seconds * 1000);

describe('the harness fails a story', () => {
  test('that calls an activity nobody registered', async () => {
    const story = function* ({ df }: OrchestrationContext): Story<unknown> {
      return yield df.callActivity('enterPhases', {});
    };
    await expect(told(story)).rejects.toThrow("'enterPhases' is not registered");
  });

  test('that calls a sub-orchestration nobody registered', async () => {
    const story = function* ({ df }: OrchestrationContext): Story<unknown> {
      return yield df.callSubOrchestrator('moveEverything', {});
    };
    await expect(told(story)).rejects.toThrow("'moveEverything' is not registered");
  });

  test.each([[true], [null], ['forward'], [[1, 2]], [new Date(0)], [{ at: new Date(0) }]])(
    'that hands %p to an activity',
    async (input) => {
      const story = function* ({ df }: OrchestrationContext): Story<unknown> {
        return yield df.callActivity('listUndo', input);
      };
      await expect(told(story)).rejects.toThrow('listUndo');
    },
  );

  test('that leaves a timer open when it returns', async () => {
    const story = function* (context: OrchestrationContext): Story<unknown> {
      const timer = context.df.createTimer(soon(context, 3600));
      yield context.df.Task.any([timer, context.df.callActivity('listUndo', {})]);
      return 'early';
    };
    await expect(told(story)).rejects.toThrow('it would stay in Running');
  });

  test('that leaves an activity open when it returns', async () => {
    const story = function* (context: OrchestrationContext): Story<unknown> {
      const timer = context.df.createTimer(soon(context, 0));
      yield context.df.Task.any([context.df.callActivity('listUndo', {}), timer]);
      return 'early';
    };
    await expect(told(story)).rejects.toThrow('it would stay in Running');
  });

  test('that waits for what never comes', async () => {
    const story = function* ({ df }: OrchestrationContext): Story<unknown> {
      return yield df.waitForExternalEvent('never');
    };
    await expect(told(story)).rejects.toThrow('it hangs');
  });

  test('that never ends', async () => {
    const story = function* ({ df }: OrchestrationContext): Story<unknown> {
      for (;;) yield df.callActivity('listUndo', {});
    };
    await expect(play({ input: request, script: usual(), story, mostTurns: 50 })).rejects.toThrow('does not end');
  });

  test('that keeps too much in its custom status', async () => {
    const story = function* ({ df }: OrchestrationContext): Story<unknown> {
      df.setCustomStatus({ all: 'x'.repeat(1100) });
      return yield df.callActivity('listUndo', {});
    };
    await expect(told(story)).rejects.toThrow('custom status');
  });

  test('that asks for something else when it is replayed', async () => {
    let turn = 0;
    const story = function* ({ df }: OrchestrationContext): Story<unknown> {
      turn += 1;
      return yield df.callActivity('noteWaiting', { turn });
    };
    await expect(told(story)).rejects.toThrow('other actions');
  });

  test('that calls another activity when it is replayed', async () => {
    let turn = 0;
    const story = function* ({ df }: OrchestrationContext): Story<unknown> {
      turn += 1;
      return yield df.callActivity(turn === 1 ? 'listUndo' : 'beginSoak', {});
    };
    await expect(told(story)).rejects.toThrow();
  });
});

describe('the harness is as unkind as the real extension', () => {
  test('a timer fires up to a second early, which part of it depending on the seed', async () => {
    const early = async (seed: number): Promise<number> => {
      const story = function* (context: OrchestrationContext): Story<unknown> {
        const due = soon(context, 10);
        yield context.df.createTimer(due);
        return due.getTime() - context.df.currentUtcDateTime.getTime();
      };
      return Number((await play({ input: request, script: usual(), story, seed })).output);
    };
    const all = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(early));
    expect(new Set(all).size).toBeGreaterThan(4);
    expect(Math.max(...all)).toBeGreaterThan(300);
    expect(Math.max(...all)).toBeLessThan(1000);
    expect(Math.min(...all)).toBeGreaterThanOrEqual(0);
  });

  test('of two waiters the last gets the first event; what comes early is kept in order', async () => {
    const story = function* (context: OrchestrationContext): Story<unknown> {
      const { df } = context;
      const stale = df.waitForExternalEvent('go');
      yield df.Task.any([stale, df.createTimer(soon(context, 5))]);
      yield df.waitForExternalEvent('go');
      return stale.isCompleted;
    };
    expect((await told(story, [{ name: 'go', atSeconds: 20 }])).output).toBe(false);
  });

  test('a failed activity is caught as an Error', async () => {
    const story = function* ({ df }: OrchestrationContext): Story<unknown> {
      try {
        return yield df.callActivity('listUndo', {});
      } catch (error) {
        return error instanceof Error && error.message.includes('gone');
      }
    };
    const script = usual({ listUndo: () => new Error('gone') });
    expect((await play({ input: request, script, story })).output).toBe(true);
  });
});

test('a finished history no longer replays once an activity has another name', async () => {
  const story = (name: string) =>
    function* ({ df }: OrchestrationContext): Story<unknown> {
      yield df.callActivity('beginSoak', {});
      return yield df.callActivity(name, {});
    };
  const script = usual({ listUndo: () => ok({ targets: [4] }) });
  const { history, output } = await play({ input: request, script, story: story('listUndo') });
  const recorded = { orchestrator: 'rotateKey', history, output };
  await replayRecorded('two-steps', recorded, story('listUndo'));
  await expect(replayRecorded('two-steps', recorded, story('proveWayBack'))).rejects.toThrow("'listUndo'");
});
