import {
  control,
  eventRaised,
  executionStarted,
  type HistoryEvent,
  orchestratorCompleted,
  orchestratorStarted,
  subOrchestrationCompleted,
  taskCompleted,
  taskFailed,
  taskScheduled,
  timerCreated,
  timerFired,
} from '../../sandbox/host/engine/history';
import type { Action, Replayed } from '../../sandbox/host/engine/protocol';
import { replay } from '../../sandbox/host/engine/replay';

const begun = Date.parse('2026-11-22T12:00:00Z');
const start = { instanceId: 'i', executionId: 'e', name: 'flow', input: null, parent: null, generation: 0 };
const first: readonly HistoryEvent[] = [orchestratorStarted(begun), executionStarted(start, begun)];
/** One more episode, whose orchestrator time is `seconds` after the first. */
const episode = (seconds: number, ...events: HistoryEvent[]): HistoryEvent[] => [
  orchestratorCompleted(begun),
  orchestratorStarted(begun + seconds * 1000),
  ...events,
];

const activity = (functionName: string): Action => ({ actionType: 0, functionName, input: {} });
const event = (externalEventName: string): Action => ({ actionType: 6, externalEventName });
const timer = (seconds: number, isCanceled = false): Action => ({
  actionType: 5,
  fireAt: new Date(begun + seconds * 1000).toISOString(),
  isCanceled,
});
const any = (...compoundActions: Action[]): Action => ({ actionType: 11, compoundActions });
const all = (...compoundActions: Action[]): Action => ({ actionType: 12, compoundActions });
const retried = (functionName: string, options: NonNullable<Action['retryOptions']>): Action => ({
  ...activity(functionName),
  actionType: 1,
  retryOptions: options,
});

const running = (history: readonly HistoryEvent[], ...actions: Action[]): Replayed =>
  replay(history, 'e', { isDone: false, actions: [actions] });
const finished = (history: readonly HistoryEvent[], ...actions: Action[]): Replayed =>
  replay(history, 'e', { isDone: true, actions: [actions], output: 'out' });
const ids = (replayed: Replayed): string[] => replayed.newWork.map((work) => `${work.kind} ${work.id}`);

describe('replay', () => {
  test('hands out ids to all children of a compound action, and none to events', () => {
    expect(ids(running(first, all(activity('a'), event('e'), timer(5), activity('b'))))).toEqual([
      'activity 0',
      'timer 1',
      'activity 2',
    ]);
  });

  test('an open task keeps the instance running after the function has returned', () => {
    const history = [
      ...first,
      taskScheduled(0, 'a', begun),
      timerCreated(1, begun + 9000, begun),
      ...episode(1, taskCompleted(0, '1', begun)),
    ];
    expect(finished(history, any(activity('a'), timer(9))).outcome).toEqual({ kind: 'running' });
    const fired = [...history, ...episode(9, timerFired(1, begun + 9000, begun))];
    expect(finished(fired, any(activity('a'), timer(9))).outcome).toEqual({ kind: 'completed', output: 'out' });
  });

  test('a cancelled timer does not keep the instance running, and is named', () => {
    const history = [...first, timerCreated(0, begun + 9000, begun), ...episode(1, eventRaised('go', '1', begun))];
    expect(finished(history, any(event('go'), timer(9, true)))).toMatchObject({
      outcome: { kind: 'completed' },
      cancelledTimers: [0],
    });
  });

  test('work decided in the episode that suspends is stashed, and published at resume', () => {
    const suspended = [...first, control(19, 'why', begun)];
    expect(running(suspended, activity('a'))).toMatchObject({ newWork: [], suspended: true });
    const resumed = [...suspended, ...episode(1, control(20, 'on', begun))];
    expect(running(resumed, activity('a'))).toMatchObject({ newWork: [{ id: 0, name: 'a' }], suspended: false });
  });

  describe('of retries', () => {
    const options = { firstRetryIntervalInMilliseconds: 2000, maxNumberOfAttempts: 3, backoffCoefficient: 3 };
    const failing = (...pauses: readonly number[]): HistoryEvent[] => {
      let at = 0;
      const history = [...first];
      for (const [attempt, pause] of pauses.entries()) {
        history.push(taskScheduled(2 * attempt, 'a', begun), ...episode(at, taskFailed(2 * attempt, 'r', 'd', begun)));
        at += pause;
        history.push(timerCreated(2 * attempt + 1, begun, begun));
        history.push(...episode(at, timerFired(2 * attempt + 1, begun, begun)));
      }
      const last = 2 * pauses.length;
      return [...history, taskScheduled(last, 'a', begun), ...episode(at, taskFailed(last, 'r', 'd', begun))];
    };

    test('the interval grows by the coefficient', () => {
      expect(running(failing(2), retried('a', options)).newWork).toEqual([
        { kind: 'timer', id: 3, fireAt: begun + 2000 + 6000 },
      ]);
    });

    test('the interval does not grow over its maximum', () => {
      const capped = { ...options, maxRetryIntervalInMilliseconds: 2500 };
      expect(running(failing(2), retried('a', capped)).newWork).toEqual([
        { kind: 'timer', id: 3, fireAt: begun + 2000 + 2500 },
      ]);
    });

    test('after the last attempt there is one more timer, due at once, as in the real extension', () => {
      expect(running(failing(2, 6), retried('a', options)).newWork).toEqual([
        { kind: 'timer', id: 5, fireAt: begun + 8000 },
      ]);
    });

    test('no attempt begins after the retry time-out', () => {
      const short = { ...options, retryTimeoutInMilliseconds: 1000 };
      expect(ids(running(failing(2), retried('a', short), activity('next')))).toEqual(['activity 3']);
    });
  });

  describe('of events', () => {
    test('with two waiters the last one gets the first event', () => {
      const actions = [any(event('e'), activity('a')), any(event('e'), timer(9)), activity('next')];
      const scheduled = [...first, taskScheduled(0, 'a', begun), ...episode(1, taskCompleted(0, '1', begun))];
      const waiting = [...scheduled, timerCreated(1, begun + 9000, begun)];
      expect(ids(running([...waiting, ...episode(2, eventRaised('e', '1', begun))], ...actions))).toEqual([
        'activity 2',
      ]);
    });

    test('those that nobody consumed are carried over continueAsNew in their order', () => {
      const events = ['1', '2', '3'].map((input) => eventRaised('item', input, begun));
      const { outcome } = finished([...first, ...events], event('item'), { actionType: 4, input: { n: 1 } });
      expect(outcome).toEqual({
        kind: 'continuedAsNew',
        input: { n: 1 },
        carried: [
          { name: 'item', input: '2' },
          { name: 'item', input: '3' },
        ],
      });
    });
  });

  test('a result that nobody waits for is passed over, as a duplicate is by the real extension', () => {
    const history = [...first, ...episode(1, subOrchestrationCompleted(7, '1', begun))];
    expect(ids(running(history, activity('a')))).toEqual(['activity 0']);
  });

  test('an action of another kind under the same id is non-determinism', () => {
    const history = [...first, taskScheduled(0, 'a', begun)];
    expect(running(history, timer(5)).outcome).toMatchObject({
      kind: 'failed',
      reason: expect.stringMatching(/^Non-Deterministic.*activity 'a' with sequence id 0, the replay a timer/),
    });
  });
});
