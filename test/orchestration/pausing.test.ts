import { wakeUp } from '../../functions/durable';
import { play } from './harness';
import { fault, interrupted, paused, request, stopped, usual } from './script';

const day = 24 * 3600;
type Played = Awaited<ReturnType<typeof play>>;
const notes = (played: Played) =>
  played.steps.flatMap(({ name, input }) => (name === 'noteWaiting' ? [[input['waitingFor'], codesOf(input)]] : []));
const codesOf = (input: Readonly<Record<string, unknown>>): string =>
  (input['reasons'] as readonly { code: string }[]).map(({ code }) => code).join(' ');
const startedAt = Date.parse('2026-11-22T03:00:00Z');
/** Answers so until so many seconds after the start. */
const until =
  <A>(seconds: number, answer: A) =>
  (_: unknown, __: unknown, { now }: { now: string }) =>
    Date.parse(now) < startedAt + seconds * 1000 ? answer : undefined;

describe.each([
  ['a pause', paused, 'operator-pause'],
  ['the stop switch', stopped, 'operator-stop'],
] as const)('%s', (_, answer, code) => {
  test('holds the step where it stands, and it goes on there', async () => {
    const moveTarget = (input: { target: number }, call: number, world: { now: string }) =>
      input.target === 1 ? until(5000, answer)(input, call, world) : undefined;
    const undisturbed = await play({ input: request, script: usual() });
    const played = await play({ input: request, script: usual({ moveTarget }) });
    expect(notes(played)).toEqual([
      ['pause', code],
      [null, ''],
    ]);
    const without = played.told.filter((step) => !step.startsWith('noteWaiting'));
    const tries = without.filter((step) => step === 'moveTarget 1 forward').length;
    const at = undisturbed.told.indexOf('moveTarget 1 forward');
    expect(tries).toBeGreaterThan(1);
    expect(without.toSpliced(at, tries - 1)).toEqual(undisturbed.told);
    expect(played.output).toMatchObject({ phase: 'completed' });
  });

  test('lasts as long as it is meant to: no deadline, no alert, one record', async () => {
    const chooseVersion = until(3 * day, answer);
    const played = await play({ input: request, script: usual({ chooseVersion }), mostTurns: 4000 });
    expect(notes(played)).toHaveLength(2);
    expect(played.told.filter((step) => step.startsWith('sendAlert'))).toEqual(['sendAlert completed']);
    expect(played.seconds).toBeGreaterThan(3 * day);
    expect(played.seconds).toBeLessThan(3 * day + 2 * 3600 + 4000);
  });

  test('ends at once when the command that ends it wakes the run', async () => {
    const chooseVersion = until(1000, answer);
    const raise = [{ name: wakeUp, atSeconds: 1000 }];
    const played = await play({ input: request, script: usual({ chooseVersion }), raise });
    expect(played.steps.find(({ told }) => told === 'enterPhase rewrapping')?.atSeconds).toBeLessThan(1001);
  });

  test('holds a page of data keys, and ends at once there too', async () => {
    const raise = [{ name: wakeUp, atSeconds: 1000 }];
    const played = await play({ input: request, script: usual({ moveDataKeysPage: until(1000, answer) }), raise });
    const verified = played.steps.find(({ told }) => told === 'verifyTarget 2 forward');
    expect(verified?.atSeconds).toBeLessThan(1002);
    expect(notes(played)).toEqual([
      ['pause', code],
      [null, ''],
    ]);
  });

  test('holds the way back as well', async () => {
    const moveTarget = (input: { target: number; direction: string }, call: number, world: { now: string }) => {
      if (input.direction === 'back') return until(5000, answer)(input, call, world);
      return input.target === 1 ? interrupted : undefined;
    };
    const played = await play({ input: request, script: usual({ moveTarget }) });
    expect(notes(played)[0]).toEqual(['pause', code]);
    expect(played.output).toMatchObject({ phase: 'rolled-back' });
  });
});

test('data keys that were paused go on at the page where they stood', async () => {
  const moveDataKeysPage = ({ continuation, done }: { continuation: string | null; done: number }, call: number) => {
    if (call === 2) return paused;
    return {
      kind: 'ok' as const,
      value: { continuation: continuation === null ? 'p2' : null, done: done + 5, total: 10, left: 0, named: [] },
    };
  };
  const played = await play({ input: request, script: usual({ moveDataKeysPage }) });
  const pages = played.steps.filter(({ name }) => name === 'moveDataKeysPage').slice(0, 3);
  expect(pages.map(({ input }) => [input['continuation'], input['done']])).toEqual([
    [null, 0],
    ['p2', 5],
    ['p2', 5],
  ]);
});

describe('a run that is paused', () => {
  test('and stopped meanwhile says so', async () => {
    const chooseVersion = (_: unknown, call: number) => [paused, stopped, stopped, paused][call - 1];
    const played = await play({ input: request, script: usual({ chooseVersion }) });
    expect(notes(played).map(([, code]) => code)).toEqual(['operator-pause', 'operator-stop', 'operator-pause', '']);
  });

  test('goes back at a word, without being resumed first', async () => {
    const moveTarget = ({ target, direction }: { target: number; direction: string }, call: number) => {
      if (direction === 'back' || target === 0) return undefined;
      return call === 2 ? paused : interrupted;
    };
    const raise = [{ name: wakeUp, atSeconds: 900 }];
    const played = await play({ input: request, script: usual({ moveTarget }), raise });
    expect(played.steps.find(({ told }) => told === 'enterPhase rolling-back')?.atSeconds).toBeCloseTo(900.1);
  });

  test('in the middle of a fault has its whole fault deadline again when it is resumed', async () => {
    const moveTarget = ({ target }: { target: number }, _: number, world: { now: string }) => {
      if (target !== 1) return undefined;
      const seconds = (Date.parse(world.now) - startedAt) / 1000;
      if (seconds > 5000 && seconds < 30_000) return paused;
      return seconds < 34_000 ? fault('arm-down', 3600) : undefined;
    };
    const played = await play({ input: request, script: usual({ moveTarget }), mostTurns: 1000 });
    expect(notes(played).map(([waitingFor]) => waitingFor)).toEqual(['fault', 'pause', 'fault', null]);
    expect(played.output).toMatchObject({ phase: 'completed' });
  });

  test('in the middle of a fault that was told of says that the fault is over when it is, not when it is paused', async () => {
    // What it meets after the pause is short, and told to nobody: the recovery that is owed is that of the first.
    const answers = [...Array(12).fill(fault()), paused, fault()];
    const played = await play({ input: request, script: usual({ chooseVersion: (_, call) => answers[call - 1] }) });
    const begun = played.steps.find(({ told }) => told === 'noteWaiting fault')?.input['now'];
    expect(played.told.filter((step) => /^(noteWaiting|sendAlert)/.test(step))).toEqual([
      'noteWaiting fault',
      'sendAlert holding',
      'noteWaiting pause',
      'noteWaiting fault',
      'noteWaiting null',
      'sendAlert recovered',
      'sendAlert completed',
    ]);
    expect(played.steps.find(({ told }) => told === 'sendAlert recovered')?.input['occasion']).toBe(begun);
  });
});
