import { play } from './harness';
import { fault, refusal, request, thrown, usual } from './script';

/** The lines of the diary from the first call of a step on. Waits are given without the early part of a second. */
function from(played: Awaited<ReturnType<typeof play>>, told: string, length: number): readonly string[] {
  const start = played.diary.indexOf(told);
  return played.diary.slice(start, start + length);
}

/** The instant at which each of these begins; it ends minutes later. */
const ended = Date.parse('2026-11-22T03:00:00.000Z');

const attention = ['enterPhase needs-attention', 'sendAlert needs-attention'];

describe('a fault', () => {
  test('is noted, waited for with a growing delay, and taken back when the run goes on', async () => {
    const played = await play({
      input: request,
      script: usual({ chooseVersion: (_, call) => (call <= 4 ? fault() : undefined) }),
    });
    expect(from(played, 'chooseVersion', 12)).toEqual([
      'chooseVersion',
      'noteWaiting fault',
      'wait 5',
      'chooseVersion',
      'wait 10',
      'chooseVersion',
      'wait 20',
      'chooseVersion',
      'wait 40',
      'chooseVersion',
      'noteWaiting null',
      'enterPhase rewrapping',
    ]);
    const noted = played.steps.filter(({ name }) => name === 'noteWaiting').map(({ input }) => input['reasons']);
    expect(noted).toEqual([[{ code: 'vault-unreachable', message: 'A fault: vault-unreachable.' }], []]);
  });

  test.each([
    [90, 'wait 90'],
    [0.2, 'wait 2'],
    [86_400, 'wait 3600'],
  ])('whose service asks for %d s is waited for as asked, within two seconds and an hour', async (asked, wait) => {
    const played = await play({
      input: request,
      script: usual(
        { makePlan: (_, call) => (call === 1 ? fault('throttled', asked) : undefined) },
        { policy: { alertAfterSeconds: 7200 } },
      ),
    });
    expect(from(played, 'makePlan', 5)).toEqual([
      'makePlan',
      'noteWaiting fault',
      wait,
      'makePlan',
      'noteWaiting null',
    ]);
  });

  test('of storage that outlasts the deadline does not keep the end of a run from being told', async () => {
    const untilHours = 20;
    const played = await play({
      input: request,
      script: usual(
        {
          sendAlert: ({ alert }, _call, world) =>
            alert === 'completed' && Date.parse(world.now) < ended + untilHours * 3_600_000
              ? fault('storage')
              : undefined,
        },
        { policy: { faultDeadlineSeconds: 7200, soakSeconds: 60, probeEverySeconds: 60 } },
      ),
      mostTurns: 2000,
    });
    expect(played.seconds).toBeGreaterThan(untilHours * 3600);
    expect(played.told.slice(-3)).toEqual(['sendAlert completed', 'noteWaiting null', 'sendAlert recovered']);
    expect(played.told.filter((told) => told === 'sendAlert completed').length).toBeGreaterThan(100);
  });

  const everyStep = [
    'enterPhase planning',
    'makePlan',
    'enterPhase creating-version',
    'secureWayBack',
    'chooseVersion',
    'enterPhase rewrapping',
    'moveTarget 0 forward',
    'verifyTarget 0 forward',
    'moveDataKeysPage 2 forward null',
    'enterPhase soaking',
    'beginSoak',
    'probeTargets',
    'enterPhase completed',
    'sendAlert completed',
  ];
  test.each(everyStep)('in %s is waited out, and the run completes as if nothing had been', async (at) => {
    const undisturbed = await play({ input: request, script: usual() });
    const played = await play({ input: request, script: usual(firstTime(at, fault())) });
    const withoutWaiting = played.told.filter((step) => !step.startsWith('noteWaiting'));
    const repeated = undisturbed.told.indexOf(at);
    expect(withoutWaiting).toEqual(undisturbed.told.toSpliced(repeated, 0, at));
    expect(played.output).toMatchObject({ phase: 'completed' });
  });

  test('that lasts raises the alert `holding` once, and `recovered` when it is over', async () => {
    const played = await play({
      input: request,
      script: usual({ chooseVersion: (_, call) => (call <= 12 ? fault() : undefined) }),
    });
    const alerts = played.steps.filter(({ name }) => name === 'sendAlert');
    expect(alerts.map(({ told }) => told)).toEqual(['sendAlert holding', 'sendAlert recovered', 'sendAlert completed']);
    const waited = alerts[0]?.atSeconds ?? 0;
    expect(waited).toBeGreaterThan(900);
    expect(waited).toBeLessThan(1300);
    // Each wait has an alert of its own, and the recovery names the wait that it ends.
    const began = played.steps.find(({ told }) => told === 'noteWaiting fault')?.input['now'];
    expect(alerts[0]?.input).toMatchObject({ occasion: began, reasons: [{ code: 'vault-unreachable' }] });
    expect(alerts[1]?.input).toMatchObject({ occasion: began, reasons: [] });
  });

  test('is told of at the next sleep when it could neither be kept nor sent, and only then is the recovery', async () => {
    const notHandedOver = (times: number) =>
      usual({
        chooseVersion: (_, call) => (call <= 12 ? fault() : undefined),
        sendAlert: ({ alert }, call) =>
          alert === 'holding' && call <= times ? fault('alert-not-handed-over') : undefined,
      });
    const twice = await play({ input: request, script: notHandedOver(2) });
    const alerts = (played: typeof twice) => played.told.filter((step) => step.startsWith('sendAlert'));
    const holding = 'sendAlert holding';
    expect(alerts(twice)).toEqual([holding, holding, holding, 'sendAlert recovered', 'sendAlert completed']);
    const occasions = twice.steps.filter(({ told }) => told === holding).map(({ input }) => input['occasion']);
    expect(new Set(occasions).size).toBe(1);
    const never = await play({ input: request, script: notHandedOver(99) });
    expect(alerts(never)).not.toContain('sendAlert recovered');
  });

  test('shorter than that raises no alert', async () => {
    const played = await play({
      input: request,
      script: usual({ chooseVersion: (_, call) => (call <= 6 ? fault() : undefined) }),
    });
    expect(played.told.filter((step) => step.startsWith('sendAlert'))).toEqual(['sendAlert completed']);
  });

  test('I8: past its deadline needs attention, and nothing goes back', async () => {
    const script = usual({ moveTarget: ({ target }) => (target === 1 ? fault('arm-down') : undefined) });
    const { told, output, steps } = await play({ input: request, script });
    expect(told).not.toContain('enterPhase rolling-back');
    expect(told.slice(-3)).toEqual(['moveTarget 1 forward', ...attention]);
    expect(output).toMatchObject({ phase: 'needs-attention', message: 'A fault: arm-down.' });
    const tries = steps.filter(({ told }) => told === 'moveTarget 1 forward').map(({ atSeconds }) => atSeconds);
    const lasted = (tries.at(-1) ?? 0) - (tries[0] ?? 0);
    // The last try comes at the deadline itself, as early as a timer may be.
    expect(lasted).toBeGreaterThan(7199);
    expect(lasted).toBeLessThan(7201);
  });

  test('on the way back waits like any other and does not turn the run round', async () => {
    let faults = 0;
    const moveTarget = ({ target, direction }: { target: number; direction: string }) => {
      if (direction === 'forward') return target === 1 ? refusal() : undefined;
      faults += 1;
      return faults <= 3 ? fault('arm-down') : undefined;
    };
    const { told, output } = await play({ input: request, script: usual({ moveTarget }) });
    expect(told.filter((step) => step === 'moveTarget 1 back')).toHaveLength(4);
    expect(output).toMatchObject({ phase: 'rolled-back' });
  });

  test('past its deadline on the way back needs attention', async () => {
    const moveTarget = ({ target, direction }: { target: number; direction: string }) => {
      if (direction === 'back') return fault('arm-down');
      return target === 1 ? refusal() : undefined;
    };
    const { told } = await play({ input: request, script: usual({ moveTarget }) });
    expect(told.slice(-3)).toEqual(['moveTarget 1 back', ...attention]);
  });

  test('past its deadline while planning ends as refused: nothing was changed, so nobody has to mend anything', async () => {
    const { told } = await play({ input: request, script: usual({ makePlan: () => fault('arm-down') }) });
    expect(told.at(-1)).toBe('enterPhase refused');
  });

  test('that cannot even be noted does not stop the run', async () => {
    const script = usual({
      chooseVersion: (_, call) => (call <= 2 ? fault() : undefined),
      noteWaiting: () => thrown,
    });
    const { output } = await play({ input: request, script });
    expect(output).toMatchObject({ phase: 'completed' });
  });

  test('and an activity that dies are counted apart: a storm of faults does not use up the three tries', async () => {
    const script = usual({ chooseVersion: (_, call) => [fault(), thrown, fault(), thrown, fault()][call - 1] });
    const { output } = await play({ input: request, script });
    expect(output).toMatchObject({ phase: 'completed' });
  });

  test('that outlasts the deadline when even the ledger is gone fails the instance for all to see', async () => {
    const played = await play({
      input: request,
      script: usual({ enterPhase: ({ phase }) => (phase === 'planning' ? undefined : fault('storage')) }),
    });
    expect(played.failure).toContain('A fault: storage.');
  });
});

/** Lets one step, named as it is told, answer so the first time. */
function firstTime(at: string, answer: ReturnType<typeof fault>): object {
  const [name = '', first] = at.split(' ');
  let done = false;
  return {
    [name]: (input: Readonly<Record<string, unknown>>) => {
      const isMeant = first === undefined || [input['phase'], input['alert'], String(input['target'])].includes(first);
      if (done || !isMeant) return undefined;
      done = true;
      return answer;
    },
  };
}
