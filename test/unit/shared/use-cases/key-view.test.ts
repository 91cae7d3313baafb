import { command } from '../../../../shared/rotation/commands';
import { viewKey } from '../../../../shared/rotation/key-view';
import {
  changeClaimOf,
  claimOf,
  completed,
  enter,
  hubBody,
  key,
  makeWorld,
  moveAll,
  nextOf,
  ready,
  rotationId,
  v1,
  v2,
  type World,
} from './world';

const whole = async () => {
  const world = makeWorld();
  await completed(world);
  return { world, next: await nextOf(world) };
};

test('a key is in the oldest version that anything stands on', async () => {
  const { world, next } = await whole();
  expect(await viewKey(world.ports, key)).toMatchObject({ version: next, problem: null });
  world.hub.body = hubBody(v1);
  expect(await viewKey(world.ports, key)).toMatchObject({
    version: v1,
    targets: [{ version: v1 }, { version: next }, {}],
  });
});

test.each<[string, (world: World) => void, (next: string) => object]>([
  [
    'the vault',
    (world) => world.keyVault.interfere.failAlways('versions'),
    (next) => ({
      version: null,
      ageSeconds: null,
      targets: [{ version: next }, {}, {}],
      pendingRetirement: { rotationId },
    }),
  ],
  [
    'the ledger',
    (world) => world.ledger.interfere.failAlways('read'),
    (next) => ({ version: next, running: null, pendingRetirement: { rotationId, versions: [v1] } }),
  ],
  [
    'the retirements',
    (world) => world.ledger.interfere.failAlways('retirements'),
    (next) => ({ version: next, pendingRetirement: null, targets: [{ version: next }, {}, {}] }),
  ],
  [
    'one target',
    (world) => world.store.interfere.failAlways('kids'),
    // Which version is in use nobody can say: the target that cannot be read may be the one that is behind.
    (next) => ({
      version: null,
      targets: [
        { name: 'hub-1', version: next, versions: [next] },
        { name: 'dps-1', version: next },
        { name: 'keys-1', version: null, versions: null },
      ],
      pendingRetirement: { rotationId },
    }),
  ],
])('%s that cannot be read is said, and does not hide the rest', async (_what, breaks, shown) => {
  const { world, next } = await whole();
  breaks(world);
  const view = await viewKey(world.ports, key);
  expect(view).toMatchObject(shown(next));
  expect(view.problem).toMatch(/was asked to fail/);
});

test('a run that left no version behind leaves no retirement that would wait for ever, and can still be rolled back', async () => {
  const world = makeWorld();
  const run = await ready(world);
  const { plan, nextVersion } = await claimOf(world);
  const stoodThere = plan?.targets.map((target) => ({ ...target, previousVersion: nextVersion })) ?? [];
  await moveAll(world, run);
  await changeClaimOf(world, { plan: plan && { ...plan, targets: stoodThere } });
  await enter(world, run, 'soaking');
  await enter(world, run, 'completed');
  expect(await viewKey(world.ports, key)).toMatchObject({ running: null, pendingRetirement: null });
  world.pass(1);
  const rollback = { rotationId, command: 'rollback', actor: 'ann' } as const;
  expect(await command(world.ports, rollback)).toMatchObject({ kind: 'start' });
});

test('an identifier without a version is shown as none', async () => {
  const world = makeWorld();
  world.hub.body = JSON.parse(JSON.stringify(hubBody(v1)).replaceAll(`/keys/kek/${v1}`, '/keys/kek'));
  const { targets } = await viewKey(world.ports, key);
  expect(targets[0]).toMatchObject({ version: null, versions: [null] });
  expect(JSON.stringify(targets)).not.toContain(v2);
});
