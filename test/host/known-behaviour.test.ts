import { readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { HostProcess, type Status } from './host-process';
import { type Held, known } from './known-behaviour';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const nonDeterministic = /^Non-Deterministic workflow detected/;

const host = new HostProcess(['--exact-timers'], resolve('dist/test/host/apps/oddities.js'));
let offset = 0;
let made = 0;
const anId = (): string => `i${made++}`;
const jump = async (milliseconds: number): Promise<void> => {
  await host.idle();
  offset += milliseconds;
  await host.setClock(offset);
};
const run = (name: string, input?: unknown): Promise<Status> => host.run(name, anId(), input);
const output = async (name: string, input?: unknown): Promise<unknown> => (await run(name, input)).output;
/** Starts one and waits until it waits for something. */
const waiting = async (name: string, input?: unknown): Promise<string> => {
  const id = anId();
  await host.startNew(name, id, input);
  await host.until(id, (it) => it.runtimeStatus === 'Running');
  await host.idle();
  return id;
};
const raise = (id: string, name: string, value: unknown): Promise<Response> =>
  host.post(`instances/${id}/raiseEvent/${name}`, value);

/** What is played in this file, under the sentence that it plays. */
const plays: Readonly<Record<string, () => Promise<void>>> = {
  'The first event is OrchestratorStarted, then ExecutionStarted with an earlier timestamp.': async () => {
    const [first, second] = (await run('returnsNothing')).history;
    expect([first?.['EventType'], second?.['EventType']]).toEqual([12, 0]);
    expect(String(second?.['Timestamp']) <= String(first?.['Timestamp'])).toBe(true);
  },
  'isReplaying is false in the first episode, and again where the history has been caught up with.': async () => {
    // Told in the last of two episodes: what comes before the activity is replayed by then.
    expect(await output('replaying')).toEqual({ before: true, after: false });
    const id = await waiting('replayingAtOnce');
    expect((await host.status(id)).customStatus).toEqual({ replaying: false });
  },
  'Orchestrators, sub-orchestrations and events keep booleans.': async () => {
    const id = await waiting('kinds', true);
    await raise(id, 'e', false);
    expect((await host.done(id)).output).toEqual({ input: true, child: false, event: false });
  },
  'An activity that returns nothing returns null.': async () => {
    expect(await output('returnsNothing')).toEqual({ got: null });
  },
  "The name of an activity's own error is lost.": async () => {
    const [error] = (await output('namesOfErrors')) as string[];
    expect(error).toMatch(/^Error: Activity function 'throws' failed: kaputt \n \{/);
    expect(error).not.toMatch(/^QuotaError/);
  },
  'A thrown object becomes [object Object].': async () => {
    const [, thrown] = (await output('namesOfErrors')) as string[];
    expect(thrown).toMatch(/^Error: Activity function 'throws' failed: \[object Object\]/);
  },
  'A task that is created and never yielded is never scheduled.': async () => {
    const { history, output: got } = await run('neverYielded');
    expect(got).toEqual({ yielded: true });
    expect(history.filter((event) => event['EventType'] === 4).map((event) => event['Name'])).toEqual(['echo']);
  },
  'Task.all of nothing throws.': async () => {
    expect(await run('emptyAll')).toMatchObject({
      runtimeStatus: 'Failed',
      output: expect.stringContaining('at least one'),
    });
  },
  'A start of an unknown function is told 202, and the instance fails.': async () => {
    const id = anId();
    expect((await host.startNew('nobodyRegisteredThis', id)).status).toBe(202);
    expect((await host.done(id)).runtimeStatus).toBe('Failed');
  },
  'The form of an id is not checked.': async () => {
    const id = 'a b+ü #?%';
    expect((await host.startNew('returnsNothing', encodeURIComponent(id))).status).toBe(202);
    await host.until(id, (it) => it.runtimeStatus === 'Completed');
  },
  'A suspended instance can be terminated.': async () => {
    const id = await waiting('waitsForGo');
    await host.post(`instances/${id}/suspend?reason=why`);
    await host.until(id, (it) => it.runtimeStatus === 'Suspended');
    expect((await host.post(`instances/${id}/terminate?reason=enough`)).status).toBe(202);
    expect(await host.done(id)).toMatchObject({ runtimeStatus: 'Terminated', output: 'enough' });
  },
  'Purge of what runs or is suspended is 412.': async () => {
    const id = await waiting('waitsForGo');
    expect((await host.rpc(`instances/${id}`, { method: 'DELETE' })).status).toBe(412);
    await host.post(`instances/${id}/suspend?reason=why`);
    await host.until(id, (it) => it.runtimeStatus === 'Suspended');
    expect((await host.rpc(`instances/${id}`, { method: 'DELETE' })).status).toBe(412);
  },
  'So is a retried sub-orchestration, and a Task.all with a retry, in Task.any with such a timer.': async () => {
    expect(await output('raceOfRetriedChild')).toMatch(nonDeterministic);
    expect(await output('raceOfAllWithRetry')).toMatch(nonDeterministic);
  },
  'A retry inside a sub-orchestration, a retry beside an event, and retries in turn are safe.': async () => {
    expect(await output('retryInChild')).toEqual({ after: true });
    expect(await output('retryBesideEvent')).toEqual({ after: true });
    expect(await output('retriesInTurn')).toEqual([{ attempt: 2 }, { attempt: 2 }]);
  },
  'Such a timer that is cancelled after its first piece has fired is non-deterministic.': async () => {
    const early = await waiting('cancelsLongTimer');
    await raise(early, 'go', {});
    expect((await host.done(early)).output).toEqual({ after: true });
    const late = await waiting('cancelsLongTimer');
    await jump(3 * DAY);
    await host.until(late, (it) => it.history.some((event) => event['EventType'] === 11));
    await raise(late, 'go', {});
    expect((await host.done(late)).output).toMatch(nonDeterministic);
  },
  'A text given to continueAsNew arrives encoded twice.': async () => {
    expect(await output('stringAgain', 'start')).toBe('"next"');
  },
  'An open timer keeps a finished orchestration running, and holds up continueAsNew.': async () => {
    const id = await waiting('openTimer', { again: true });
    await host.until(id, (it) => it.history.some((event) => event['EventType'] === 5));
    const { executionId } = await host.status(id);
    await jump(HOUR / 2);
    const next = await host.until(id, (it) => it.executionId !== executionId);
    expect(next.runtimeStatus).toBe('Running');
    await host.until(id, (it) => it.history.some((event) => event['EventType'] === 5));
    await host.idle();
    expect((await host.status(id)).runtimeStatus).toBe('Running');
    await jump(HOUR);
    expect((await host.done(id)).output).toBe('returned');
  },
  'The names of events are case-sensitive for the orchestrator.': async () => {
    const id = await waiting('waitsForGo');
    await raise(id, 'GO', 'loud');
    await host.idle();
    expect((await host.status(id)).runtimeStatus).toBe('Running');
    await raise(id, 'go', 'quiet');
    expect((await host.done(id)).output).toBe('quiet');
  },
  'A sub-orchestration under the id of an ended instance runs.': async () => {
    const ended = await run('child', { from: 'before' });
    const id = anId();
    await host.startNew('callsUnderId', id, { id: ended.instanceId });
    expect((await host.done(id)).output).toEqual({ from: id });
    expect((await host.status(ended.instanceId)).executionId).not.toBe(ended.executionId);
  },
  'With the task hub gone nobody knows the instance; a start under its id runs it from its beginning.': async () => {
    const id = await waiting('waitsForGo');
    await host.kill();
    rmSync(join(host.directory, 'state'), { recursive: true });
    await host.start();
    offset = 0;
    expect((await host.rpc(`instances/${id}`)).status).toBe(404);
    expect((await raise(id, 'go', 1)).status).toBe(404);
    expect((await host.startNew('waitsForGo', id)).status).toBe(202);
    await raise(id, 'go', 2);
    expect((await host.done(id)).output).toBe(2);
  },
};

const textOf = (file: string): string => readFileSync(resolve(`test/host/${file}.test.ts`), 'utf8');
/** A title as it may be written: quoted, and with what quotes have to escape. */
const isTitled = (text: string, title: string): boolean =>
  text.includes(title) || text.includes(title.replaceAll("'", "\\'"));

async function hold(says: string, held: Held): Promise<void> {
  if ('departs' in held) {
    expect(readFileSync(resolve('sandbox/host/README.md'), 'utf8').replaceAll(/\s+/g, ' ')).toContain(held.departs);
    return;
  }
  if (held.in === 'known-behaviour') await (plays[says] as () => Promise<void>)();
  else
    expect({ title: held.by, isThere: isTitled(textOf(held.in), held.by) }).toEqual({ title: held.by, isThere: true });
}

describe('what is known of the real extension is so in the local host, or its README says that it is not', () => {
  beforeAll(() => host.start());
  afterAll(() => host.dispose());

  describe.each(Object.entries(known))('%s', (_area, rows) => {
    test.each([...rows])('%s', hold);
  });

  test('nothing is played that is no row', () => {
    const sentences = new Set(Object.values(known).flatMap((rows) => rows.map(([says]): string => says)));
    expect(Object.keys(plays).filter((says) => !sentences.has(says))).toEqual([]);
  });
});
