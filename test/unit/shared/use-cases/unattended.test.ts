import type { RunReference } from '../../../../shared/contracts/activities';
import { admit } from '../../../../shared/rotation/admission';
import { command } from '../../../../shared/rotation/commands';
import { InterruptedError } from '../../../../shared/rotation/errors';
import { startByHand } from '../../../../shared/rotation/requests';
import { beginRetirement, disableVersions, enableVersions } from '../../../../shared/rotation/retiring';
import type { InstanceState, SweepAction } from '../../../../shared/rotation/sweep-action';
import { sweepKey } from '../../../../shared/rotation/sweeping';
import { enterPhase, noteWaiting } from '../../../../shared/rotation/telling';
import { enter, key, kid, makeWorld, ready, v1, type World } from './world';

/** What nobody is there to do: whoever should have done it has ended. */
const byHand = { key, reason: 'by hand', toVersion: null, actor: 'alice', idempotencyKey: null, requestHash: 'h' };

async function startedByHand(world: World) {
  const decision = await startByHand(world.ports, byHand);
  if (decision.kind !== 'start') throw new Error(`Not started: ${decision.kind}`);
  return decision.start;
}
const sweep = (world: World, state: InstanceState): Promise<readonly SweepAction[]> =>
  sweepKey(world.ports, key, async () => state);
const claimOf = async (world: World) => (await world.ledger.read(key)).claim;

describe('a start over HTTP whose instance ended before it could take the claim up', () => {
  test('I5: keeps its claim while it may still be under way, then goes on in a new instance', async () => {
    const world = makeWorld();
    const start = await startedByHand(world);
    expect(await sweep(world, 'ended')).toEqual([]);
    world.pass(19 * 60);
    expect(await sweep(world, 'ended')).toEqual([]);
    world.pass(2 * 60);
    const [action] = await sweep(world, 'ended');
    if (action?.kind !== 'rotate') throw new Error('The sweep starts nothing.');
    const { request, instanceId } = action.start;
    expect(instanceId).not.toBe(start.instanceId);
    expect(request.rotationId).toBe(start.request.rotationId);

    const admission = await admit(world.ports, { request, instanceId, now: world.now() });
    expect(admission).toMatchObject({ admitted: true, direction: 'forward', plan: null });
    // The first one, should it come to life again, finds that it has lost.
    const late = { request: start.request, instanceId: start.instanceId, now: world.now() };
    expect(await admit(world.ports, late)).toMatchObject({ admitted: false, why: 'claim-lost' });
  });

  test('I5: is left alone while its instance lives', async () => {
    const world = makeWorld();
    await startedByHand(world);
    world.pass(3600);
    expect(await sweep(world, 'running')).toEqual([]);
    expect((await claimOf(world))?.orphanedSince).toBeNull();
  });

  test('that is taken up after all is not taken from its instance later without a new delay', async () => {
    const world = makeWorld();
    const { request, instanceId } = await startedByHand(world);
    await sweep(world, 'gone');
    world.pass(60);
    await admit(world.ports, { request, instanceId, now: world.now() });
    world.pass(3600);
    expect(await sweep(world, 'ended')).toEqual([]);
  });
});

describe('a rollback that was accepted just before the run comes to need attention', () => {
  async function rewrapping(world: World): Promise<RunReference> {
    const { request, instanceId } = await startedByHand(world);
    const admission = await admit(world.ports, { request, instanceId, now: world.now() });
    if (!admission.admitted) throw new Error(admission.message);
    for (const phase of ['planning', 'creating-version', 'rewrapping'] as const) {
      await enterPhase(world.ports, { run: admission.run, phase, reasons: [], now: world.now() });
    }
    return admission.run;
  }
  const attention = { phase: 'needs-attention' as const, reasons: [{ code: 'fault', message: 'ARM is down.' }] };

  test('I11: keeps it from ending, so that its instance obeys; on its way back it may end', async () => {
    const world = makeWorld();
    const run = await rewrapping(world);
    await command(world.ports, { rotationId: run.rotationId, command: 'rollback', actor: 'alice' });
    await expect(enterPhase(world.ports, { run, ...attention, now: world.now() })).rejects.toThrow(InterruptedError);
    expect((await claimOf(world))?.phase).toBe('rewrapping');
    await enterPhase(world.ports, { run, phase: 'rolling-back', reasons: [], now: world.now() });
    await enterPhase(world.ports, { run, ...attention, now: world.now() });
    expect((await claimOf(world))?.phase).toBe('needs-attention');
  });

  test('is not missed by one that comes a moment later: it starts a new instance', async () => {
    const world = makeWorld();
    const run = await rewrapping(world);
    await enterPhase(world.ports, { run, ...attention, now: world.now() });
    const asked = { rotationId: run.rotationId, command: 'rollback' as const, actor: 'alice' };
    expect(await command(world.ports, asked)).toMatchObject({ kind: 'start' });
  });
});

test('a wait whose end could not be noted is over with its reasons once the next phase is entered', async () => {
  const world = makeWorld();
  const run = await ready(world);
  const reasons = [{ code: 'unavailable', message: 'Azure Storage answered 503.' }];
  await noteWaiting(world.ports, { run, now: world.now(), waitingFor: 'fault', reasons });
  await enter(world, run, 'soaking');
  expect(await world.history.get(run.rotationId)).toMatchObject({ phase: 'soaking', waitingFor: null, reasons: [] });
});

test('versions that were enabled again are on record so: whoever goes on does not watch, and call retired, what is enabled', async () => {
  const world = makeWorld();
  const rotationId = 'r-done';
  await world.ledger.update(key, null, {
    claim: {
      key,
      generation: 1,
      rotationId: null,
      instanceId: null,
      bound: false,
      claimedAt: world.now(),
      requestedAt: world.now(),
      reason: '',
      cause: null,
      toVersion: null,
      phase: 'completed',
      waitingFor: null,
      direction: 'forward',
      plan: null,
      nextVersion: null,
      soakStartedAt: null,
      recheck: false,
      purpose: 'rotation',
      lastRotationId: rotationId,
      backOffUntil: null,
      orphanedSince: null,
      unchangedSince: world.now(),
      toldStuckSince: null,
    },
    putRetirement: {
      rotationId,
      versions: [v1],
      completedAt: world.now(),
      dueAt: world.now(),
      status: 'waiting',
      disabledAt: null,
      reasons: [],
    },
  });
  world.managed.targets.length = 0;
  const input = { request: { key, rotationId }, instanceId: 'i-1', now: world.now() };
  const admission = await beginRetirement(world.ports, input);
  if (!admission.admitted) throw new Error(admission.message);
  const on = { run: admission.run, now: world.now() };
  await disableVersions(world.ports, on);
  expect(await world.ledger.retirements(key)).toMatchObject([{ status: 'watching', disabledAt: world.now() }]);
  await enableVersions(world.ports, { ...on, reasons: [{ code: 'probe-failed', message: 'The hub is red.' }] });
  expect((await world.keyVault.version(kid(v1))).enabled).toBe(true);
  expect(await world.ledger.retirements(key)).toMatchObject([
    { status: 'undone', disabledAt: null, reasons: [{ code: 'probe-failed' }] },
  ]);
});
