import { play } from '../orchestration/harness';
import { fault, planOf, refusal, request, usual } from '../orchestration/script';

/** History is replayed whole at every turn, and the extension refuses a custom status over 16 KB. */
const playOver = (targets: number) =>
  play({ input: request, script: usual({}, { plan: planOf(targets) }), mostTurns: 1000 });

test('the custom status of 50 targets takes under one of the 16 KB that the extension allows', async () => {
  const { largestStatus } = await playOver(50);
  expect(largestStatus).toBeGreaterThan(0);
  expect(largestStatus).toBeLessThan(1024);
});

test('the custom status stays as small while faults last and while all goes back', async () => {
  const script = usual(
    {
      chooseVersion: (_, call) => (call < 12 ? fault() : undefined),
      moveTarget: ({ target, direction }) => (target === 48 && direction === 'forward' ? refusal() : undefined),
    },
    { plan: planOf(50) },
  );
  const { largestStatus, output } = await play({ input: request, script, mostTurns: 1000 });
  expect(output).toMatchObject({ phase: 'rolled-back' });
  expect(largestStatus).toBeLessThan(1024);
});

test('the history grows by the same for each target: 1, 10 and 50 lie on one line', async () => {
  const sizes = await Promise.all(
    [1, 10, 50].map(async (targets) => JSON.stringify((await playOver(targets)).history).length),
  );
  const [one = 0, ten = 0, fifty = 0] = sizes;
  const slopes = [(ten - one) / 9, (fifty - ten) / 40];
  // Two steps, or a sub-orchestration twice and two verifications for data keys, at some 250 bytes an event.
  for (const slope of slopes) expect(slope).toBeLessThan(6000);
  expect((slopes[1] ?? 0) / (slopes[0] ?? 1)).toBeLessThan(1.3);
  expect((slopes[1] ?? 0) / (slopes[0] ?? 1)).toBeGreaterThan(0.7);
});
