import type { AlertKind, RunReference } from '../../../../shared/contracts/activities';
import type { Phase, RunName } from '../../../../shared/contracts/rotation';
import { admit, newRotation } from '../../../../shared/rotation/admission';
import { completionOf, sendAlert } from '../../../../shared/rotation/alerting';
import { startByHand } from '../../../../shared/rotation/requests';
import { recordStanding } from '../../../../shared/rotation/standing';
import { sweepKey } from '../../../../shared/rotation/sweeping';
import { enterPhase } from '../../../../shared/rotation/telling';
import { surface } from '../../functions/triggers/surface';
import {
  admitted,
  changeClaimOf,
  enter,
  eventRequest,
  key,
  makeWorld,
  ready,
  rotationId,
  v1,
  type World,
} from './world';

/** What the alert of such a run says. */
async function told(alert: AlertKind, run: RunName, phase: Phase) {
  const world = makeWorld();
  const reference = await ready(world);
  await world.history.put({ ...newRotation(eventRequest(rotationId)), run, phase });
  await sendAlert(world.ports, { run: reference, now: world.now(), alert, occasion: '', reasons: [] });
  const data = world.alerts.sent.at(-1)?.data;
  return { done: String(data?.['done']), left: String(data?.['left']) };
}

test('what is told of a run that went back is what that run had done', async () => {
  expect((await told('rolled-back', 'rotate', 'rolled-back')).done).toContain('Every target that had moved');
  const revoked = await told('rolled-back', 'revoke', 'rolled-back');
  expect(revoked.done).toContain('enabled again');
  // Whoever copies a line from an alert must not start a rotation in place of a revocation.
  expect(revoked.left).not.toContain('curl');
  expect((await told('rolled-back', 'adopt', 'rolled-back')).done).toContain('that it had before');
});

test('only commands that the phase takes are named', async () => {
  expect((await told('needs-attention', 'restore', 'needs-attention')).left).not.toContain('rollback');
  expect((await told('needs-attention', 'revoke', 'needs-attention')).left).toContain('/rollback');
  expect((await told('holding', 'rotate', 'rewrapping')).left).toContain('/rollback');
  expect((await told('holding', 'rotate', 'planning')).left).toContain('/cancel');
  expect((await told('holding', 'restore', 'restoring')).left).toBe('Mend what the reasons name.');
  expect((await told('holding', 'rotate', 'rolling-back')).left).toBe('Mend what the reasons name.');
});

test.each(Object.entries(completionOf) as [RunName, AlertKind][])(
  'a completed run of %s that died before it freed its claim is told as %s, with its reasons, and sealed last',
  async (run, alert) => {
    const world = makeWorld();
    await ready(world);
    await changeClaimOf(world, { run, phase: 'completed', orphanedSince: world.now() });
    const reasons = [{ code: 'left', message: 'Something is left.' }];
    await world.history.put({ ...newRotation(eventRequest(rotationId)), run, phase: 'completed', reasons });
    world.pass(21 * 60);
    const sealedAfter: string[] = [];
    const sealNow = async () => void sealedAfter.push(world.auditLog.stored(key).at(-1)?.action ?? '');
    await sweepKey({ ...world.ports, sealNow }, key, async () => 'gone');
    expect(world.alerts.sent.at(-1)).toMatchObject({ id: expect.stringContaining(`.${alert}.`), data: { reasons } });
    expect(sealedAfter[0]).toBe('alert');
  },
);

const asked = (run: RunName) => ({
  key,
  reason: 'because',
  toVersion: null,
  run,
  actor: 'olivia',
  principalId: 'olivia',
  idempotencyKey: null,
  requestHash: run,
});

async function answered(world: World) {
  const decision = await startByHand(world.ports, asked('rotate'));
  if (decision.kind !== 'running') throw new Error(decision.kind);
  return decision.allowed;
}

test('a second start is told the commands that the first run takes, and no other', async () => {
  const world = makeWorld();
  await startByHand(world.ports, asked('restore'));
  await changeClaimOf(world, { phase: 'needs-attention', bound: true });
  expect(await answered(world)).toEqual(['resume', 'abandon']);
  await changeClaimOf(world, { phase: 'planning', waitingFor: 'approval' });
  expect(await answered(world)).toEqual(['approve', 'cancel', 'pause']);
});

test('a second start is told whether it is a rotation or a retirement that holds the key', async () => {
  const world = makeWorld();
  await ready(world);
  expect(await startByHand(world.ports, asked('revoke'))).toMatchObject({ kind: 'running', purpose: 'rotation' });
  await changeClaimOf(world, { purpose: 'retirement', phase: 'completed' });
  const { ask } = surface(world.ports);
  const { status, body } = await ask('rotations', { method: 'POST', body: { key, reason: 'because' } });
  expect(status).toBe(409);
  expect(body).toMatchObject({ rotationId, allowed: [], detail: expect.stringMatching(/^The retirement after/) });
});

test('the history says which run was asked for', async () => {
  const world = makeWorld();
  await startByHand(world.ports, asked('revoke'));
  expect(world.auditLog.stored(key)[0]).toMatchObject({ action: 'request', details: { run: 'revoke' } });
});

test('whoever abandons a revocation is told that the key stays cut off', async () => {
  const world = makeWorld();
  const run = await ready(world);
  await changeClaimOf(world, { revocation: { rotationId, versions: [v1], at: world.now() } });
  const { reasons } = await recordStanding(world.ports, { run, now: world.now() });
  expect(reasons.at(-1)).toMatchObject({ code: 'revocation-on-record', message: expect.stringContaining(v1) });
});

describe('a rotation that the plan refuses', () => {
  const reasons = [{ code: 'identity-forbidden', message: 'The identity of hub-1 may not use the key.' }];
  const refuse = (world: World, run: RunReference) =>
    enterPhase(world.ports, { run, now: world.pass(1), phase: 'refused', reasons });

  test('is told of where an event began it, with the reasons and how to start it by hand; a repeat tells under the same id', async () => {
    const world = makeWorld();
    const run = await admitted(world);
    await enter(world, run, 'planning');
    world.ledger.interfere.fail('update', 2, new Error('killed before the claim was freed'));
    await expect(refuse(world, run)).rejects.toThrow('killed');
    world.ledger.interfere.heal();
    await refuse(world, run);
    await refuse(world, run);
    const sent = world.alerts.sent.filter(({ type }) => type === 'Keyturn.Rotation.Refused');
    expect(new Set(sent.map(({ id }) => id)).size).toBe(1);
    expect(sent[0]?.data).toMatchObject({ reasons, left: expect.stringContaining('/api/rotations?code=') });
    expect((await world.ledger.read(key)).claim?.rotationId).toBeNull();
  });

  test('is told of by the sweep where who refused it died before', async () => {
    const world = makeWorld();
    const run = await admitted(world);
    await enter(world, run, 'planning');
    world.auditLog.interfere.fail('append', 1, new Error('killed'));
    await expect(refuse(world, run)).rejects.toThrow('killed');
    world.auditLog.interfere.heal();
    world.pass(21 * 60);
    for (let round = 0; round < 2; round++, world.pass(21 * 60)) await sweepKey(world.ports, key, async () => 'gone');
    expect(world.alerts.sent.map(({ type }) => type)).toContain('Keyturn.Rotation.Refused');
  });

  test('tells nobody but who asked, where that was by hand', async () => {
    const world = makeWorld();
    const decision = await startByHand(world.ports, asked('rotate'));
    if (decision.kind !== 'start') throw new Error('It must start.');
    const { request, instanceId } = decision.start;
    const admission = await admit(world.ports, { request, instanceId, now: world.now() });
    if (!admission.admitted) throw new Error(admission.message);
    await enter(world, admission.run, 'planning');
    await refuse(world, admission.run);
    expect(world.alerts.sent).toEqual([]);
  });
});
