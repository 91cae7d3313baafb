import { FaultError, InterruptedError } from '../../../../shared/rotation/errors';
import { chooseVersion } from '../../../../shared/rotation/next-version';
import { makePlan } from '../../../../shared/rotation/planning';
import { secureWayBack } from '../../../../shared/rotation/securing';
import {
  admitted,
  changeClaimOf,
  dpsBody,
  enter,
  hubBody,
  key,
  kid,
  makeWorld,
  move,
  nextOf,
  v1,
  type World,
} from './world';

/** A run that has a plan and has not chosen a version yet. */
async function planned(world: World) {
  const run = await admitted(world);
  await enter(world, run, 'planning');
  const decided = await makePlan(world.ports, { run, now: world.pass(1) });
  if (decided.decision !== 'go') throw new Error(JSON.stringify(decided.reasons));
  await enter(world, run, 'creating-version');
  return { world, run, on: () => ({ run, now: world.pass(1) }) };
}

const expiryOf = async (world: World): Promise<string | undefined> =>
  (await world.keyVault.version(kid(v1))).expiresOn?.toISOString();

async function expiresSoon(policy: 'extend' | 'forward-only') {
  const world = makeWorld();
  world.keyVault.change(v1, { expiresOn: new Date(Date.parse(world.now()) + 600_000) });
  Object.assign(world.managed.policy, { expiredPrevious: policy });
  return planned(world);
}

async function unversioned() {
  const world = makeWorld();
  const bare = (body: Record<string, unknown>) =>
    JSON.parse(JSON.stringify(body).replaceAll(`/keys/kek/${v1}`, '/keys/kek'));
  world.hub.body = bare(hubBody(v1));
  world.dps.body = bare(dpsBody(v1));
  Object.assign(world.managed.policy, { pin: true });
  return planned(world);
}

describe('a previous version that expires before the run could have gone back', () => {
  test('I10: gets a later expiry; what it was is on record before (I3), once, however often it is repeated (I2)', async () => {
    const { world, on } = await expiresSoon('extend');
    const before = await expiryOf(world);
    const from = world.effects.length;
    world.keyVault.interfere.loseAnswer('setExpiry');
    const input = on();
    await expect(secureWayBack(world.ports, input)).rejects.toThrow(FaultError);
    await secureWayBack(world.ports, input);
    const effects = world.effects.slice(from).filter((effect) => /^(append|setExpiry)/.test(effect));
    expect(effects).toEqual(['append extend-expiry intended', expect.stringContaining(`setExpiry ${v1}`)]);
    const told = world.auditLog.stored(key).filter(({ action }) => action === 'extend-expiry');
    expect(told).toMatchObject([{ details: { kid: kid(v1), before, after: await expiryOf(world) } }]);
    expect(Date.parse((await expiryOf(world)) ?? '')).toBeGreaterThan(Date.parse(world.now()) + 3600_000);
  });

  test('I4 is left as it is while that cannot be put on record', async () => {
    const { world, on } = await expiresSoon('extend');
    const before = await expiryOf(world);
    world.auditLog.interfere.failAlways('append');
    await expect(secureWayBack(world.ports, on())).rejects.toThrow(FaultError);
    expect(await expiryOf(world)).toBe(before);
  });

  test('I11 is left as it is by a run that was called back, paused or stopped', async () => {
    const { world, on } = await expiresSoon('extend');
    const before = await expiryOf(world);
    world.auditLog.interfere.before('append', 1, () => world.ledger.throwStop('drill'));
    await expect(secureWayBack(world.ports, on())).rejects.toThrow(InterruptedError);
    await expect(secureWayBack(world.ports, on())).rejects.toThrow(InterruptedError);
    expect(await expiryOf(world)).toBe(before);
  });

  test('is left as it is where the configuration says to go forward only', async () => {
    const { world, on } = await expiresSoon('forward-only');
    expect(await secureWayBack(world.ports, on())).toEqual({ pinned: [] });
    expect(world.keyVault.interfere.calls('setExpiry')).toBe(0);
  });
});

describe('services that name the key without a version', () => {
  test('are pinned to where they stand, with an undo on record before the write (I3), and then a version is made', async () => {
    const { world, run, on } = await unversioned();
    const from = world.effects.length;
    const { pinned } = await secureWayBack(world.ports, on());
    expect(pinned).toEqual([0, 1]);
    const effects = world.effects.slice(from);
    expect(effects.filter((effect) => effect.startsWith('put '))).toEqual([]);
    expect((await world.ledger.read(key)).undo).toMatchObject([
      { target: 0, kid: kid(v1), operationUrl: null },
      { target: 1, kid: kid(v1), operationUrl: null },
    ]);
    for (const target of pinned) await move(world, run, target, 'back');
    expect(JSON.stringify([world.hub.body, world.dps.body]).split(kid(v1))).toHaveLength(3);
    expect(await secureWayBack(world.ports, on())).toEqual({ pinned: [] });
    await chooseVersion(world.ports, on());
    expect(await nextOf(world)).not.toBe(v1);
  });

  test('I3: keep the undo that was saved first, with its fingerprints and its operation', async () => {
    const { world, on } = await unversioned();
    await secureWayBack(world.ports, on());
    const { claim, etag, undo } = await world.ledger.read(key);
    const [first] = undo;
    if (claim === null || first === undefined) throw new Error('There is no undo.');
    const saveUndo = { ...first, operationUrl: 'https://arm.test/operations/7' };
    await world.ledger.update(key, etag, { claim, saveUndo });
    // The write is under way, and has wiped the SAS keys; the resource still shows what it was.
    world.hub.policies = world.hub.policies.map((policy) => ({ ...policy, primaryKey: 'bmV3' }));
    expect((await secureWayBack(world.ports, on())).pinned).toEqual([0, 1]);
    expect((await world.ledger.read(key)).undo[0]).toEqual(saveUndo);
  });

  test('are left alone unless the configuration says to pin them', async () => {
    const { world, on } = await unversioned();
    Object.assign(world.managed.policy, { pin: false });
    expect(await secureWayBack(world.ports, on())).toEqual({ pinned: [] });
    expect((await world.ledger.read(key)).undo).toEqual([]);
  });

  test('are not touched by an instance that lost the claim', async () => {
    const { world, on } = await unversioned();
    await changeClaimOf(world, { generation: 9 });
    await expect(secureWayBack(world.ports, on())).rejects.toThrow('no longer holds');
    expect((await world.ledger.read(key)).undo).toEqual([]);
  });
});
