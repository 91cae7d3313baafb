import { type Phase, phases } from '../../../../shared/contracts/rotation';
import { admit } from '../../../../shared/rotation/admission';
import { command } from '../../../../shared/rotation/commands';
import { FaultError, InterruptedError } from '../../../../shared/rotation/errors';
import type { Claim, CommandName } from '../../../../shared/rotation/ports';
import { eventStarted, giveUpStart, startByHand } from '../../../../shared/rotation/requests';
import { enterPhase } from '../../../../shared/rotation/telling';
import { admitted, enter, key, makeWorld, moveAll, ready, receiveEvent, rotationId, v1, type World } from './world';

const keyEvent = (id: string, type = 'KeyNearExpiry', version = v1, keyUrl = key) => ({
  id,
  eventType: `Microsoft.KeyVault.${type}`,
  eventTime: '2026-11-22T11:59:00Z',
  data: { Id: `${keyUrl}/${version}`, ObjectType: 'Key' },
});

const wanted = (more: Partial<Parameters<typeof startByHand>[1]> = {}) => ({
  key,
  reason: 'because',
  toVersion: null,
  actor: 'ann',
  idempotencyKey: null,
  requestHash: 'hash',
  ...more,
});

async function claimOf(world: World): Promise<Claim | null> {
  return (await world.ledger.read(key)).claim;
}

describe('an event', () => {
  test.each([
    ['no object', 'nonsense', 'event-malformed'],
    ['null', null, 'event-malformed'],
    ['of a foreign type', { id: '1', eventType: 'Microsoft.Storage.BlobCreated', data: {} }, 'event-type-unknown'],
    ['without an id', { ...keyEvent(''), id: '' }, 'event-id-missing'],
    [
      'about an unknown vault',
      keyEvent('1', 'KeyExpired', v1, 'https://evil.vault.azure.net/keys/kek'),
      'key-not-configured',
    ],
    [
      'about an unknown key',
      keyEvent('1', 'KeyExpired', v1, 'https://kv-test.vault.azure.net/keys/other'),
      'key-not-configured',
    ],
  ])('that is %s is dropped and leaves nothing in the ledger', async (_what, raw, code) => {
    const world = makeWorld();
    expect(await receiveEvent(world.ports, raw)).toMatchObject({ kind: 'dropped', code });
    expect(world.effects).toEqual([]);
  });

  test('I2: that is redelivered before its rotation was started starts it again under the same id; afterwards it is dropped', async () => {
    const { ports, pass } = makeWorld();
    const first = await receiveEvent(ports, keyEvent('e1'));
    pass(60);
    const second = await receiveEvent(ports, keyEvent('e1'));
    if (first.kind !== 'start' || second.kind !== 'start') throw new Error('Both must start.');
    expect(second.start).toEqual(first.start);
    await eventStarted(ports, key, second.event);
    expect(await receiveEvent(ports, keyEvent('e1'))).toMatchObject({ kind: 'dropped', code: 'seen-before' });
  });

  test('I2: of the same type and version under another id is the same event', async () => {
    const { ports } = makeWorld();
    const first = await receiveEvent(ports, keyEvent('e1'));
    if (first.kind !== 'start') throw new Error('It must start.');
    await eventStarted(ports, key, first.event);
    expect(await receiveEvent(ports, keyEvent('e2'))).toMatchObject({ kind: 'dropped', code: 'seen-before' });
    expect(await receiveEvent(ports, keyEvent('e3', 'KeyExpired'))).toMatchObject({ kind: 'start' });
  });

  test('that spells the key in another way starts a rotation of the key as it is configured', async () => {
    const { ports } = makeWorld();
    const decision = await receiveEvent(
      ports,
      keyEvent('e1', 'KeyExpired', v1, 'https://KV-TEST.vault.azure.net/keys/KEK'),
    );
    expect(decision).toMatchObject({ kind: 'start', start: { request: { key } } });
  });

  test('that cannot be put on record throws, so that it is delivered again', async () => {
    const { ports, ledger } = makeWorld();
    ledger.interfere.fail('recordEvent');
    await expect(receiveEvent(ports, keyEvent('e1'))).rejects.toThrow(FaultError);
    expect(await receiveEvent(ports, keyEvent('e1'))).toMatchObject({ kind: 'start' });
  });

  test('I5 a thousand duplicates at once name one and the same instance', async () => {
    const { ports } = makeWorld();
    const decisions = await Promise.all(
      Array.from({ length: 1000 }, (_, index) => receiveEvent(ports, keyEvent(`e${index % 7}`))),
    );
    const ids = new Set(
      decisions.flatMap((decision) => (decision.kind === 'start' ? [decision.start.instanceId] : [])),
    );
    expect(ids.size).toBe(1);
  });
});

describe('a start by hand', () => {
  test('I5 of twenty at once exactly one gets the claim; the others are told its id', async () => {
    const world = makeWorld();
    const decisions = await Promise.all(Array.from({ length: 20 }, () => startByHand(world.ports, wanted())));
    const starts = decisions.filter(({ kind }) => kind === 'start');
    expect(starts).toHaveLength(1);
    const { rotationId: holder, generation } = (await claimOf(world)) ?? {};
    expect(generation).toBe(1);
    for (const decision of decisions) {
      if (decision.kind === 'running') expect(decision.rotationId).toBe(holder);
    }
    expect(world.history.rotations.size).toBe(1);
    expect(world.auditLog.stored(key).map(({ action }) => action)).toEqual(['request']);
  });

  test('of a key that is not configured is refused', async () => {
    const { ports } = makeWorld();
    expect(await startByHand(ports, wanted({ key: 'https://kv-test.vault.azure.net/keys/other' }))).toEqual({
      kind: 'key-not-configured',
    });
  });

  test('I2: with the same Idempotency-Key gets the first answer again; with another body it is told apart', async () => {
    const world = makeWorld();
    const first = await startByHand(world.ports, wanted({ idempotencyKey: 'k' }));
    if (first.kind !== 'start') throw new Error('It must start.');
    const { request, instanceId } = first.start;
    await admit(world.ports, { request, instanceId, now: world.now() });
    expect(await startByHand(world.ports, wanted({ idempotencyKey: 'k' }))).toEqual({
      kind: 'answered',
      rotationId: request.rotationId,
    });
    expect(await startByHand(world.ports, wanted({ idempotencyKey: 'k', requestHash: 'other' }))).toEqual({
      kind: 'other-request',
    });
    expect(await startByHand(world.ports, wanted({ idempotencyKey: 'k2' }))).toMatchObject({
      kind: 'running',
      rotationId: request.rotationId,
      start: null,
    });
  });

  test('I2: whose answer was lost at any step is started under the same id when it is asked for again', async () => {
    for (const lose of [
      (world: World) => world.ledger.interfere.loseAnswer('update'),
      (world: World) => world.history.interfere.fail('put'),
      (world: World) => world.auditLog.interfere.fail('append'),
      (world: World) => world.auditLog.interfere.loseAnswer('append'),
    ]) {
      const world = makeWorld();
      lose(world);
      await expect(startByHand(world.ports, wanted({ idempotencyKey: 'k' }))).rejects.toThrow(FaultError);
      const again = await startByHand(world.ports, wanted({ idempotencyKey: 'k' }));
      if (again.kind !== 'start') throw new Error(`It must start, not ${again.kind}.`);
      const { instanceId, request } = again.start;
      expect(await admit(world.ports, { request, instanceId, now: world.now() })).toMatchObject({ admitted: true });
      expect(world.auditLog.stored(key).map(({ action }) => action)).toEqual(['request', 'claim']);
    }
  });

  test('I5 without an Idempotency-Key whose answer was lost leaves no claim that nobody starts', async () => {
    const world = makeWorld();
    world.ledger.interfere.loseAnswer('update');
    await expect(startByHand(world.ports, wanted())).rejects.toThrow(FaultError);
    const again = await startByHand(world.ports, wanted());
    if (again.kind !== 'running' || again.start === null) throw new Error('The orphan must be started.');
    const { instanceId, request } = again.start;
    expect(again.rotationId).toBe(request.rotationId);
    expect(await admit(world.ports, { request, instanceId, now: world.now() })).toMatchObject({ admitted: true });
    expect(await startByHand(world.ports, wanted())).toMatchObject({ kind: 'running', start: null });
  });

  test('that is given up frees the claim, and runs when it is asked for again under its Idempotency-Key', async () => {
    const world = makeWorld();
    const first = await startByHand(world.ports, wanted({ idempotencyKey: 'k' }));
    if (first.kind !== 'start') throw new Error('It must start.');
    await giveUpStart(world.ports, first.start);
    expect((await claimOf(world))?.rotationId).toBeNull();
    expect([...world.history.rotations.values()][0]).toMatchObject({
      phase: 'cancelled',
      reasons: [{ code: 'not-started' }],
    });

    const again = await startByHand(world.ports, wanted({ idempotencyKey: 'k' }));
    if (again.kind !== 'start') throw new Error(`It must start, not ${again.kind}.`);
    expect(again.start.request.rotationId).toBe(first.start.request.rotationId);
    const { instanceId, request } = again.start;
    // Should the first instance have been started after all, it has lost its claim.
    const stale = { request: first.start.request, instanceId, now: world.now() };
    expect(await admit(world.ports, stale)).toMatchObject({ admitted: false });
    expect(await admit(world.ports, { request, instanceId, now: world.now() })).toMatchObject({ admitted: true });
  });

  test('that cannot be told to be given up is not: it is there to be started again, and no document stays without a run', async () => {
    const world = makeWorld();
    const first = await startByHand(world.ports, wanted({ idempotencyKey: 'k' }));
    if (first.kind !== 'start') throw new Error('It must start.');
    world.history.interfere.fail('put');
    await expect(giveUpStart(world.ports, first.start)).rejects.toThrow(FaultError);
    expect(await claimOf(world)).toMatchObject({ rotationId: first.start.request.rotationId, phase: 'requested' });
    const again = await startByHand(world.ports, wanted({ idempotencyKey: 'k' }));
    expect(again).toMatchObject({ kind: 'start', start: { instanceId: first.start.instanceId } });
  });

  test('I5: that is given up is not admitted', async () => {
    const world = makeWorld();
    const first = await startByHand(world.ports, wanted());
    if (first.kind !== 'start') throw new Error('It must start.');
    await giveUpStart(world.ports, first.start);
    expect(await admit(world.ports, { ...first.start, now: world.now() })).toMatchObject({
      admitted: false,
      why: 'already-ended',
    });
  });

  test('that was taken up meanwhile is not given up', async () => {
    const world = makeWorld();
    const first = await startByHand(world.ports, wanted());
    if (first.kind !== 'start') throw new Error('It must start.');
    const { instanceId, request } = first.start;
    await admit(world.ports, { request, instanceId, now: world.now() });
    await giveUpStart(world.ports, first.start);
    expect(await claimOf(world)).toMatchObject({ rotationId: request.rotationId, bound: true });
    expect(world.history.rotations.get(request.rotationId)?.phase).toBe('requested');
  });
});

describe('a command', () => {
  const answers: Readonly<Record<Phase, Partial<Record<CommandName, 'wake' | 'start'>>>> = {
    requested: { cancel: 'wake', pause: 'wake' },
    planning: { cancel: 'wake', pause: 'wake' },
    'creating-version': { rollback: 'wake', pause: 'wake' },
    rewrapping: { rollback: 'wake', pause: 'wake' },
    soaking: { rollback: 'wake', pause: 'wake' },
    adopting: { rollback: 'wake', pause: 'wake' },
    revoking: { rollback: 'wake', pause: 'wake' },
    restoring: { pause: 'wake' },
    'rolling-back': { pause: 'wake' },
    'needs-attention': { rollback: 'start', resume: 'start', abandon: 'start' },
    // Still held by its claim: it is about to end in this phase, and takes no command on the way.
    completed: {},
    'rolled-back': {},
    abandoned: {},
    skipped: {},
    refused: {},
    cancelled: {},
  };
  const names: readonly CommandName[] = ['approve', 'cancel', 'pause', 'resume', 'rollback', 'abandon'];
  const table = phases.flatMap((phase) =>
    names.map((name) => [name, phase, answers[phase][name] ?? 'not-allowed'] as const),
  );
  test.each(table)('%s in %s is answered %s', async (name, phase, answer) => {
    const world = makeWorld();
    await admitted(world);
    const { claim, etag } = await world.ledger.read(key);
    if (claim === null) throw new Error('No claim.');
    await world.ledger.update(key, etag, { claim: { ...claim, phase } });
    const decision = await command(world.ports, { rotationId, command: name, actor: 'ann' });
    expect(decision.kind).toBe(answer);
    if (decision.kind === 'not-allowed') expect(decision.allowed).toEqual(Object.keys(answers[phase]));
    const { commands, claim: after } = await world.ledger.read(key);
    expect(commands.map((given) => given.command)).toEqual(answer === 'not-allowed' ? [] : [name]);
    expect(after?.generation).toBe(answer === 'start' ? 2 : 1);
    if (decision.kind === 'start') {
      expect(decision.start).toMatchObject({
        instanceId: `${rotationId}.2`,
        request: { generation: 2, cause: { kind: 'resume', command: name } },
      });
      const admission = await admit(world.ports, { ...decision.start, now: world.now() });
      expect(admission).toMatchObject({ admitted: true, direction: name === 'rollback' ? 'back' : 'forward' });
    }
  });

  test('for a rotation that nobody knows is not found; for one that has ended it is not allowed', async () => {
    const world = makeWorld();
    expect(await command(world.ports, { rotationId, command: 'rollback', actor: 'ann' })).toEqual({
      kind: 'not-found',
    });
    const run = await admitted(world);
    await enter(world, run, 'planning');
    await enter(world, run, 'refused');
    expect(await command(world.ports, { rotationId, command: 'rollback', actor: 'ann' })).toMatchObject({
      kind: 'not-allowed',
      phase: 'refused',
      allowed: [],
    });
  });

  test('I5 given twice at once in needs-attention leaves one instance that may work', async () => {
    const world = makeWorld();
    const run = await ready(world);
    await enter(world, run, 'needs-attention');
    const decisions = await Promise.all(
      [1, 2].map(() => command(world.ports, { rotationId, command: 'resume', actor: 'ann' })),
    );
    const admissions = [];
    for (const decision of decisions) {
      if (decision.kind !== 'start') throw new Error('Both are accepted.');
      admissions.push(await admit(world.ports, { ...decision.start, now: world.now() }));
    }
    expect(admissions.filter(({ admitted: isIn }) => isIn)).toHaveLength(1);
    expect((await claimOf(world))?.generation).toBe(3);
  });

  test('I11 that races with the end of the rotation is honoured, refused, or the way back of a completed one, never swallowed', async () => {
    const seen = new Set<string>();
    for (let turn = 0; turn < 24; turn++) {
      const world = makeWorld();
      const run = await ready(world);
      await moveAll(world, run);
      await enter(world, run, 'soaking');
      const giveUp = async () => {
        for (let wait = 0; wait < turn; wait++) await new Promise((resolve) => setImmediate(resolve));
        return command(world.ports, { rotationId, command: 'rollback', actor: 'ann' });
      };
      const [decision, end] = await Promise.all([
        giveUp(),
        enterPhase(world.ports, { run, now: world.pass(1), phase: 'completed', reasons: [] }).catch(
          (error: unknown) => error,
        ),
      ]);
      seen.add(decision.kind);
      if (decision.kind === 'wake') {
        expect(end).toBeInstanceOf(InterruptedError);
        expect((await claimOf(world))?.phase).toBe('soaking');
      } else {
        // The rotation is over: it is taken back in a new instance, or, while it is just giving up its claim, not at all.
        expect(['start', 'not-allowed']).toContain(decision.kind);
        expect((await claimOf(world))?.rotationId).toBe(decision.kind === 'start' ? rotationId : null);
        expect(end).toEqual({ phase: 'completed' });
      }
    }
    expect([...seen]).toContain('wake');
    expect(seen.size).toBeGreaterThan(1);
  });

  test('is on record before it is answered, and told in the history with its actor', async () => {
    const world = makeWorld();
    await ready(world);
    const before = world.effects.length;
    await command(world.ports, { rotationId, command: 'rollback', actor: 'ann' });
    const effects = world.effects.slice(before);
    expect(effects).toEqual([
      'get',
      'read',
      'retirements',
      'update generation 1, rewrapping, rollback',
      'append command done',
    ]);
    expect(world.auditLog.stored(key).at(-1)).toMatchObject({ actor: 'ann', action: 'command' });
  });
});
