import { play } from './harness';
import { fault, key, ok, probes, request, usual } from './script';

const secondsAt = (played: Awaited<ReturnType<typeof play>>, told: string): readonly number[] =>
  played.steps.filter((step) => step.told === told).map(({ atSeconds }) => atSeconds);

describe('a soak', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'is not shorter than asked although timers fire early (seed %i)',
    async (seed) => {
      const played = await play({ input: request, script: usual(), seed });
      const [began = Number.NaN] = secondsAt(played, 'beginSoak');
      const probed = secondsAt(played, 'probeTargets');
      expect(probed).toHaveLength(6);
      expect((probed.at(-1) ?? 0) - began).toBeGreaterThanOrEqual(3600);
      expect((probed.at(-1) ?? 0) - began).toBeLessThan(3603);
    },
  );

  test('probes at its start + k × the interval, however long a probe takes to answer', async () => {
    const slow = { probeTargets: (_: unknown, call: number) => (call === 2 ? fault('throttled', 90) : undefined) };
    const played = await play({ input: request, script: usual(slow) });
    const [began = Number.NaN] = secondsAt(played, 'beginSoak');
    const rounds = secondsAt(played, 'probeTargets').map((at) => Math.floor((at - began) / 600));
    expect(rounds).toEqual([1, 2, 2, 3, 4, 5, 6]);
  });

  test('that is no multiple of the interval ends with a probe of its own', async () => {
    const played = await play({ input: request, script: usual({}, { policy: { soakSeconds: 1500 } }) });
    const [began = Number.NaN] = secondsAt(played, 'beginSoak');
    expect(secondsAt(played, 'probeTargets').map((at) => Math.floor((at - began) / 100))).toEqual([6, 12, 15]);
  });

  test('of no length at all still probes once', async () => {
    const played = await play({ input: request, script: usual({}, { policy: { soakSeconds: 0 } }) });
    expect(secondsAt(played, 'probeTargets')).toHaveLength(1);
    expect(played.output).toMatchObject({ phase: 'completed' });
  });

  test('of thirty days, longer than any one timer, is slept through', async () => {
    const days = 24 * 3600;
    const long = { soakSeconds: 30 * days, probeEverySeconds: 10 * days };
    const played = await play({ input: request, script: usual({}, { policy: long }) });
    expect(secondsAt(played, 'probeTargets')).toHaveLength(3);
    expect(played.seconds).toBeGreaterThanOrEqual(30 * days);
    expect(
      played.diary.filter((line) => line.startsWith('wait')).every((line) => Number(line.slice(5)) <= 6 * days),
    ).toBe(true);
  });

  test('I2: keeps the start it had when it is resumed, and does not make up for missed probes in a burst', async () => {
    const resumed = { ...request, cause: { kind: 'resume' as const, command: 'resume' as const } };
    const beginSoak = () => ok({ soakStartedAt: '2026-11-22T02:14:30.000Z' });
    const played = await play({ input: resumed, script: usual({ beginSoak }) });
    const rounds = secondsAt(played, 'probeTargets').map((at) => (at + 2730) / 600);
    expect(rounds.map(Math.floor)).toEqual([5, 6]);
    expect(played.output).toMatchObject({ phase: 'completed' });
  });

  test('whose end is past when it is resumed is over with one green round', async () => {
    const beginSoak = () => ok({ soakStartedAt: '2026-11-20T02:00:00.000Z' });
    const played = await play({ input: request, script: usual({ beginSoak }) });
    expect(secondsAt(played, 'probeTargets')).toHaveLength(1);
    expect(played.seconds).toBeLessThan(10);
    expect(played.output).toMatchObject({ phase: 'completed' });
  });

  test('whose end is past when it is resumed still waits for an answer that is in doubt', async () => {
    const beginSoak = () => ok({ soakStartedAt: '2026-11-20T02:00:00.000Z' });
    const probeTargets = (_: unknown, call: number) => (call <= 2 ? probes('green', 'unknown', 'green') : undefined);
    const played = await play({ input: request, script: usual({ beginSoak, probeTargets }) });
    const [first = 0, second = 0, third = 0] = secondsAt(played, 'probeTargets');
    expect(second - first).toBeGreaterThan(500);
    expect(third - second).toBeGreaterThan(590);
    expect(played.output).toMatchObject({ phase: 'completed' });
  });
});

describe('I8, I12: what probes say', () => {
  test('I10: N red of the last M of one target takes all back, naming it', async () => {
    const rounds = [
      probes('green', 'red', 'green'),
      probes('green', 'green', 'green'),
      probes('green', 'red', 'green'),
    ];
    const probeTargets = (_: unknown, call: number) => rounds[call - 1];
    const { told, output } = await play({ input: request, script: usual({ probeTargets }) });
    expect(told.filter((step) => step === 'probeTargets')).toHaveLength(3);
    expect(told.slice(-11)).toEqual([
      'enterPhase rolling-back',
      'listUndo',
      'proveWayBack',
      'moveDataKeysPage 2 back null',
      'verifyTarget 2 back',
      'moveTarget 1 back',
      'verifyTarget 1 back',
      'moveTarget 0 back',
      'verifyTarget 0 back',
      'enterPhase rolled-back',
      'sendAlert rolled-back',
    ]);
    expect(output).toMatchObject({ message: 'dps/dps-1 cannot open its data: The probe is red.' });
  });

  test('one red of each of two targets is not two of one', async () => {
    const rounds = [probes('red', 'green', 'green'), probes('green', 'red', 'green')];
    const { output } = await play({
      input: request,
      script: usual({ probeTargets: (_, call) => rounds[call - 1] }),
    });
    expect(output).toMatchObject({ phase: 'completed' });
  });

  test('unknown is not red: an hour of it takes nothing back', async () => {
    const probeTargets = (_: unknown, call: number) =>
      call <= 5 ? probes('unknown', 'unknown', 'unknown') : undefined;
    const { output, told } = await play({ input: request, script: usual({ probeTargets }) });
    expect(told.filter((step) => step === 'probeTargets')).toHaveLength(6);
    expect(output).toMatchObject({ phase: 'completed' });
  });

  test('unknown is no answer: it does not push a red one out of the last M', async () => {
    const u = 'unknown' as const;
    const rounds = [probes('red', u, u), probes(u, u, u), probes(u, u, u), probes(u, u, u), probes('red', u, u)];
    const { output } = await play({ input: request, script: usual({ probeTargets: (_, call) => rounds[call - 1] }) });
    expect(output).toMatchObject({ phase: 'rolled-back' });
  });

  test('a soak whose newest answer is red goes on until it is green again', async () => {
    const probeTargets = (_: unknown, call: number) => (call === 6 ? probes('green', 'red', 'green') : undefined);
    const { told, output, seconds } = await play({ input: request, script: usual({ probeTargets }) });
    expect(told.filter((step) => step === 'probeTargets')).toHaveLength(7);
    expect(seconds).toBeGreaterThanOrEqual(4200);
    expect(output).toMatchObject({ phase: 'completed' });
  });

  test('a target that never answered is not green: after a fault deadline more that needs attention', async () => {
    const probeTargets = () => probes('green', 'unknown', 'green');
    const { told, output, seconds } = await play({ input: request, script: usual({ probeTargets }) });
    expect(told.slice(-2)).toEqual(['enterPhase needs-attention', 'sendAlert needs-attention']);
    expect(told).not.toContain('enterPhase rolling-back');
    expect(seconds).toBeGreaterThanOrEqual(3600 + 7200);
    expect(seconds).toBeLessThan(3600 + 7200 + 700);
    expect(output).toMatchObject({ message: expect.stringContaining('not every target has answered') });
  });

  test('a fault while probing takes nothing back', async () => {
    const probeTargets = (_: unknown, call: number) => (call > 2 && call < 8 ? fault() : undefined);
    const { told, output } = await play({ input: request, script: usual({ probeTargets }) });
    expect(told).not.toContain('enterPhase rolling-back');
    expect(output).toMatchObject({ phase: 'completed' });
  });

  test('a policy of one red of one takes all back at the first', async () => {
    const probeTargets = () => probes('green', 'green', 'red');
    const script = usual({ probeTargets }, { policy: { redProbes: { red: 1, of: 1 } } });
    const { told } = await play({ input: { ...request, key }, script });
    expect(told.filter((step) => step === 'probeTargets')).toHaveLength(1);
  });
});
