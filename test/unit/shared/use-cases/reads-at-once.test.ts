import { setImmediate as nextTurn } from 'node:timers/promises';
import { readFacts } from '../../../../shared/rotation/key-facts';
import { viewKey } from '../../../../shared/rotation/key-view';
import type { Target } from '../../../../shared/rotation/ports';
import { proveIdle } from '../../../../shared/rotation/proving-idle';
import { beginRetirement, watchTargets } from '../../../../shared/rotation/retiring';
import { readsAtOnce, settledSideBySide } from '../../../../shared/rotation/side-by-side';
import { probeTargets } from '../../../../shared/rotation/soaking';
import { recordStanding } from '../../../../shared/rotation/standing';
import { completed, enter, key, kid, makeWorld, ready, v2, type World } from './world';

const many = 50;

/** Fifty hubs whose reads and probes take a turn of the event loop, and how many of them are under way together. */
function crowd(world: World): { most: number; all: number } {
  const counted = { most: 0, all: 0 };
  let open = 0;
  const slowly =
    <T>(answer: T) =>
    async (): Promise<T> => {
      counted.all++;
      counted.most = Math.max(counted.most, ++open);
      await nextTurn();
      open--;
      return answer;
    };
  const [hub] = world.managed.targets as [Target];
  world.managed.targets = Array.from({ length: many }, (_, index): Target => {
    const name = `hub-${index}`;
    const green = { kind: 'iotHub', name, colour: 'green', message: 'read' } as const;
    const stands = { references: slowly([kid(v2)]), currentKid: slowly(kid(v2)) };
    return { ...hub, name, ...stands, probe: slowly(green) } as Target;
  });
  return counted;
}

const retiring = async (world: World) => {
  const { rotationId } = await completed(world);
  const request = { key, rotationId };
  const admission = await beginRetirement(world.ports, { request, instanceId: 'i', now: world.pass(8 * 86_400) });
  if (!admission.admitted) throw new Error(admission.message);
  return { run: admission.run, now: world.now() };
};

const soaking = async (world: World) => {
  const run = await ready(world);
  await enter(world, run, 'soaking');
  return { run, now: world.now() };
};

test.each<[string, (world: World) => Promise<() => Promise<unknown>>]>([
  [
    'the probes of a soak',
    async (world) =>
      (
        (on) => () =>
          probeTargets(world.ports, on)
      )(await soaking(world)),
  ],
  [
    'the probes of a watch',
    async (world) =>
      (
        (on) => () =>
          watchTargets(world.ports, on)
      )(await retiring(world)),
  ],
  [
    'the references to what is to be disabled',
    async (world) =>
      (
        (on) => () =>
          proveIdle(world.ports, on)
      )(await retiring(world)),
  ],
  [
    'where everything stands when a run is abandoned',
    async (world) =>
      (
        (on) => () =>
          recordStanding(world.ports, on)
      )(await soaking(world)),
  ],
  ['the view of a key', async (world) => () => viewKey(world.ports, key)],
  ['the facts of a sweep', async (world) => () => readFacts(world.ports, key).references()],
])('%s are read a few at a time, and all of them', async (_, prepared) => {
  const world = makeWorld(['iotHub']);
  const read = await prepared(world);
  const counted = crowd(world);
  await read();
  expect(counted).toEqual({ most: readsAtOnce, all: many });
});

test('one that fails keeps no other from being read, and stands at its place', async () => {
  const settled = await settledSideBySide([1, 2, 3], 2, async (item) => {
    if (item === 2) throw new Error('away');
    return item;
  });
  expect(settled.map((each) => (each.status === 'fulfilled' ? each.value : 'rejected'))).toEqual([1, 'rejected', 3]);
});
