import { FaultError, RefusalError } from '../../../../shared/rotation/errors';
import { isRelevant } from '../../../../shared/rotation/key-event';
import { chooseVersion } from '../../../../shared/rotation/next-version';
import { makePlan } from '../../../../shared/rotation/planning';
import { admitted, changeClaimOf, claimOf, enter, key, kid, makeWorld, v1, v2 } from './world';

async function creating(world: ReturnType<typeof makeWorld>) {
  const run = await admitted(world);
  await enter(world, run, 'planning');
  await makePlan(world.ports, { run, now: world.now() });
  await enter(world, run, 'creating-version');
  return run;
}

describe('a version that cannot be used', () => {
  test('is refused as one that this run made, so that the run goes back instead of ending as if it had changed nothing', async () => {
    const world = makeWorld();
    const run = await creating(world);
    world.keyVault.interfere.fail('unwrap', 1, new RefusalError('key-vault-forbidden', 'Not allowed to unwrap.'));
    const refused = chooseVersion(world.ports, { run, now: world.now() });
    await expect(refused).rejects.toMatchObject({ code: 'made-version-unusable', message: 'Not allowed to unwrap.' });
    expect(world.keyVault.interfere.calls('createVersion')).toBe(1);
  });

  test('is refused under its own name when somebody else made it: nothing was changed', async () => {
    const world = makeWorld();
    const run = await creating(world);
    world.keyVault.addVersion({ version: v2, createdOn: new Date(world.now()) });
    world.keyVault.interfere.fail('unwrap', 1, new RefusalError('key-vault-forbidden', `Not allowed with ${kid(v2)}.`));
    const refused = chooseVersion(world.ports, { run, now: world.now() });
    await expect(refused).rejects.toMatchObject({ code: 'key-vault-forbidden' });
    expect(world.keyVault.interfere.calls('createVersion')).toBe(0);
  });
});

test('I7: the version that a run makes carries its id, so that the event which tells of it starts no other', async () => {
  const world = makeWorld();
  const run = await creating(world);
  const { nextVersion } = (await chooseVersion(world.ports, { run, now: world.now() })) as { nextVersion: string };
  const versions = await world.keyVault.versions(key);
  expect(versions.find(({ version }) => version === nextVersion)?.tags).toEqual({ rotationId: run.rotationId });
  const told = { eventId: 'e', type: 'KeyNewVersionCreated', key, kid: kid(nextVersion), eventTime: null } as const;
  const facts = { versionsInUse: [v1], versions, managedTag: 'rotationId' } as const;
  expect(isRelevant({ ...told, version: nextVersion }, facts)).toMatchObject({ code: 'version-is-ours' });
});

describe('I2: the choice of a version that is made twice', () => {
  test('is the version that its first try made, by its tag, although somebody made a newer one since', async () => {
    const world = makeWorld();
    const run = await creating(world);
    world.keyVault.interfere.loseAnswer('createVersion');
    await expect(chooseVersion(world.ports, { run, now: world.now() })).rejects.toThrow(FaultError);
    world.keyVault.addVersion({ version: v2, createdOn: new Date(world.pass(60)) });
    const { nextVersion } = (await chooseVersion(world.ports, { run, now: world.now() })) as { nextVersion: string };
    expect((await world.keyVault.version(kid(nextVersion))).tags).toEqual({ rotationId: run.rotationId });
    expect(world.keyVault.interfere.calls('createVersion')).toBe(1);
  });

  test('is the one that came on record first, when both are made at once', async () => {
    const world = makeWorld();
    const run = await creating(world);
    world.keyVault.addVersion({ version: v2, createdOn: new Date(world.now()) });
    world.ledger.interfere.before('update', 1, () => changeClaimOf(world, { nextVersion: v1 }));
    const { nextVersion } = (await chooseVersion(world.ports, { run, now: world.now() })) as { nextVersion: string };
    expect([nextVersion, (await claimOf(world)).nextVersion]).toEqual([v1, v1]);
  });
});
