import { RefusalError } from '../../../../shared/rotation/errors';
import { chooseVersion } from '../../../../shared/rotation/next-version';
import { makePlan } from '../../../../shared/rotation/planning';
import { admitted, enter, kid, makeWorld, v2 } from './world';

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
