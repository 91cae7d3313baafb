import { kek, otherKey, v1 } from './cloud';
import { Simulation } from './simulation';

// On a busy machine a simulation takes seconds.
jest.setTimeout(300_000);

const types = ['KeyNearExpiry', 'KeyExpired', 'KeyNewVersionCreated'] as const;
type Type = (typeof types)[number];

const permutations = <T>(of: readonly T[]): readonly (readonly T[])[] =>
  of.length <= 1
    ? [of]
    : of.flatMap((first, index) => permutations(of.toSpliced(index, 1)).map((rest) => [first, ...rest]));

/** How far the events come apart: all at once, within the rotation, or after it. */
const gaps = [0, 40, 3600] as const;

async function delivered(order: readonly Type[], gapSeconds: number, copies: number): Promise<Simulation> {
  const simulation = new Simulation();
  const made = order.includes('KeyNewVersionCreated') ? simulation.cloud.vault.addVersion().kid : '';
  for (const [place, type] of order.entries()) {
    const kid = type === 'KeyNewVersionCreated' ? made : `${kek}/${v1}`;
    for (let copy = 0; copy < copies; copy++)
      simulation.deliver(type, kid, { id: type, afterSeconds: place * gapSeconds + copy * 7 });
  }
  await simulation.settle();
  return simulation;
}

test.each(permutations(types).map((order) => [order.join(', '), order] as const))(
  'in the order %s, late and more than once, they come to one rotation to one version',
  async (_, order) => {
    for (const gap of gaps) {
      const simulation = await delivered(order, gap, 2);
      const phases = simulation.rotations.map(({ phase }) => phase).filter((phase) => phase !== 'skipped');
      expect({ gap, phases }).toEqual({ gap, phases: ['completed'] });
      expect(simulation.cloud.vault.look()).toHaveLength(2);
      expect(new Set(Object.values(simulation.standing).flat()).size).toBe(1);
      expect(simulation.judge.atEnd()).toEqual([]);
    }
  },
);

test('forged events start nothing, ask no vault that is not configured, and leave no trace but a refusal', async () => {
  const simulation = new Simulation();
  const asked: string[] = [];
  simulation.edge = async (call, go) => {
    asked.push(JSON.stringify(call.args));
    return go();
  };
  const forged = [
    `https://kv-evil.vault.azure.net/keys/kek/${v1}`,
    `https://kv-test.vault.azure.net/keys/another/${v1}`,
    `${otherKey}/${v1}`,
    `${kek}/${'0'.repeat(32)}`,
  ];
  for (const kid of forged)
    for (const type of [...types, 'KeyDeletedForEver']) simulation.deliver(type, kid, { id: `${type} ${kid}` });
  await simulation.settle();
  expect(simulation.rotations).toEqual([]);
  expect(simulation.cloud.vault.look()).toHaveLength(1);
  expect(asked.filter((args) => args.includes('kv-evil'))).toEqual([]);
});
