import type { AdoptionOrder, RunReference } from '../../../../shared/contracts/activities';
import type { Phase, RunName } from '../../../../shared/contracts/rotation';
import { admit } from '../../../../shared/rotation/admission';
import { writeAdoption } from '../../../../shared/rotation/adopting';
import { command } from '../../../../shared/rotation/commands';
import { makePlan } from '../../../../shared/rotation/planning';
import { giveUpStart, type Start, startByHand } from '../../../../shared/rotation/requests';
import { restoreVersions, revokeVersions } from '../../../../shared/rotation/revoking';
import { sweepKey } from '../../../../shared/rotation/sweeping';
import { claimOf, completed, enter, key, makeWorld, rotationId, type World } from './world';

const adopt: AdoptionOrder = { rotationPolicy: { expiresIn: 'P1Y', rotatesBeforeExpiry: 'P30D' } };
/** Key Vault tells of a policy for every key. */
function worldOf(): World {
  const world = makeWorld();
  world.keyVault.setPolicy({ expiresIn: null, rotatesAfterCreate: null, rotatesBeforeExpiry: null });
  return world;
}

const asked = (run: RunName) => ({
  key,
  reason: 'because',
  toVersion: null,
  run,
  ...(run === 'adopt' ? { adopt } : {}),
  actor: 'olivia',
  principalId: 'olivia',
  idempotencyKey: null,
  requestHash: run,
});

async function started(world: World, run: RunName): Promise<Start> {
  const decision = await startByHand(world.ports, asked(run));
  if (decision.kind !== 'start') throw new Error(`Not started: ${decision.kind}`);
  return decision.start;
}

async function admittedBy(world: World, { instanceId, request }: Start) {
  const admission = await admit(world.ports, { request, instanceId, now: world.pass(1) });
  if (!admission.admitted) throw new Error(admission.message);
  return admission;
}

async function begun(world: World, run: RunName, own: Phase): Promise<RunReference> {
  const admission = await admittedBy(world, await started(world, run));
  await enter(world, admission.run, 'planning');
  const planned = await makePlan(world.ports, { run: admission.run, now: world.now() });
  if (planned.decision !== 'go') throw new Error(JSON.stringify(planned.reasons));
  await enter(world, admission.run, own);
  return admission.run;
}

/** The instance is gone, and the sweep starts one that goes on. */
async function takenOver(world: World) {
  const sweep = () => sweepKey(world.ports, key, async () => 'gone' as const);
  await sweep();
  world.pass(21 * 60);
  const [action] = await sweep();
  if (action?.kind !== 'rotate') throw new Error('The sweep starts nothing.');
  return { start: action.start, admission: await admittedBy(world, action.start) };
}

async function revoked(world: World): Promise<void> {
  const run = await begun(world, 'revoke', 'revoking');
  await revokeVersions(world.ports, { run, now: world.now() });
  await enter(world, run, 'completed');
}

interface Case {
  readonly run: 'adopt' | 'revoke' | 'restore';
  readonly own: Phase;
  readonly given?: (world: World) => Promise<void>;
  readonly act: (world: World, run: RunReference) => Promise<unknown>;
}
const cases: readonly Case[] = [
  { run: 'adopt', own: 'adopting', act: ({ ports, now }, run) => writeAdoption(ports, { run, now: now() }) },
  { run: 'revoke', own: 'revoking', act: ({ ports, now }, run) => revokeVersions(ports, { run, now: now() }) },
  {
    run: 'restore',
    own: 'restoring',
    given: revoked,
    act: ({ ports, now }, run) => restoreVersions(ports, { run, now: now() }),
  },
];

describe.each(cases)('$run, once it has begun', ({ run: name, own, given, act }) => {
  test.each(['before', 'after'])('goes on from its plan when its instance is lost %s it acted', async (when) => {
    const world = worldOf();
    await given?.(world);
    const lost = await begun(world, name, own);
    if (when === 'after') await act(world, lost);
    const { start, admission } = await takenOver(world);
    expect(start.request.run).toBe(name);
    expect(admission).toMatchObject({ direction: 'forward', plan: { planHash: expect.any(String) } });
    await enter(world, admission.run, own);
    await act(world, admission.run);
    await enter(world, admission.run, 'completed');
    expect((await claimOf(world)).rotationId).toBeNull();
  });

  test('is resumed from needs-attention without a second plan, which would ask for what is done already', async () => {
    const world = worldOf();
    await given?.(world);
    const run = await begun(world, name, own);
    await act(world, run);
    await enter(world, run, 'needs-attention');
    const decided = await command(world.ports, { rotationId: run.rotationId, command: 'resume', actor: 'olivia' });
    if (decided.kind !== 'start') throw new Error(decided.kind);
    const resumed = await admittedBy(world, decided.start);
    expect(resumed.plan).not.toBeNull();
    await enter(world, resumed.run, own);
    await enter(world, resumed.run, 'completed');
    expect((await claimOf(world)).begun).toBeUndefined();
  });
});

test('a rotation that is lost before it chose its version goes on from its plan', async () => {
  const world = makeWorld();
  await begun(world, 'rotate', 'creating-version');
  const { admission } = await takenOver(world);
  expect(admission.plan).not.toBeNull();
  await enter(world, admission.run, 'creating-version');
});

test.each(['revoke', 'adopt'] as const)(
  'a start of %s that was given up leaves nothing of its kind behind',
  async (run) => {
    const world = makeWorld();
    await completed(world);
    await giveUpStart(world.ports, await started(world, run));
    const decided = await command(world.ports, { rotationId, command: 'rollback', actor: 'olivia' });
    if (decided.kind !== 'start') throw new Error(decided.kind);
    expect(decided.start.request.run).toBeUndefined();
    expect(decided.start.request.adopt).toBeUndefined();
  },
);
