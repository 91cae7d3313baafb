import type { AdoptionOrder } from '../../../../shared/contracts/activities';
import { admit } from '../../../../shared/rotation/admission';
import { undoAdoption, writeAdoption } from '../../../../shared/rotation/adopting';
import { FaultError } from '../../../../shared/rotation/errors';
import { dryRun, makePlan } from '../../../../shared/rotation/planning';
import { startByHand } from '../../../../shared/rotation/requests';
import { enter, key, makeWorld, v1, type World } from './world';

const order: AdoptionOrder = {
  rotationPolicy: { expiresIn: 'P90D', rotatesBeforeExpiry: 'P30D' },
  expiresOn: '2027-02-20T00:00:00.000Z',
};
const bare = { expiresIn: null, rotatesAfterCreate: null, rotatesBeforeExpiry: null, notifiesBeforeExpiry: 'P30D' };

function worldOf(policy: Parameters<World['keyVault']['setPolicy']>[0] = bare): World {
  const world = makeWorld();
  world.keyVault.setPolicy(policy);
  return world;
}

async function begun(world: World, adopt?: AdoptionOrder) {
  const asked = {
    key,
    reason: 'adopt it',
    toVersion: null,
    run: 'adopt' as const,
    actor: 'olivia',
    idempotencyKey: null,
  };
  const decision = await startByHand(world.ports, {
    ...asked,
    requestHash: 'h',
    ...(adopt === undefined ? {} : { adopt }),
  });
  if (decision.kind !== 'start') throw new Error(`Not started: ${decision.kind}`);
  const { instanceId, request } = decision.start;
  const admission = await admit(world.ports, { request, instanceId, now: world.pass(1) });
  if (!admission.admitted) throw new Error(admission.message);
  await enter(world, admission.run, 'planning');
  return { run: admission.run, planned: await makePlan(world.ports, { run: admission.run, now: world.now() }) };
}

const expiryOf = async (world: World) =>
  (await world.keyVault.versions(key)).find(({ version }) => version === v1)?.expiresOn?.toISOString() ?? null;

describe('the plan of an adoption', () => {
  test('refuses an expiry that is past, and a policy whose way back cannot be read', async () => {
    const world = worldOf();
    const asked = { key, toVersion: null, run: 'adopt' as const };
    const past = await dryRun(world.ports, { ...asked, adopt: { expiresOn: '2026-11-22T11:59:59Z' } });
    expect(past).toMatchObject({ decision: 'refuse' });
    expect(past.checks.some(({ code, result }) => code === 'expiry-in-the-past' && result === 'no')).toBe(true);
    world.keyVault.rotationPolicy = async () => null;
    const unread = await dryRun(world.ports, {
      ...asked,
      adopt: { expiresOn: '2027-11-22T12:00:00Z', rotationPolicy: { expiresIn: 'P1Y', rotatesBeforeExpiry: 'P30D' } },
    });
    expect(unread).toMatchObject({ decision: 'refuse' });
    expect(unread.checks.map(({ code }) => code)).toContain('policy-unreadable');
    expect(unread.checks.map(({ code }) => code)).not.toContain('will-be-written');
  });

  test('writes what it was asked for though a probe has no answer for now', async () => {
    const world = worldOf({ ...bare, expiresIn: 'P90D', rotatesBeforeExpiry: 'P30D' });
    world.keyVault.change(v1, { expiresOn: new Date('2027-06-01T00:00:00Z') });
    for (const host of ['hub-1.azure-devices.net', 'dps-1.azure-devices-provisioning.net']) {
      world.dataPlane.answers.set(host, { answer: 'unknown', message: 'Throttled.' });
    }
    const { planned } = await begun(world, { expiresOn: '2027-11-22T12:00:00Z' });
    expect(planned.decision).toBe('go');
  });

  test('waits for a change window like whatever else nobody needs at once', async () => {
    const world = worldOf();
    world.managed.windows.push({ days: ['sat'], fromMinute: 0, toMinute: 60, timeZone: 'UTC' });
    const { planned } = await begun(world, { expiresOn: '2027-11-22T12:00:00Z' });
    expect(planned).toMatchObject({ decision: 'go', opensAt: '2026-11-28T00:00:00.000Z' });
  });

  test('lists all that is missing at once, each with the way to mend it, and changes nothing', async () => {
    const world = worldOf();
    world.keyVault.change(v1, { expiresOn: null });
    world.dataPlane.answers.set('hub-1.azure-devices.net', { answer: 'unreadable', message: 'Cannot decrypt.' });
    const plan = await dryRun(world.ports, { key, toVersion: null, run: 'adopt' });
    const missing = plan.checks.filter(({ result }) => result !== 'yes');
    expect(plan.decision).toBe('refuse');
    // What cannot be known is not there either (I12), unless a service that works proves it.
    expect([...new Set(missing.map(({ code }) => code))].toSorted()).toEqual([
      'identity-may-use-key',
      'network-allows',
      'next-version-expires',
      'policy-rotates',
      'probe-red',
      'version-expires',
    ]);
    const messages = missing.map(({ message }) => message).join(' ');
    expect(messages).toContain('az keyvault key rotation-policy update');
    expect(messages).toContain('az keyvault key set-attributes');
    expect(world.effects.filter((effect) => /^(setExpiry|setRotationPolicy|update)/.test(effect))).toEqual([]);
  });

  test('skips a key that lacks nothing', async () => {
    const world = worldOf({ expiresIn: 'P90D', rotatesAfterCreate: null, rotatesBeforeExpiry: 'P30D' });
    world.keyVault.change(v1, { expiresOn: new Date('2027-03-01T00:00:00Z') });
    expect((await begun(world)).planned).toMatchObject({ decision: 'skip', reasons: [{ code: 'nothing-missing' }] });
  });

  test('says what will be written, and writes only what is not so already', async () => {
    const world = worldOf();
    const plan = await dryRun(world.ports, { key, toVersion: null, run: 'adopt', adopt: order });
    expect(plan.decision).toBe('go');
    expect(plan.checks.filter(({ code }) => code === 'will-be-written')).toHaveLength(2);
    world.keyVault.setPolicy({ expiresIn: 'P90D', rotatesAfterCreate: null, rotatesBeforeExpiry: 'P30D' });
    const again = await dryRun(world.ports, { key, toVersion: null, run: 'adopt', adopt: order });
    expect(again.checks.filter(({ code }) => code === 'will-be-written')).toHaveLength(1);
    expect(again.planHash).not.toBe(plan.planHash);
  });

  test('waits for an approval only where the policy asks for one', async () => {
    expect((await begun(worldOf(), order)).planned).toMatchObject({ decision: 'go', approved: true });
  });
});

describe('an adoption', () => {
  test('writes the policy and the expiry that were asked for, says what is left, and leaves nothing behind in the claim', async () => {
    const world = worldOf();
    const { run } = await begun(world, order);
    await enter(world, run, 'adopting');
    expect(await writeAdoption(world.ports, { run, now: world.now() })).toEqual({ left: [] });
    expect(await world.keyVault.rotationPolicy(key)).toMatchObject({ expiresIn: 'P90D', rotatesBeforeExpiry: 'P30D' });
    expect(await expiryOf(world)).toBe(order.expiresOn);
    await enter(world, run, 'completed');
    const { claim } = await world.ledger.read(key);
    expect([claim?.adopt, claim?.adoptedFrom, claim?.run, claim?.rotationId]).toEqual([
      undefined,
      undefined,
      undefined,
      null,
    ]);
    expect(await world.ledger.retirements(key)).toEqual([]);
  });

  test('I3: has what it found on record before it writes, and a second try keeps what the first one found', async () => {
    const world = worldOf();
    const { run } = await begun(world, order);
    await enter(world, run, 'adopting');
    world.keyVault.interfere.fail('setExpiry');
    await expect(writeAdoption(world.ports, { run, now: world.now() })).rejects.toThrow();
    const found = (await world.ledger.read(key)).claim?.adoptedFrom;
    expect(found).toMatchObject({ rotationPolicy: bare, version: v1 });
    await writeAdoption(world.ports, { run, now: world.pass(60) });
    expect((await world.ledger.read(key)).claim?.adoptedFrom).toEqual(found);
  });

  test('that cannot be finished is put back whole', async () => {
    const world = worldOf();
    const before = await expiryOf(world);
    const { run } = await begun(world, order);
    await enter(world, run, 'adopting');
    await writeAdoption(world.ports, { run, now: world.now() });
    await enter(world, run, 'rolling-back');
    expect(await undoAdoption(world.ports, { run, now: world.now() })).toEqual({ undone: true });
    expect(await world.keyVault.rotationPolicy(key)).toEqual(bare);
    expect(await expiryOf(world)).toBe(before);
  });

  test('that has not begun has nothing to put back', async () => {
    const world = worldOf();
    const { run } = await begun(world, order);
    await enter(world, run, 'adopting');
    await enter(world, run, 'rolling-back');
    expect(await undoAdoption(world.ports, { run, now: world.now() })).toEqual({ undone: false });
  });

  test('I11: writes nothing more once it is to be taken back', async () => {
    const world = worldOf();
    const { run } = await begun(world, order);
    await enter(world, run, 'adopting');
    await enter(world, run, 'rolling-back');
    await expect(writeAdoption(world.ports, { run, now: world.now() })).rejects.toThrow(/rollback/);
    expect(await world.keyVault.rotationPolicy(key)).toEqual(bare);
  });
});

test('I4: an adoption writes nothing while its intent cannot be put on record', async () => {
  const world = worldOf();
  const { run } = await begun(world, order);
  await enter(world, run, 'adopting');
  world.auditLog.interfere.fail('append');
  await expect(writeAdoption(world.ports, { run, now: world.now() })).rejects.toThrow(FaultError);
  expect(await world.keyVault.rotationPolicy(key)).toEqual(bare);
});

test('I11: an adoption that is stopped after it looked at the policy does not write one', async () => {
  const world = worldOf();
  const { run } = await begun(world, order);
  await enter(world, run, 'adopting');
  // The first look is for what was there before.
  world.keyVault.interfere.before('rotationPolicy', 2, () => Promise.resolve(world.ledger.throwStop('drill')));
  await expect(writeAdoption(world.ports, { run, now: world.now() })).rejects.toThrow(/drill/);
  expect(await world.keyVault.rotationPolicy(key)).toEqual(bare);
});
