import { wakeUp } from '../../functions/durable';
import { play } from './harness';
import { fault, interrupted, ok, refusal, request, usual, verified } from './script';

const soon = (waitSeconds: number) => ok({ waitSeconds, message: "The key's own policy makes a version soon." });

describe('a key whose own policy is about to make the version', () => {
  test('is waited for as long as it says, and goes on with what is chosen then', async () => {
    const chooseVersion = (_: unknown, call: number) => [soon(7200), soon(1800)][call - 1];
    const played = await play({ input: request, script: usual({ chooseVersion }) });
    const from = played.diary.indexOf('chooseVersion');
    expect(played.diary.slice(from, from + 9)).toEqual([
      'chooseVersion',
      'noteWaiting policy',
      'wait 7200',
      'chooseVersion',
      'noteWaiting policy',
      'wait 1800',
      'chooseVersion',
      'noteWaiting null',
      'enterPhase rewrapping',
    ]);
    const noted = played.steps.find(({ told }) => told === 'noteWaiting policy')?.input['reasons'];
    expect(noted).toEqual([{ code: 'policy-about-to-rotate', message: expect.stringContaining('own policy') }]);
  });

  test('is not waited for any longer when an operator says to go back', async () => {
    const chooseVersion = (_: unknown, call: number) => (call === 1 ? soon(7200) : interrupted);
    const raise = [{ name: wakeUp, atSeconds: 100 }];
    const played = await play({ input: request, script: usual({ chooseVersion }), raise });
    expect(played.steps.find(({ told }) => told === 'enterPhase rolling-back')?.atSeconds).toBeCloseTo(100.1);
    expect(played.output).toMatchObject({ phase: 'rolled-back' });
  });
});

describe('services with an unversioned identifier', () => {
  const secureWayBack = () => ok({ pinned: [0, 1] });

  test('are pinned, in their order and each verified, before a version is chosen', async () => {
    const { told, output } = await play({ input: request, script: usual({ secureWayBack }) });
    const from = told.indexOf('secureWayBack');
    expect(told.slice(from, from + 7)).toEqual([
      'secureWayBack',
      'moveTarget 0 back',
      'verifyTarget 0 back',
      'moveTarget 1 back',
      'verifyTarget 1 back',
      'chooseVersion',
      'enterPhase rewrapping',
    ]);
    expect(output).toMatchObject({ phase: 'completed' });
  });

  test.each([
    ['cannot be pinned', { moveTarget: () => refusal('locked') }],
    [
      'do not open old data once pinned',
      {
        verifyTarget: ({ target }: { target: number }, call: number) =>
          call <= 2 ? verified(target, 'red') : undefined,
      },
    ],
  ])('that %s leave the run without a version of its own', async (_, changes) => {
    const script = usual({ secureWayBack, ...changes, listUndo: () => ok({ targets: [] }) });
    const { told, output } = await play({ input: request, script });
    expect(told).not.toContain('chooseVersion');
    expect(output).toMatchObject({ phase: 'rolled-back' });
  });

  test('are asked about before anything else, and a fault there is waited out', async () => {
    const script = usual({ secureWayBack: (_, call) => (call === 1 ? fault() : undefined) });
    const { told, output } = await play({ input: request, script });
    expect(told.indexOf('secureWayBack')).toBeLessThan(told.indexOf('chooseVersion'));
    expect(output).toMatchObject({ phase: 'completed' });
  });

  test('that a refusal keeps from being secured leave nothing to go back', async () => {
    const { told } = await play({ input: request, script: usual({ secureWayBack: () => refusal('no-set') }) });
    expect(told.slice(-2)).toEqual(['secureWayBack', 'enterPhase refused']);
  });
});
