import type { Task } from 'durable-functions';
import type { OrchestrationContext, Story } from '../../functions/durable';
import { type Orchestrator, orchestrators } from './executor';
import { recordingOf, replayRecorded } from './recordings';

/**
 * What a release does to the runs in flight when it changes a story without giving it a new name: each kind of change, made on purpose to a
 * story that is registered, must fail on a recording, and say what to do.
 */
interface Change {
  /** The name by which a step is called instead. */
  readonly calls?: (name: string) => string;
  /** Steps that are not taken: they count as answered. */
  readonly without?: string;
  /** Steps that are taken twice. */
  readonly twice?: string;
  readonly secondsLonger?: number;
}

function changed(orchestrator: string, change: Change): Orchestrator {
  const { calls = (name: string) => name, secondsLonger = 0 } = change;
  return function* (context: OrchestrationContext): Story<unknown> {
    const names = new Map<Task, string>();
    const own = context.df;
    const callActivity = own.callActivity.bind(own);
    const createTimer = own.createTimer.bind(own);
    const again = (name: string) => callActivity(calls(name), {});
    own.callActivity = (name: string, input?: unknown) => {
      const task = callActivity(calls(name), input);
      names.set(task, name);
      return task;
    };
    own.createTimer = (at: Date) => createTimer(new Date(at.getTime() + secondsLonger * 1000));
    return yield* followed(orchestrators[orchestrator]?.(context) as Story<unknown>, (task) => {
      const name = names.get(task);
      if (name === undefined) return [task];
      return name === change.without ? [] : name === change.twice ? [task, again(name)] : [task];
    });
  };
}

/** Runs a story, taking for each task that it waits for those that `instead` names; the first answers, or, without any, a mere `ok`. */
function* followed(story: Story<unknown>, instead: (task: Task) => readonly Task[]): Story<unknown> {
  let next = story.next();
  while (next.done !== true) {
    const [first, ...more] = instead(next.value);
    const answer = first === undefined ? { kind: 'ok', value: {} } : yield first;
    for (const task of more) yield task;
    next = story.next(answer);
  }
  return next.value;
}

const swap = (one: string, other: string) => (name: string) => (name === one ? other : name === other ? one : name);
const rename = (from: string, to: string) => (name: string) => (name === from ? to : name);

const refusalOf = (name: string, change: Change): Promise<string> => {
  const recorded = recordingOf(name);
  return replayRecorded(name, recorded, changed(recorded.orchestrator, change)).then(
    () => 'nothing',
    ({ message }: Error) => message,
  );
};

test.each(['completed', 'retired', 'revoked', 'adopted', 'restored', 'data-keys-moved'])(
  'an unchanged story takes the road of "%s", through the same wrapping as the changed ones',
  async (name) => {
    expect(await refusalOf(name, {})).toBe('nothing');
  },
);

describe.each([
  ['completed', 'rotateKey'],
  ['completed-after-faults-and-an-operation', 'rotateKey'],
  ['replaced', 'rotateKey'],
  ['soaked-in-two-executions', 'rotateKey'],
])('on the recorded run "%s"', (name, orchestrator) => {
  const at = name === 'soaked-in-two-executions' ? 'probeTargets' : 'verifyTarget';
  test.each<[string, Change]>([
    ['a changed order of steps', { calls: swap(at, 'sendAlert') }],
    ['a dropped step', { without: at }],
    ['the last step dropped', { without: 'sendAlert' }],
    ['a renamed step', { calls: rename(at, 'askTarget') }],
    ['a step more', { twice: at }],
    ['the last step taken twice', { twice: 'sendAlert' }],
    ['a longer timer', { secondsLonger: 1 }],
    ['a shorter timer', { secondsLonger: -1 }],
  ])('%s fails, and says how to make it safe', async (_, change) => {
    const message = await refusalOf(name, change);
    expect(message).toContain(`${orchestrator} no longer takes the road of its recorded run "${name}".`);
    expect(message).toContain(`Leave the story that is registered as "${orchestrator}" as it was`);
    expect(message).toContain(`Register the changed one under a new name ("${orchestrator}2")`);
    expect(message).toContain('Keep this recording as it is');
  });
});

test.each([
  ['retired', 'disableVersions'],
  ['retirement-undone', 'enableVersions'],
  ['revoked', 'revokeVersions'],
  ['revocation-taken-back', 'restoreVersions'],
  ['restored', 'restoreVersions'],
  ['adopted', 'writeAdoption'],
  ['adoption-put-back', 'undoAdoption'],
  ['rolled-back-when-dps-refused', 'proveWayBack'],
  ['data-keys-moved', 'moveDataKeysPage'],
  ['data-keys-moved-in-two-executions.1', 'moveDataKeysPage'],
])('the run "%s" does not pass once %s has another name', async (name, step) => {
  expect(await refusalOf(name, { calls: rename(step, 'somethingElse') })).toContain(`'${step}'`);
});

test.each(['retired', 'revoked', 'restored'])(
  'the run "%s" does not pass once it watches by other timers',
  async (name) => {
    expect(await refusalOf(name, { secondsLonger: 60 })).toMatch(/Its timer 1 was set to .*, and would be set to /);
  },
);

test('a recording whose story is registered no longer says when it may go', async () => {
  const recorded = { ...recordingOf('completed'), orchestrator: 'rotateKey0' };
  await expect(replayRecorded('completed', recorded)).rejects.toThrow(
    'once no run of "rotateKey0" lives in any task hub, delete its recordings too',
  );
});

test('a run whose end changes does not pass either', async () => {
  const recorded = { ...recordingOf('completed'), output: { phase: 'rolled-back' } };
  await expect(replayRecorded('completed', recorded)).rejects.toThrow('instead of {"output":{"phase":"rolled-back"}}');
});
