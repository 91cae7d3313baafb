import type { RunReference } from '../../../../shared/contracts/activities';
import { admit } from '../../../../shared/rotation/admission';
import { weekdays } from '../../../../shared/rotation/change-windows';
import { command } from '../../../../shared/rotation/commands';
import { FaultError, RefusalError } from '../../../../shared/rotation/errors';
import { eventStarted, giveUpStart, type Start, startByHand } from '../../../../shared/rotation/requests';
import { beginRetirement, disableVersions } from '../../../../shared/rotation/retiring';
import type { InstanceState, SweepAction } from '../../../../shared/rotation/sweep-action';
import { inTheirPlaces, missedStarted, sweepKey } from '../../../../shared/rotation/sweeping';
import { noteWaiting } from '../../../../shared/rotation/telling';
import {
  admitted,
  changeClaimOf,
  claimOf,
  completed,
  dpsBody,
  enter,
  eventRequest,
  hubBody,
  key,
  letComeDue,
  makeWorld,
  moveAll,
  ready,
  receiveEvent,
  rotationId,
  v1,
  v2,
  type World,
} from './world';

const sweep = (world: World, state: InstanceState = 'running') =>
  sweepKey(world.ports, key, () => Promise.resolve(state));

/** Sweeps and carries out what it answers, as the timer does. */
async function sweepAndStart(world: World): Promise<readonly SweepAction[]> {
  const actions = await sweep(world);
  for (const action of actions) {
    if (action.kind === 'rotate' && action.event !== null) await missedStarted(world.ports, key, action.event);
  }
  return actions;
}

const day = 86_400;
const inSeconds = (world: World, seconds: number): Date => new Date(Date.parse(world.now()) + seconds * 1000);

const keyEvent = (id: string, type: string, version: string) => ({
  id,
  eventType: `Microsoft.KeyVault.${type}`,
  eventTime: '2026-11-22T11:59:00Z',
  data: { Id: `${key}/${version}`, ObjectType: 'Key' },
});

async function startNow(world: World): Promise<Start> {
  const asked = { key, reason: 'x', toVersion: null, actor: 'ann', idempotencyKey: null, requestHash: 'h' };
  const decided = await startByHand(world.ports, asked);
  if (decided.kind !== 'start') throw new Error('It must be started.');
  return decided.start;
}

async function byHandAdmitted(world: World): Promise<RunReference> {
  const admission = await admit(world.ports, { ...(await startNow(world)), now: world.now() });
  if (!admission.admitted) throw new Error(admission.message);
  return admission.run;
}

/** Events that nobody has delivered. */
const lost: readonly [string, string, string, (world: World) => void][] = [
  [
    'near expiry of the version in use',
    'KeyNearExpiry',
    v1,
    (world) => world.keyVault.change(v1, { expiresOn: inSeconds(world, 5 * day) }),
  ],
  [
    'expiry of the version in use',
    'KeyExpired',
    v1,
    (world) => world.keyVault.change(v1, { expiresOn: inSeconds(world, -day) }),
  ],
  [
    'new version',
    'KeyNewVersionCreated',
    v2,
    (world) => world.keyVault.addVersion({ version: v2, createdOn: inSeconds(world, -day) }),
  ],
];

describe.each(lost)('a lost event: %s', (_what, type, version, happen) => {
  test('I2: is found, told under a stable id, started once, and recognised when it comes late', async () => {
    const world = makeWorld();
    happen(world);
    const [found, ...more] = await sweep(world);
    expect(more).toEqual([]);
    if (found?.kind !== 'rotate' || found.event === null) throw new Error('It must be found.');
    expect(found.start.request.cause).toEqual({ kind: 'sweep', type, version });

    // The start failed: the next sweep finds the very same.
    world.pass(900);
    const [again] = await sweep(world);
    expect(again).toMatchObject({ kind: 'rotate', start: { instanceId: found.start.instanceId } });
    expect(new Set(world.alerts.sent.map(({ id }) => id)).size).toBe(1);
    expect(world.alerts.sent[0]).toMatchObject({ type: 'Keyturn.Event.Missed', data: { type, version } });

    await missedStarted(world.ports, key, found.event);
    world.pass(900);
    expect(await sweep(world)).toEqual([]);
    const late = await receiveEvent(world.ports, keyEvent('late', type, version));
    expect(late).toMatchObject({ kind: 'dropped', code: 'seen-before' });
  });

  test('that is delivered before the start starts the same instance', async () => {
    const world = makeWorld();
    happen(world);
    const [found] = await sweep(world);
    if (found?.kind !== 'rotate') throw new Error('It must be found.');
    const late = await receiveEvent(world.ports, keyEvent('late', type, version));
    expect(late).toMatchObject({ kind: 'start', start: { instanceId: found.start.instanceId } });
  });

  test('I2: that came is not lost', async () => {
    const world = makeWorld();
    happen(world);
    const came = await receiveEvent(world.ports, keyEvent('e1', type, version));
    if (came.kind !== 'start') throw new Error('It must start.');
    await eventStarted(world.ports, key, came.event);
    expect(await sweep(world)).toEqual([]);
    expect(world.alerts.sent).toEqual([]);
  });

  test('starts nothing during a back-off, and does when it is over', async () => {
    const world = makeWorld();
    const run = await admitted(world);
    await enter(world, run, 'planning');
    await enter(world, run, 'refused');
    happen(world);
    await changeClaimOf(world, { backOffUntil: inSeconds(world, 7200).toISOString() });
    expect(await sweep(world)).toEqual([]);
    expect(world.alerts.sent.map(({ type }) => type)).toEqual(['Keyturn.Rotation.Refused']);
    world.pass(7201);
    expect(await sweep(world)).toMatchObject([{ kind: 'rotate' }]);
  });

  test('is not told by halves: where nobody can be told, the next sweep begins again', async () => {
    const world = makeWorld();
    happen(world);
    world.outbox.interfere.failAlways('put');
    world.alerts.interfere.failAlways('send');
    await expect(sweep(world)).rejects.toThrow(FaultError);
    world.outbox.interfere.heal();
    expect(await sweep(world)).toMatchObject([{ kind: 'rotate' }]);
  });
});

describe('where every target names the key without a version', () => {
  const nameless = (body: Record<string, unknown>): Record<string, unknown> =>
    JSON.parse(JSON.stringify(body).replaceAll(`/keys/kek/${v1}`, '/keys/kek'));
  function following() {
    const world = makeWorld(['iotHub', 'dps']);
    world.hub.body = nameless(hubBody(v1));
    world.dps.body = nameless(dpsBody(v1));
    return world;
  }

  test.each([
    ['KeyNearExpiry', 5 * day],
    ['KeyExpired', -day],
  ])('a lost %s of the newest version is found, and its run is admitted', async (type, seconds) => {
    const world = following();
    world.keyVault.change(v1, { expiresOn: inSeconds(world, seconds) });
    const [found, ...more] = await sweepAndStart(world);
    expect(more).toEqual([]);
    if (found?.kind !== 'rotate') throw new Error('It must be found.');
    expect(found.start.request.cause).toEqual({ kind: 'sweep', type, version: v1 });
    expect(await admit(world.ports, { ...found.start, now: world.now() })).toMatchObject({ admitted: true });
  });

  test('nothing is lost while the newest version lasts: who follows is on it', async () => {
    const world = following();
    world.keyVault.change(v1, { expiresOn: inSeconds(world, -day) });
    world.keyVault.addVersion({ version: v2, createdOn: inSeconds(world, -2 * day) });
    expect(await sweep(world)).toEqual([]);
  });

  test('a newer version that is disabled is not followed', async () => {
    const world = following();
    world.keyVault.change(v1, { expiresOn: inSeconds(world, -day) });
    world.keyVault.addVersion({ version: v2, createdOn: inSeconds(world, -2 * day), enabled: false });
    expect(await sweep(world)).toMatchObject([{ kind: 'rotate', start: { request: { cause: { version: v1 } } } }]);
  });
});

describe('no event is missed', () => {
  test.each<[string, (world: World) => void]>([
    ['when nothing has happened', () => undefined],
    [
      'by a version of our own making (I7)',
      (world) =>
        world.keyVault.addVersion({ version: v2, createdOn: inSeconds(world, -day), tags: { rotationId: 'x' } }),
    ],
    [
      'by an old version that expires and nobody uses',
      (world) =>
        world.keyVault.addVersion({
          version: v2,
          createdOn: new Date('2020-01-01'),
          expiresOn: inSeconds(world, -day),
        }),
    ],
    [
      'by a new version that is disabled',
      (world) => world.keyVault.addVersion({ version: v2, createdOn: inSeconds(world, -day), enabled: false }),
    ],
    [
      'by a new version that is expired',
      (world) =>
        world.keyVault.addVersion({ version: v2, createdOn: inSeconds(world, -day), expiresOn: inSeconds(world, -60) }),
    ],
    [
      'by an expiry that is half a year away',
      (world) => world.keyVault.change(v1, { expiresOn: inSeconds(world, 180 * day) }),
    ],
  ])('%s', async (_what, happen) => {
    const world = makeWorld();
    happen(world);
    expect(await sweep(world)).toEqual([]);
    expect(world.alerts.sent).toEqual([]);
  });
});

describe('the run for an event that was started and has left no rotation', () => {
  /** An event of an expiry that is due, on record as started. */
  async function started() {
    const world = makeWorld();
    world.keyVault.change(v1, { expiresOn: inSeconds(world, -day) });
    const came = await receiveEvent(world.ports, keyEvent('e1', 'KeyExpired', v1));
    if (came.kind !== 'start') throw new Error('It must start.');
    await eventStarted(world.ports, key, came.event);
    return { world, start: came.start };
  }

  test.each(['ended', 'gone'] as const)(
    'I2: is started again under its own id when its instance is %s',
    async (state) => {
      const { world, start } = await started();
      const [found, ...more] = await sweep(world, state);
      expect(found).toMatchObject({ kind: 'rotate', start: { instanceId: start.instanceId }, event: null });
      expect(more).toEqual([]);
      if (found?.kind !== 'rotate') throw new Error('It must be found.');
      // The event came: nobody is told that it was lost.
      expect(world.alerts.sent).toEqual([]);
      expect(await admit(world.ports, { ...found.start, now: world.now() })).toMatchObject({ admitted: true });
    },
  );

  test('I2: is left alone while its instance can still decide', async () => {
    const { world } = await started();
    expect(await sweep(world, 'running')).toEqual([]);
  });

  test('I2: is not started again once it has left a rotation, however that ended', async () => {
    const { world, start } = await started();
    const admission = await admit(world.ports, { ...start, now: world.now() });
    if (!admission.admitted) throw new Error(admission.message);
    await enter(world, admission.run, 'planning');
    await enter(world, admission.run, 'refused');
    expect(await sweep(world, 'gone')).toEqual([]);
  });

  test('is not started again and again for data keys that name no version, of which admission knows nothing either', async () => {
    const world = makeWorld(['dataKeys']);
    for (const record of world.store.look()) world.store.ownerPuts({ ...record, kid: key });
    world.keyVault.change(v1, { expiresOn: inSeconds(world, 5 * day) });
    const came = await receiveEvent(world.ports, keyEvent('e1', 'KeyNearExpiry', v1));
    if (came.kind !== 'start') throw new Error('It must start.');
    await eventStarted(world.ports, key, came.event);
    const admission = await admit(world.ports, { ...came.start, now: world.now() });
    expect(admission).toMatchObject({ admitted: false, why: 'version-not-in-use' });
    expect(await sweep(world, 'ended')).toEqual([]);
  });

  test('is not asked for again in observe mode, where the answer was an alert', async () => {
    const { world } = await started();
    world.managed.mode = 'observe' as 'act';
    expect(await sweep(world, 'ended')).toEqual([]);
  });

  test('is not asked for again when what it told of is over', async () => {
    const { world } = await started();
    world.keyVault.change(v1, { expiresOn: inSeconds(world, 300 * day) });
    expect(await sweep(world, 'gone')).toEqual([]);
  });
});

describe('what came during a run', () => {
  /** A run during which a new version is told of. */
  async function interrupted() {
    const world = makeWorld();
    const run = await ready(world);
    const came = await receiveEvent(world.ports, keyEvent('e2', 'KeyExpired', v1));
    if (came.kind !== 'start') throw new Error('It must start.');
    await eventStarted(world.ports, key, came.event);
    const { request, instanceId } = came.start;
    expect(await admit(world.ports, { request, instanceId, now: world.now() })).toMatchObject({ why: 'claim-lost' });
    world.keyVault.change(v1, { expiresOn: inSeconds(world, -60) });
    return { world, run };
  }

  test('is looked at when the run was rolled back and its back-off is over: once', async () => {
    const { world, run } = await interrupted();
    await enter(world, run, 'rolling-back');
    await enter(world, run, 'rolled-back');
    expect(await sweep(world)).toEqual([]);
    world.pass(6 * 3600);
    const [found] = await sweepAndStart(world);
    expect(found).toMatchObject({ kind: 'rotate', message: expect.stringContaining('came during a run') });
    // It was not lost, so nobody is told that it was.
    expect(world.alerts.sent).toEqual([]);
    expect(await sweepAndStart(world)).toEqual([]);
  });

  test('is looked at when the run was refused: once', async () => {
    const { world, run } = await interrupted();
    await changeClaimOf(world, { phase: 'planning' });
    await enter(world, run, 'refused');
    expect(await sweepAndStart(world)).toMatchObject([{ kind: 'rotate' }]);
    expect(await sweepAndStart(world)).toEqual([]);
  });

  test('is looked at again by the next sweep when it could not be started', async () => {
    const { world, run } = await interrupted();
    await changeClaimOf(world, { phase: 'planning' });
    await enter(world, run, 'refused');
    expect(await sweep(world)).toMatchObject([{ kind: 'rotate' }]);
    world.pass(900);
    expect(await sweepAndStart(world)).toMatchObject([{ kind: 'rotate' }]);
    world.pass(900);
    expect(await sweepAndStart(world)).toEqual([]);
  });

  test('that the run itself has settled starts nothing, and is forgotten', async () => {
    const { world, run } = await interrupted();
    await moveAll(world, run);
    await enter(world, run, 'soaking');
    await enter(world, run, 'completed');
    expect((await claimOf(world)).recheck).toBe(true);
    expect(await sweep(world)).toEqual([]);
    expect((await claimOf(world)).recheck).toBe(false);
  });

  test('is no more forgotten when the next run has begun before the sweep could say that it started it', async () => {
    const { world, run } = await interrupted();
    await changeClaimOf(world, { phase: 'planning' });
    await enter(world, run, 'refused');
    const [found] = await sweep(world);
    if (found?.kind !== 'rotate' || found.event === null) throw new Error('It must be found.');
    const { request, instanceId } = found.start;
    expect(await admit(world.ports, { request, instanceId, now: world.now() })).toMatchObject({ admitted: true });
    await changeClaimOf(world, { recheck: true });
    await missedStarted(world.ports, key, found.event);
    expect((await claimOf(world)).recheck).toBe(true);
  });

  test.each(['event', 'sweep'] as const)('is kept though %s told of it as the run closed', async (kind) => {
    const world = makeWorld();
    const run = await admitted(world);
    await enter(world, run, 'planning');
    const request = eventRequest('20261122T120100000Z-abcdef-000009', 'KeyExpired');
    const cause = kind === 'event' ? request.cause : ({ kind, type: 'KeyExpired', version: v1 } as const);
    let closed = false;
    // Between the look at the claim and the note in it.
    world.ledger.interfere.before('read', 2, async () => {
      if (closed) return;
      closed = true;
      await changeClaimOf(world, { rotationId: null, instanceId: null, bound: false });
    });
    const admission = await admit(world.ports, { request: { ...request, cause }, instanceId: 'i', now: world.now() });
    expect(admission).toMatchObject({ admitted: true });
  });

  test.each(['refused', 'cancelled'] as const)(
    'I2: is looked at when a run by hand came between and was %s',
    async (end) => {
      const { world, run } = await interrupted();
      await changeClaimOf(world, { phase: 'planning' });
      await enter(world, run, 'refused');
      const byHand = await byHandAdmitted(world);
      await enter(world, byHand, 'planning');
      await enter(world, byHand, end);
      expect(await sweepAndStart(world)).toMatchObject([{ kind: 'rotate' }]);
      expect(await sweepAndStart(world)).toEqual([]);
    },
  );

  test('is looked at when a run by hand came between and could not be started', async () => {
    const { world, run } = await interrupted();
    await changeClaimOf(world, { phase: 'planning' });
    await enter(world, run, 'refused');
    await giveUpStart(world.ports, await startNow(world));
    expect(await sweepAndStart(world)).toMatchObject([{ kind: 'rotate' }]);
  });

  test('is looked at when a run by hand came between and went back, once its back-off is over', async () => {
    const { world, run } = await interrupted();
    await changeClaimOf(world, { phase: 'planning' });
    await enter(world, run, 'refused');
    const byHand = await byHandAdmitted(world);
    await changeClaimOf(world, { phase: 'rolling-back' });
    await enter(world, byHand, 'rolled-back');
    expect(await sweep(world)).toEqual([]);
    world.pass(6 * 3600);
    expect(await sweepAndStart(world)).toMatchObject([{ kind: 'rotate' }]);
    expect(await sweepAndStart(world)).toEqual([]);
  });

  test('a start of the sweep that loses the claim is kept too', async () => {
    const world = makeWorld();
    await ready(world);
    const cause = { kind: 'sweep', type: 'KeyExpired', version: v1 } as const;
    const request = { ...eventRequest('20261122T120100000Z-abcdef-000009', 'KeyExpired'), cause };
    await admit(world.ports, { request, instanceId: 'i', now: world.now() });
    expect((await claimOf(world)).recheck).toBe(true);
  });
});

describe('a claim without a run', () => {
  test('I5: is taken over at the second look, twenty minutes after the first, and not before', async () => {
    const world = makeWorld();
    await ready(world);
    expect(await sweep(world, 'gone')).toEqual([]);
    world.pass(20 * 60 - 1);
    expect(await sweep(world, 'ended')).toEqual([]);
    expect((await claimOf(world)).generation).toBe(1);
    world.pass(1);
    expect(await sweep(world, 'gone')).toMatchObject([
      { kind: 'rotate', start: { instanceId: `${rotationId}.2`, request: { generation: 2 } } },
    ]);
    expect(await claimOf(world)).toMatchObject({
      generation: 2,
      bound: false,
      orphanedSince: null,
      phase: 'rewrapping',
    });
    expect(world.auditLog.stored(key).at(-1)).toMatchObject({ action: 'sweep' });
  });

  test('I5: whose instance is there after all begins anew to count as lost', async () => {
    const world = makeWorld();
    await ready(world);
    await sweep(world, 'gone');
    world.pass(900);
    expect(await sweep(world, 'running')).toEqual([]);
    expect((await claimOf(world)).orphanedSince).toBeNull();
    world.pass(5 * day);
    // It has just died: its last request may still be under way.
    expect(await sweep(world, 'ended')).toEqual([]);
    expect((await claimOf(world)).generation).toBe(1);
  });

  test('I5: is left to whoever changed it while it was looked at', async () => {
    const world = makeWorld();
    await ready(world);
    await changeClaimOf(world, { orphanedSince: '2026-11-22T00:00:00.000Z' });
    world.ledger.interfere.before('update', 1, () => changeClaimOf(world, { recheck: true }));
    expect(await sweep(world, 'gone')).toEqual([]);
    expect((await claimOf(world)).generation).toBe(1);
    const first = makeWorld();
    await ready(first);
    first.ledger.interfere.before('update', 1, () => changeClaimOf(first, { recheck: true }));
    expect(await sweep(first, 'gone')).toEqual([]);
  });

  test('is not asked about when a person has to say what comes next', async () => {
    const world = makeWorld();
    const run = await ready(world);
    await enter(world, run, 'needs-attention');
    world.pass(30 * day);
    const asked = jest.fn(() => Promise.resolve<InstanceState>('gone'));
    expect(await sweepKey(world.ports, key, asked)).toEqual([]);
    expect(asked).not.toHaveBeenCalled();
    expect((await claimOf(world)).orphanedSince).toBeNull();
  });

  test.each([
    ['resume', 'forward'],
    ['rollback', 'back'],
    ['abandon', 'forward'],
  ] as const)('that a person told to %s, and that no instance came to obey, is obeyed', async (name, direction) => {
    const world = makeWorld();
    const run = await ready(world);
    await enter(world, run, 'needs-attention');
    world.pass(1);
    expect(await command(world.ports, { rotationId, command: name, actor: 'ann' })).toMatchObject({ kind: 'start' });
    await sweep(world, 'gone');
    world.pass(1200);
    const [found] = await sweep(world, 'gone');
    expect(found).toMatchObject({ kind: 'rotate', start: { request: { cause: { kind: 'resume', command: name } } } });
    if (found?.kind !== 'rotate') throw new Error('It must be started.');
    expect(await admit(world.ports, { ...found.start, now: world.now() })).toMatchObject({ admitted: true, direction });
  });

  test('that was made over HTTP and never started is started in a new instance, which is admitted', async () => {
    const world = makeWorld();
    const asked = { key, reason: 'x', toVersion: null, actor: 'ann', idempotencyKey: null, requestHash: 'h' };
    await startByHand(world.ports, asked);
    await sweep(world, 'gone');
    world.pass(1200);
    const [found] = await sweep(world, 'gone');
    if (found?.kind !== 'rotate') throw new Error('It must be started.');
    expect(await admit(world.ports, { ...found.start, now: world.now() })).toMatchObject({
      admitted: true,
      direction: 'forward',
      plan: null,
    });
    expect((await claimOf(world)).orphanedSince).toBeNull();
  });

  test('that was going back goes on going back', async () => {
    const world = makeWorld();
    const run = await ready(world);
    await moveAll(world, run);
    await enter(world, run, 'rolling-back');
    await sweep(world, 'gone');
    world.pass(1200);
    const [found] = await sweep(world, 'gone');
    if (found?.kind !== 'rotate') throw new Error('It must be started.');
    expect(await admit(world.ports, { ...found.start, now: world.now() })).toMatchObject({ direction: 'back' });
  });

  describe.each([
    ['completed', 'Keyturn.Rotation.Completed', 'waiting'],
    ['rolled-back', 'Keyturn.Rotation.RolledBack', undefined],
  ] as const)('of a run that died between entering %s and freeing it', (phase, alert, retirement) => {
    /** Before the write of the ledger that frees the claim. */
    async function diedInItsEnd() {
      const world = makeWorld();
      const run = await ready(world);
      if (phase === 'completed') {
        await moveAll(world, run);
        await enter(world, run, 'soaking');
      } else await enter(world, run, 'rolling-back');
      world.auditLog.interfere.failAlways('append');
      await expect(enter(world, run, phase)).rejects.toThrow(FaultError);
      world.auditLog.interfere.heal();
      expect(await claimOf(world)).toMatchObject({ phase, rotationId });
      await sweep(world, 'ended');
      world.pass(1200);
      return world;
    }

    const isOver = async (world: World) => {
      expect(await claimOf(world)).toMatchObject({ rotationId: null, lastRotationId: rotationId, phase });
      expect(await world.history.get(rotationId)).toMatchObject({ phase, endedAt: expect.any(String) });
      expect((await world.ledger.retirements(key))[0]?.status).toBe(retirement);
      expect(world.alerts.sent.at(-1)).toMatchObject({ type: alert });
    };

    test('is freed: the outcome stands, is on record and is told, and nothing is started', async () => {
      const world = await diedInItsEnd();
      expect(await sweep(world, 'ended')).toEqual([]);
      await isOver(world);
      const told = world.auditLog.stored(key).map(({ action, message }) => `${action}: ${message}`);
      expect(told).toEqual(expect.arrayContaining([expect.stringMatching(`sweep: .* had ended as ${phase}`)]));
      expect(told).toContain(`phase: Entered ${phase}.`);
      expect(world.alerts.sent).toHaveLength(1);
    });

    test('is freed by the next sweep when this one could not tell', async () => {
      const world = await diedInItsEnd();
      world.outbox.interfere.failAlways('put');
      world.alerts.interfere.failAlways('send');
      await expect(sweep(world, 'ended')).rejects.toThrow(FaultError);
      expect((await claimOf(world)).rotationId).toBe(rotationId);
      world.outbox.interfere.heal();
      world.alerts.interfere.heal();
      expect(await sweep(world, 'ended')).toEqual([]);
      await isOver(world);
    });
  });

  test('of a completed run that had just been told to go back goes back, and is not freed', async () => {
    const world = makeWorld();
    await completed(world);
    world.pass(1);
    await command(world.ports, { rotationId, command: 'rollback', actor: 'ann' });
    await sweep(world, 'gone');
    world.pass(1200);
    const [found] = await sweep(world, 'gone');
    if (found?.kind !== 'rotate') throw new Error('It must be started.');
    expect(await admit(world.ports, { ...found.start, now: world.now() })).toMatchObject({ direction: 'back' });
  });

  test('of a retirement that died is freed, and the retirement goes on with its watch under a new id', async () => {
    const world = makeWorld();
    await completed(world);
    await letComeDue(world);
    const request = { key, rotationId };
    const first = await beginRetirement(world.ports, { request, instanceId: 'r1', now: world.pass(1) });
    if (!first.admitted) throw new Error(first.message);
    const { disabledAt } = await disableVersions(world.ports, { run: first.run, now: world.pass(1) });
    await sweep(world, 'ended');
    world.pass(1200);
    const [found] = await sweep(world, 'ended');
    if (found?.kind !== 'retire') throw new Error('It must go on.');
    expect(found.instanceId).not.toBe('r1');
    expect(world.auditLog.stored(key).at(-1)).toMatchObject({
      action: 'sweep',
      message: expect.stringContaining('without a run in its retirement'),
      details: { purpose: 'retirement' },
    });
    const { instanceId } = found;
    expect(await beginRetirement(world.ports, { request, instanceId, now: world.pass(1) })).toMatchObject({
      admitted: true,
      disabledAt,
    });
    // Should the start be lost, the next sweep finds it by its day.
    await changeClaimOf(world, { rotationId: null, purpose: 'rotation' });
    world.pass(8 * day);
    expect(await sweep(world)).toMatchObject([{ kind: 'retire', request }]);
  });
});

describe('what should have ended', () => {
  test('a soak is woken when it is over by two probes, and not while it waits or is paused', async () => {
    const world = makeWorld();
    const run = await ready(world);
    await moveAll(world, run);
    await enter(world, run, 'soaking');
    await changeClaimOf(world, { soakStartedAt: world.now() });
    world.pass(3600 + 1199);
    expect(await sweep(world)).toEqual([]);
    world.pass(1);
    await changeClaimOf(world, { waitingFor: 'pause' });
    expect(await sweep(world)).toEqual([]);
    await changeClaimOf(world, { waitingFor: null });
    expect(await sweep(world)).toMatchObject([{ kind: 'wake', instanceId: rotationId }]);
  });

  test('a retirement is started when its day has come, under an id that no attempt had before', async () => {
    const world = makeWorld();
    await completed(world);
    world.pass(7 * day - 2);
    expect(await sweep(world)).toEqual([]);
    world.pass(2);
    const [due] = await sweep(world);
    expect(due).toMatchObject({ kind: 'retire', request: { key, rotationId } });
    await changeClaimOf(world, { generation: 5 });
    const [next] = await sweep(world);
    if (due?.kind !== 'retire' || next?.kind !== 'retire') throw new Error('It must be due.');
    expect(next.instanceId).not.toBe(due.instanceId);
  });

  test('a retirement whose day has come outside the change windows begins when one opens', async () => {
    const world = makeWorld();
    await completed(world);
    world.pass(7 * day);
    const at = new Date(world.now());
    const fromMinute = (at.getUTCHours() + 2) * 60;
    world.managed.windows.push({ days: weekdays, fromMinute, toMinute: fromMinute + 60, timeZone: 'UTC' });
    expect(await sweep(world)).toEqual([]);
    world.pass(2 * 3600);
    expect(await sweep(world)).toMatchObject([{ kind: 'retire' }]);
    // One whose watch was begun goes on, whatever the hour: a version is disabled.
    world.pass(2 * 3600);
    expect(await sweep(world)).toEqual([]);
    const [known] = await world.ledger.retirements(key);
    const { claim, etag } = await world.ledger.read(key);
    if (known === undefined || claim === null) throw new Error('There must be a retirement.');
    const begun = { ...known, status: 'watching' as const, disabledAt: world.now() };
    await world.ledger.update(key, etag, { claim, putRetirement: begun });
    expect(await sweep(world)).toMatchObject([{ kind: 'retire' }]);
  });

  test('a retirement goes on during a back-off, which is about starting', async () => {
    const world = makeWorld();
    await completed(world);
    world.pass(7 * day);
    await changeClaimOf(world, { backOffUntil: inSeconds(world, 3600).toISOString() });
    expect(await sweep(world)).toMatchObject([{ kind: 'retire' }]);
  });
});

describe('a run whose instance is alive but does not go on', () => {
  const margin = 2 * 3600;
  /** Two services with a deadline of 1800 s and three questions each, three data keys with three questions. */
  const rewrapping = 2 * (1800 + 180) + 3 * 2 + 180 + 1800 + 180 + margin;

  test('is told of once, under a stable id, with what to do by hand, and woken; again when it gets stuck anew', async () => {
    const world = makeWorld();
    const run = await ready(world);
    world.pass(rewrapping);
    expect(await sweep(world)).toEqual([]);
    expect(world.alerts.sent).toEqual([]);
    world.pass(1);
    const [found, ...more] = await sweep(world);
    expect(more).toEqual([]);
    expect(found).toMatchObject({ kind: 'wake', instanceId: rotationId });
    const { unchangedSince } = await claimOf(world);
    expect(world.alerts.sent).toMatchObject([
      {
        id: `${rotationId}.stuck.1.${unchangedSince}`,
        type: 'Keyturn.Rotation.Stuck',
        data: {
          phase: 'rewrapping',
          instanceId: rotationId,
          done: expect.stringContaining(`has stood in rewrapping since ${unchangedSince}`),
          left: expect.stringMatching(/instances\/.*\/terminate\?.*\/rollback/),
        },
      },
    ]);
    expect(world.auditLog.stored(key).at(-1)).toMatchObject({ action: 'sweep', details: { phase: 'rewrapping' } });
    world.pass(900);
    expect(await sweep(world)).toEqual([]);
    expect(world.alerts.sent).toHaveLength(1);
    await enter(world, run, 'rolling-back');
    world.pass(rewrapping);
    expect(await sweep(world)).toEqual([]);
    world.pass(1);
    expect(await sweep(world)).toMatchObject([{ kind: 'wake' }]);
    expect(new Set(world.alerts.sent.map(({ id }) => id)).size).toBe(2);
  });

  test.each(['approval', 'pause', 'policy'] as const)('is not stuck while it waits for: %s', async (waitingFor) => {
    const world = makeWorld();
    const run = await ready(world);
    await noteWaiting(world.ports, { run, now: world.now(), waitingFor, reasons: [] });
    world.pass(90 * day);
    expect(await sweep(world)).toEqual([]);
    // What it waited for came: from now on it should go on.
    await noteWaiting(world.ports, { run, now: world.now(), waitingFor: null, reasons: [] });
    world.pass(rewrapping);
    expect(await sweep(world)).toEqual([]);
    world.pass(1);
    expect(await sweep(world)).toMatchObject([{ kind: 'wake' }]);
  });

  test('waits for a fault up to its deadline, and is stuck beyond it', async () => {
    const world = makeWorld();
    const run = await ready(world);
    await noteWaiting(world.ports, { run, now: world.now(), waitingFor: 'fault', reasons: [] });
    world.pass(3600 + rewrapping);
    expect(await sweep(world)).toEqual([]);
    world.pass(1);
    expect(await sweep(world)).toMatchObject([{ kind: 'wake' }]);
  });

  test('is told by the next sweep when nobody could be told', async () => {
    const world = makeWorld();
    await ready(world);
    world.pass(rewrapping + 1);
    world.outbox.interfere.failAlways('put');
    world.alerts.interfere.failAlways('send');
    await expect(sweep(world)).rejects.toThrow(FaultError);
    world.outbox.interfere.heal();
    world.alerts.interfere.heal();
    expect(await sweep(world)).toMatchObject([{ kind: 'wake' }]);
    expect(world.alerts.sent).toHaveLength(1);
  });

  test('a new instance has its time, whatever the old one has used up of it', async () => {
    const world = makeWorld();
    await ready(world);
    world.pass(90 * day);
    await sweep(world, 'gone');
    world.pass(1200);
    const [found] = await sweep(world, 'gone');
    if (found?.kind !== 'rotate') throw new Error('It must be taken over.');
    // It may have to wait for storage or the vault for a day before it is admitted.
    world.pass(day);
    expect(await sweep(world)).toEqual([]);
    await admit(world.ports, { ...found.start, now: world.now() });
    world.pass(rewrapping);
    expect(await sweep(world)).toEqual([]);
    expect(world.alerts.sent).toEqual([]);
  });

  test('a retirement is stuck too when its watch must be over, and says how to enable what nobody watches', async () => {
    const world = makeWorld();
    await completed(world);
    await letComeDue(world);
    const request = { key, rotationId };
    const begun = await beginRetirement(world.ports, { request, instanceId: 'r1', now: world.pass(1) });
    if (!begun.admitted) throw new Error(begun.message);
    await disableVersions(world.ports, { run: begun.run, now: world.pass(1) });
    world.pass(24 * 3600 + 25 * 3600 + 3600 + 1200);
    expect(await sweep(world)).toEqual([]);
    world.pass(margin + 3600 + 4500);
    expect(await sweep(world)).toMatchObject([{ kind: 'wake', instanceId: 'r1' }]);
    expect(world.alerts.sent.at(-1)).toMatchObject({
      type: 'Keyturn.Rotation.Stuck',
      data: {
        done: expect.stringContaining(`The retirement after rotation ${rotationId}`),
        left: expect.stringMatching(`--enabled true --id ${key}/${v1}`),
      },
    });
    expect(await sweep(world)).toEqual([]);
  });
});

test("a broken key's fault is its own: it is thrown to the sweep of that key, and nothing is half done", async () => {
  const world = makeWorld();
  world.keyVault.change(v1, { expiresOn: inSeconds(world, 5 * day) });
  world.keyVault.interfere.fail('versions');
  await expect(sweep(world)).rejects.toThrow(FaultError);
  expect(world.ledger.interfere.calls('recordEvent')).toBe(0);
  await expect(sweepKey(world.ports, `${key}-unknown`, () => Promise.resolve('gone'))).rejects.toThrow(RefusalError);
  expect(await sweep(world)).toMatchObject([{ kind: 'rotate' }]);
});

test('keys have their turn in an order of their own, whatever the configuration says and however they are written', () => {
  const keys = Array.from({ length: 20 }, (_, index) => `https://kv-${index % 2}.vault.azure.net/keys/kek-${index}`);
  const order = inTheirPlaces(keys);
  expect(order).not.toEqual(keys);
  expect([...order].sort()).toEqual([...keys].sort());
  expect(inTheirPlaces([...keys].reverse())).toEqual(order);
  expect(inTheirPlaces(keys.map((each) => each.replace('kek', 'KEK'))).map((each) => each.toLowerCase())).toEqual(
    order,
  );
});
