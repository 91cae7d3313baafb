import { play } from './harness';
import {
  broken,
  type Changes,
  cancelled,
  fault,
  interrupted,
  ok,
  planOf,
  refusal,
  request,
  superseded,
  thrown,
  usual,
  verified,
} from './script';

const before = [
  'admit',
  'enterPhase planning',
  'makePlan',
  'enterPhase creating-version',
  'secureWayBack',
  'chooseVersion',
];
const moved = [
  'enterPhase rewrapping',
  'moveTarget 0 forward',
  'verifyTarget 0 forward',
  'moveTarget 1 forward',
  'verifyTarget 1 forward',
  'moveDataKeysPage 2 forward null',
  'verifyTarget 2 forward',
];
const soaked = ['enterPhase soaking', 'beginSoak', ...Array<string>(6).fill('probeTargets')];
const finalPass = ['moveDataKeysPage 2 forward null', 'verifyTarget 2 forward'];
const completed = ['enterPhase completed', 'sendAlert completed'];
const wayBack = ['enterPhase rolling-back', 'listUndo', 'proveWayBack'];
const allBack = [
  'moveDataKeysPage 2 back null',
  'verifyTarget 2 back',
  'moveTarget 1 back',
  'verifyTarget 1 back',
  'moveTarget 0 back',
  'verifyTarget 0 back',
];
const rolledBack = ['enterPhase rolled-back', 'sendAlert rolled-back'];
const attention = ['enterPhase needs-attention', 'sendAlert needs-attention'];

describe('a rotation in which nothing goes wrong', () => {
  test('plans, chooses, moves and verifies one target after the other, soaks, looks for new data keys, completes', async () => {
    const played = await play({ input: request, script: usual() });
    expect(played.told).toEqual([...before, ...moved, ...soaked, ...finalPass, ...completed]);
    expect(played.output).toEqual({ rotationId: 'r-1', phase: 'completed', message: 'The rotation is completed.' });
  });

  test('gives every step the run it was admitted as, and the instant of its turn', async () => {
    const { steps } = await play({ input: request, script: usual() });
    for (const { name, input, atSeconds } of steps) {
      expect(Date.parse(String(input['now'])) / 1000).toBeCloseTo(
        Date.parse('2026-11-22T03:00:00Z') / 1000 + atSeconds,
      );
      if (name !== 'admit') expect(input['run']).toEqual({ key: request.key, rotationId: 'r-1', generation: 1 });
    }
  });

  test('hands the request and its own instance id to admission, so that the claim can be bound', async () => {
    const { steps } = await play({ input: request, script: usual() });
    expect(steps[0]?.input).toMatchObject({ request, instanceId: 'root' });
  });
});

describe('before anything has been changed', () => {
  test('a run that is not admitted ends quietly, without another step', async () => {
    const admit = () => ({
      kind: 'ok' as const,
      value: { admitted: false as const, why: 'claim-lost', message: 'Another one was faster.' },
    });
    const played = await play({ input: request, script: usual({ admit }) });
    expect(played.told).toEqual(['admit']);
    expect(played.output).toEqual({ rotationId: 'r-1', phase: null, message: 'Another one was faster.' });
  });

  test.each([
    ['a refusal', refusal()],
    ['a newer claim', superseded],
    ['a broken invariant', broken()],
  ])('%s at admission ends the run quietly', async (_, answer) => {
    const played = await play({ input: request, script: usual({ admit: () => answer }) });
    expect(played.told).toEqual(['admit']);
    expect(played).toMatchObject({ failure: null, output: { phase: null } });
  });

  test('a fault at admission is waited out: an event must not be lost to it', async () => {
    const admit = (_: unknown, call: number) => (call <= 3 ? fault() : undefined);
    const { told, output } = await play({ input: request, script: usual({ admit }) });
    expect(told.filter((step) => step === 'admit')).toHaveLength(4);
    expect(output).toMatchObject({ phase: 'completed' });
  });

  test.each([
    ['skip', 'skipped'],
    ['refuse', 'refused'],
  ] as const)(
    'a plan that says %s ends the run as %s, with its reasons and without an alert',
    async (decision, phase) => {
      const reasons = [{ code: 'nothing-to-do', message: 'Every target is on the newest version.' }];
      const makePlan = () => ({ kind: 'ok' as const, value: { decision, reasons } });
      const { told, steps, output } = await play({ input: request, script: usual({ makePlan }) });
      expect(told).toEqual(['admit', 'enterPhase planning', 'makePlan', `enterPhase ${phase}`]);
      expect(steps.at(-1)?.input).toMatchObject({ reasons });
      expect(output).toEqual({ rotationId: 'r-1', phase, message: reasons[0]?.message });
    },
  );

  test('a refusal while planning ends as refused', async () => {
    const { told } = await play({ input: request, script: usual({ makePlan: () => refusal('not-active') }) });
    expect(told).toEqual(['admit', 'enterPhase planning', 'makePlan', 'enterPhase refused']);
  });

  test('a broken invariant while planning needs attention: nobody but a person should go on', async () => {
    const { told } = await play({ input: request, script: usual({ makePlan: () => broken() }) });
    expect(told).toEqual(['admit', 'enterPhase planning', 'makePlan', ...attention]);
  });

  test.each([
    ['a refusal', refusal('no-go'), 'refused'],
    ['a command', cancelled, 'cancelled'],
  ])(
    '%s at the door of creating-version ends without a way back: nothing has been made that could go back',
    async (_, answer, end) => {
      const enterPhase = ({ phase }: { phase: string }) => (phase === 'creating-version' ? answer : undefined);
      const { told } = await play({ input: request, script: usual({ enterPhase }) });
      expect(told.slice(-2)).toEqual(['enterPhase creating-version', `enterPhase ${end}`]);
    },
  );

  test('a refusal to choose a version ends as refused', async () => {
    const { told } = await play({ input: request, script: usual({ chooseVersion: () => refusal('disabled') }) });
    expect(told).toEqual([...before, 'enterPhase refused']);
  });

  test('a version that the run made and may not use is a change: rolled back, with no way back to prove', async () => {
    const chooseVersion = () => refusal('made-version-unusable');
    const { told } = await play({ input: request, script: usual({ chooseVersion }) });
    expect(told).toEqual([...before, 'enterPhase rolling-back', 'listUndo', ...rolledBack]);
  });
});

describe('I8: all targets go back as one unit', () => {
  const dpsRefuses = {
    moveTarget: ({ target, direction }: { target: number; direction: string }) =>
      target === 1 && direction === 'forward' ? refusal('dps-refuses') : undefined,
  };

  test('I10: when DPS refuses after the hub has moved, newest first, each verified, after the way back was proved', async () => {
    const { told, steps, output } = await play({ input: request, script: usual(dpsRefuses) });
    expect(told).toEqual([...before, ...moved.slice(0, 4), ...wayBack, ...allBack.slice(2), ...rolledBack]);
    const reasons = [{ code: 'dps-refuses', message: 'A refusal: dps-refuses.' }];
    for (const step of steps.slice(-2)) expect(step.input).toMatchObject({ reasons });
    expect(steps.find(({ told }) => told === 'enterPhase rolling-back')?.input).toMatchObject({ reasons });
    expect(output).toEqual({ rotationId: 'r-1', phase: 'rolled-back', message: 'A refusal: dps-refuses.' });
  });

  test('when a data key refuses', async () => {
    const moveDataKeysPage = ({ direction }: { direction: string }) =>
      direction === 'forward' ? refusal('check-value') : undefined;
    const { told, output } = await play({ input: request, script: usual({ moveDataKeysPage }) });
    expect(told).toEqual([...before, ...moved.slice(0, 6), ...wayBack, ...allBack, ...rolledBack]);
    expect(output).toMatchObject({ message: 'A refusal: check-value.' });
  });

  test('when a data key that its owner made during the soak refuses', async () => {
    const moveDataKeysPage = ({ direction }: { direction: string }, call: number) =>
      direction === 'forward' && call === 2 ? refusal('check-value') : undefined;
    const { told } = await play({ input: request, script: usual({ moveDataKeysPage }) });
    expect(told).toEqual([
      ...before,
      ...moved,
      ...soaked,
      ...finalPass.slice(0, 1),
      ...wayBack,
      ...allBack,
      ...rolledBack,
    ]);
  });

  test('when the record of completion refuses', async () => {
    const enterPhase = ({ phase }: { phase: string }) =>
      phase === 'completed' ? refusal('stands-elsewhere') : undefined;
    const { told } = await play({ input: request, script: usual({ enterPhase }) });
    expect(told.slice(-11)).toEqual([...wayBack, ...allBack, ...rolledBack]);
  });

  test('only those that have an undo on record', async () => {
    const script = usual({
      ...dpsRefuses,
      listUndo: () => ({ kind: 'ok', value: { targets: [0] } }),
    });
    const { told } = await play({ input: request, script });
    expect(told.slice(-6)).toEqual(['listUndo', 'proveWayBack', ...allBack.slice(4), ...rolledBack]);
  });

  test('I10: nothing goes back where previous does not unwrap: that needs a person', async () => {
    const { told, output } = await play({
      input: request,
      script: usual({ ...dpsRefuses, proveWayBack: () => refusal('previous-does-not-unwrap') }),
    });
    expect(told.slice(-5)).toEqual([...wayBack, ...attention]);
    expect(output).toMatchObject({ phase: 'needs-attention', message: 'A refusal: previous-does-not-unwrap.' });
  });

  test.each([
    ['a target that refuses to go back', refusal('locked')],
    ['an invariant that breaks on the way back', broken()],
  ])('%s needs a person, and nothing after it is touched', async (_, answer) => {
    const moveTarget = (input: { target: number; direction: string }) =>
      dpsRefuses.moveTarget(input) ?? (input.direction === 'back' ? answer : undefined);
    const { told } = await play({ input: request, script: usual({ moveTarget }) });
    expect(told.slice(-3)).toEqual(['moveTarget 1 back', ...attention]);
  });

  test('a target that does not open old data after it went back needs a person', async () => {
    const verifyTarget = ({ target, direction }: { target: number; direction: string }) =>
      direction === 'back' ? verified(target, 'red') : undefined;
    const { told, output } = await play({ input: request, script: usual({ ...dpsRefuses, verifyTarget }) });
    expect(told.slice(-5)).toEqual(['moveTarget 1 back', 'verifyTarget 1 back', 'verifyTarget 1 back', ...attention]);
    expect(output).toMatchObject({ message: expect.stringContaining('dps/dps-1 does not open old data') });
  });
});

describe('a long-running operation', () => {
  const pending = (retryAfterSeconds: number) => ({
    kind: 'ok' as const,
    value: { state: 'pending' as const, retryAfterSeconds },
  });

  test('is asked after at the pace the service named, never faster than every two seconds', async () => {
    const { diary } = await play({
      input: request,
      script: usual({
        moveTarget: ({ target }) => (target === 0 ? pending(20) : undefined),
        checkMove: (_, call) => [pending(0), pending(30)][call - 1],
      }),
    });
    const from = diary.indexOf('moveTarget 0 forward');
    expect(diary.slice(from, from + 8)).toEqual([
      'moveTarget 0 forward',
      'wait 20',
      'checkMove 0 forward',
      'wait 2',
      'checkMove 0 forward',
      'wait 30',
      'checkMove 0 forward',
      'verifyTarget 0 forward',
    ]);
  });

  test('that outlasts its deadline needs attention, and never goes back by itself', async () => {
    const { told, output, steps } = await play({
      input: request,
      script: usual({ moveTarget: () => pending(300), checkMove: () => pending(300) }),
    });
    const checks = steps.filter(({ name }) => name === 'checkMove');
    // 1800 s in sleeps of 300 s, each up to a second short, and one more that ends at the deadline.
    expect(checks.length).toBeGreaterThanOrEqual(6);
    expect(checks.length).toBeLessThanOrEqual(7);
    expect(told.slice(-3)).toEqual(['checkMove 0 forward', ...attention]);
    expect(told).not.toContain('enterPhase rolling-back');
    expect(output).toMatchObject({ message: expect.stringContaining('iotHub-0') });
  });

  test('that ends in a refusal takes all back', async () => {
    const { told } = await play({
      input: request,
      script: usual({
        moveTarget: ({ direction }) => (direction === 'forward' ? pending(5) : undefined),
        checkMove: () => refusal('operation-failed'),
      }),
    });
    expect(told.slice(-7)).toEqual([...wayBack, ...allBack.slice(4), ...rolledBack]);
  });
});

describe('an operation that failed because what it needed was away', () => {
  const failed = ok({ state: 'failed' as const, reason: { code: 'operation-failed', message: 'The vault is away.' } });
  const begun = ok({ state: 'pending' as const, retryAfterSeconds: 5 });
  const onDps = (times: number): Changes => ({
    moveTarget: ({ target }) => (target === 1 ? begun : undefined),
    checkMove: (_, call) => (call <= times ? failed : undefined),
  });

  test('is begun anew after a growing delay, the run says that it waits, and nothing goes back', async () => {
    const script = usual(onDps(2));
    const { diary, output } = await play({ input: request, script });
    const from = diary.indexOf('moveTarget 1 forward');
    expect(diary.slice(from, diary.indexOf('verifyTarget 1 forward'))).toEqual([
      ...['moveTarget 1 forward', 'wait 5', 'checkMove 1 forward', 'noteWaiting fault', 'wait 5'],
      ...['moveTarget 1 forward', 'wait 5', 'checkMove 1 forward', 'wait 10'],
      ...['moveTarget 1 forward', 'wait 5', 'checkMove 1 forward', 'noteWaiting null'],
    ]);
    expect(output).toMatchObject({ phase: 'completed' });
  });

  test('at every try needs attention once the fault deadline is over', async () => {
    const { told } = await play({ input: request, script: usual(onDps(Number.POSITIVE_INFINITY)) });
    expect(told.slice(-2)).toEqual([...attention]);
    expect(told).not.toContain('enterPhase rolling-back');
  });
});

describe('a verification', () => {
  const colours = (...given: readonly ('red' | 'green' | 'unknown')[]) => ({
    verifyTarget: ({ target, direction }: { target: number; direction: string }, call: number) =>
      direction === 'forward' && target === 0
        ? verified(target, given[Math.min(call, given.length) - 1] ?? 'green')
        : undefined,
  });

  test('that is red once is asked again a minute later, and a green answer counts', async () => {
    const { diary, output } = await play({ input: request, script: usual(colours('red', 'green')) });
    const from = diary.indexOf('verifyTarget 0 forward');
    expect(diary.slice(from, from + 4)).toEqual([
      'verifyTarget 0 forward',
      'wait 60',
      'verifyTarget 0 forward',
      'moveTarget 1 forward',
    ]);
    expect(output).toMatchObject({ phase: 'completed' });
  });

  test('I8 I10: that is confirmed red takes all back, naming the target', async () => {
    const { told, output } = await play({ input: request, script: usual(colours('red', 'red')) });
    expect(told.slice(-7)).toEqual([...wayBack, ...allBack.slice(4), ...rolledBack]);
    expect(output).toMatchObject({ message: 'iotHub/iotHub-0 does not open old data: The probe is red.' });
  });

  test('I12: that cannot be known is neither red nor green', async () => {
    const unknowns = Array<'unknown'>(5).fill('unknown');
    const { told, output } = await play({ input: request, script: usual(colours(...unknowns, 'green')) });
    expect(told.filter((step) => step === 'verifyTarget 0 forward')).toHaveLength(6);
    expect(output).toMatchObject({ phase: 'completed' });
  });

  test('I12: that stays unknown needs attention at the deadline, and never goes back by itself', async () => {
    const { told, output, seconds } = await play({ input: request, script: usual(colours('unknown')) });
    expect(told.slice(-2)).toEqual(attention);
    expect(told).not.toContain('enterPhase rolling-back');
    expect(told.filter((step) => step === 'sendAlert holding')).toHaveLength(1);
    expect(seconds).toBeGreaterThan(7198);
    expect(seconds).toBeLessThan(7300);
    expect(output).toMatchObject({ message: expect.stringContaining('iotHub/iotHub-0') });
  });
});

describe("an operator's rollback", () => {
  test('that a step of rewrapping finds in the ledger takes all back', async () => {
    const moveTarget = ({ target, direction }: { target: number; direction: string }) =>
      target === 1 && direction === 'forward' ? interrupted : undefined;
    const { told, steps } = await play({ input: request, script: usual({ moveTarget }) });
    expect(told).toEqual([...before, ...moved.slice(0, 4), ...wayBack, ...allBack.slice(2), ...rolledBack]);
    expect(steps.at(-1)?.input).toMatchObject({ reasons: [{ code: 'operator-rollback' }] });
  });

  test('that a page of data keys finds takes all back', async () => {
    const moveDataKeysPage = ({ direction }: { direction: string }) =>
      direction === 'forward' ? interrupted : undefined;
    const { told } = await play({ input: request, script: usual({ moveDataKeysPage }) });
    expect(told).toEqual([...before, ...moved.slice(0, 6), ...wayBack, ...allBack, ...rolledBack]);
  });

  test('that a probe finds while soaking takes all back', async () => {
    const { told } = await play({
      input: request,
      script: usual({ probeTargets: (_, call) => (call === 3 ? interrupted : undefined) }),
    });
    expect(told).toEqual([...before, ...moved, ...soaked.slice(0, 5), ...wayBack, ...allBack, ...rolledBack]);
  });

  test('that meets the run at the door of completion takes all back', async () => {
    const enterPhase = ({ phase }: { phase: string }) => (phase === 'completed' ? interrupted : undefined);
    const { told } = await play({ input: request, script: usual({ enterPhase }) });
    expect(told.slice(-11)).toEqual([...wayBack, ...allBack, ...rolledBack]);
  });
});

describe('a run whose claim a newer one holds', () => {
  const everyStep = [
    'enterPhase planning',
    'makePlan',
    'enterPhase creating-version',
    'secureWayBack',
    'chooseVersion',
    'moveTarget 1 forward',
    'verifyTarget 0 forward',
    'moveDataKeysPage 2 forward null',
    'beginSoak',
    'probeTargets',
    'enterPhase completed',
  ];
  test.each(everyStep)('ends without another step when %s finds it', async (at) => {
    const script = usual(onlyAt(at, superseded));
    const { told, output, failure } = await play({ input: request, script });
    expect(told.at(-1)).toBe(at);
    expect(failure).toBeNull();
    expect(output).toEqual({ rotationId: 'r-1', phase: null, message: superseded.message });
  });

  test('ends without another step when it finds that out on its way back', async () => {
    const moveTarget = ({ target, direction }: { target: number; direction: string }) =>
      direction === 'back' ? superseded : target === 1 ? refusal() : undefined;
    const { told, failure } = await play({ input: request, script: usual({ moveTarget }) });
    expect(told.at(-1)).toBe('moveTarget 1 back');
    expect(failure).toBeNull();
  });

  test('ends quietly even when it finds that out while it asks for attention', async () => {
    const enterPhase = ({ phase }: { phase: string }) => (phase === 'needs-attention' ? superseded : undefined);
    const played = await play({ input: request, script: usual({ enterPhase, beginSoak: () => broken() }) });
    expect(played.told.at(-1)).toBe('enterPhase needs-attention');
    expect(played).toMatchObject({ failure: null, output: { phase: null, message: superseded.message } });
  });
});

describe('what nobody but a person can mend', () => {
  test.each(['chooseVersion', 'moveTarget 0 forward', 'verifyTarget 1 forward', 'beginSoak', 'probeTargets'])(
    'an invariant that breaks in %s needs attention, and nothing goes back',
    async (at) => {
      const { told, output } = await play({ input: request, script: usual(onlyAt(at, broken('I3'))) });
      expect(told.slice(-3)).toEqual([at, ...attention]);
      expect(output).toMatchObject({ phase: 'needs-attention', message: 'Broken: I3.' });
    },
  );

  test('an alert that cannot be sent does not change the outcome', async () => {
    const { told, output } = await play({ input: request, script: usual({ sendAlert: () => refusal('no-topic') }) });
    expect(told.slice(-2)).toEqual(completed);
    expect(output).toMatchObject({ phase: 'completed' });
  });

  test('I6: an error nobody foresaw needs attention and does not travel in the history', async () => {
    const makePlan = () => ({
      kind: 'ok' as const,
      value: { decision: 'go' as const, approved: true, plan: { ...planOf(), targets: null } },
    });
    const script = usual({ makePlan: makePlan as never });
    const { told, output } = await play({ input: request, script });
    expect(told.slice(-2)).toEqual(attention);
    expect(output).toMatchObject({ message: "The rotation met an error nobody foresaw; the host's log has it." });
  });

  test('I6: an activity that dies three times needs attention, and what it threw does not travel', async () => {
    const { told, steps } = await play({ input: request, script: usual({ chooseVersion: () => thrown }) });
    expect(told.filter((step) => step === 'chooseVersion')).toHaveLength(3);
    expect(told.slice(-3)).toEqual(['chooseVersion', ...attention]);
    expect(JSON.stringify(steps)).not.toContain(thrown.message);
  });

  test('an activity that dies twice is tried a third time', async () => {
    const { output } = await play({
      input: request,
      script: usual({ chooseVersion: (_, call) => (call <= 2 ? thrown : undefined) }),
    });
    expect(output).toMatchObject({ phase: 'completed' });
  });
});

/** Lets one step, named as it is told, answer so. */
function onlyAt(at: string, answer: typeof superseded | ReturnType<typeof broken>): object {
  const [name = '', first, second] = at.split(' ');
  return {
    [name]: (input: Readonly<Record<string, unknown>>) => {
      const isMeant =
        first === undefined ||
        input['phase'] === first ||
        (String(input['target']) === first && input['direction'] === second);
      return isMeant ? answer : undefined;
    },
  };
}
