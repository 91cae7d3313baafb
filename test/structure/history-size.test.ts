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

/** Growth of each further target from 10 to 50, as a multiple of that from 1 to 10. */
async function growthOf(what: (played: Awaited<ReturnType<typeof playOver>>) => number): Promise<number> {
  const [one = 0, ten = 0, fifty = 0] = (await Promise.all([1, 10, 50].map(playOver))).map(what);
  return (fifty - ten) / 40 / ((ten - one) / 9);
}

test('what all turns replay grows by the same for each target: the history is left behind before it is long', async () => {
  const growth = await growthOf(({ replayed }) => replayed);
  expect(growth).toBeLessThan(1.3);
  expect(growth).toBeGreaterThan(0.5);
});

test('few more than fifty steps of it are kept, however many targets there are', async () => {
  const { history } = await playOver(50);
  expect(history.filter(({ EventType }) => EventType === 4).length).toBeLessThan(80);
});

test('what all turns replay grows by the same for each round of probes', async () => {
  const replayed = async (rounds: number) => {
    const script = usual({}, { policy: { soakSeconds: rounds * 600 } });
    return (await play({ input: request, script, mostTurns: 4000 })).replayed;
  };
  const [few, more, many] = await Promise.all([60, 120, 480].map(replayed));
  expect(((many ?? 0) - (more ?? 0)) / 360 / (((more ?? 0) - (few ?? 0)) / 60)).toBeLessThan(1.3);
});
