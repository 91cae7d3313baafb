import { storyOf } from '../../functions/orchestrators';
import { play } from './harness';
import { planOf, refusal, request, usual } from './script';

const input = { ...request, run: 'replace', replacement: 'https://kv-new.vault.azure.net/keys/kek-2' } as const;

describe('a replacement', () => {
  test('walks the road of a rotation, step for step, and is called by its own name at the end', async () => {
    expect(storyOf.replace).toBe(storyOf.rotate);
    const rotated = await play({ input: request, script: usual() });
    const replaced = await play({ input, script: usual() });
    expect(rotated.told.at(-1)).toBe('sendAlert completed');
    expect(replaced.told.at(-1)).toBe('sendAlert replaced');
    expect(replaced.told.slice(0, -1)).toEqual(rotated.told.slice(0, -1));
    expect(replaced.output).toMatchObject({ phase: 'completed' });
  });

  test('is still called so after it has left its history behind', async () => {
    const { told, executions } = await play({ input, script: usual({}, { plan: planOf(40) }), mostTurns: 2000 });
    expect(executions).toBeGreaterThan(3);
    expect(told.at(-1)).toBe('sendAlert replaced');
  });

  test('that a target refuses goes back whole, like any other', async () => {
    const script = usual({
      moveTarget: ({ target, direction }) => (target === 1 && direction === 'forward' ? refusal() : undefined),
    });
    const { told, output } = await play({ input, script });
    expect(output).toMatchObject({ phase: 'rolled-back' });
    expect(told.at(-1)).toBe('sendAlert rolled-back');
  });
});
