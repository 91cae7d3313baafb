import type { RunReference } from '../../../../shared/contracts/activities';
import { sendAlert } from '../../../../shared/rotation/alerting';
import { command } from '../../../../shared/rotation/commands';
import { FaultError } from '../../../../shared/rotation/errors';
import { readFacts } from '../../../../shared/rotation/key-facts';
import { beginRetirement, endRetirement } from '../../../../shared/rotation/retiring';
import type { InstanceState } from '../../../../shared/rotation/sweep-action';
import { tellUntold } from '../../../../shared/rotation/telling-late';
import { claimOf, completed, enter, key, letComeDue, makeWorld, ready, rotationId, type World } from './world';

const sweep = ({ ports }: World, state: InstanceState = 'ended') =>
  tellUntold(ports, key, async () => state, readFacts(ports, key));
const sent = ({ alerts }: World): readonly string[] => alerts.sent.map(({ id }) => id);

/** A run that has ended in a phase, and whose instance told nobody. */
async function ended(phase: 'needs-attention' | 'rolled-back' | 'completed') {
  const world = makeWorld();
  if (phase === 'completed') return { world, run: await completed(world) };
  const run = await ready(world);
  if (phase === 'rolled-back') await enter(world, run, 'rolling-back');
  await enter(world, run, phase);
  return { world, run };
}

const refused = (world: World, instanceId = 'r1') => ({
  begin: async (): Promise<RunReference> => {
    const admission = await beginRetirement(world.ports, {
      request: { key, rotationId },
      instanceId,
      now: world.pass(1),
    });
    if (!admission.admitted) throw new Error(admission.message);
    return admission.run;
  },
  end: (run: RunReference) =>
    endRetirement(world.ports, {
      ...{ run, now: world.pass(1), status: 'refused' },
      reasons: [{ code: 'still-used', message: 'Somebody uses it.' }],
    }),
});

describe('an end of which nobody was told', () => {
  test.each([
    ['needs-attention', 'needs-attention'],
    ['rolled-back', 'rolled-back'],
    ['completed', 'completed'],
  ] as const)(
    '%s: is told by the sweep once its instance is gone, once and under the same id',
    async (phase, alert) => {
      const { world, run } = await ended(phase);
      world.pass(6 * 60);
      expect(await sweep(world)).toHaveLength(1);
      expect(sent(world)).toEqual([`${rotationId}.${alert}.${run.generation}`]);
      expect(await sweep(world)).toEqual([]);
      expect(sent(world)).toHaveLength(1);
      expect((await claimOf(world)).untold).toBeUndefined();
    },
  );

  test('is left to its instance while that lives, and while what it sent may be on its way', async () => {
    const { world } = await ended('completed');
    await sweep(world);
    world.pass(6 * 60);
    await sweep(world, 'running');
    expect(sent(world)).toEqual([]);
    expect((await claimOf(world)).untold).toHaveLength(1);
  });

  test('that its instance told is not told again, and is not asked for a second time', async () => {
    const { world, run } = await ended('rolled-back');
    await sendAlert(world.ports, { run, now: world.now(), alert: 'rolled-back', occasion: '', reasons: [] });
    world.pass(6 * 60);
    expect(await sweep(world)).toEqual([]);
    expect(sent(world)).toHaveLength(1);
    const asked = world.auditLog.interfere.calls('list');
    await sweep(world);
    expect(world.auditLog.interfere.calls('list')).toBe(asked);
  });

  test('that could not be handed over is told by the next sweep', async () => {
    const { world } = await ended('completed');
    world.pass(6 * 60);
    world.outbox.interfere.failAlways('put');
    world.alerts.interfere.failAlways('send');
    await expect(sweep(world)).rejects.toThrow(FaultError);
    world.outbox.interfere.heal();
    world.alerts.interfere.heal();
    expect(await sweep(world)).toHaveLength(1);
  });

  test('is forgotten when a person has let the run go on', async () => {
    const { world } = await ended('needs-attention');
    const decided = await command(world.ports, { rotationId, command: 'resume', actor: 'olivia' });
    expect(decided.kind).toBe('start');
    world.pass(6 * 60);
    expect(await sweep(world)).toEqual([]);
    expect(sent(world)).toEqual([]);
    expect((await claimOf(world)).untold).toBeUndefined();
  });

  test('is shown by the history too, where the instance died before it could say so', async () => {
    const world = makeWorld();
    const run = await ready(world);
    world.history.interfere.failAlways('put');
    await expect(enter(world, run, 'needs-attention')).rejects.toThrow(FaultError);
    world.history.interfere.heal();
    world.pass(6 * 60);
    await sweep(world);
    expect(world.history.rotations.get(rotationId)?.phase).toBe('needs-attention');
  });
});

describe('a first refusal of a retirement', () => {
  test('is told although the next attempt began before its own could tell', async () => {
    const { world } = await ended('completed');
    world.pass(6 * 60);
    await sweep(world);
    await letComeDue(world);
    const [first, second] = [refused(world), refused(world, 'r2')];
    const run = await first.begin();
    await first.end(run);
    const next = await second.begin();
    await expect(first.end(run)).rejects.toThrow('no longer holds');
    expect(await second.end(next)).toEqual({ status: 'refused' });
    world.pass(6 * 60);
    await sweep(world);
    expect(sent(world).filter((id) => id.includes('retirement'))).toEqual([
      `${rotationId}.retirement-refused.${run.generation}`,
    ]);
  });
});
