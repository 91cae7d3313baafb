import { admit } from '../../../../shared/rotation/admission';
import { command } from '../../../../shared/rotation/commands';
import { FaultError, RefusalError } from '../../../../shared/rotation/errors';
import { dryRun, makePlan } from '../../../../shared/rotation/planning';
import { startByHand } from '../../../../shared/rotation/requests';
import { beginRetirement } from '../../../../shared/rotation/retiring';
import { lookAtAccess, restoreVersions, revokeVersions } from '../../../../shared/rotation/revoking';
import { sweepKey } from '../../../../shared/rotation/sweeping';
import { completed, enter, eventRequest, key, makeWorld, rotationId, v1, v2, type World } from './world';

type Run = 'revoke' | 'restore' | 'rotate';
const byHand = (run: Run, principalId = 'olivia') => ({
  key,
  reason: 'because',
  toVersion: null,
  run,
  actor: principalId,
  principalId,
  idempotencyKey: null,
  requestHash: `${run}`,
});

/** Started, admitted and planned, as the orchestration would. */
async function begun(world: World, run: Run) {
  const decision = await startByHand(world.ports, byHand(run));
  if (decision.kind !== 'start') throw new Error(`Not started: ${decision.kind}`);
  const { instanceId, request } = decision.start;
  const admission = await admit(world.ports, { request, instanceId, now: world.pass(1) });
  if (!admission.admitted) throw new Error(admission.message);
  await enter(world, admission.run, 'planning');
  const planned = await makePlan(world.ports, { run: admission.run, now: world.now() });
  return { run: admission.run, planned };
}

async function revoked(world: World) {
  const { run } = await begun(world, 'revoke');
  await enter(world, run, 'revoking');
  await revokeVersions(world.ports, { run, now: world.now() });
  await enter(world, run, 'completed');
  return run;
}

const enabled = async (world: World): Promise<readonly string[]> =>
  (await world.keyVault.versions(key)).filter((version) => version.enabled).map(({ version }) => version);
const claimOf = async (world: World) => (await world.ledger.read(key)).claim;

describe('the plan of a revocation', () => {
  test('shows what will stop working, and which versions are disabled, and changes nothing', async () => {
    const world = makeWorld();
    const plan = await dryRun(world.ports, { key, toVersion: null, run: 'revoke' });
    expect(plan.decision).toBe('go');
    expect(plan.checks.map(({ target, code }) => `${target} ${code}`)).toEqual([
      'key versions-to-disable',
      'iotHub/hub-1 will-lose-access',
      'dps/dps-1 will-lose-access',
      expect.stringMatching(/^dataKeys\/.* will-lose-access$/),
    ]);
    expect(plan.checks[0]?.message).toContain(v1);
    expect(await enabled(world)).toEqual([v1]);
    expect(await claimOf(world)).toBeNull();
  });

  test('waits for a second person whatever the policy says, and for no change window', async () => {
    const world = makeWorld();
    world.managed.windows.push({ days: [], fromMinute: 0, toMinute: 1, timeZone: 'UTC' });
    const { run, planned } = await begun(world, 'revoke');
    expect(planned).toMatchObject({ decision: 'go', approved: false });
    if (planned.decision !== 'go') throw new Error('It must go.');
    const approve = (principalId: string) =>
      command(world.ports, {
        rotationId: run.rotationId,
        command: 'approve',
        actor: principalId,
        principalId,
        planHash: planned.plan.planHash,
      });
    expect(await approve('olivia')).toEqual({ kind: 'own-request' });
    expect(await approve('avery')).toMatchObject({ kind: 'wake' });
    expect(await makePlan(world.ports, { run, now: world.now() })).toMatchObject({ decision: 'go', approved: true });
  });

  test('is not refused because a target refuses to be read: that is said, and it has to be seen losing access', async () => {
    const world = makeWorld();
    const [hub] = world.managed.targets;
    if (hub === undefined) throw new Error('There is no hub.');
    const inspect = jest.spyOn(hub, 'inspect').mockRejectedValue(new RefusalError('forbidden', 'No role on hub-1.'));
    const plan = await dryRun(world.ports, { key, toVersion: null, run: 'revoke' });
    expect(plan.decision).toBe('go');
    expect(plan.checks).toContainEqual(
      expect.objectContaining({ target: 'iotHub/hub-1', code: 'unreadable', result: 'unknown' }),
    );
    const { run, planned } = await begun(world, 'revoke');
    expect(planned.decision).toBe('go');
    await enter(world, run, 'revoking');
    const { results } = await lookAtAccess(world.ports, { run, now: world.now(), before: [] });
    expect(results.map(({ kind }) => kind)).toContain('iotHub');
    inspect.mockRejectedValue(new FaultError('busy', 'ARM is busy.'));
    await expect(dryRun(world.ports, { key, toVersion: null, run: 'revoke' })).rejects.toThrow(FaultError);
  });

  test('is approved by nobody who cannot be told from another', async () => {
    const world = makeWorld();
    const { run, planned } = await begun(world, 'revoke');
    if (planned.decision !== 'go') throw new Error('It must go.');
    const { planHash } = planned.plan;
    const asked = {
      rotationId: run.rotationId,
      command: 'approve' as const,
      actor: 'operator (function key)',
      planHash,
    };
    expect(await command(world.ports, asked)).toEqual({ kind: 'own-request' });
  });

  test('is another one when a version or a target has changed', async () => {
    const world = makeWorld();
    const hashOf = async (run: Run) => (await dryRun(world.ports, { key, toVersion: null, run })).planHash;
    const before = await hashOf('revoke');
    expect(await hashOf('revoke')).toBe(before);
    expect(await hashOf('restore')).not.toBe(before);
    world.keyVault.addVersion({ version: v2 });
    expect(await hashOf('revoke')).not.toBe(before);
  });

  test('is refused where nothing is enabled, and where it was revoked before', async () => {
    const world = makeWorld();
    world.keyVault.change(v1, { enabled: false });
    const { planned } = await begun(world, 'revoke');
    expect(planned).toMatchObject({ decision: 'refuse', reasons: [{ code: 'nothing-to-revoke' }] });
    const other = makeWorld();
    await revoked(other);
    expect((await begun(other, 'revoke')).planned).toMatchObject({ reasons: [{ code: 'already-revoked' }] });
  });
});

describe('a revocation', () => {
  test('I3: has what it disables on record before it disables it', async () => {
    const world = makeWorld();
    world.keyVault.addVersion({ version: v2 });
    const { run } = await begun(world, 'revoke');
    await enter(world, run, 'revoking');
    world.keyVault.interfere.fail('setEnabled');
    await expect(revokeVersions(world.ports, { run, now: world.now() })).rejects.toThrow();
    expect((await claimOf(world))?.revocation).toMatchObject({ rotationId: run.rotationId, versions: [v1, v2] });
    expect(await enabled(world)).toEqual([v1, v2]);
  });

  test('I2 I3: disables every enabled version, one that is made meanwhile too, and leaves alone what was disabled before', async () => {
    const world = makeWorld();
    world.keyVault.addVersion({ version: v2 });
    world.keyVault.addVersion({ version: 'f'.repeat(32), enabled: false });
    const { run } = await begun(world, 'revoke');
    await enter(world, run, 'revoking');
    const first = await revokeVersions(world.ports, { run, now: world.now() });
    expect(await enabled(world)).toEqual([]);
    world.keyVault.addVersion({ version: 'e'.repeat(32) });
    const again = await revokeVersions(world.ports, { run, now: world.pass(60) });
    expect(await enabled(world)).toEqual([]);
    expect(again.revokedAt).toBe(first.revokedAt);
    expect((await claimOf(world))?.revocation?.versions).toEqual([v1, v2, 'e'.repeat(32)]);
  });

  test('I11: disables nothing more once it is to be taken back', async () => {
    const world = makeWorld();
    const { run } = await begun(world, 'revoke');
    await enter(world, run, 'revoking');
    await command(world.ports, { rotationId: run.rotationId, command: 'rollback', actor: 'avery' });
    await expect(revokeVersions(world.ports, { run, now: world.now() })).rejects.toThrow(/rollback/);
    expect(await enabled(world)).toEqual([v1]);
  });

  test('looks at those that have data under the key, and tells a change once', async () => {
    const world = makeWorld(['iotHub', 'dps', 'dataKeys'], 0);
    const { run } = await begun(world, 'revoke');
    await enter(world, run, 'revoking');
    const { results } = await lookAtAccess(world.ports, { run, now: world.now(), before: [] });
    expect(results.map(({ kind }) => kind)).toEqual(['iotHub', 'dps']);
    const told = () => world.auditLog.stored(key).filter(({ action }) => action === 'probe').length;
    const once = told();
    const before = results.map(({ kind, name, colour }) => `${kind}/${name} ${colour}`);
    await lookAtAccess(world.ports, { run, now: world.pass(60), before });
    expect([once, told()]).toEqual([2, 2]);
  });

  test('looks at whom it planned for, though the configuration names them in another order by now', async () => {
    const world = makeWorld(['dataKeys', 'iotHub', 'dps'], 0);
    const { run } = await begun(world, 'revoke');
    await enter(world, run, 'revoking');
    world.managed.targets.reverse();
    const { results } = await lookAtAccess(world.ports, { run, now: world.now(), before: [] });
    expect(results.map(({ kind }) => kind)).toEqual(['dps', 'iotHub']);
  });

  test('taken back enables exactly what it had disabled, and is no revocation any more', async () => {
    const world = makeWorld();
    world.keyVault.addVersion({ version: 'f'.repeat(32), enabled: false });
    const { run } = await begun(world, 'revoke');
    await enter(world, run, 'revoking');
    await revokeVersions(world.ports, { run, now: world.now() });
    await enter(world, run, 'rolling-back');
    await restoreVersions(world.ports, { run, now: world.now() });
    await enter(world, run, 'rolled-back');
    expect(await enabled(world)).toEqual([v1]);
    expect((await claimOf(world))?.revocation).toBeUndefined();
  });
});

test('in observe mode the rotation before is not rolled back, and whoever asks is told why', async () => {
  const world = makeWorld();
  await completed(world);
  world.managed.mode = 'observe' as 'act';
  const answer = await command(world.ports, { rotationId, command: 'rollback', actor: 'avery' });
  expect(answer).toMatchObject({ kind: 'not-allowed', allowed: [], why: expect.stringContaining('"mode": "act"') });
});

describe('while a key is revoked', () => {
  test('an event claims nothing, and is looked at again once the key was given back', async () => {
    const world = makeWorld();
    await revoked(world);
    const before = world.history.rotations.size;
    world.keyVault.addVersion({ version: v2, createdOn: new Date(world.now()) });
    const request = eventRequest('20261122T130000000Z-abcdef-000009', 'KeyNewVersionCreated', v2);
    const admission = await admit(world.ports, { request, instanceId: request.rotationId, now: world.now() });
    expect(admission).toMatchObject({ admitted: false, why: 'key-revoked' });
    expect(world.history.rotations.size).toBe(before);
    expect(await claimOf(world)).toMatchObject({ rotationId: null, recheck: true });
    const { run } = await begun(world, 'restore');
    await enter(world, run, 'restoring');
    await restoreVersions(world.ports, { run, now: world.now() });
    await enter(world, run, 'completed');
    expect(await sweepKey(world.ports, key, async () => 'gone')).toMatchObject([
      { kind: 'rotate', start: { request: { cause: { type: 'KeyNewVersionCreated', version: v2 } } } },
    ]);
  });

  test('the rotation before is not rolled back onto versions that open nothing, and its retirement stays', async () => {
    const world = makeWorld();
    await completed(world);
    await revoked(world);
    const before = await world.ledger.retirements(key);
    const answer = await command(world.ports, { rotationId, command: 'rollback', actor: 'avery' });
    expect(answer).toMatchObject({ kind: 'not-allowed', allowed: [], why: expect.stringContaining('"restore"') });
    expect((await claimOf(world))?.rotationId).toBeNull();
    expect(await world.ledger.retirements(key)).toEqual(before);
  });

  test('a second revocation that goes back gives nothing back that the first one took', async () => {
    const world = makeWorld();
    await revoked(world);
    const { run } = await begun(world, 'revoke');
    await enter(world, run, 'needs-attention');
    await command(world.ports, { rotationId: run.rotationId, command: 'rollback', actor: 'olivia' });
    const again = { ...run, generation: run.generation + 1 };
    await enter(world, again, 'rolling-back');
    await restoreVersions(world.ports, { run: again, now: world.now() });
    await enter(world, again, 'rolled-back');
    expect(await enabled(world)).toEqual([]);
    expect((await claimOf(world))?.revocation).toMatchObject({ versions: [v1] });
  });

  test('I1: it cannot be rotated, nothing is retired, and the sweep leaves it alone', async () => {
    const world = makeWorld();
    await completed(world);
    world.pass(8 * 86_400);
    await revoked(world);
    const { run } = await begun(world, 'rotate').catch((error: unknown) => {
      expect(error).toBeInstanceOf(RefusalError);
      expect((error as RefusalError).code).toBe('key-revoked');
      return { run: null };
    });
    expect(run).toBeNull();
    const retirement = { request: { key, rotationId }, instanceId: 'i', now: world.now() };
    expect(await beginRetirement(world.ports, retirement)).toMatchObject({ admitted: false });
    const idle = makeWorld();
    await completed(idle);
    idle.pass(8 * 86_400);
    await revoked(idle);
    expect(await sweepKey(idle.ports, key, async () => 'gone')).toEqual([]);
    // Nobody holds the claim there: it is the revocation that keeps the retirement from taking it.
    expect(await beginRetirement(idle.ports, { ...retirement, now: idle.now() })).toMatchObject({
      admitted: false,
      message: expect.stringContaining('revoked'),
    });
  });

  test('the revocation leaves the rotation before it as it was: its retirement waits, and nothing new is to be retired', async () => {
    const world = makeWorld();
    await completed(world);
    const before = await world.ledger.retirements(key);
    await revoked(world);
    expect(await world.ledger.retirements(key)).toEqual(before);
    expect((await claimOf(world))?.lastRotationId).toBe(rotationId);
  });

  test('rollback of the completed revocation is answered with what is possible', async () => {
    const world = makeWorld();
    const { rotationId: id } = await revoked(world);
    const answer = await command(world.ports, { rotationId: id, command: 'rollback', actor: 'avery' });
    expect(answer).toMatchObject({ kind: 'not-allowed', allowed: [], why: expect.stringContaining('restore') });
  });
});

test('I4: a revocation disables nothing while its intent cannot be put on record', async () => {
  const world = makeWorld();
  const { run } = await begun(world, 'revoke');
  await enter(world, run, 'revoking');
  world.auditLog.interfere.fail('append');
  await expect(revokeVersions(world.ports, { run, now: world.now() })).rejects.toThrow(FaultError);
  expect(await enabled(world)).toEqual([v1]);
  await revokeVersions(world.ports, { run, now: world.now() });
  expect(await enabled(world)).toEqual([]);
});

test('I11: a revocation that is called back between two versions leaves the second alone', async () => {
  const world = makeWorld();
  world.keyVault.addVersion({ version: v2 });
  const { run } = await begun(world, 'revoke');
  await enter(world, run, 'revoking');
  const callBack = () => command(world.ports, { rotationId: run.rotationId, command: 'rollback', actor: 'avery' });
  world.keyVault.interfere.before('setEnabled', 1, async () => void (await callBack()));
  await expect(revokeVersions(world.ports, { run, now: world.now() })).rejects.toThrow(/rollback/);
  expect(await enabled(world)).toEqual([v2]);
});

describe('a restoration', () => {
  test('enables exactly what the revocation disabled, and ends it', async () => {
    const world = makeWorld();
    world.keyVault.addVersion({ version: 'f'.repeat(32), enabled: false });
    await revoked(world);
    const { run, planned } = await begun(world, 'restore');
    expect(planned).toMatchObject({ decision: 'go', approved: false });
    await enter(world, run, 'restoring');
    await restoreVersions(world.ports, { run, now: world.now() });
    const { results } = await lookAtAccess(world.ports, { run, now: world.now(), before: [] });
    expect(results.map(({ colour }) => colour)).toEqual(['green', 'green', 'green']);
    await enter(world, run, 'completed');
    expect(await enabled(world)).toEqual([v1]);
    expect((await claimOf(world))?.revocation).toBeUndefined();
  });

  test('enables the others where one cannot be enabled, and says which', async () => {
    const world = makeWorld();
    world.keyVault.addVersion({ version: v2 });
    await revoked(world);
    const { run } = await begun(world, 'restore');
    await enter(world, run, 'restoring');
    world.keyVault.interfere.fail('setEnabled', 1, new RefusalError('forbidden', 'The first may not be enabled.'));
    await expect(restoreVersions(world.ports, { run, now: world.now() })).rejects.toThrow('The first may not');
    expect(await enabled(world)).toEqual([v2]);
    expect((await claimOf(world))?.revocation).toMatchObject({ versions: [v1, v2] });
  });

  test('is refused where nothing was revoked', async () => {
    expect((await begun(makeWorld(), 'restore')).planned).toMatchObject({ reasons: [{ code: 'not-revoked' }] });
  });

  test('of a version that is gone is refused with the command that recovers it', async () => {
    const world = makeWorld();
    await revoked(world);
    world.keyVault.remove(v1);
    const { planned } = await begun(world, 'restore');
    expect(planned).toMatchObject({ decision: 'refuse', reasons: [{ code: 'version-deleted' }] });
    if (planned.decision === 'go') throw new Error('It must be refused.');
    expect(planned.reasons[0]?.message).toContain('az keyvault key recover --vault-name kv-test --name kek');
  });
});

test('I4: what is given back is given back first, and told afterwards', async () => {
  const world = makeWorld();
  await revoked(world);
  const { run } = await begun(world, 'restore');
  await enter(world, run, 'restoring');
  world.auditLog.interfere.fail('append');
  await expect(restoreVersions(world.ports, { run, now: world.now() })).rejects.toThrow(FaultError);
  expect(await enabled(world)).toEqual([v1]);
});

test('I11: a restoration that is stopped between two versions leaves the second alone', async () => {
  const world = makeWorld();
  world.keyVault.addVersion({ version: v2 });
  await revoked(world);
  const { run } = await begun(world, 'restore');
  await enter(world, run, 'restoring');
  world.keyVault.interfere.before('setEnabled', 1, () => Promise.resolve(world.ledger.throwStop('drill')));
  await expect(restoreVersions(world.ports, { run, now: world.now() })).rejects.toThrow(/drill/);
  expect(await enabled(world)).toEqual([v1]);
});

test('a revocation and a rotation are never interleaved: the second is answered with the first', async () => {
  const world = makeWorld();
  const { run } = await begun(world, 'rotate');
  expect(await startByHand(world.ports, byHand('revoke'))).toMatchObject({
    kind: 'running',
    rotationId: run.rotationId,
  });
});
