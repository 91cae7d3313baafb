import { wakeUp } from '../../functions/durable';
import { play } from './harness';
import { cancelled, fault, interrupted, ok, planOf, probes, refusal, request, type Script, usual } from './script';

type Played = Awaited<ReturnType<typeof play>>;
const secondsOf = (played: Played, told: string): number =>
  played.steps.find((step) => step.told === told)?.atSeconds ?? Number.NaN;
const policy = { watchSeconds: 25 * 3600, probeEverySeconds: 1800 };
const revoke = (script: Script, more: Partial<Parameters<typeof play>[0]> = {}) =>
  play({ orchestrator: 'revokeKey', input: request, script, ...more });
const restore = (script: Script) => play({ orchestrator: 'restoreKey', input: request, script });
/** Red from this look on. */
const redFrom = (look: number): Script =>
  usual(
    { lookAtAccess: (_, call) => (call < look ? probes('green', 'red', 'green') : probes('red', 'red', 'red')) },
    { policy },
  );

describe('a revocation', () => {
  test('is planned, then disables, then looks until every target has lost access, and tells', async () => {
    const played = await revoke(redFrom(1));
    expect(played.told).toEqual([
      'admit',
      'enterPhase planning',
      'makePlan',
      'enterPhase revoking',
      'revokeVersions',
      'lookAtAccess',
      'revokeVersions',
      'enterPhase completed',
      'sendAlert revoked',
    ]);
    expect(played.output).toMatchObject({ phase: 'completed' });
  });

  test('goes on looking while a service lives on the key that it has cached', async () => {
    const played = await revoke(redFrom(13));
    expect(played.output).toMatchObject({ phase: 'completed' });
    expect(secondsOf(played, 'enterPhase completed')).toBeGreaterThan(12 * 1800 - 10);
    const looks = played.steps.filter(({ name }) => name === 'lookAtAccess');
    expect(looks).toHaveLength(13);
    expect(looks[0]?.input).toMatchObject({ before: [] });
    expect(looks[1]?.input).toMatchObject({
      before: ['iotHub/iotHub-0 green', 'dps/dps-1 red', 'dataKeys/dataKeys-2 green'],
    });
  });

  test('I12: takes an answer that is not known for neither: it is not lost access', async () => {
    const script = usual(
      { lookAtAccess: (_, call) => (call < 3 ? probes('red', 'unknown', 'red') : probes('red', 'red', 'red')) },
      { policy },
    );
    const { steps } = await revoke(script);
    expect(steps.filter(({ name }) => name === 'lookAtAccess')).toHaveLength(3);
  });

  test('that somebody still has access after is handed to a person, who is told whose it is', async () => {
    const played = await revoke(usual({ lookAtAccess: () => probes('red', 'green', 'red') }, { policy }));
    expect(played.output).toMatchObject({
      phase: 'needs-attention',
      message: expect.stringContaining('dps/dps-1 has not lost access 25 hours later'),
    });
    expect(played.told).not.toContain('restoreVersions');
  });

  test('leaves out no look because commands wake it', async () => {
    const raise = [10, 30, 50, 70, 90].map((atSeconds) => ({ name: wakeUp, atSeconds }));
    const script = usual({ lookAtAccess: () => probes('red', 'green', 'red') }, { policy });
    const played = await revoke(script, { raise });
    expect(played.output).toMatchObject({ phase: 'needs-attention' });
    // One at once, one for each command, and the fifty of the watch.
    expect(played.steps.filter(({ name }) => name === 'lookAtAccess')).toHaveLength(1 + raise.length + 50);
    expect(secondsOf(played, 'enterPhase needs-attention')).toBeGreaterThan(25 * 3600);
  });

  test('makes up for no look that it missed, and watches anew when it is let go on after its watch', async () => {
    const startedAgo = (seconds: number): Script =>
      usual(
        {
          lookAtAccess: () => probes('red', 'green', 'red'),
          revokeVersions: ({ now }) =>
            ok({ revokedAt: new Date(Date.parse(now) - seconds * 1000).toISOString(), versions: ['v1'] }),
        },
        { policy, known: planOf() },
      );
    const looks = async (seconds: number) =>
      (await revoke(startedAgo(seconds))).steps.filter(({ name }) => name === 'lookAtAccess').length;
    // One at once, then those that are left of the fifty.
    expect(await looks(20 * 3600)).toBe(1 + 10);
    expect(await looks(26 * 3600)).toBe(1 + 50);
  });

  test('that is taken back while it watches enables again, and proves that old data opens', async () => {
    const script = usual(
      {
        lookAtAccess: (_, call) =>
          call === 1 ? probes('green', 'green', 'green') : call === 2 ? interrupted : probes('green', 'green', 'green'),
      },
      { policy },
    );
    const played = await revoke(script, { raise: [{ name: wakeUp, atSeconds: 100 }] });
    expect(played.told.slice(-6)).toEqual([
      'lookAtAccess',
      'enterPhase rolling-back',
      'restoreVersions',
      'lookAtAccess',
      'enterPhase rolled-back',
      'sendAlert rolled-back',
    ]);
    expect(secondsOf(played, 'enterPhase rolling-back')).toBeLessThan(110);
  });

  test('that the vault refuses in the middle is taken back whole', async () => {
    const script = usual({
      revokeVersions: () => refusal('forbidden'),
      lookAtAccess: () => probes('green', 'green', 'green'),
    });
    const { told, output } = await revoke(script);
    expect(told).toContain('restoreVersions');
    expect(output).toMatchObject({ phase: 'rolled-back' });
  });

  test('waits out a fault of the vault, and goes on', async () => {
    const script = usual({ revokeVersions: (_, call) => (call < 3 ? fault() : undefined) });
    const { output, told } = await revoke(script);
    expect(output).toMatchObject({ phase: 'completed' });
    // Two faults, what got through, and the look at the end whether a version was made meanwhile.
    expect(told.filter((step) => step === 'revokeVersions')).toHaveLength(4);
  });

  test('that is refused or cancelled in its plan disables nothing', async () => {
    for (const makePlan of [() => ok({ decision: 'refuse' as const, reasons: [] }), () => cancelled]) {
      const { told } = await revoke(usual({ makePlan }));
      expect(told).not.toContain('revokeVersions');
    }
  });

  test('that is resumed goes on from its plan; abandoned it changes nothing', async () => {
    const resumed = await revoke(usual({}, { known: planOf() }));
    expect(resumed.told.slice(0, 4)).toEqual(['admit', 'enterPhase revoking', 'revokeVersions', 'lookAtAccess']);
    const cause = { kind: 'resume', command: 'abandon' };
    const abandoned = await revoke(usual(), { input: { ...request, cause } });
    expect(abandoned.told).toEqual(['admit', 'recordStanding', 'enterPhase abandoned']);
  });
});

describe('a restoration', () => {
  test('enables, then proves that every target opens old data, and tells', async () => {
    const script = usual({
      lookAtAccess: (_, call) => (call < 3 ? probes('red', 'green', 'unknown') : probes('green', 'green', 'green')),
    });
    const played = await restore(script);
    expect(played.told).toEqual([
      'admit',
      'enterPhase planning',
      'makePlan',
      'enterPhase restoring',
      'restoreVersions',
      'lookAtAccess',
      'lookAtAccess',
      'lookAtAccess',
      'enterPhase completed',
      'sendAlert restored',
    ]);
  });

  test('after which old data does not open is handed to a person', async () => {
    const { output } = await restore(usual({}, { policy }));
    expect(output).toMatchObject({
      phase: 'needs-attention',
      message: expect.stringContaining('does not open old data'),
    });
  });
});
