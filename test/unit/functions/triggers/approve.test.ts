import { makePlan } from '../../../../shared/rotation/planning';
import { admitted, enter, key, makeWorld, rotationId } from '../../shared/use-cases/world';
import { surface } from './surface';

afterEach(() => jest.restoreAllMocks());

/** A rotation whose plan is made and waits for an approval. */
async function waiting() {
  const world = makeWorld();
  const { policy } = world.managed;
  Object.assign(world.managed, { policy: { ...policy, approval: 'required' } });
  const run = await admitted(world);
  await enter(world, run, 'planning');
  const decided = await makePlan(world.ports, { run, now: world.now() });
  if (decided.decision !== 'go') throw new Error(JSON.stringify(decided.reasons));
  expect(decided.approved).toBe(false);
  const app = surface(world.ports);
  const approve = (body: unknown) => app.ask(`rotations/${rotationId}/approve`, { method: 'POST', body });
  return { world, policy, run, app, approve, planHash: decided.plan.planHash };
}

const approvals = async ({ world }: Awaited<ReturnType<typeof waiting>>) =>
  (await world.ledger.read(key)).commands.filter(({ command }) => command === 'approve');

describe('POST /api/rotations/{id}/approve', () => {
  test('with the hash of the plan is 202, on record with that hash, and wakes the run', async () => {
    const on = await waiting();
    expect(await on.approve({ planHash: on.planHash })).toMatchObject({ status: 202, body: { rotationId } });
    expect(await approvals(on)).toMatchObject([{ planHash: on.planHash, actor: 'operator (function key)' }]);
    expect(on.app.client.raised).toEqual([rotationId]);
    const again = await makePlan(on.world.ports, { run: on.run, now: on.world.now() });
    expect(again).toMatchObject({ decision: 'go', approved: true });
  });

  test('of a plan that has changed is 409 with the new hash, and nothing is approved', async () => {
    const on = await waiting();
    const answer = await on.approve({ planHash: '0'.repeat(64) });
    expect(answer).toMatchObject({
      status: 409,
      headers: { 'content-type': 'application/problem+json' },
      body: { rotationId, phase: 'planning', planHash: on.planHash, allowed: ['approve', 'cancel'] },
    });
    expect(await approvals(on)).toEqual([]);
    expect(on.app.client.raised).toEqual([rotationId]);
  });

  test.each([
    ['no body', undefined, 'body'],
    ['no hash', {}, 'planHash'],
    ['a hash that is none', { planHash: 'yes' }, 'planHash'],
    ['an unknown member', { planHash: 'a'.repeat(64), force: true }, 'force'],
  ])('with %s is 400, and nothing is approved', async (_, body, path) => {
    const on = await waiting();
    const answer = await on.approve(body);
    expect(answer).toMatchObject({ status: 400, body: { issues: [{ path }] } });
    expect(await approvals(on)).toEqual([]);
  });

  test('where no approval is asked for is 409 and says what is possible', async () => {
    const on = await waiting();
    Object.assign(on.world.managed, { policy: on.policy });
    expect(await on.approve({ planHash: on.planHash })).toMatchObject({
      status: 409,
      body: { rotationId, phase: 'planning', allowed: ['cancel', 'pause'] },
    });
  });

  test('of a rotation that nobody knows is 404', async () => {
    const on = await waiting();
    const asked = { method: 'POST', body: { planHash: on.planHash } } as const;
    expect((await on.app.ask('rotations/another/approve', asked)).status).toBe(404);
  });
});
