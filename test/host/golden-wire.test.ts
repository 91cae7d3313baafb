import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { orchestrationTrigger } from '../../sandbox/host/engine/episode';
import type { HistoryEvent } from '../../sandbox/host/engine/history';
import { type OrchestratorAnswer, type Replayed, refusedAction } from '../../sandbox/host/engine/protocol';
import { replay } from '../../sandbox/host/engine/replay';
import { HostProcess, type Status } from './host-process';

/** The exchange recorded from Microsoft's own extension; see the README beside the files. */
const recording = join(process.cwd(), 'test/golden/durable-wire');

interface Envelope {
  readonly history: HistoryEvent[];
  readonly input: unknown;
  readonly instanceId: string;
}

const readIn = (name: string): Envelope => JSON.parse(readFileSync(join(recording, `${name}-in.json`), 'utf8'));

function readOut(name: string): OrchestratorAnswer {
  const file = JSON.parse(readFileSync(join(recording, `${name}-out.json`), 'utf8'));
  return JSON.parse(file.returnValue.json);
}

const executionOf = (envelope: Envelope): string =>
  envelope.history.find((event) => event.EventType === 0)?.OrchestrationInstance?.ExecutionId ?? '';

function replayed(turn: string, answer = readOut(turn)): Replayed {
  const envelope = readIn(turn);
  return replay(envelope.history, executionOf(envelope), answer);
}

describe('replay of the recorded exchange', () => {
  test('the first turn schedules the first activity with sequence id 0', () => {
    expect(replayed('00490-orch-o11_wire').newWork).toEqual([
      { kind: 'activity', id: 0, name: 'echo', input: { x: 1 } },
    ]);
  });

  test('an activity that completed lets the next action be scheduled', () => {
    expect(replayed('00492-orch-o11_wire').newWork).toMatchObject([{ kind: 'activity', id: 1, name: 'failN' }]);
  });

  test('a failed attempt is followed by a timer at the start of the turn plus the interval', () => {
    const fireAt = Date.parse('2026-11-22T11:32:06.557Z');
    expect(replayed('00494-orch-o11_wire').newWork).toEqual([{ kind: 'timer', id: 2, fireAt }]);
  });

  test('the retry timer is followed by the second attempt under an id of its own', () => {
    expect(replayed('00495-orch-o11_wire').newWork).toMatchObject([{ kind: 'activity', id: 3, name: 'failN' }]);
  });

  test('a timer of the orchestrator takes the next id', () => {
    const fireAt = Date.parse('2026-11-22T11:32:06.786Z');
    expect(replayed('00497-orch-o11_wire').newWork).toEqual([{ kind: 'timer', id: 4, fireAt }]);
  });

  test('waiting for an event is no new work and takes no id', () => {
    expect(replayed('00498-orch-o11_wire')).toMatchObject({ newWork: [], outcome: { kind: 'running' } });
  });

  test('a sub-orchestration gets the id of the parent execution and its sequence id', () => {
    expect(replayed('00499-orch-o11_wire').newWork).toEqual([
      {
        kind: 'subOrchestration',
        id: 5,
        name: 'o11_sub',
        instanceId: '3cb27325-20e5-456d-a5e4-65cb48b3acff:5',
        input: 'hi',
      },
    ]);
  });

  test('a sub-orchestration without any action completes with its output', () => {
    const { newWork, outcome } = replayed('00500-orch-o11_sub');
    expect({ newWork, outcome }).toEqual({ newWork: [], outcome: { kind: 'completed', output: { sub: 'hi' } } });
  });

  test.each(['00501', '00503', '00506'])('the entity call of turn %s is named as refused', (turn) => {
    expect(refusedAction(readOut(`${turn}-orch-o11_wire`).actions[0] ?? [])).toBe('callEntity');
  });

  test('a suspended and resumed history goes on where it was', () => {
    const actions = [
      { actionType: 6, externalEventName: 'go' },
      { actionType: 0, functionName: 'echo', input: '"x"' },
    ];
    const answer = { isDone: true, actions: [actions], output: 'x' };
    expect(replayed('suspend-resume-3.19.0', answer)).toMatchObject({
      newWork: [],
      suspended: false,
      outcome: { kind: 'completed', output: 'x' },
    });
  });

  test('a failed sub-orchestration lets a parent that caught it complete', () => {
    const answer = { isDone: true, actions: [[{ actionType: 2, functionName: 'o7d_throw' }]], output: 'caught' };
    expect(replayed('sub-failed-3.19.0', answer).outcome).toEqual({ kind: 'completed', output: 'caught' });
  });

  test('another name under the same sequence id is non-determinism', () => {
    const answer = { isDone: false, actions: [[{ actionType: 0, functionName: 'other', input: {} }]] };
    const { outcome } = replayed('00492-orch-o11_wire', answer);
    expect(outcome).toMatchObject({
      kind: 'failed',
      reason: expect.stringMatching(/^Non-Deterministic.*'echo'.*'other'/),
    });
  });

  test('a scheduled action that the replay does not reach is non-determinism', () => {
    const answer = { isDone: true, actions: [[]], output: 1 };
    expect(replayed('00492-orch-o11_wire', answer).outcome).toMatchObject({ kind: 'failed' });
  });
});

/** Type, names of the fields in their order, and which of them are null: what a library can depend on. */
const shape = (event: object): string =>
  Object.entries(event)
    .map(([name, value]) => `${name}:${value === null ? 'null' : typeof value}`)
    .join(' ');

describe('the host beside the recording', () => {
  const host = new HostProcess(['--exact-timers']);
  let status: Status;
  let childHistory: Status['history'];

  beforeAll(async () => {
    await host.start();
    await host.startNew('recordedFlow', 'wire', { in: 'put' });
    await host.until('wire', (it) => it.history.some((event) => event['EventType'] === 11 && event['TimerId'] === 4));
    await host.idle();
    await host.post('instances/wire/raiseEvent/go', { ev: 1 });
    status = await host.done('wire');
    childHistory = (await host.status(`${status.executionId}:5`)).history;
  });
  afterAll(() => host.dispose());

  test('it ends as the recorded flow, entities aside', () => {
    expect(status).toMatchObject({
      runtimeStatus: 'Completed',
      output: { a: { x: 1 }, f: 2, e: { ev: 1 }, s: { sub: 'hi' }, last: 'z' },
      customStatus: { at: 'end' },
    });
  });

  test('its history has the recorded types, ids, fields, order and nulls', () => {
    const recorded = readIn('00506-orch-o11_wire').history;
    // Up to the sub-orchestration's completion the flows are the same; then the recorded one calls entities.
    const until = recorded.findIndex((event) => event.EventType === 8) + 1;
    const wanted = recorded.slice(0, until).map(shape);
    expect(status.history.slice(0, until).map(shape)).toEqual(wanted);
    const ids = (events: readonly object[]) =>
      events.map((event) => {
        const { EventType, EventId, IsPlayed, TaskScheduledId, TimerId, Name } = event as Record<string, unknown>;
        return { EventType, EventId, IsPlayed, TaskScheduledId, TimerId, Name: Name === 'failN' ? 'failTimes' : Name };
      });
    const named = ids(recorded.slice(0, until)).map((it) =>
      it.Name === 'o11_wire' ? { ...it, Name: 'recordedFlow' } : it,
    );
    expect(ids(status.history.slice(0, until))).toEqual(
      named.map((it) => (it.Name === 'o11_sub' ? { ...it, Name: 'recordedChild' } : it)),
    );
  });

  test("its sub-orchestration's history begins as the recorded one", () => {
    const recorded = readIn('00500-orch-o11_sub').history;
    const mine = childHistory.slice(0, recorded.length);
    expect(mine.map(shape)).toEqual(recorded.map(shape));
    expect(mine[1]).toMatchObject({
      ParentInstance: {
        Name: 'recordedFlow',
        OrchestrationInstance: { InstanceId: 'wire', ExecutionId: status.executionId },
        TaskScheduleId: 5,
        Version: null,
      },
    });
    expect(JSON.stringify(mine[1]?.['OrchestrationInstance'])).toMatch(/"ExecutionId":"[0-9a-f]{32}"/);
  });
});

describe('histories of other recorded flows', () => {
  const host = new HostProcess(['--exact-timers']);
  beforeAll(() => host.start());
  afterAll(() => host.dispose());

  /** The host's history, as long as the recorded one and as it was handed over in its last turn. */
  const compare = (status: Status, recording: string): void => {
    const recorded = readIn(recording).history;
    const lastTurn = recorded.findLastIndex((event) => event.EventType === 12);
    const asRecorded = status.history
      .slice(0, recorded.length)
      .map((event, index) => (index > lastTurn ? { ...event, IsPlayed: false } : event));
    expect(asRecorded.map(shape)).toEqual(recorded.map(shape));
    const numbers = (events: readonly object[]) =>
      events.map((event) => {
        const { EventType, EventId, IsPlayed, TaskScheduledId } = event as Record<string, unknown>;
        return [EventType, EventId, IsPlayed, TaskScheduledId];
      });
    expect(numbers(asRecorded)).toEqual(numbers(recorded));
  };

  test('suspended, resumed, and only then sent its event', async () => {
    await host.startNew('stepsAfterEvent', 'sr');
    await host.until('sr', (it) => it.runtimeStatus === 'Running');
    await host.post('instances/sr/suspend?reason=why');
    await host.until('sr', (it) => it.runtimeStatus === 'Suspended');
    await host.post('instances/sr/resume?reason=because');
    await host.until('sr', (it) => it.runtimeStatus === 'Running');
    await host.post('instances/sr/raiseEvent/go', 1);
    compare(await host.done('sr'), 'suspend-resume-3.19.0');
  });

  test('with a sub-orchestration that fails', async () => {
    compare(await host.run('parent', 'sf', { child: 'failingChild' }), 'sub-failed-3.19.0');
  });

  test('the status API shows a history as the recorded one, entities aside', async () => {
    const recorded = JSON.parse(readFileSync(join(recording, 'status-with-history.json'), 'utf8'));
    await host.startNew('recordedFlow', 'shown', { in: 'put' });
    await host.post('instances/shown/raiseEvent/go', { ev: 1 });
    await host.done('shown');
    const path = 'instances/shown?showHistory=true&showHistoryOutput=true&showInput=true';
    const shown = (await (await host.rpc(path)).json()) as Record<string, object[]>;
    expect(Object.keys(shown)).toEqual(Object.keys(recorded));
    const kinds = (events: readonly object[]): string[] =>
      [...new Set(events.map((event) => Object.keys(event).toSorted().join(' ')))].toSorted();
    const wanted = recorded.historyEvents.filter((event: { EventType: string }) => event.EventType !== 'EventSent');
    expect(kinds(shown['historyEvents'] ?? [])).toEqual(kinds(wanted));
  });
});

describe('what an orchestrator is handed', () => {
  test.each(['00490-orch-o11_wire', '00492-orch-o11_wire', '00506-orch-o11_wire', '00500-orch-o11_sub'])(
    'made from the events of %s it is the recorded envelope',
    (turn) => {
      const recorded = readIn(turn);
      // This episode's events begin with the last OrchestratorStarted.
      const from = recorded.history.findLastIndex((event) => event.EventType === 12);
      const past = recorded.history.slice(0, from);
      const trigger = orchestrationTrigger({
        instanceId: recorded.instanceId,
        executionId: executionOf(recorded),
        past,
        pastJson: past.map((event) => JSON.stringify(event)),
        fresh: recorded.history.slice(from),
      });
      expect(trigger).toBe(JSON.stringify(recorded));
    },
  );
});
