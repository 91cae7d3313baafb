import { wakeUp } from '../../functions/durable';
import { play } from './harness';
import { interrupted, ok, paused, planOf, probes, request, usual } from './script';

/** More rounds of probes, or targets, than one execution takes. */
const longSoak = { policy: { soakSeconds: 90 * 600 } };
const many = { plan: planOf(40) };
const mostTurns = 2000;

const indexOfSecond = (told: readonly string[], step: string): number => told.indexOf(step, told.indexOf(step) + 1);

describe('a rotation that leaves its history behind', () => {
  test('moves and verifies each target once, and enters each phase once', async () => {
    const { told, executions, output } = await play({ input: request, script: usual({}, many), mostTurns });
    // A sub-orchestration for each store of data keys is an execution too.
    expect(executions).toBeGreaterThan(3);
    const once = told.filter((step) => /^(admit|makePlan|chooseVersion|enterPhase|moveTarget|verifyTarget)/.test(step));
    const inSoak = once.filter(
      (step) => step.startsWith('verifyTarget') && planOf(40).targets[Number(step.split(' ')[1])]?.kind === 'dataKeys',
    );
    expect(new Set(once).size).toBe(once.length - inSoak.length / 2);
    expect(output).toMatchObject({ phase: 'completed' });
  });

  test('soaks for as long, and probes as often, as if it had kept it', async () => {
    const { steps, asleep, output } = await play({ input: request, script: usual({}, longSoak), mostTurns });
    const began = steps.find(({ name }) => name === 'beginSoak')?.atSeconds ?? 0;
    const rounds = steps.filter(({ name }) => name === 'probeTargets').map(({ atSeconds }) => atSeconds - began);
    expect(steps.filter(({ name }) => name === 'beginSoak').length).toBeGreaterThan(1);
    expect(rounds.map((at) => Math.floor(at / 600))).toEqual(Array.from({ length: 90 }, (_, round) => round + 1));
    expect(new Set(asleep.map((status) => JSON.stringify(status))).size).toBe(1);
    expect(output).toMatchObject({ phase: 'completed' });
  });

  test('still knows a red probe of before', async () => {
    const clean = await play({ input: request, script: usual({}, longSoak), mostTurns });
    const before = clean.told
      .slice(0, indexOfSecond(clean.told, 'beginSoak'))
      .filter((step) => step === 'probeTargets').length;
    const probeTargets = (_: unknown, call: number) =>
      call === before || call === before + 1 ? probes('green', 'red', 'green') : undefined;
    const { told, output } = await play({ input: request, script: usual({ probeTargets }, longSoak), mostTurns });
    expect(told.filter((step) => step === 'probeTargets')).toHaveLength(before + 1);
    expect(output).toMatchObject({ phase: 'rolled-back' });
  });

  test('finds a command that came at that very moment, although its wake-up call was lost', async () => {
    const started = ok({ soakStartedAt: '2026-11-22T03:00:02.000Z' });
    const beginSoak = (_: unknown, call: number) => (call === 2 ? interrupted : started);
    const { told, output } = await play({ input: request, script: usual({ beginSoak }, longSoak), mostTurns });
    expect(told.slice(told.indexOf('enterPhase rolling-back') - 1)[0]).toBe('beginSoak');
    expect(output).toMatchObject({ phase: 'rolled-back' });
  });

  test('takes back what was moved before as well as after', async () => {
    const moveTarget = ({ target, direction }: { target: number; direction: string }) =>
      target === 36 && direction === 'forward' ? interrupted : undefined;
    const { told, output } = await play({ input: request, script: usual({ moveTarget }, many), mostTurns });
    const back = told.filter((step) => /^move\w+ \d+ back/.test(step)).map((step) => Number(step.split(' ')[1]));
    expect(new Set(back)).toEqual(new Set(Array.from({ length: 37 }, (_, target) => target)));
    expect(output).toMatchObject({ phase: 'rolled-back' });
  });

  test('is paused and goes on after it', async () => {
    const beginSoak = (_: unknown, call: number) => (call === 2 ? paused : undefined);
    const raise = [{ name: wakeUp, atSeconds: 40_000 }];
    const { told, output } = await play({ input: request, script: usual({ beginSoak }, longSoak), raise, mostTurns });
    expect(told).toContain('noteWaiting pause');
    expect(output).toMatchObject({ phase: 'completed' });
  });
});
