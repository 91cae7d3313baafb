import { wakeUp } from '../../functions/durable';
import { play } from './harness';
import { cancelled, fault, ok, paused, planOf, request, type Script, usual } from './script';

/** The world's clock starts at zero seconds; the window opens at `opens`, or at what the call with this number says. */
const closedUntil = (opens: number | ((call: number) => number), approvedFrom = 1): Script => {
  let call = 0;
  return usual({
    makePlan: (input) => {
      call += 1;
      start ??= Date.parse(input.now);
      const opensAt = start + (typeof opens === 'number' ? opens : opens(call)) * 1000;
      const open = Date.parse(input.now) >= opensAt;
      return ok({
        decision: 'go' as const,
        plan: planOf(),
        approved: call >= approvedFrom,
        ...(open ? {} : { opensAt: new Date(opensAt).toISOString() }),
      });
    },
  });
};
let start: number | undefined;
beforeEach(() => {
  start = undefined;
});

type Played = Awaited<ReturnType<typeof play>>;
const secondsOf = (played: Played, told: string): number =>
  played.steps.find((step) => step.told === told)?.atSeconds ?? Number.NaN;
const waitedFor = (played: Played): readonly string[] => played.told.filter((step) => step.startsWith('noteWaiting'));

describe('a rotation outside its change windows', () => {
  test('is planned, says so, changes nothing until one opens, and is planned again then', async () => {
    const played = await play({ input: request, script: closedUntil(7200) });
    expect(played.told.slice(0, 8)).toEqual([
      'admit',
      'enterPhase planning',
      'makePlan',
      'noteWaiting window',
      'makePlan',
      'noteWaiting null',
      'enterPhase creating-version',
      'secureWayBack',
    ]);
    expect(secondsOf(played, 'enterPhase creating-version')).toBeGreaterThanOrEqual(7200);
    expect(secondsOf(played, 'enterPhase creating-version')).toBeLessThan(7205);
    expect(played.output).toMatchObject({ phase: 'completed' });
  });

  test('names the opening where the operator looks, once for each', async () => {
    const played = await play({ input: request, script: closedUntil((call) => (call === 1 ? 3600 : 7200)) });
    const said = played.steps.filter(({ told }) => told === 'noteWaiting window').map(({ input }) => input);
    expect(said).toHaveLength(2);
    for (const each of said) expect(each).toMatchObject({ reasons: [{ code: 'window-closed' }] });
  });

  test('waits for its approval first, then for the window', async () => {
    const played = await play({
      input: request,
      script: closedUntil(90_000, 2),
      raise: [{ name: wakeUp, atSeconds: 5000 }],
    });
    expect(waitedFor(played)).toEqual(['noteWaiting approval', 'noteWaiting window', 'noteWaiting null']);
    expect(secondsOf(played, 'noteWaiting window')).toBeCloseTo(5000.1, 0);
  });

  test('can be cancelled while it waits', async () => {
    const closed = { decision: 'go' as const, plan: planOf(), approved: true, opensAt: '2100-01-01T00:00:00.000Z' };
    const makePlan = (_: unknown, call: number) => (call === 1 ? ok(closed) : cancelled);
    const played = await play({
      input: request,
      script: usual({ makePlan }),
      raise: [{ name: wakeUp, atSeconds: 5000 }],
    });
    expect(played.output).toMatchObject({ phase: 'cancelled' });
    expect(played.seconds).toBeLessThan(5010);
  });

  test('says again that it waits for the window after a fault and a pause', async () => {
    const closed = { decision: 'go' as const, plan: planOf(), approved: true };
    const answers = [ok({ ...closed, opensAt: '2026-11-22T23:00:00.000Z' }), fault(), paused];
    const makePlan = (_: unknown, call: number) => answers[call - 1] ?? ok(closed);
    const waited = waitedFor(await play({ input: request, script: usual({ makePlan }) }));
    expect(waited).toEqual([
      'noteWaiting window',
      'noteWaiting fault',
      'noteWaiting pause',
      'noteWaiting window',
      'noteWaiting null',
    ]);
  });
});
