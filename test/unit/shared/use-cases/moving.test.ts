import type { TargetProgress } from '../../../../shared/contracts/rotation';
import { admit } from '../../../../shared/rotation/admission';
import { sendAlert } from '../../../../shared/rotation/alerting';
import { command } from '../../../../shared/rotation/commands';
import { withDataKey } from '../../../../shared/rotation/data-key';
import {
  BrokenInvariantError,
  FaultError,
  InterruptedError,
  RefusalError,
  SupersededError,
} from '../../../../shared/rotation/errors';
import { moveTarget, verifyTarget } from '../../../../shared/rotation/moving';
import { moveDataKeysPage } from '../../../../shared/rotation/moving-data-keys';
import { chooseVersion } from '../../../../shared/rotation/next-version';
import { makePlan } from '../../../../shared/rotation/planning';
import { proveIdle } from '../../../../shared/rotation/proving-idle';
import { beginRetirement, disableVersions } from '../../../../shared/rotation/retiring';
import { beginSoak, probeTargets } from '../../../../shared/rotation/soaking';
import { recordStanding } from '../../../../shared/rotation/standing';
import { enterPhase, noteWaiting } from '../../../../shared/rotation/telling';
import { listUndo, proveWayBack } from '../../../../shared/rotation/way-back';
import { decodeBase64url } from '../../../../shared/rotation/wrapping';
import { backStory, essenceOf, forwardStory } from './story';
import {
  admitted,
  dpsBody,
  enter,
  eventRequest,
  everythingWritten,
  hubBody,
  key,
  kid,
  makeWorld,
  move,
  moveAll,
  nextOf,
  ready,
  rotationId,
  v1,
  v2,
  type World,
  wrapped,
} from './world';

const hub = 0;
const dps = 1;
const dataKeys = 2;

const on = (
  world: World,
  run: Awaited<ReturnType<typeof ready>>,
  target = hub,
  direction: 'forward' | 'back' = 'forward',
) => ({
  run,
  now: world.pass(1),
  target,
  direction,
});
const firstPage = { continuation: null, done: 0, left: 0 };

const rollback = (world: World) => command(world.ports, { rotationId, command: 'rollback', actor: 'ann' });

/** Every data key opens to what its owner stored. */
async function allOpen(world: World): Promise<void> {
  for (const [index, record] of world.store.all().entries()) {
    await withDataKey(record, key, world.keyVault, (opened) => {
      expect(Buffer.from(opened).equals(world.dataKeys[index] ?? Buffer.alloc(0))).toBe(true);
    });
  }
}

/** Position of the first effect that begins so; fails if there is none. */
function at(world: World, start: string, from = 0): number {
  const index = world.effects.findIndex((effect, position) => position >= from && effect.startsWith(start));
  if (index < 0) throw new Error(`No effect begins with ${start}: ${world.effects.slice(from).join('; ')}`);
  return index;
}

describe('the order of effects', () => {
  test('I3 I4 the undo, then the intent are on record before a hub is written', async () => {
    const world = makeWorld();
    const run = await ready(world);
    const from = world.effects.length;
    await moveTarget(world.ports, on(world, run));
    expect(at(world, 'update generation 1, rewrapping, undo iotHub', from)).toBeLessThan(at(world, 'put hub-1', from));
    expect(at(world, 'append rewrap intended', from)).toBeLessThan(at(world, 'put hub-1', from));
  });

  test('I3 I4 the undo, then the intent are on record before the first data key is written', async () => {
    const world = makeWorld();
    const run = await ready(world);
    const from = world.effects.length;
    await moveDataKeysPage(world.ports, { ...on(world, run, dataKeys), ...firstPage });
    expect(at(world, 'update generation 1, rewrapping, undo dataKeys', from)).toBeLessThan(at(world, 'replace', from));
    expect(at(world, 'append rewrap intended', from)).toBeLessThan(at(world, 'replace', from));
  });

  test('I4 the intent is on record before a version is made, and without it none is made', async () => {
    const world = makeWorld();
    const run = await admitted(world);
    await enter(world, run, 'planning');
    await makePlan(world.ports, { run, now: world.now() });
    await enter(world, run, 'creating-version');
    world.auditLog.interfere.fail('append');
    await expect(chooseVersion(world.ports, { run, now: world.now() })).rejects.toThrow(FaultError);
    expect(world.keyVault.interfere.calls('createVersion')).toBe(0);
    const from = world.effects.length;
    await chooseVersion(world.ports, { run, now: world.now() });
    expect(at(world, 'append create-version intended', from)).toBeLessThan(at(world, 'createVersion', from));
  });

  test.each([
    ['a hub', hub],
    ['a DPS', dps],
  ])('I4 forward %s is not written while the audit log cannot be', async (_what, target) => {
    const world = makeWorld();
    const run = await ready(world);
    world.auditLog.interfere.failAlways('append');
    await expect(moveTarget(world.ports, on(world, run, target))).rejects.toThrow(FaultError);
    expect(world.resourceManager.puts).toEqual([]);
  });

  test('I4 forward no data key is written while the audit log cannot be', async () => {
    const world = makeWorld();
    const run = await ready(world);
    world.auditLog.interfere.failAlways('append');
    const page = moveDataKeysPage(world.ports, { ...on(world, run, dataKeys), ...firstPage });
    await expect(page).rejects.toThrow(FaultError);
    expect(world.store.interfere.calls('replace')).toBe(0);
  });

  test('I4 backward a hub and the data keys go back first and are told afterwards', async () => {
    const world = makeWorld();
    const run = await ready(world);
    await moveAll(world, run);
    await enter(world, run, 'rolling-back');
    world.auditLog.interfere.failAlways('append');
    await moveTarget(world.ports, on(world, run, hub, 'back'));
    expect(world.resourceManager.puts.at(-1)?.body).toMatchObject({ name: 'hub-1' });
    const page = moveDataKeysPage(world.ports, { ...on(world, run, dataKeys, 'back'), ...firstPage });
    await expect(page).rejects.toThrow(FaultError);
    expect(world.store.all().every((record) => record.kid === kid(v1))).toBe(true);
  });

  test.each(['forward', 'back'] as const)(
    'I4 %s nothing is written while the ledger cannot be read',
    async (direction) => {
      const world = makeWorld();
      const run = await ready(world);
      if (direction === 'back') {
        await moveAll(world, run);
        await enter(world, run, 'rolling-back');
      }
      const puts = world.resourceManager.puts.length;
      const replaced = world.store.interfere.calls('replace');
      world.ledger.interfere.failAlways('read');
      for (const target of [hub, dps]) {
        await expect(moveTarget(world.ports, on(world, run, target, direction))).rejects.toThrow(FaultError);
      }
      const page = moveDataKeysPage(world.ports, { ...on(world, run, dataKeys, direction), ...firstPage });
      await expect(page).rejects.toThrow(FaultError);
      expect(world.resourceManager.puts).toHaveLength(puts);
      expect(world.store.interfere.calls('replace')).toBe(replaced);
    },
  );
});

test('I4 a hub is not written when the ledger cannot be read any more right before', async () => {
  const world = makeWorld();
  const run = await ready(world);
  world.resourceManager.interfere.before('post', 2, () => world.ledger.interfere.failAlways('read'));
  await expect(moveTarget(world.ports, on(world, run))).rejects.toThrow(FaultError);
  expect(world.resourceManager.puts).toEqual([]);
});

describe('I11 no mutation begins', () => {
  test('on a hub once a rollback is on record, even between reading and writing', async () => {
    const world = makeWorld();
    const run = await ready(world);
    world.resourceManager.interfere.before('post', 2, async () => void (await rollback(world)));
    await expect(moveTarget(world.ports, on(world, run))).rejects.toThrow(InterruptedError);
    expect(world.resourceManager.puts).toEqual([]);
  });

  test('on any further data key once a rollback is on record', async () => {
    const world = makeWorld(['iotHub', 'dps', 'dataKeys'], 150);
    const run = await ready(world);
    world.store.interfere.before('replace', 1, async () => void (await rollback(world)));
    const page = moveDataKeysPage(world.ports, { ...on(world, run, dataKeys), ...firstPage });
    await expect(page).rejects.toThrow(InterruptedError);
    // The batch whose fence was open before the command is finished; no other begins.
    const moved = world.store.all().filter((record) => record.kid !== kid(v1));
    expect(moved).toHaveLength(100);
    expect(world.store.interfere.calls('replace')).toBe(1);
  });

  test('on the key itself once a newer generation is on record', async () => {
    const world = makeWorld();
    const run = await admitted(world);
    await enter(world, run, 'planning');
    await makePlan(world.ports, { run, now: world.now() });
    await enter(world, run, 'creating-version');
    world.keyVault.interfere.before('rotationPolicy', 1, async () => {
      const { claim, etag } = await world.ledger.read(key);
      if (claim !== null) await world.ledger.update(key, etag, { claim: { ...claim, generation: 2 } });
    });
    await expect(chooseVersion(world.ports, { run, now: world.now() })).rejects.toThrow(SupersededError);
    expect(world.keyVault.interfere.calls('createVersion')).toBe(0);
  });

  test.each([
    ['forward', hub],
    ['back', hub],
    ['forward', dataKeys],
    ['back', dataKeys],
  ] as const)('%s on target %i in an older generation', async (direction, target) => {
    const world = makeWorld();
    const run = await ready(world);
    await moveAll(world, run);
    const puts = world.resourceManager.puts.length;
    const { claim, etag } = await world.ledger.read(key);
    if (claim === null) throw new Error('No claim.');
    await world.ledger.update(key, etag, { claim: { ...claim, generation: 2 } });
    const moved =
      target === dataKeys
        ? moveDataKeysPage(world.ports, { ...on(world, run, target, direction), ...firstPage })
        : moveTarget(world.ports, on(world, run, target, direction));
    await expect(moved).rejects.toThrow(SupersededError);
    expect(world.resourceManager.puts).toHaveLength(puts);
  });

  test('by the soak, which hears of the rollback at its next look', async () => {
    const world = makeWorld();
    const run = await ready(world);
    await moveAll(world, run);
    await enter(world, run, 'soaking');
    await beginSoak(world.ports, { run, now: world.now() });
    await rollback(world);
    await expect(probeTargets(world.ports, { run, now: world.now() })).rejects.toThrow(InterruptedError);
    await expect(enter(world, run, 'completed')).rejects.toThrow(InterruptedError);
  });
});

describe('going back', () => {
  test('I8 I10 puts every target where the plan found it, byte for byte, and every old record opens', async () => {
    const world = makeWorld();
    const before = {
      hub: structuredClone(world.hub.body),
      dps: structuredClone(world.dps.body),
      records: world.store.all(),
    };
    const keys = structuredClone([world.hub.policies, world.dps.policies]);
    await backStory(world);
    expect(world.hub.body).toEqual(before.hub);
    expect(world.dps.body).toEqual(before.dps);
    expect([world.hub.policies, world.dps.policies]).toEqual(keys);
    const withoutEtag = ({ etag: _etag, ...record }: { etag: string }) => record;
    expect(world.store.all().map(withoutEtag)).toEqual(before.records.map(withoutEtag));
    await allOpen(world);
    expect((await world.ledger.read(key)).claim).toMatchObject({ rotationId: null, phase: 'rolled-back' });
  });

  test('I11 waits for the operation that still moves the target forward, and then takes it back', async () => {
    for (const whileBusy of ['next', 'previous'] as const) {
      const world = makeWorld();
      Object.assign(world.hub, { polls: 3, whileBusy });
      const run = await ready(world);
      expect(await moveTarget(world.ports, on(world, run))).toMatchObject({ state: 'pending' });
      await rollback(world);
      await enter(world, run, 'rolling-back');
      await expect(moveTarget(world.ports, on(world, run, hub, 'back'))).rejects.toThrow(FaultError);
      world.resourceManager.settle();
      await move(world, run, hub, 'back');
      expect((await essenceOf(world)).hub).toBe(v1);
      await enter(world, run, 'rolled-back');
    }
  });

  test('is not held up by the failure of the operation that it takes back', async () => {
    const world = makeWorld();
    const run = await ready(world);
    await move(world, run, hub);
    world.dps.failWith = { code: '400099', message: 'The key cannot wrap.' };
    await expect(move(world, run, dps)).rejects.toThrow(RefusalError);
    await enter(world, run, 'rolling-back');
    expect(await listUndo(world.ports, { run, now: world.now() })).toEqual({ targets: [hub, dps] });
    await proveWayBack(world.ports, { run, now: world.now() });
    for (const target of [dps, hub]) {
      await move(world, run, target, 'back');
      await verifyTarget(world.ports, on(world, run, target, 'back'));
    }
    await enter(world, run, 'rolled-back');
    const { hub: onHub, dps: onDps } = await essenceOf(world);
    expect([onHub, onDps]).toEqual([v1, v1]);
  });

  test('I9 works for data keys when the next version has been disabled: that may be why', async () => {
    const world = makeWorld();
    const run = await ready(world);
    await moveAll(world, run);
    await enter(world, run, 'rolling-back');
    world.keyVault.change(await nextOf(world), { enabled: false });
    await move(world, run, dataKeys, 'back');
    await allOpen(world);
  });

  test('I9 I10 leaves a data key on the blob that opens when its old version does not', async () => {
    const world = makeWorld(['dataKeys'], 0);
    const older = world.keyVault.addVersion({ version: v2, createdOn: new Date('2025-12-24T00:00:00Z') });
    for (const version of [world.first, older]) {
      const { record, dataKey } = wrapped(version, version.version);
      world.store.ownerPuts(record);
      world.dataKeys.push(dataKey);
    }
    const made = world.keyVault.addVersion({ createdOn: new Date('2026-11-01T00:00:00Z') });
    const run = await ready(world);
    await move(world, run, 0);
    expect(world.store.all().map((record) => record.kid)).toEqual([made.kid, made.kid]);
    world.keyVault.change(v2, { enabled: false });
    await enter(world, run, 'rolling-back');
    // What can be read of the plan names only the oldest version, so the way back seems open.
    await proveWayBack(world.ports, { run, now: world.now() });
    await expect(move(world, run, 0, 'back')).rejects.toThrow(RefusalError);
    await allOpen(world);
  });

  test('I10: begins nothing when the previous version does not unwrap now', async () => {
    const world = makeWorld();
    const run = await ready(world);
    await moveAll(world, run);
    await enter(world, run, 'rolling-back');
    world.keyVault.answerWrongly(v1, new Uint8Array(32));
    await expect(proveWayBack(world.ports, { run, now: world.now() })).rejects.toThrow(/other bytes/);
    world.keyVault.answerWrongly(v1, null);
    world.keyVault.change(v1, { enabled: false });
    await expect(proveWayBack(world.ports, { run, now: world.now() })).rejects.toThrow(RefusalError);
  });

  test('I8: of a target that nothing of ours has moved changes nothing', async () => {
    const world = makeWorld();
    const run = await ready(world);
    await enter(world, run, 'rolling-back');
    expect(await moveTarget(world.ports, on(world, run, dps, 'back'))).toEqual({ state: 'done' });
    expect(world.resourceManager.puts).toEqual([]);
  });
});

describe('the end', () => {
  test('I8 completed is not entered while a target stands elsewhere, and the run then needs attention', async () => {
    const world = makeWorld();
    const run = await ready(world);
    await moveAll(world, run);
    await enter(world, run, 'soaking');
    world.dps.body = dpsBody(v1);
    await expect(enter(world, run, 'completed')).rejects.toThrow(BrokenInvariantError);
    expect((await world.ledger.read(key)).claim?.phase).toBe('soaking');
    await enter(world, run, 'needs-attention');
    expect(await command(world.ports, { rotationId, command: 'rollback', actor: 'ann' })).toMatchObject({
      kind: 'start',
    });
  });

  test('I8 rolled-back is not entered while a target stands elsewhere', async () => {
    const world = makeWorld();
    const run = await ready(world);
    await move(world, run, hub);
    await enter(world, run, 'rolling-back');
    await expect(enter(world, run, 'rolled-back')).rejects.toThrow(BrokenInvariantError);
    await enter(world, run, 'needs-attention');
    expect((await world.ledger.read(key)).claim?.rotationId).toBe(rotationId);
  });

  test('I4 a phase whose end cannot be told keeps the claim, and the run can be taken up by a person', async () => {
    const world = makeWorld();
    const run = await ready(world);
    await moveAll(world, run);
    await enter(world, run, 'soaking');
    world.auditLog.interfere.fail('append');
    await expect(enter(world, run, 'completed')).rejects.toThrow(FaultError);
    expect((await world.ledger.read(key)).claim).toMatchObject({ rotationId, phase: 'completed' });
    await enter(world, run, 'needs-attention');
    expect(await command(world.ports, { rotationId, command: 'resume', actor: 'ann' })).toMatchObject({
      kind: 'start',
    });
  });

  test('a phase that may not follow is a broken invariant', async () => {
    const world = makeWorld();
    const run = await admitted(world);
    await expect(enter(world, run, 'soaking')).rejects.toThrow(BrokenInvariantError);
  });

  test('I8 a target that stood on next before the run stays there when the others go back', async () => {
    const world = makeWorld();
    world.keyVault.addVersion({ version: v2, createdOn: new Date('2026-11-01T00:00:00Z') });
    world.dps.body = dpsBody(v2);
    const run = await ready(world);
    await moveAll(world, run);
    await enter(world, run, 'rolling-back');
    for (const target of (await listUndo(world.ports, { run, now: world.now() })).targets.toReversed()) {
      await move(world, run, target, 'back');
    }
    await enter(world, run, 'rolled-back');
    const { hub: onHub, dps: onDps } = await essenceOf(world);
    expect([onHub, onDps]).toEqual([v1, v2]);
  });

  test('abandoning says where each target stands and what could not be read, and changes nothing', async () => {
    const world = makeWorld();
    const run = await ready(world);
    await move(world, run, hub);
    await enter(world, run, 'needs-attention');
    world.dps.hidden = true;
    const { reasons } = await recordStanding(world.ports, { run, now: world.now() });
    expect(reasons.map(({ message }) => message)).toEqual([
      `iotHub/hub-1 stands on ${kid(await nextOf(world))}.`,
      'dps/dps-1 could not be read.',
      `dataKeys/keys-1 stands on ${kid(v1)}.`,
    ]);
    await enter(world, run, 'abandoned');
    expect((await world.ledger.read(key)).claim?.rotationId).toBeNull();
    expect(world.resourceManager.puts).toHaveLength(1);
  });
});

describe('data keys on their way', () => {
  const targetOf = (world: World) => world.history.rotations.get(rotationId)?.targets[dataKeys];
  const garble = (world: World, from: number, to: number) => {
    for (const { id } of world.store.all().slice(from, to)) world.store.ownerMerges(id, { blob: '!!' });
  };

  test('that are left are in the audit log by name and reason, never by content, and never count as done', async () => {
    const world = makeWorld(['iotHub', 'dps', 'dataKeys'], 5);
    const run = await ready(world);
    const blobs = world.store.all().map(({ blob }) => blob);
    world.store.ownerMerges({ partitionKey: 'p', rowKey: 'r0001' }, { check: 'A'.repeat(22) });
    garble(world, 3, 4);
    const page = await moveDataKeysPage(world.ports, { ...on(world, run, dataKeys), ...firstPage });
    expect(page).toMatchObject({ done: 3, left: 2, total: 5, continuation: null });
    const told = world.auditLog
      .stored(key)
      .filter(({ action, outcome }) => action === 'rewrap' && outcome === 'failed');
    expect(told.map(({ message }) => message)).toEqual([expect.stringMatching(/p\/r0001 \(check-value-mismatch\)/)]);
    expect(told[0]?.message).toMatch(/p\/r0003 \(record-garbled\)/);
    for (const blob of blobs) expect(JSON.stringify(world.auditLog.stored(key))).not.toContain(blob);
    expect(targetOf(world)).toMatchObject({ done: 3, total: 5 });
    await verifyTarget(world.ports, on(world, run, dataKeys));
    expect(targetOf(world)).toMatchObject({ done: 3, total: 5 });
  });

  test('that are left are named a hundred a pass at the most, in records of a size that is read', async () => {
    const world = makeWorld(['dataKeys'], 1);
    const run = await ready(world);
    for (let index = 0; index < 130; index++) {
      world.store.ownerPuts({ ...wrapped(world.first, `x${index}`).record, blob: '!!' });
    }
    const page = await moveDataKeysPage(world.ports, { ...on(world, run, 0), ...firstPage, left: 10 });
    expect(page).toMatchObject({ done: 1, left: 140 });
    expect(page.named).toHaveLength(90);
    const told = world.auditLog.stored(key).filter(({ outcome }) => outcome === 'failed');
    expect(told.map(({ message }) => message.split('(record-garbled)').length - 1)).toEqual([25, 25, 25, 15]);
  });

  test('say how fast they go and how long it takes yet, and say it no more when the run waits', async () => {
    const world = makeWorld(['dataKeys'], 350);
    const run = await ready(world);
    world.keyVault.interfere.before('unwrap', 640, () => void world.pass(10));
    const seen: (TargetProgress | undefined)[] = [];
    const { put } = world.history;
    world.history.put = async (rotation) => {
      seen.push(rotation.targets[0]);
      return put(rotation);
    };
    // So many took ten seconds, and then the vault goes away.
    world.keyVault.interfere.fail('unwrap', 699);
    const page = moveDataKeysPage(world.ports, { ...on(world, run, 0), ...firstPage });
    await expect(page).rejects.toThrow(FaultError);
    const last = seen.at(-1);
    const done = last?.done ?? 0;
    expect(done).toBeGreaterThanOrEqual(100);
    expect(last).toMatchObject({
      total: 350,
      keysPerSecond: done / 10,
      secondsLeft: Math.ceil((350 - done) / (done / 10)),
    });
    await noteWaiting(world.ports, { run, now: world.pass(1), waitingFor: 'fault', reasons: [] });
    expect(world.history.rotations.get(rotationId)?.targets[0]).not.toHaveProperty('secondsLeft');
  });

  test('are told of a little later when the document cannot be written just then', async () => {
    const world = makeWorld(['dataKeys'], 350);
    const run = await ready(world);
    world.keyVault.interfere.before('unwrap', 640, () => {
      world.pass(10);
      world.history.interfere.fail('put');
    });
    const before = world.history.interfere.calls('put');
    expect(await moveDataKeysPage(world.ports, { ...on(world, run, 0), ...firstPage })).toMatchObject({ done: 350 });
    expect(world.history.interfere.calls('put') - before).toBe(2);
    expect(world.history.rotations.get(rotationId)?.targets[0]).toMatchObject({ done: 350, total: 350 });
  });

  test('that go back are counted down to none, and a second pass forward takes nothing back', async () => {
    const world = makeWorld(['dataKeys'], 30);
    const run = await ready(world);
    await move(world, run, 0);
    expect(world.history.rotations.get(rotationId)?.targets[0]).toMatchObject({ done: 30, total: 30 });
    await move(world, run, 0);
    expect(world.history.rotations.get(rotationId)?.targets[0]).toMatchObject({ done: 30, total: 30 });
    await enter(world, run, 'rolling-back');
    await move(world, run, 0, 'back');
    expect(world.history.rotations.get(rotationId)?.targets[0]).toMatchObject({ done: 0, total: 30 });
  });
});

describe('a store that finishes without its bad data keys', () => {
  const spoilt = async () => {
    const world = makeWorld(['dataKeys'], 5, 'finish');
    world.store.ownerMerges({ partitionKey: 'p', rowKey: 'r0001' }, { check: 'A'.repeat(22) });
    const run = await ready(world);
    await moveAll(world, run);
    await enter(world, run, 'soaking');
    await enter(world, run, 'completed');
    return { world, first: await nextOf(world) };
  };

  test('goes on from the version that most of its data keys name, not from the one that was left', async () => {
    const { world, first } = await spoilt();
    expect(world.store.all().map((record) => record.kid)).toEqual(
      [first, v1, first, first, first].map((version) => kid(version)),
    );
    world.pass(86_400);
    const id = '20261123T120000000Z-abcdef-000002';
    const request = eventRequest(id, 'KeyNearExpiry', first);
    const admission = await admit(world.ports, { request, instanceId: id, now: world.now() });
    if (!admission.admitted) throw new Error(admission.message);
    const { run } = admission;
    await enterPhase(world.ports, { run, now: world.pass(1), phase: 'planning', reasons: [] });
    const decided = await makePlan(world.ports, { run, now: world.now() });
    expect(decided).toMatchObject({
      decision: 'go',
      plan: { previousVersion: first, targets: [{ onBadDataKey: 'finish' }] },
    });
    await enterPhase(world.ports, { run, now: world.pass(1), phase: 'creating-version', reasons: [] });
    await chooseVersion(world.ports, { run, now: world.now() });
    expect([v1, first]).not.toContain(await nextOf(world));
  });

  test('I1 keeps the version that a bad one names from being retired', async () => {
    const { world } = await spoilt();
    world.pass(8 * 86_400);
    const begun = await beginRetirement(world.ports, {
      request: { key, rotationId },
      instanceId: 'i-1',
      now: world.now(),
    });
    if (!begun.admitted) throw new Error(begun.message);
    expect(begun.versions).toEqual([v1]);
    const on = { run: begun.run, now: world.now() };
    expect(await proveIdle(world.ports, on)).toMatchObject({ idle: false, reasons: [{ code: 'still-referred-to' }] });
    await expect(disableVersions(world.ports, on)).rejects.toMatchObject({ code: 'still-referred-to' });
    expect((await world.keyVault.version(kid(v1))).enabled).toBe(true);
  });
});

describe('what is moved', () => {
  test('I9 wrong bytes from an unwrap are caught by the check value before anything is written', async () => {
    const world = makeWorld();
    const run = await ready(world);
    const before = world.store.all();
    world.keyVault.answerWrongly(v1, new Uint8Array(32).fill(7));
    const page = await moveDataKeysPage(world.ports, { ...on(world, run, dataKeys), ...firstPage });
    expect(page).toMatchObject({ done: 0, left: 3, continuation: null });
    expect(page.named).toEqual(
      ['r0000', 'r0001', 'r0002'].map((name) => ({ record: `p/${name}`, code: 'check-value-mismatch' })),
    );
    expect(world.store.all()).toEqual(before);
  });

  test('I8: a hub that somebody else has moved since the plan is refused, and has no undo', async () => {
    const world = makeWorld();
    const run = await ready(world);
    world.hub.body = hubBody(v2);
    await expect(moveTarget(world.ports, on(world, run))).rejects.toMatchObject({ code: 'changed-since-plan' });
    expect((await world.ledger.read(key)).undo).toEqual([]);
  });

  test('a hub that spells the key in another way is the same hub, and goes back to its own spelling', async () => {
    const world = makeWorld();
    const spelled = `https://KV-test.vault.azure.net/keys/KEK/${v1}`;
    world.hub.body = JSON.parse(JSON.stringify(hubBody(v1)).replace(kid(v1), spelled));
    await backStory(world);
    expect(JSON.stringify(world.hub.body)).toContain(spelled);
  });

  test('I3 an undo that was saved is not replaced by that of a try that began before it', async () => {
    const world = makeWorld();
    const run = await ready(world);
    world.ledger.interfere.before('update', 1, async () => {
      await moveTarget(world.ports, on(world, run));
    });
    expect(await moveTarget(world.ports, on(world, run))).toMatchObject({ state: 'pending' });
    const { undo } = await world.ledger.read(key);
    expect(undo).toMatchObject([{ kid: kid(v1), operationUrl: expect.stringContaining('operations') }]);
    expect(world.resourceManager.puts).toHaveLength(1);
  });

  test('the version in use decides what is newer, not an older data key', async () => {
    const world = makeWorld(['dataKeys', 'iotHub'], 0);
    const old = world.keyVault.addVersion({ version: '0'.repeat(32), createdOn: new Date('2024-01-01T00:00:00Z') });
    world.store.ownerPuts(wrapped(old, 'old').record);
    await ready(world);
    const next = await nextOf(world);
    expect(next).not.toBe(v1);
    expect((await world.keyVault.version(kid(next))).tags).toEqual({ rotationId });
  });

  test('I2 a version that was made and whose answer was lost is found again by its tag', async () => {
    const world = makeWorld();
    world.keyVault.interfere.loseAnswer('createVersion');
    const run = await admitted(world);
    await enter(world, run, 'planning');
    await makePlan(world.ports, { run, now: world.now() });
    await enter(world, run, 'creating-version');
    await expect(chooseVersion(world.ports, { run, now: world.now() })).rejects.toThrow(FaultError);
    await chooseVersion(world.ports, { run, now: world.now() });
    expect(await world.keyVault.versions(key)).toHaveLength(2);
  });
});

test('I2 a soak that is begun again goes on with its beginning', async () => {
  const world = makeWorld();
  const run = await ready(world);
  await moveAll(world, run);
  await enter(world, run, 'soaking');
  const { soakStartedAt } = await beginSoak(world.ports, { run, now: world.now() });
  expect(await beginSoak(world.ports, { run, now: world.pass(600) })).toEqual({ soakStartedAt });
});

test('I4 a pass over data keys does not go on before what it did is on record', async () => {
  const world = makeWorld();
  const run = await ready(world);
  world.auditLog.interfere.fail('append', 2);
  const page = () => moveDataKeysPage(world.ports, { ...on(world, run, dataKeys), ...firstPage });
  await expect(page()).rejects.toThrow(FaultError);
  expect(await page()).toMatchObject({ continuation: null, done: 3 });
});

describe('a plan', () => {
  test('is not refused because a probe has no answer just now: the event will not come again', async () => {
    const world = makeWorld();
    world.dataPlane.answers.set('hub-1.azure-devices.net', { answer: 'unknown', message: '429' });
    const run = await admitted(world);
    await enter(world, run, 'planning');
    await expect(makePlan(world.ports, { run, now: world.now() })).rejects.toThrow(FaultError);
    world.dataPlane.answers.clear();
    expect(await makePlan(world.ports, { run, now: world.now() })).toMatchObject({ decision: 'go' });
  });

  test('is refused at once when something is wrong, whatever has no answer', async () => {
    const world = makeWorld();
    world.dataPlane.answers.set('hub-1.azure-devices.net', { answer: 'unknown', message: '429' });
    world.dps.state = 'Suspended';
    const run = await admitted(world);
    await enter(world, run, 'planning');
    expect(await makePlan(world.ports, { run, now: world.now() })).toMatchObject({ decision: 'refuse' });
  });

  test('that is made again from other facts is told again', async () => {
    const world = makeWorld();
    const run = await admitted(world);
    await enter(world, run, 'planning');
    world.history.interfere.fail('put');
    await expect(makePlan(world.ports, { run, now: world.now() })).rejects.toThrow(FaultError);
    world.keyVault.addVersion({ version: v2 });
    const decided = await makePlan(world.ports, { run, now: world.now() });
    if (decided.decision !== 'go') throw new Error('It must go.');
    const told = world.auditLog.stored(key).filter(({ action }) => action === 'plan');
    expect(told).toHaveLength(2);
    expect(told[1]?.details['planHash']).toBe(decided.plan.planHash);
  });
});

describe('what is told', () => {
  test('I6 names no SAS key and no key material, wrapped or plain', async () => {
    for (const story of [forwardStory, backStory]) {
      const world = makeWorld();
      const secrets = [...world.hub.policies, ...world.dps.policies].flatMap(({ primaryKey, secondaryKey }) => [
        primaryKey,
        secondaryKey,
      ]);
      secrets.push(
        ...world.dataKeys.flatMap((bytes) => [
          bytes.toString('base64'),
          bytes.toString('base64url'),
          bytes.toString('hex'),
        ]),
      );
      secrets.push(...world.store.all().map(({ blob }) => blob));
      await story(world);
      secrets.push(
        ...world.store.all().flatMap(({ blob }) => [blob, decodeBase64url(blob)?.toString('base64') ?? blob]),
      );
      const text = await everythingWritten(world);
      for (const secret of secrets) expect(text.includes(secret)).toBe(false);
      expect(text).toContain(rotationId);
    }
  });

  test('I6 while targets are on their way the undo on record tells SAS keys apart, and holds none', async () => {
    const world = makeWorld();
    await moveAll(world, await ready(world));
    const { undo } = await world.ledger.read(key);
    expect(undo.flatMap(({ fingerprints }) => Object.keys(fingerprints))).toContain('iothubowner.primaryKey');
    const text = await everythingWritten(world);
    for (const { primaryKey, secondaryKey } of [...world.hub.policies, ...world.dps.policies]) {
      expect([text.includes(primaryKey), text.includes(secondaryKey)]).toEqual([false, false]);
    }
  });

  test('what is waited for is said in ledger, document and history, and taken back when the run goes on', async () => {
    const world = makeWorld();
    const run = await ready(world);
    const reasons = [{ code: 'throttled', message: 'The vault throttles.' }];
    await noteWaiting(world.ports, { run, now: world.pass(1), waitingFor: 'fault', reasons });
    expect(world.history.rotations.get(rotationId)).toMatchObject({ waitingFor: 'fault', reasons });
    expect((await world.ledger.read(key)).claim?.waitingFor).toBe('fault');
    await noteWaiting(world.ports, { run, now: world.pass(1), waitingFor: null, reasons: [] });
    expect(world.history.rotations.get(rotationId)).toMatchObject({ waitingFor: null, reasons: [] });
  });

  test('I2: an alert sent twice has one id and one record, and says what is left and how to do it by hand', async () => {
    const world = makeWorld();
    const run = await ready(world);
    await enter(world, run, 'needs-attention');
    const alert = { run, alert: 'needs-attention', reasons: [{ code: 'x', message: 'X.' }] } as const;
    await sendAlert(world.ports, { ...alert, now: world.pass(1), occasion: 'a' });
    await sendAlert(world.ports, { ...alert, now: world.pass(1), occasion: 'a' });
    expect(new Set(world.alerts.sent.map(({ id }) => id)).size).toBe(1);
    expect(world.auditLog.stored(key).filter(({ action }) => action === 'alert')).toHaveLength(1);
    const data = world.alerts.sent[0]?.data;
    expect(data).toMatchObject({ key, rotationId, previousVersion: v1, phase: 'needs-attention' });
    expect(String(data?.['left'])).toMatch(/resume.*rollback.*abandon/);
  });

  test('I2 entering a phase twice is told once', async () => {
    const world = makeWorld();
    const run = await admitted(world);
    const input = { run, now: world.now(), phase: 'planning', reasons: [] } as const;
    await enterPhase(world.ports, input);
    await enterPhase(world.ports, input);
    expect(world.auditLog.stored(key).filter(({ action }) => action === 'phase')).toHaveLength(1);
  });
});
