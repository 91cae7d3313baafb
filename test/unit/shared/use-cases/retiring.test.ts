import { command } from '../../../../shared/rotation/commands';
import { FaultError, InterruptedError, RefusalError, SupersededError } from '../../../../shared/rotation/errors';
import type { Retirement } from '../../../../shared/rotation/ports';
import { proveIdle } from '../../../../shared/rotation/proving-idle';
import { startByHand } from '../../../../shared/rotation/requests';
import {
  beginRetirement,
  disableVersions,
  dropOldBlobs,
  enableVersions,
  endRetirement,
  watchTargets,
} from '../../../../shared/rotation/retiring';
import { sweepKey } from '../../../../shared/rotation/sweeping';
import {
  changeClaimOf,
  claimOf,
  completed,
  dpsBody,
  dpsId,
  enabledOf,
  hubBody,
  hubId,
  key,
  letComeDue,
  makeWorld,
  rotationId,
  v1,
  v2,
  type World,
  wrapped,
} from './world';

const begin = (world: World, instanceId = 'r1') =>
  beginRetirement(world.ports, { request: { key, rotationId }, instanceId, now: world.pass(1) });

async function completedAndDue(world: World): Promise<void> {
  await completed(world);
  await letComeDue(world);
}

/** A completed rotation whose retirement holds the claim. */
async function begun(world: World = makeWorld()) {
  await completedAndDue(world);
  const admission = await begin(world);
  if (!admission.admitted) throw new Error(admission.message);
  return { world, run: admission.run, on: () => ({ run: admission.run, now: world.pass(1) }) };
}

async function retirementOf(world: World): Promise<Retirement | undefined> {
  return (await world.ledger.retirements(key)).find((each) => each.rotationId === rotationId);
}

/** Puts the retirement on record as if it had got that far. */
async function set(world: World, columns: Partial<Retirement>): Promise<void> {
  const { claim, etag } = await world.ledger.read(key);
  const known = await retirementOf(world);
  if (claim === null || known === undefined) throw new Error('Nothing to change.');
  await world.ledger.update(key, etag, { claim, putRetirement: { ...known, ...columns } });
}

const withoutVersion = (body: Record<string, unknown>): Record<string, unknown> =>
  JSON.parse(JSON.stringify(body).replaceAll(`/keys/kek/${v1}`, '/keys/kek'));

/** Everything that can still refer to the old version, and how it comes to do so. */
const references: readonly [string, (world: World) => void][] = [
  [
    'a hub',
    (world) => {
      world.hub.body = hubBody(v1);
    },
  ],
  [
    'a DPS',
    (world) => {
      world.dps.body = dpsBody(v1);
    },
  ],
  [
    'a hub that names the key without a version',
    (world) => {
      world.hub.body = withoutVersion(hubBody(v1));
    },
  ],
  ['a data key that its owner wrapped meanwhile', (world) => world.store.ownerPuts(wrapped(world.first, 'new').record)],
];

describe('I1 a version is not disabled', () => {
  test('before its day, by the clock of the run, whatever the clock of whoever looked for it showed', async () => {
    const world = makeWorld();
    await completed(world);
    const asked = { request: { key, rotationId }, instanceId: 'r1' };
    expect(await beginRetirement(world.ports, { ...asked, now: world.pass(3600) })).toMatchObject({ admitted: false });
    expect(await claimOf(world)).toMatchObject({ rotationId: null, purpose: 'rotation' });
    await letComeDue(world);
    expect(await begin(world)).toMatchObject({ admitted: true });
  });

  test.each(references)('while %s refers to it', async (_what, refer) => {
    const { world, on } = await begun();
    refer(world);
    const { idle, reasons } = await proveIdle(world.ports, on());
    expect(idle).toBe(false);
    expect(reasons).toMatchObject([{ code: 'still-referred-to' }]);
    expect(await enabledOf(world, v1)).toBe(true);
  });

  test.each(references)('when %s comes to refer to it after the proof', async (_what, refer) => {
    const { world, on } = await begun();
    expect((await proveIdle(world.ports, on())).idle).toBe(true);
    refer(world);
    await expect(disableVersions(world.ports, on())).rejects.toThrow(RefusalError);
    expect(world.keyVault.interfere.calls('setEnabled')).toBe(0);
    expect((await retirementOf(world))?.disabledAt).toBeNull();
  });

  test('while a target is under way to it, whatever it shows meanwhile (I12)', async () => {
    const { world, on } = await begun();
    const { somebody } = world.resourceManager;
    const read = await somebody.get(hubId, 'any');
    Object.assign(world.hub, { whileBusy: 'previous', polls: 9 });
    const properties = { ...(hubBody(v1)['properties'] as object), authorizationPolicies: world.hub.policies };
    await somebody.put(hubId, 'any', { ...read, properties }, String(read['etag']));
    await expect(proveIdle(world.ports, on())).rejects.toMatchObject({ name: 'FaultError', code: 'resource-busy' });
    await expect(disableVersions(world.ports, on())).rejects.toMatchObject({ code: 'resource-busy' });
    world.resourceManager.settle();
    expect(await proveIdle(world.ports, on())).toMatchObject({ idle: false, reasons: [{ code: 'still-referred-to' }] });
    expect(await enabledOf(world, v1)).toBe(true);
  });

  test('while a hub of somebody else that names the key is under way: it may be on its way to it (I12)', async () => {
    const { world, on } = await begun();
    const found = { kind: 'iotHub', resourceId: `${hubId}-2`, keyIdentifiers: [`${key}/${v2}`] } as const;
    world.discovery.resources.push(found);
    expect((await proveIdle(world.ports, on())).idle).toBe(true);
    world.discovery.resources.splice(0, 1, { ...found, underWay: true });
    expect(await proveIdle(world.ports, on())).toMatchObject({ idle: false, reasons: [{ code: 'unknown-resource' }] });
    await expect(disableVersions(world.ports, on())).rejects.toThrow(RefusalError);
  });

  test('while a target cannot be read: what cannot be known is not idle (I12)', async () => {
    const { world, on } = await begun();
    world.resourceManager.interfere.failAlways('find');
    world.resourceManager.interfere.failAlways('get');
    await expect(proveIdle(world.ports, on())).rejects.toThrow(FaultError);
    await expect(disableVersions(world.ports, on())).rejects.toThrow(FaultError);
    expect(await enabledOf(world, v1)).toBe(true);
  });

  const strangers: readonly [string, string, boolean][] = [
    ['a version that is to be disabled', `${key}/${v1}`, true],
    ['the key without a version', key, true],
    ['another version of the key', `${key}/${v2}`, false],
    ['another key', `https://kv-test.vault.azure.net/keys/else/${v1}`, false],
  ];
  test.each(strangers)('while a hub that nobody configured refers to it: %s', async (_what, kid, blocks) => {
    const { world, on } = await begun();
    const resourceId = `${hubId}-of-somebody`;
    world.discovery.resources.push(
      { kind: 'iotHub', resourceId, keyIdentifiers: [kid] },
      // The targets themselves were looked at already, and where they stand was judged there.
      { kind: 'dps', resourceId: dpsId.toUpperCase(), keyIdentifiers: [`${key}/${v1}`] },
    );
    const { idle, reasons } = await proveIdle(world.ports, on());
    expect(idle).toBe(!blocks);
    if (!blocks) return;
    expect(reasons).toEqual([{ code: 'unknown-resource', message: expect.stringContaining(resourceId) }]);
    world.discovery.resources.splice(0);
    expect((await proveIdle(world.ports, on())).idle).toBe(true);
    world.discovery.resources.push({ kind: 'iotHub', resourceId, keyIdentifiers: [kid] });
    await expect(disableVersions(world.ports, on())).rejects.toThrow(resourceId);
    expect(world.keyVault.interfere.calls('setEnabled')).toBe(0);
  });

  test('while a subscription cannot be looked through, unless the configuration accepts that (I12)', async () => {
    const { world, on } = await begun();
    world.discovery.unread.push({ subscription: 's-2', message: 'No access.' });
    const { idle, reasons } = await proveIdle(world.ports, on());
    expect(idle).toBe(false);
    expect(reasons).toEqual([{ code: 'discovery-unread', message: expect.stringContaining('s-2') }]);
    await expect(disableVersions(world.ports, on())).rejects.toThrow(RefusalError);
    world.managed.acceptUnknown.push('discovery-unread');
    expect((await proveIdle(world.ports, on())).idle).toBe(true);
    // What was found all the same is not accepted with it.
    world.discovery.resources.push({ kind: 'iotHub', resourceId: `${hubId}-2`, keyIdentifiers: [`${key}/${v1}`] });
    expect((await proveIdle(world.ports, on())).idle).toBe(false);
  });

  test('I4: while the stop switch is thrown, the ledger cannot be read, or the audit log cannot be written', async () => {
    const { world, on } = await begun();
    world.ledger.throwStop('drill');
    await expect(disableVersions(world.ports, on())).rejects.toThrow(InterruptedError);
    world.ledger.throwStop(null);
    world.ledger.interfere.failAlways('read');
    await expect(disableVersions(world.ports, on())).rejects.toThrow(FaultError);
    world.ledger.interfere.heal();
    world.auditLog.interfere.failAlways('append');
    await expect(disableVersions(world.ports, on())).rejects.toThrow(FaultError);
    expect(world.keyVault.interfere.calls('setEnabled')).toBe(0);
  });

  test('by an instance that has lost the claim, in any step', async () => {
    const { world, run, on } = await begun();
    await changeClaimOf(world, { generation: run.generation + 1 });
    const before = world.auditLog.stored(key).length;
    for (const step of [proveIdle, disableVersions, watchTargets]) {
      await expect(step(world.ports, on())).rejects.toThrow(SupersededError);
    }
    await expect(enableVersions(world.ports, { ...on(), reasons: [] })).rejects.toThrow(SupersededError);
    const end = { ...on(), status: 'retired', reasons: [] } as const;
    await expect(endRetirement(world.ports, end)).rejects.toThrow(SupersededError);
    expect(world.keyVault.interfere.calls('setEnabled')).toBe(0);
    // Nor does the history hear of an end that never was.
    expect(world.auditLog.stored(key)).toHaveLength(before);
  });

  test('in observe mode, which changes nothing', async () => {
    const world = makeWorld();
    await completedAndDue(world);
    world.managed.mode = 'observe' as 'act';
    expect(await begin(world)).toMatchObject({ admitted: false, message: expect.stringContaining('observe') });
    expect(await claimOf(world)).toMatchObject({ rotationId: null });
  });
});

test('I9: a kept old blob is no reference, and it is dropped only when it is told to be', async () => {
  const { world, on } = await begun();
  expect(world.store.all().every(({ previous }) => previous?.includes(v1))).toBe(true);
  expect((await proveIdle(world.ports, on())).idle).toBe(true);
  await disableVersions(world.ports, on());
  expect(world.store.all().every(({ previous }) => previous !== null)).toBe(true);
  const page = await dropOldBlobs(world.ports, { ...on(), target: 2, continuation: null });
  expect(page).toEqual({ continuation: null, dropped: 3 });
  expect(world.store.all().every(({ previous }) => previous === null)).toBe(true);
  expect(await dropOldBlobs(world.ports, { ...on(), target: 0, continuation: null })).toMatchObject({ dropped: 0 });
});

test('I3 I4 what is about to be disabled is on record and told before it is', async () => {
  const { world, on } = await begun();
  const from = world.effects.length;
  await disableVersions(world.ports, on());
  const effects = world.effects.slice(from);
  const at = (start: string): number => effects.findIndex((effect) => effect.startsWith(start));
  expect(at(`setEnabled ${v1} false`)).toBeGreaterThan(at('append disable-version intended'));
  expect(at('append disable-version intended')).toBeGreaterThan(
    at('update generation 2, completed, retirement watching'),
  );
  expect(at('update')).toBeGreaterThanOrEqual(0);
});

describe('the claim', () => {
  test('is held from the proof to the end of the watch: nobody starts, and nobody goes back', async () => {
    const { world, on } = await begun();
    const asked = { reason: 'x', toVersion: null, actor: 'ann', idempotencyKey: null, requestHash: 'h', key };
    const shut = async () => {
      expect(await startByHand(world.ports, asked)).toMatchObject({ kind: 'running', rotationId, start: null });
      expect(await command(world.ports, { rotationId, command: 'rollback', actor: 'ann' })).toMatchObject({
        kind: 'not-allowed',
        phase: 'completed',
        allowed: [],
      });
      expect(await claimOf(world)).toMatchObject({ rotationId, purpose: 'retirement' });
    };
    await shut();
    await proveIdle(world.ports, on());
    await shut();
    await disableVersions(world.ports, on());
    await shut();
    await watchTargets(world.ports, on());
    await shut();
    await endRetirement(world.ports, { ...on(), status: 'retired', reasons: [] });
    expect(await claimOf(world)).toMatchObject({ rotationId: null, purpose: 'rotation' });
    // Retired is retired: there is nothing left to go back to.
    expect(await command(world.ports, { rotationId, command: 'rollback', actor: 'ann' })).toMatchObject({
      kind: 'not-allowed',
      allowed: [],
    });
  });

  test('I1: is not taken from a rotation, nor by a second instance, nor when another is faster', async () => {
    const { world } = await begun();
    expect(await begin(world, 'r2')).toMatchObject({ admitted: false });
    const other = makeWorld();
    await completedAndDue(other);
    await changeClaimOf(other, { rotationId: 'somebody', instanceId: 'else' });
    expect(await begin(other)).toMatchObject({ admitted: false, message: expect.stringContaining('somebody') });
    const raced = makeWorld();
    await completedAndDue(raced);
    raced.ledger.interfere.before('update', 1, () => changeClaimOf(raced, { recheck: true }));
    expect(await begin(raced)).toMatchObject({ admitted: false, message: expect.stringContaining('faster') });
  });

  test('is not taken over a rollback that ends the retirement between its two reads', async () => {
    const world = makeWorld();
    await completedAndDue(world);
    world.ledger.interfere.before('retirements', 1, async () => {
      await command(world.ports, { rotationId, command: 'rollback', actor: 'ann' });
      await changeClaimOf(world, { rotationId: null, instanceId: null });
    });
    expect(await begin(world)).toMatchObject({ admitted: false });
    expect((await retirementOf(world))?.status).toBe('ended');
  });

  test.each(['retired', 'ended'] as const)('is not taken for what is %s', async (status) => {
    const world = makeWorld();
    await completedAndDue(world);
    await set(world, { status });
    expect(await begin(world)).toMatchObject({ admitted: false });
  });
});

describe('I2 repeated, or after a lost answer,', () => {
  test('the beginning finds its claim again', async () => {
    const world = makeWorld();
    await completedAndDue(world);
    world.ledger.interfere.loseAnswer('update');
    await expect(begin(world)).rejects.toThrow(FaultError);
    expect(await begin(world)).toMatchObject({ admitted: true, run: { generation: 2 }, versions: [v1], targets: 3 });
  });

  test('disabling is done once, and told once, and the time it was done at stays', async () => {
    const { world, on } = await begun();
    world.keyVault.interfere.loseAnswer('setEnabled');
    await expect(disableVersions(world.ports, on())).rejects.toThrow(FaultError);
    const said = (await retirementOf(world))?.disabledAt;
    expect(await disableVersions(world.ports, on())).toEqual({ disabledAt: said });
    expect(await enabledOf(world, v1)).toBe(false);
    const told = world.auditLog.stored(key).filter(({ action }) => action === 'disable-version');
    expect(told).toHaveLength(1);
  });

  test('the watch begins when the version is disabled, not when that was first tried', async () => {
    const { world, on } = await begun();
    world.keyVault.interfere.fail('setEnabled');
    await expect(disableVersions(world.ports, on())).rejects.toThrow(FaultError);
    world.pass(3600);
    const input = on();
    expect(await disableVersions(world.ports, input)).toEqual({ disabledAt: input.now });
  });

  test.each(['retired', 'refused', 'undone'] as const)('the end (%s) is one end', async (status) => {
    const { world, on } = await begun();
    world.ledger.interfere.loseAnswer('update');
    const end = { ...on(), status, reasons: [] };
    await expect(endRetirement(world.ports, end)).rejects.toThrow(FaultError);
    expect(await endRetirement(world.ports, end)).toMatchObject({ status });
    expect((await retirementOf(world))?.status).toBe(status);
    const told = world.auditLog.stored(key).filter((each) => each.action === 'retire' && each.outcome !== 'intended');
    expect(told).toHaveLength(1);
  });
});

describe('the stop switch that is thrown between two versions', () => {
  async function betweenTwo() {
    const begins = await begun();
    const { world, on } = begins;
    world.keyVault.addVersion({ version: v2, createdOn: new Date('2025-12-21T00:00:00Z') });
    await set(world, { versions: [v1, v2] });
    return { ...begins, enabled: async () => [await enabledOf(world, v1), await enabledOf(world, v2)], on };
  }

  test('I11: leaves the second enabled, and says that the first must be watched; released, both are disabled', async () => {
    const { world, on, enabled } = await betweenTwo();
    // The first look is at the beginning, the second before the first version.
    world.ledger.interfere.before('stopped', 3, () => Promise.resolve(world.ledger.throwStop('drill')));
    const input = on();
    expect(await disableVersions(world.ports, input)).toEqual({ disabledAt: input.now, unfinished: true });
    expect(await enabled()).toEqual([false, true]);
    // Asked again while it is still thrown: the watch goes on from when it began.
    expect(await disableVersions(world.ports, on())).toEqual({ disabledAt: input.now, unfinished: true });
    world.ledger.throwStop(null);
    const again = on();
    expect(await disableVersions(world.ports, again)).toEqual({ disabledAt: again.now });
    expect(await enabled()).toEqual([false, false]);
  });

  test('says so too when the try that disabled the first died before it could', async () => {
    const { world, on, enabled } = await betweenTwo();
    world.keyVault.interfere.fail('setEnabled', 2);
    await expect(disableVersions(world.ports, on())).rejects.toThrow(FaultError);
    world.ledger.throwStop('drill');
    expect(await disableVersions(world.ports, on())).toMatchObject({ unfinished: true });
    expect(await enabled()).toEqual([false, true]);
  });

  test('before the first is waited for: nothing is disabled that would have to be watched', async () => {
    const { world, on, enabled } = await betweenTwo();
    world.ledger.interfere.before('stopped', 2, () => Promise.resolve(world.ledger.throwStop('drill')));
    await expect(disableVersions(world.ports, on())).rejects.toThrow(InterruptedError);
    expect(await enabled()).toEqual([true, true]);
  });
});

describe('old blobs that could not be forgotten', () => {
  const reasons = [{ code: 'old-blobs-left', message: 'The table is away.' }];
  async function left() {
    const begins = await begun();
    const { world, on } = begins;
    const { disabledAt } = await disableVersions(world.ports, on());
    const end = on();
    await endRetirement(world.ports, { ...end, status: 'retired', reasons });
    return { ...begins, disabledAt, dueAt: new Date(Date.parse(end.now) + 86_400_000).toISOString() };
  }

  test('leave the version retired, with what is left on record, and the next try a day later', async () => {
    const { world, disabledAt, dueAt } = await left();
    expect(await retirementOf(world)).toMatchObject({
      status: 'retired',
      disabledAt,
      dueAt,
      reasons,
      oldBlobsLeft: true,
    });
    expect(await claimOf(world)).toMatchObject({ rotationId: null });
    expect(await enabledOf(world, v1)).toBe(false);
    expect(await sweepKey(world.ports, key, async () => 'gone')).toEqual([]);
    world.pass(86_400);
    const [found] = await sweepKey(world.ports, key, async () => 'gone');
    expect(found).toMatchObject({ kind: 'retire', message: expect.stringContaining('old blobs') });
  });

  test('are forgotten without another proof or watch, and then nothing is left', async () => {
    const { world, disabledAt } = await left();
    const again = await begin(world, 'r2');
    expect(again).toMatchObject({ admitted: true, watched: true, disabledAt });
    if (!again.admitted) throw new Error(again.message);
    // A death here loses nothing: it is still retired, and still has its turn.
    expect(await retirementOf(world)).toMatchObject({ status: 'retired', oldBlobsLeft: true });
    const on = () => ({ run: again.run, now: world.pass(1) });
    expect(await dropOldBlobs(world.ports, { ...on(), target: 2, continuation: null })).toMatchObject({ dropped: 3 });
    await endRetirement(world.ports, { ...on(), status: 'retired', reasons: [] });
    const done = await retirementOf(world);
    expect(done).toMatchObject({ status: 'retired', disabledAt, reasons: [] });
    expect(done?.oldBlobsLeft).toBeUndefined();
    world.pass(30 * 86_400);
    expect(await sweepKey(world.ports, key, async () => 'gone')).toEqual([]);
    expect(await begin(world, 'r3')).toMatchObject({ admitted: false });
  });

  test('I9: stay while a person has enabled the version again, who may want to go back to it', async () => {
    const { world } = await left();
    world.keyVault.change(v1, { enabled: true });
    const again = await begin(world, 'r2');
    if (!again.admitted) throw new Error(again.message);
    const drop = dropOldBlobs(world.ports, { run: again.run, now: world.pass(1), target: 2, continuation: null });
    await expect(drop).rejects.toThrow(/not every one is disabled/);
    expect(world.store.all().every(({ previous }) => previous !== null)).toBe(true);
    expect(await enabledOf(world, v1)).toBe(true);
  });
});

describe('enabling again', () => {
  test('works while the run is paused and the stop switch is thrown, and is told afterwards (I4)', async () => {
    const { world, on } = await begun();
    await disableVersions(world.ports, on());
    const { claim, etag } = await world.ledger.read(key);
    if (claim === null) throw new Error('No claim.');
    const addCommand = { rotationId, command: 'pause' as const, actor: 'ann', at: world.now() };
    await world.ledger.update(key, etag, { claim, addCommand });
    world.ledger.throwStop('drill');
    world.auditLog.interfere.failAlways('append');
    await expect(enableVersions(world.ports, { ...on(), reasons: [] })).rejects.toThrow(FaultError);
    expect(await enabledOf(world, v1)).toBe(true);
    world.auditLog.interfere.heal();
    expect(await enableVersions(world.ports, { ...on(), reasons: [] })).toEqual({ enabled: [v1] });
  });

  test('of one version that fails does not keep the others disabled', async () => {
    const { world, on } = await begun();
    world.keyVault.addVersion({ version: v2, enabled: false, createdOn: new Date('2025-12-21T00:00:00Z') });
    await set(world, { versions: ['0'.repeat(32), v1, v2], status: 'watching', disabledAt: world.now() });
    world.keyVault.change(v1, { enabled: false });
    await expect(enableVersions(world.ports, { ...on(), reasons: [] })).rejects.toThrow(RefusalError);
    expect([await enabledOf(world, v1), await enabledOf(world, v2)]).toEqual([true, true]);
  });
});

describe('an instance that goes on for one that died', () => {
  /** The claim is freed as the sweep does; the retirement stands where the dead instance left it. */
  const died = async (world: World): Promise<void> =>
    changeClaimOf(world, { rotationId: null, instanceId: null, purpose: 'rotation', bound: false });

  test('goes on with the watch of a version that is disabled', async () => {
    const { world, on } = await begun();
    const { disabledAt } = await disableVersions(world.ports, on());
    await died(world);
    expect(await begin(world, 'r2')).toMatchObject({ admitted: true, disabledAt });
    expect(await enabledOf(world, v1)).toBe(false);
  });

  test('comes before whatever else a sweep finds, a target that cannot be read among it: nothing stays disabled unwatched', async () => {
    const { world, on } = await begun();
    await disableVersions(world.ports, on());
    await died(world);
    world.keyVault.addVersion({ version: v2, createdOn: new Date(world.now()) });
    world.pass(2 * 3600);
    world.resourceManager.interfere.failAlways('find');
    world.resourceManager.interfere.failAlways('get');
    expect(await sweepKey(world.ports, key, async () => 'gone')).toMatchObject([
      { kind: 'retire', request: { rotationId } },
    ]);
  });

  test('I1 proves anew what was said to be disabled and was not', async () => {
    const { world, on } = await begun();
    world.keyVault.interfere.fail('setEnabled');
    await expect(disableVersions(world.ports, on())).rejects.toThrow(FaultError);
    await died(world);
    expect(await begin(world, 'r2')).toMatchObject({ admitted: true, disabledAt: null });
  });

  test('I1 begins afresh, with every version enabled, when only some were disabled', async () => {
    const { world, on } = await begun();
    world.keyVault.addVersion({ version: v2, createdOn: new Date('2025-12-21T00:00:00Z') });
    await set(world, { versions: [v1, v2] });
    world.keyVault.interfere.fail('setEnabled', 2);
    await expect(disableVersions(world.ports, on())).rejects.toThrow(FaultError);
    await died(world);
    expect(await begin(world, 'r2')).toMatchObject({ admitted: true, disabledAt: null });
    expect([await enabledOf(world, v1), await enabledOf(world, v2)]).toEqual([true, true]);
    expect(await retirementOf(world)).toMatchObject({ disabledAt: null, status: 'proving' });
  });
});

describe('the end', () => {
  const day = 86_400;
  test.each([
    ['refused', 0, null],
    ['undone', 7 * day, null],
  ] as const)('%s is tried again after %s seconds', async (status, seconds, disabledAt) => {
    const { world, on } = await begun();
    const end = { ...on(), status, reasons: [{ code: 'c', message: 'M.' }] };
    await endRetirement(world.ports, end);
    const dueAt = new Date(Date.parse(end.now) + seconds * 1000).toISOString();
    expect(await retirementOf(world)).toMatchObject({ status, dueAt, disabledAt, reasons: [{ code: 'c' }] });
    // The version is enabled, so the way back is open again.
    expect(await command(world.ports, { rotationId, command: 'rollback', actor: 'ann' })).toMatchObject({
      kind: 'start',
    });
    expect((await retirementOf(world))?.status).toBe('ended');
  });

  test('of a retired version says when it was disabled', async () => {
    const { world, on } = await begun();
    const { disabledAt } = await disableVersions(world.ports, on());
    await endRetirement(world.ports, { ...on(), status: 'retired', reasons: [] });
    expect(await retirementOf(world)).toMatchObject({ status: 'retired', disabledAt });
  });

  test('keeps for the sweep what came meanwhile', async () => {
    const { world, on } = await begun();
    await changeClaimOf(world, { recheck: true });
    await endRetirement(world.ports, { ...on(), status: 'refused', reasons: [] });
    expect(await claimOf(world)).toMatchObject({ recheck: true, rotationId: null });
  });
});

test('what the watch sees that is not green goes on record; green does not', async () => {
  const { world, on } = await begun();
  await watchTargets(world.ports, on());
  expect(world.auditLog.stored(key).filter(({ action }) => action === 'watch')).toEqual([]);
  world.dataPlane.answers.set('hub-1.azure-devices.net', { answer: 'unreadable', message: 'Cannot decrypt.' });
  const { results } = await watchTargets(world.ports, on());
  expect(results).toMatchObject([{ colour: 'red' }, { colour: 'green' }, { colour: 'green' }]);
  expect(world.auditLog.stored(key).at(-1)).toMatchObject({ action: 'watch', target: 'iotHub/hub-1' });
});

test('I11: old blobs are not forgotten once the stop switch is thrown', async () => {
  const { world, on } = await begun();
  await disableVersions(world.ports, on());
  world.ledger.throwStop('drill');
  const drop = { ...on(), target: 2, continuation: null };
  await expect(dropOldBlobs(world.ports, drop)).rejects.toThrow(InterruptedError);
  expect(world.store.all().every(({ previous }) => previous !== null)).toBe(true);
});

test('I9: the old blobs of a version that is not retired stay', async () => {
  const { world, on } = await begun();
  await disableVersions(world.ports, on());
  const [record] = world.store.all();
  if (record === undefined) throw new Error('There is no record.');
  const previous = JSON.stringify({ kid: `${key}/${v2}`, alg: record.alg, blob: record.blob });
  world.store.ownerPuts({ ...record, previous });
  expect(await dropOldBlobs(world.ports, { ...on(), target: 2, continuation: null })).toMatchObject({ dropped: 2 });
  expect(world.store.all().filter((each) => each.previous !== null)).toMatchObject([{ previous }]);
});
