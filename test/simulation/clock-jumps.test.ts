import { kek, v1 } from './cloud';
import { Simulation } from './simulation';

// On a busy machine a simulation takes seconds.
jest.setTimeout(300_000);

const hour = 3_600_000;
const day = 24 * hour;
const jumps = [90_000, 3 * hour, 26 * hour, 40 * day] as const;

/** A rotation in which the clock jumps when an effect with this number is asked for: timers are late by so much, and whatever was read is old. */
async function rotatedWithJumps(at: (effect: number) => number): Promise<{ simulation: Simulation; effects: number }> {
  const simulation = new Simulation();
  let effects = 0;
  simulation.edge = async (call, go) => {
    if (call.kind === 'effect') simulation.agenda.pass(at(effects++));
    return go();
  };
  simulation.deliver('KeyNearExpiry', `${kek}/${v1}`);
  await simulation.settle(200 * 24);
  return { simulation, effects };
}

const outcome = ({ rotations, standing, judge }: Simulation) => ({
  phases: rotations.map(({ phase }) => phase),
  places: new Set(Object.values(standing).flat()).size,
  breaches: judge.atEnd(),
});

test('a clock that jumps ahead at any one effect of a rotation, by minutes, hours or weeks, loses nothing', async () => {
  const { effects } = await rotatedWithJumps(() => 0);
  expect(effects).toBeGreaterThan(30);
  for (let jumped = 0; jumped < effects; jumped += 2) {
    const by = jumps[(jumped / 2) % jumps.length] ?? 0;
    const { simulation } = await rotatedWithJumps((effect) => (effect === jumped ? by : 0));
    expect({ jumped, ...outcome(simulation) }).toEqual({ jumped, phases: ['completed'], places: 1, breaches: [] });
  }
});

test('a clock that jumps ahead again and again until a soak begins makes it no shorter than it is', async () => {
  const simulation = new Simulation();
  let effects = 0;
  let lastJump = 0;
  simulation.edge = async (call, go) => {
    const soaks = ['soaking', 'completed'].includes(simulation.rotations[0]?.phase ?? '');
    if (call.kind === 'effect' && effects++ % 3 === 0 && !soaks) {
      simulation.agenda.pass(5 * 60_000);
      lastJump = simulation.agenda.now;
    }
    return go();
  };
  simulation.deliver('KeyNearExpiry', `${kek}/${v1}`);
  await simulation.runUntil(() => simulation.rotations[0]?.phase === 'completed');
  expect(lastJump).toBeGreaterThan(0);
  expect(simulation.agenda.now - lastJump).toBeGreaterThanOrEqual(10 * 60_000);
  expect(outcome(simulation)).toEqual({ phases: ['completed'], places: 1, breaches: [] });
});
