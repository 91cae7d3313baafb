import { wakeUp } from '../../functions/durable';
import { play } from './harness';
import { fault, interrupted, request, type Script, usual } from './script';

/** The ledger holds the command from this call on, as it does before the wake-up call goes out. */
function recalledFrom(call: number, extra: Parameters<typeof usual>[0] = {}): Script {
  return usual({ ...extra, probeTargets: (_, at) => (at >= call ? interrupted : undefined) });
}

const secondsOf = (played: Awaited<ReturnType<typeof play>>, told: string): number =>
  played.steps.find((step) => step.told === told)?.atSeconds ?? Number.NaN;

describe('a command', () => {
  test('wakes a run that sleeps between two probes: it goes back at once, not at the next probe', async () => {
    const script = recalledFrom(3);
    const played = await play({ input: request, script, raise: [{ name: wakeUp, atSeconds: 1500 }] });
    expect(secondsOf(played, 'enterPhase rolling-back')).toBeCloseTo(1500.1);
    expect(played.output).toMatchObject({ phase: 'rolled-back' });
  });

  test('that comes in the middle of a probe wakes the run from the sleep that follows', async () => {
    const script = usual({
      probeTargets: (_, call, world) => {
        // The probe has looked at the ledger already when the command is written.
        if (call === 2) world.raise(wakeUp, 0.05);
        return call > 2 ? interrupted : undefined;
      },
    });
    const played = await play({ input: request, script });
    expect(secondsOf(played, 'enterPhase rolling-back')).toBeLessThan(1210);
  });

  test('that comes before the first sleep is not lost either', async () => {
    const played = await play({ input: request, script: recalledFrom(1), raise: [{ name: wakeUp, atSeconds: 0.45 }] });
    expect(secondsOf(played, 'enterPhase rolling-back')).toBeLessThan(2);
  });

  test('wakes a run that waits for a fault while rewrapping', async () => {
    const script = usual({
      moveTarget: ({ target, direction }, _, { now }) => {
        if (direction === 'back' || target === 0) return undefined;
        return Date.parse(now) < Date.parse('2026-11-22T03:20:00Z') ? fault('vault-unreachable', 3000) : interrupted;
      },
    });
    const played = await play({ input: request, script, raise: [{ name: wakeUp, atSeconds: 1200 }] });
    expect(secondsOf(played, 'enterPhase rolling-back')).toBeCloseTo(1200.1);
    expect(played.output).toMatchObject({ phase: 'rolled-back' });
  });

  test('that turns out to be none costs one more probe and does not shorten the soak', async () => {
    const raise = [100, 100.05, 700, 1234, 3300].map((atSeconds) => ({ name: wakeUp, atSeconds }));
    const played = await play({ input: request, script: usual(), raise });
    expect(secondsOf(played, 'enterPhase completed') - secondsOf(played, 'beginSoak')).toBeGreaterThanOrEqual(3600);
    expect(played.output).toMatchObject({ phase: 'completed' });
    expect(played.told.filter((step) => step === 'probeTargets').length).toBeLessThanOrEqual(6 + raise.length);
  });

  test('under another name wakes nobody', async () => {
    const played = await play({ input: request, script: usual(), raise: [{ name: 'other', atSeconds: 1500 }] });
    expect(played.told.filter((step) => step === 'probeTargets')).toHaveLength(6);
  });
});
