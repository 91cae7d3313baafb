import type { Cause } from '../../shared/contracts/activities';
import { play } from './harness';
import { ok, planOf, refusal, request, superseded, usual } from './script';

const resume = (command: (Cause & { kind: 'resume' })['command']) => ({
  ...request,
  generation: 2,
  reason: 'The role is mended.',
  cause: { kind: 'resume' as const, command },
});

describe('a run that goes on from the ledger', () => {
  test('with a plan on record does not plan again: what was checked is what is applied', async () => {
    const { told, output } = await play({ input: resume('resume'), script: usual({}, { known: planOf() }) });
    expect(told.slice(0, 6)).toEqual([
      'admit',
      'enterPhase creating-version',
      'secureWayBack',
      'chooseVersion',
      'enterPhase rewrapping',
      'moveTarget 0 forward',
    ]);
    expect(told).not.toContain('makePlan');
    expect(output).toMatchObject({ phase: 'completed' });
  });

  test('without a plan on record plans', async () => {
    const { told } = await play({ input: resume('resume'), script: usual() });
    expect(told.slice(0, 3)).toEqual(['admit', 'enterPhase planning', 'makePlan']);
  });

  test('as a rollback goes back and nowhere else', async () => {
    const script = usual({}, { known: planOf(), direction: 'back', moved: [0, 1] });
    const { told, output, steps } = await play({ input: resume('rollback'), script });
    expect(told).toEqual([
      'admit',
      'enterPhase rolling-back',
      'listUndo',
      'proveWayBack',
      'moveTarget 1 back',
      'verifyTarget 1 back',
      'moveTarget 0 back',
      'verifyTarget 0 back',
      'enterPhase rolled-back',
      'sendAlert rolled-back',
    ]);
    expect(output).toMatchObject({ phase: 'rolled-back', message: 'An operator asked to go back.' });
    expect(steps[1]?.input).toMatchObject({
      reasons: [{ code: 'operator-rollback', message: 'An operator asked to go back.' }],
    });
  });

  test('as a rollback that was under way says so', async () => {
    const { output } = await play({
      input: resume('resume'),
      script: usual({}, { known: planOf(), direction: 'back' }),
    });
    expect(output).toMatchObject({ phase: 'rolled-back', message: 'The rollback that was under way goes on.' });
  });

  test('as a rollback of a run that never planned changes nothing', async () => {
    const { told } = await play({ input: resume('rollback'), script: usual({}, { direction: 'back' }) });
    expect(told.slice(1)).toEqual([
      'enterPhase rolling-back',
      'listUndo',
      'enterPhase rolled-back',
      'sendAlert rolled-back',
    ]);
  });

  test('as a rollback that was resumed goes back although the command says resume: the ledger knows the way', async () => {
    const script = usual({}, { known: planOf(), direction: 'back', moved: [0] });
    const { told } = await play({ input: resume('resume'), script });
    expect(told).not.toContain('enterPhase rewrapping');
    expect(told).toContain('moveTarget 0 back');
  });
});

describe('a run that is abandoned', () => {
  test('changes nothing, says where each target stands, and gives the claim up', async () => {
    const script = usual({}, { known: planOf(), moved: [0, 1] });
    const { told, steps, output } = await play({ input: resume('abandon'), script });
    expect(told).toEqual(['admit', 'recordStanding', 'enterPhase abandoned']);
    expect(steps[2]?.input).toMatchObject({ reasons: [{ code: 'stands-on' }] });
    expect(output).toMatchObject({ phase: 'abandoned' });
  });

  test('on its way back is abandoned all the same', async () => {
    const script = usual({}, { known: planOf(), direction: 'back', moved: [0] });
    const { told } = await play({ input: resume('abandon'), script });
    expect(told).toEqual(['admit', 'recordStanding', 'enterPhase abandoned']);
  });

  test('keeps its claim, and needs attention, when that cannot be told', async () => {
    const { told } = await play({
      input: resume('abandon'),
      script: usual({ recordStanding: () => refusal('no-history') }),
    });
    expect(told.slice(-2)).toEqual(['enterPhase needs-attention', 'sendAlert needs-attention']);
  });

  test('ends without another step when a newer run holds the claim', async () => {
    const { told } = await play({ input: resume('abandon'), script: usual({ recordStanding: () => superseded }) });
    expect(told).toEqual(['admit', 'recordStanding']);
  });
});

test('a resume that is not admitted does nothing', async () => {
  const admit = () => ok({ admitted: false as const, why: 'already-ended', message: 'It has ended before.' });
  const { told } = await play({ input: resume('resume'), script: usual({ admit }) });
  expect(told).toEqual(['admit']);
});
