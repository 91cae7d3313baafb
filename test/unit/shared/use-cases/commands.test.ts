import { admit } from '../../../../shared/rotation/admission';
import { command, takeOver } from '../../../../shared/rotation/commands';
import { FaultError, InterruptedError } from '../../../../shared/rotation/errors';
import { dryRun, makePlan } from '../../../../shared/rotation/planning';
import type { CommandName, Retirement } from '../../../../shared/rotation/ports';
import { fenceOf } from '../../../../shared/rotation/run-record';
import { enterPhase, noteWaiting } from '../../../../shared/rotation/telling';
import { listUndo, proveWayBack } from '../../../../shared/rotation/way-back';
import {
  admitted,
  changeClaimOf,
  claimOf,
  completed,
  enter,
  eventRequest,
  key,
  kid,
  makeWorld,
  move,
  moveAll,
  ready,
  rotationId,
  v1,
  type World,
} from './world';

const give = (world: World, name: CommandName, planHash?: string, id = rotationId) => {
  world.pass(1);
  return command(world.ports, {
    ...{ rotationId: id, command: name, actor: 'ann' },
    ...(planHash === undefined ? {} : { planHash }),
  });
};

const given = async (world: World): Promise<readonly CommandName[]> =>
  (await world.ledger.read(key)).commands.map((each) => each.command);

async function waitsForApproval() {
  const world = makeWorld();
  Object.assign(world.managed.policy, { approval: 'required' });
  const run = await admitted(world);
  await enter(world, run, 'planning');
  const decided = await makePlan(world.ports, { run, now: world.pass(1) });
  if (decided.decision !== 'go') throw new Error('It must be asked about.');
  return { world, run, planHash: decided.plan.planHash };
}

async function retirementOf(world: World): Promise<Retirement | undefined> {
  return (await world.ledger.retirements(key)).find((each) => each.rotationId === rotationId);
}

describe('approve', () => {
  test('of the plan as it is lets the run go on, and no other command does', async () => {
    const { world, run, planHash } = await waitsForApproval();
    expect(await give(world, 'approve', planHash)).toEqual({ kind: 'wake', instanceId: rotationId });
    expect(await makePlan(world.ports, { run, now: world.pass(1) })).toMatchObject({ approved: true });
  });

  test.each([['another hash'], [undefined]])('of %s is told the hash of now, and is not on record', async (asked) => {
    const { world, run, planHash } = await waitsForApproval();
    expect(await give(world, 'approve', asked)).toMatchObject({ kind: 'plan-changed', phase: 'planning', planHash });
    expect(await given(world)).toEqual([]);
    expect(await makePlan(world.ports, { run, now: world.pass(1) })).toMatchObject({ approved: false });
  });

  test('of a plan that has changed since it was seen is told the new hash, and wakes the run to plan anew', async () => {
    const { world, planHash } = await waitsForApproval();
    Object.assign(world.hub.body, { identity: { type: 'SystemAssigned', principalId: 'another' } });
    const now = await dryRun(world.ports, { key, toVersion: null });
    expect(now.planHash).not.toBe(planHash);
    expect(await give(world, 'approve', planHash)).toEqual({
      kind: 'plan-changed',
      phase: 'planning',
      planHash: now.planHash,
      instanceId: rotationId,
    });
    expect(await given(world)).toEqual([]);
  });

  test('of a plan that changes afterwards approves nothing: it is asked about again', async () => {
    const { world, run, planHash } = await waitsForApproval();
    await give(world, 'approve', planHash);
    Object.assign(world.hub.body, { identity: { type: 'SystemAssigned', principalId: 'another' } });
    expect(await makePlan(world.ports, { run, now: world.pass(1) })).toMatchObject({ approved: false });
  });

  test('is not possible where no approval is asked for, nor before there is a plan', async () => {
    const { world, run } = await waitsForApproval();
    Object.assign(world.managed.policy, { approval: 'none' });
    expect(await give(world, 'approve', 'x')).toMatchObject({ kind: 'not-allowed', allowed: ['cancel', 'pause'] });
    Object.assign(world.managed.policy, { approval: 'required' });
    await changeClaimOf(world, { plan: null });
    expect(await give(world, 'approve', 'x')).toMatchObject({ kind: 'not-allowed', allowed: ['cancel', 'pause'] });
    expect(run.generation).toBe(1);
  });
});

test('I11 a cancellation that races with creating-version wins and ends the run unchanged, or is answered 409 and names rollback', async () => {
  const seen = new Set<string>();
  for (let turn = 0; turn < 13; turn++) {
    const world = makeWorld();
    const run = await admitted(world);
    await enter(world, run, 'planning');
    const turns = async (count: number) => {
      for (let wait = 0; wait < count; wait++) await new Promise((resolve) => setImmediate(resolve));
    };
    const [decision, entered] = await Promise.all([
      turns(turn).then(() => give(world, 'cancel')),
      turns(6)
        .then(() => enterPhase(world.ports, { run, now: world.now(), phase: 'creating-version', reasons: [] }))
        .catch((error: unknown) => error),
    ]);
    seen.add(decision.kind);
    if (decision.kind === 'wake') {
      expect(entered).toMatchObject({ command: 'cancel' });
      await expect(fenceOf(world.ports, run, 'forward')()).rejects.toThrow(InterruptedError);
      expect((await claimOf(world)).phase).toBe('planning');
    } else {
      expect(entered).toEqual({ phase: 'creating-version' });
      expect(decision).toEqual({
        kind: 'not-allowed',
        phase: 'creating-version',
        allowed: ['rollback', 'pause'],
        why: 'cancel is not possible in creating-version; possible: rollback, pause.',
      });
    }
  }
  expect([...seen].sort()).toEqual(['not-allowed', 'wake']);
});

describe('I11 the fence', () => {
  const words = async (world: World, ...names: CommandName[]) => {
    const { claim, etag } = await world.ledger.read(key);
    if (claim === null) throw new Error('No claim.');
    let tag = etag;
    for (const name of names) {
      const addCommand = { rotationId, command: name, actor: 'ann', at: world.pass(1) };
      await world.ledger.update(key, tag, { claim, addCommand });
      tag = (await world.ledger.read(key)).etag;
    }
  };
  const stories: readonly [CommandName[], string | null, string | null][] = [
    // commands on record, what stands in the way forward, what stands in the way back
    [[], null, null],
    [['pause'], 'pause', 'pause'],
    [['pause', 'resume'], null, null],
    [['pause', 'resume', 'pause'], 'pause', 'pause'],
    [['pause', 'rollback'], 'rollback', null],
    [['rollback', 'pause'], 'rollback', 'pause'],
    [['rollback', 'pause', 'resume'], 'rollback', null],
    [['pause', 'cancel'], 'cancel', null],
    [['cancel', 'pause'], 'cancel', 'pause'],
    [['approve', 'pause'], 'pause', 'pause'],
    [['pause', 'approve'], 'pause', 'pause'],
    [['pause', 'abandon'], 'pause', 'pause'],
  ];
  test.each(stories)('after %j lets nothing forward past %s and nothing back past %s', async (names, forward, back) => {
    const world = makeWorld();
    const run = await ready(world);
    await words(world, ...names);
    for (const [direction, stands] of [
      ['forward', forward],
      ['back', back],
    ] as const) {
      const told = await fenceOf(world.ports, run, direction)().then(
        () => null,
        (error: unknown) => (error instanceof InterruptedError ? error.command : error),
      );
      expect([direction, told]).toEqual([direction, stands]);
    }
  });

  test('is shut both ways by the stop switch, and by a switch that cannot be read (I4)', async () => {
    const world = makeWorld();
    const run = await ready(world);
    for (const direction of ['forward', 'back'] as const) {
      world.ledger.throwStop('drill');
      await expect(fenceOf(world.ports, run, direction)()).rejects.toMatchObject({ command: 'stop' });
      world.ledger.throwStop(null);
      world.ledger.interfere.fail('stopped');
      await expect(fenceOf(world.ports, run, direction)()).rejects.toThrow(FaultError);
      await fenceOf(world.ports, run, direction)();
    }
  });
});

describe('pause and resume', () => {
  test('take turns: a double click is answered 409 with what is possible, and is not on record', async () => {
    const world = makeWorld();
    await ready(world);
    expect(await give(world, 'resume')).toMatchObject({ kind: 'not-allowed', allowed: ['rollback', 'pause'] });
    expect(await give(world, 'pause')).toMatchObject({ kind: 'wake' });
    expect(await give(world, 'pause')).toMatchObject({ kind: 'not-allowed', allowed: ['rollback', 'resume'] });
    expect(await give(world, 'resume')).toMatchObject({ kind: 'wake' });
    expect(await give(world, 'pause')).toMatchObject({ kind: 'wake' });
    expect(await give(world, 'rollback')).toMatchObject({ kind: 'wake' });
    expect(await given(world)).toEqual(['pause', 'resume', 'pause', 'rollback']);
  });

  test('a pause left on record does not outlast resume in needs-attention', async () => {
    const world = makeWorld();
    const run = await ready(world);
    await give(world, 'pause');
    await enter(world, run, 'needs-attention');
    const decision = await give(world, 'resume');
    if (decision.kind !== 'start') throw new Error('It must start.');
    const admission = await admit(world.ports, { ...decision.start, now: world.now() });
    if (!admission.admitted) throw new Error(admission.message);
    await fenceOf(world.ports, admission.run, 'forward')();
  });
});

describe('the history has each command once', () => {
  const toldOf = (world: World) =>
    world.auditLog
      .stored(key)
      .flatMap(({ action, actor, details }) => (action === 'command' ? [{ actor, details }] : []));

  test('told by whoever takes it', async () => {
    const world = makeWorld();
    const run = await ready(world);
    await give(world, 'rollback');
    await enter(world, run, 'rolling-back');
    expect(toldOf(world)).toMatchObject([{ actor: 'ann', details: { command: 'rollback', phase: 'rewrapping' } }]);
  });

  test('told by whoever obeys it, where the one who took it died before he told', async () => {
    const world = makeWorld();
    const run = await ready(world);
    world.auditLog.interfere.fail('append');
    await expect(give(world, 'rollback')).rejects.toThrow(FaultError);
    expect(toldOf(world)).toEqual([]);
    await enter(world, run, 'rolling-back');
    expect(toldOf(world)).toMatchObject([{ actor: 'ann', details: { command: 'rollback' } }]);
  });

  test('a pause is told before it is waited out', async () => {
    const world = makeWorld();
    const run = await ready(world);
    world.auditLog.interfere.fail('append');
    await expect(give(world, 'pause')).rejects.toThrow(FaultError);
    await noteWaiting(world.ports, { run, now: world.pass(1), waitingFor: 'pause', reasons: [] });
    expect(toldOf(world)).toMatchObject([{ actor: 'ann', details: { command: 'pause' } }]);
  });
});

describe('rollback of a completed rotation', () => {
  test('takes a new claim and ends the waiting retirement, both or neither', async () => {
    const world = makeWorld();
    await completed(world);
    world.ledger.interfere.fail('update');
    await expect(give(world, 'rollback')).rejects.toThrow(FaultError);
    expect(await claimOf(world)).toMatchObject({ rotationId: null, generation: 1 });
    expect((await retirementOf(world))?.status).toBe('waiting');
    const from = world.effects.length;
    const decision = await give(world, 'rollback');
    expect(decision).toMatchObject({ kind: 'start', start: { instanceId: `${rotationId}.2` } });
    expect(world.effects.slice(from).filter((effect) => effect.startsWith('update'))).toEqual([
      'update generation 2, completed, rollback, retirement ended',
    ]);
    expect(await claimOf(world)).toMatchObject({ rotationId, direction: 'back', bound: false, purpose: 'rotation' });
  });

  test('I5: twice at once is one way back', async () => {
    const world = makeWorld();
    await completed(world);
    const [one, other] = await Promise.all([give(world, 'rollback'), give(world, 'rollback')]);
    expect(one).toMatchObject({ kind: 'start', start: { instanceId: `${rotationId}.2` } });
    expect(other).toEqual(one);
    expect((await claimOf(world)).generation).toBe(2);
    expect(await given(world)).toEqual(['rollback']);
  });

  test('given again before its instance has come starts the same one, and is told in the history once', async () => {
    const world = makeWorld();
    await completed(world);
    world.auditLog.interfere.fail('append');
    await expect(give(world, 'rollback')).rejects.toThrow(FaultError);
    const decisions = [await give(world, 'rollback'), await give(world, 'rollback')];
    expect(decisions.map((each) => each.kind === 'start' && each.start.instanceId)).toEqual([
      `${rotationId}.2`,
      `${rotationId}.2`,
    ]);
    expect(await given(world)).toEqual(['rollback']);
    expect(world.auditLog.stored(key).filter(({ action }) => action === 'command')).toHaveLength(1);
    expect(await give(world, 'pause')).toMatchObject({ kind: 'not-allowed' });
  });

  test('of any but the latest that changed something is refused', async () => {
    const world = makeWorld();
    await completed(world);
    await changeClaimOf(world, { lastRotationId: 'a-later-one' });
    expect(await give(world, 'rollback')).toMatchObject({
      kind: 'not-allowed',
      phase: 'completed',
      allowed: [],
      why: expect.stringMatching(/only the latest .* a-later-one came after it\. Possible: roll that one back/),
    });
  });

  test('while another rotation of the key is under way is refused and names it', async () => {
    const world = makeWorld();
    await completed(world);
    await changeClaimOf(world, { rotationId: 'a-later-one' });
    const why = expect.stringMatching(/rotation a-later-one of the same key is under way\. Possible: /);
    expect(await give(world, 'rollback')).toMatchObject({ kind: 'not-allowed', allowed: [], why });
  });

  test('of one that has gone back, as of every other that is over, is refused and names what is possible', async () => {
    const world = makeWorld();
    const run = await ready(world);
    await enter(world, run, 'rolling-back');
    await enter(world, run, 'rolled-back');
    const why = expect.stringMatching(/rollback is not possible in rolled-back: .* over\. Possible: start another one/);
    expect(await give(world, 'rollback')).toMatchObject({ kind: 'not-allowed', allowed: [], why });
  });

  test.each([
    ['proving', /retirement of 1{32} has begun.*Possible afterwards: .* toVersion 1{32}/],
    ['watching', /retirement of 1{32} has begun.*Possible afterwards: .* toVersion 1{32}/],
    ['retired', /1{32} is retired.*Possible: .*--enabled true --id .*\/1{32}.* toVersion 1{32}/],
  ] as const)('is refused when its retirement is %s, and says what is possible', async (status, why) => {
    const world = makeWorld();
    await completed(world);
    const { claim, etag } = await world.ledger.read(key);
    const known = await retirementOf(world);
    if (claim === null || known === undefined) throw new Error('Nothing to change.');
    await world.ledger.update(key, etag, { claim, putRetirement: { ...known, status } });
    expect(await give(world, 'rollback')).toMatchObject({
      kind: 'not-allowed',
      allowed: [],
      why: expect.stringMatching(why),
    });
  });

  test.each(['skipped', 'refused', 'cancelled'] as const)(
    'brings every target back by its own plan, also after a later run that was %s',
    async (phase) => {
      const world = makeWorld();
      await completed(world);
      const later = '20261123T120000000Z-abcdef-000002';
      const run = { key, rotationId: later, generation: 2 };
      const request = { ...eventRequest(later), cause: { kind: 'http', actor: 'bob' } as const };
      const admission = await admit(world.ports, { request, instanceId: later, now: world.pass(1) });
      expect(admission).toMatchObject({ admitted: true, run });
      await enter(world, run, 'planning');
      await makePlan(world.ports, { run, now: world.pass(1) });
      await enter(world, run, phase);

      const decision = await give(world, 'rollback');
      if (decision.kind !== 'start') throw new Error(`It must start, not ${decision.kind}.`);
      const back = await admit(world.ports, { ...decision.start, now: world.now() });
      if (!back.admitted) throw new Error(back.message);
      expect(back).toMatchObject({ direction: 'back', plan: { previousVersion: v1 } });
      await enter(world, back.run, 'rolling-back');
      const { targets } = await listUndo(world.ports, { run: back.run, now: world.now() });
      expect(targets).toEqual([0, 1, 2]);
      await proveWayBack(world.ports, { run: back.run, now: world.pass(1) });
      for (const target of targets.toReversed()) await move(world, back.run, target, 'back');
      await enter(world, back.run, 'rolled-back');
      expect(JSON.stringify([world.hub.body, world.dps.body])).not.toContain('/keys/kek/v');
      expect(world.store.all().map((record) => record.kid)).toEqual([kid(v1), kid(v1), kid(v1)]);
      expect(await claimOf(world)).toMatchObject({ rotationId: null, lastRotationId: rotationId });
    },
  );
});

describe('a command whose instance has ended without a word', () => {
  test('is obeyed by a new one, once', async () => {
    const world = makeWorld();
    const run = await ready(world);
    await moveAll(world, run);
    await give(world, 'rollback');
    const asked = { rotationId, command: 'rollback' as const, actor: 'ann' };
    const starts = await Promise.all([
      takeOver(world.ports, asked, rotationId),
      takeOver(world.ports, asked, rotationId),
    ]);
    expect(starts.filter((start) => start !== null)).toHaveLength(1);
    expect(await claimOf(world)).toMatchObject({ generation: 2, direction: 'back', bound: false });
    await expect(fenceOf(world.ports, run, 'back')()).rejects.toThrow('no longer holds');
  });

  test('I5: is left alone when another instance holds the claim, or nobody does', async () => {
    const world = makeWorld();
    await ready(world);
    const asked = { rotationId, command: 'pause' as const, actor: 'ann' };
    expect(await takeOver(world.ports, asked, 'an-older-one')).toBeNull();
    await changeClaimOf(world, { rotationId: null });
    expect(await takeOver(world.ports, asked, rotationId)).toBeNull();
  });
});
