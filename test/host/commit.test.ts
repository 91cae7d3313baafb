import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HostClock } from '../../sandbox/host/clock';
import { EpisodeCommit } from '../../sandbox/host/engine/commit';
import { eventRaised, type HistoryEvent, orchestratorStarted } from '../../sandbox/host/engine/history';
import { Instances, type LiveInstance } from '../../sandbox/host/engine/instances';
import { Store } from '../../sandbox/host/engine/store';
import { InFlight } from '../../sandbox/host/in-flight';

describe('what an episode leaves on disk and in memory', () => {
  const directory = mkdtempSync(join(tmpdir(), 'keyturn-commit-'));
  const silent = { messageFor: () => undefined, activity: () => undefined, timer: () => undefined };
  const begin = (store: Store): Instances => new Instances(store, new HostClock(), new InFlight(), silent);
  let store = new Store(directory);
  let instances = begin(store);
  afterAll(() => {
    store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  /** What a host would find that starts now. */
  const restarted = (): Instances => {
    store.close();
    store = new Store(directory);
    instances = begin(store);
    instances.recover();
    return instances;
  };
  const create = (instanceId: string): LiveInstance => {
    const start = { instanceId, executionId: 'first', name: 'flow', input: null, parent: null, generation: 0 };
    instances.atomically((after) => instances.create(after, start));
    return instances.live.get(instanceId) as LiveInstance;
  };
  const raise = (instanceId: string, name: string): boolean =>
    instances.atomically((after) => instances.enqueue(after, instanceId, null, eventRaised(name, '1', 0)));
  const waiting = (instance: LiveInstance | undefined): string[] =>
    (instance?.inbox ?? []).map((message) => {
      const event = JSON.parse(message.event) as HistoryEvent;
      return event.Name ?? String(event.EventType);
    });

  test('continueAsNew puts the start first, then carried events, then those that came during the episode', () => {
    const instance = create('again');
    const batch = [...instance.inbox];
    raise('again', 'late');
    const outcome = { kind: 'continuedAsNew', input: { n: 2 }, carried: [{ name: 'carried', input: '1' }] } as const;
    const episode = { instance, batch, fresh: [orchestratorStarted(0)] };
    const commit = new EpisodeCommit(instances, true);
    commit.commit(episode, { newWork: [], cancelledTimers: [], suspended: false, outcome });
    expect(waiting(instance)).toEqual(['flow', 'carried', 'late']);
    const found = restarted().live.get('again');
    expect(waiting(found)).toEqual(['flow', 'carried', 'late']);
    expect(found?.row).toMatchObject({ input: '{"n":2}', status: 'Running' });
    expect(found?.row.executionId).not.toBe('first');
  });

  test('a message for an execution that is over is not queued', () => {
    create('bound');
    const send = (executionId: string): boolean =>
      instances.atomically((after) => instances.enqueue(after, 'bound', executionId, eventRaised('e', '1', 0)));
    expect([send('another'), send('first')]).toEqual([false, true]);
  });

  test('a transaction that throws leaves memory and disk as they were', () => {
    const instance = create('whole');
    const before = waiting(instance);
    const failing = (): void =>
      instances.atomically((after) => {
        instances.enqueue(after, 'whole', null, eventRaised('lost', '1', 0));
        throw new Error('the disk is full');
      });
    expect(failing).toThrow('the disk is full');
    expect(waiting(instance)).toEqual(before);
    expect(waiting(restarted().live.get('whole'))).toEqual(before);
  });

  test('what is done in one turn of the event loop reaches the disk together, and the store says when it is there', async () => {
    /** What a host would find if this one were killed now. */
    const killed = (): string[] => {
      const copy = mkdtempSync(join(tmpdir(), 'keyturn-killed-'));
      cpSync(directory, copy, { recursive: true });
      const found = new Store(copy);
      const messages = found.messages().filter(({ instanceId }) => instanceId === 'together');
      found.close();
      rmSync(copy, { recursive: true });
      return messages.map(({ event }) => (JSON.parse(event) as HistoryEvent).Name ?? '');
    };
    await store.written;
    create('together');
    raise('together', 'event');
    expect(killed()).toEqual([]);
    await store.written;
    expect([killed(), store.written]).toEqual([['flow', 'event'], undefined]);
  });
});

describe('what is in flight', () => {
  test('changes its sequence when something starts and when it ends, and counts an end once', () => {
    const inFlight = new InFlight();
    const end = inFlight.begin();
    const started = inFlight.sequence;
    expect([inFlight.count, started > 0]).toEqual([1, true]);
    end();
    end();
    expect([inFlight.count, inFlight.sequence > started]).toEqual([0, true]);
  });
});
