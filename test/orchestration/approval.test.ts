import { wakeUp } from '../../functions/durable';
import { play } from './harness';
import { cancelled, fault, interrupted, ok, paused, planOf, request, type Script, usual } from './script';

const day = 24 * 3600;
const planned = (approved: boolean, planHash = 'h-1') =>
  ok({ decision: 'go' as const, plan: { ...planOf(), planHash }, approved });

/** Not approved before the call with this number. */
const approvedFrom = (call: number, changes: Parameters<typeof usual>[0] = {}): Script =>
  usual({ ...changes, makePlan: (_, at) => planned(at >= call) });

type Played = Awaited<ReturnType<typeof play>>;
const inputsOf = (played: Played, told: string) =>
  played.steps.filter((step) => step.told === told).map(({ input }) => input);
const secondsOf = (played: Played, told: string): number =>
  played.steps.find((step) => step.told === told)?.atSeconds ?? Number.NaN;
/** What the ledger says, from one step to another. */
const waitedFor = (played: Played): readonly string[] => played.told.filter((step) => step.startsWith('noteWaiting'));

describe('a plan that needs an approval', () => {
  test('is asked about once, and nothing is changed before it is approved', async () => {
    const played = await play({ input: request, script: approvedFrom(5) });
    expect(played.told.slice(0, 11)).toEqual([
      'admit',
      'enterPhase planning',
      'makePlan',
      'noteWaiting approval',
      'sendAlert approval',
      ...Array<string>(4).fill('makePlan'),
      'noteWaiting null',
      'enterPhase creating-version',
    ]);
    expect(played.output).toMatchObject({ phase: 'completed' });
  });

  test('names its hash where the operator looks, and in the alert, whose id is one for each plan', async () => {
    const planHash = 'f00dfacef00dfacef00dface';
    const makePlan = (_: unknown, call: number) => planned(call > 1, planHash);
    const played = await play({ input: request, script: usual({ makePlan }) });
    const reasons = [{ code: 'approval-needed', message: expect.stringContaining(planHash) }];
    expect(inputsOf(played, 'noteWaiting approval')).toMatchObject([{ reasons }]);
    expect(inputsOf(played, 'sendAlert approval')).toMatchObject([{ reasons, occasion: 'f00dfacef00d' }]);
  });

  test('says while it sleeps that it waits for a person, whatever trouble came between', async () => {
    const troubled = { sendAlert: (_: unknown, call: number) => (call === 1 ? fault() : undefined) };
    const moveTarget = (_: unknown, call: number) => (call === 1 ? paused : undefined);
    const script = approvedFrom(3, { ...troubled, moveTarget });
    const { asleep } = await play({ input: request, script });
    const said = (phase: string, waitingFor: string | null) => ({ rotationId: 'r-1', phase, waitingFor });
    expect(asleep.slice(0, 5)).toEqual([
      said('planning', 'fault'),
      said('planning', 'approval'),
      said('planning', 'approval'),
      said('rewrapping', 'pause'),
      said('soaking', null),
    ]);
  });

  test('goes on at once when the command wakes it', async () => {
    const script = approvedFrom(2);
    const played = await play({ input: request, script, raise: [{ name: wakeUp, atSeconds: 5000 }] });
    expect(secondsOf(played, 'enterPhase creating-version')).toBeCloseTo(5000.2);
  });

  test('is asked about again when it has changed meanwhile, and goes on as it was approved', async () => {
    const hashes = ['h-1', 'h-1', 'h-2', 'h-2', 'h-2'];
    const makePlan = (_: unknown, call: number) => planned(call === 5, hashes[call - 1]);
    const played = await play({ input: request, script: usual({ makePlan }) });
    expect(inputsOf(played, 'sendAlert approval').map(({ occasion }) => occasion)).toEqual(['h-1', 'h-2']);
    expect(played.output).toMatchObject({ phase: 'completed' });
  });

  test('that nobody approves is cancelled at its deadline, not before', async () => {
    const played = await play({ input: request, script: approvedFrom(1000) });
    expect(played.told.at(-1)).toBe('enterPhase cancelled');
    expect(played.told).not.toContain('secureWayBack');
    expect(played.output).toMatchObject({ phase: 'cancelled', message: expect.stringContaining('Nobody approved') });
    expect(played.seconds).toBeGreaterThan(7 * day - 1);
    expect(played.seconds).toBeLessThan(7 * day + 10);
  });

  test('has its whole deadline, however long it took to make it', async () => {
    const makePlan = (_: unknown, call: number) => (call < 4 ? fault('arm-down', 1800) : planned(false));
    const policy = { approvalDeadlineSeconds: 3600 };
    const played = await play({ input: request, script: usual({ makePlan }, { policy }) });
    const asked = secondsOf(played, 'sendAlert approval');
    expect(secondsOf(played, 'enterPhase cancelled') - asked).toBeGreaterThan(3598);
  });

  test('that changes over and over has one deadline all the same', async () => {
    const makePlan = (_: unknown, call: number) => planned(false, `h-${call}`);
    const played = await play({ input: request, script: usual({ makePlan }) });
    expect(played.output).toMatchObject({ phase: 'cancelled' });
    expect(played.seconds).toBeLessThan(7 * day + 30);
  });

  test.each([
    ['skip', 'skipped'],
    ['refuse', 'refused'],
  ] as const)('that says %s by now ends as %s', async (decision, phase) => {
    const makePlan = (_: unknown, call: number) => (call === 1 ? planned(false) : ok({ decision, reasons: [] }));
    const played = await play({ input: request, script: usual({ makePlan }) });
    expect(played.told.at(-1)).toBe(`enterPhase ${phase}`);
  });

  test('says again that it waits for the approval after a fault', async () => {
    const script = usual({ makePlan: (_, call) => (call === 2 ? fault() : planned(call === 4)) });
    const played = await play({ input: request, script });
    expect(waitedFor(played)).toEqual([
      'noteWaiting approval',
      'noteWaiting fault',
      'noteWaiting approval',
      'noteWaiting null',
    ]);
    expect(played.told.filter((step) => step === 'sendAlert approval')).toHaveLength(1);
  });

  test('says again that it waits for the approval after a pause', async () => {
    const script = usual({ makePlan: (_, call) => (call === 2 ? paused : planned(call === 4)) });
    expect(waitedFor(await play({ input: request, script }))).toEqual([
      'noteWaiting approval',
      'noteWaiting pause',
      'noteWaiting approval',
      'noteWaiting null',
    ]);
  });
});

describe('a cancellation', () => {
  test('wakes a run that waits for its approval: it ends at once, unchanged, naming who said so', async () => {
    const makePlan = (_: unknown, call: number) => (call === 1 ? planned(false) : cancelled);
    const played = await play({
      input: request,
      script: usual({ makePlan }),
      raise: [{ name: wakeUp, atSeconds: 5000 }],
    });
    expect(secondsOf(played, 'enterPhase cancelled')).toBeCloseTo(5000.1);
    expect(played.told.slice(-2)).toEqual(['makePlan', 'enterPhase cancelled']);
    expect(played.output).toMatchObject({ phase: 'cancelled', message: cancelled.message });
    expect(inputsOf(played, 'enterPhase cancelled')).toMatchObject([{ reasons: [{ code: 'operator-cancel' }] }]);
  });

  test('ends a run that is paused', async () => {
    const makePlan = (_: unknown, call: number) => (call === 1 ? paused : cancelled);
    const { told } = await play({ input: request, script: usual({ makePlan }) });
    expect(told.slice(-2)).toEqual(['makePlan', 'enterPhase cancelled']);
  });

  test('that is found after a change was made goes back: there is no other way by then', async () => {
    const moveTarget = ({ target, direction }: { target: number; direction: string }) =>
      target === 1 && direction === 'forward' ? cancelled : undefined;
    const { told, output } = await play({ input: request, script: usual({ moveTarget }) });
    expect(told).toContain('moveTarget 0 back');
    expect(output).toMatchObject({ phase: 'rolled-back' });
  });
});

describe('a command that was accepted just before the run came to need attention', () => {
  /** As the ledger has it: the end is refused once, because a command stands against it. */
  const refusedOnce = (answer: typeof interrupted) => {
    let refused = false;
    return ({ phase }: { phase: string }) => {
      if (phase !== 'needs-attention' || refused) return undefined;
      refused = true;
      return answer;
    };
  };

  test('is obeyed: the run goes back instead of waiting for somebody to say it again', async () => {
    const moveTarget = ({ target, direction }: { target: number; direction: string }) =>
      target === 1 && direction === 'forward' ? fault('arm-down') : undefined;
    const script = usual({ moveTarget, enterPhase: refusedOnce(interrupted) });
    const { told, output } = await play({ input: request, script });
    expect(told.filter((step) => step.startsWith('enterPhase')).slice(-3)).toEqual([
      'enterPhase needs-attention',
      'enterPhase rolling-back',
      'enterPhase rolled-back',
    ]);
    expect(told).not.toContain('sendAlert needs-attention');
    expect(told).toContain('moveTarget 0 back');
    expect(output).toMatchObject({ phase: 'rolled-back', message: interrupted.message });
  });

  test('is obeyed while planning too: the run is cancelled', async () => {
    const script = usual({
      makePlan: () => ({ kind: 'broken', code: 'I4', message: 'The log cannot be read.' }),
      enterPhase: refusedOnce(cancelled),
    });
    expect((await play({ input: request, script })).told.slice(-2)).toEqual([
      'enterPhase needs-attention',
      'enterPhase cancelled',
    ]);
  });

  test('that cannot be obeyed needs attention after all', async () => {
    const script = usual({
      beginSoak: () => ({ kind: 'broken', code: 'I4', message: 'The log cannot be read.' }),
      enterPhase: refusedOnce(interrupted),
      proveWayBack: () => ({ kind: 'refusal', code: 'expired', message: 'Previous is gone.' }),
    });
    const { told, output } = await play({ input: request, script });
    expect(told.slice(-3)).toEqual(['proveWayBack', 'enterPhase needs-attention', 'sendAlert needs-attention']);
    expect(output).toMatchObject({ phase: 'needs-attention', message: 'Previous is gone.' });
  });
});
