import type { AccessRules } from '../../../../shared/access/caller';
import type { RotationRequest } from '../../../../shared/contracts/activities';
import { longestBody } from '../../../../shared/contracts/http';
import { admit } from '../../../../shared/rotation/admission';
import { makePlan } from '../../../../shared/rotation/planning';
import { enter, key, makeWorld, type World } from '../../shared/use-cases/world';
import { type Asked, surface } from './surface';

afterEach(() => jest.restoreAllMocks());

const rules: AccessRules = { reader: ['Reader'], operator: ['Operator'], approver: ['Approver'] };

function as(id: string, ...roles: string[]): Record<string, string> {
  const claims = roles.map((val) => ({ typ: 'roles', val }));
  return {
    'x-ms-client-principal': Buffer.from(JSON.stringify({ claims })).toString('base64'),
    'x-ms-client-principal-id': id,
    'x-ms-client-principal-name': `${id}@contoso.com`,
    'x-forwarded-for': '198.51.100.9, 203.0.113.7',
  };
}

const setUp = (access: AccessRules | null = rules, world: World = makeWorld()) => ({
  world,
  ...surface(world.ports, { ok: true, needs: [], sweep: null }, access),
});
/** What the orchestration does until it waits for the approval. */
async function plan({ client, world }: ReturnType<typeof setUp>): Promise<void> {
  const [started] = client.started;
  if (started === undefined) throw new Error('Nothing was started.');
  const request = started.input as RotationRequest;
  const admission = await admit(world.ports, { request, instanceId: started.instanceId, now: world.now() });
  if (!admission.admitted) throw new Error(admission.message);
  await enter(world, admission.run, 'planning');
  await makePlan(world.ports, { run: admission.run, now: world.now() });
}
const start = { key, reason: 'because' };
const planHash = '0'.repeat(64);

/** What each route needs; the list is held to what is registered. */
const needed: Readonly<Record<string, 'reader' | 'operator' | 'approver' | null>> = {
  'GET health': null,
  'GET keys': 'reader',
  'GET pause': 'reader',
  'POST pause': 'operator',
  'POST resume': 'operator',
  'GET audit': 'reader',
  'GET audit/verify': 'reader',
  'GET openapi.json': 'reader',
  'GET rotations': 'reader',
  'GET rotations/{id}': 'reader',
  'GET rotations/{id}/audit': 'reader',
  'POST rotations': 'operator',
  'POST rotations/{id}/approve': 'approver',
  'POST rotations/{id}/cancel': 'operator',
  'POST rotations/{id}/pause': 'operator',
  'POST rotations/{id}/resume': 'operator',
  'POST rotations/{id}/rollback': 'operator',
  'POST rotations/{id}/retire': 'operator',
  'POST rotations/{id}/abandon': 'operator',
};
const routes = Object.entries(needed).map(([route, role]) => {
  const [method = '', path = ''] = route.split(' ');
  const body = path === 'rotations' ? start : { planHash };
  const asked: Asked = method === 'POST' ? { method, body } : {};
  return { route, role, path: path.replace('{id}', 'r-1'), asked };
});

describe('with roles configured', () => {
  test('what a route needs is written down here for every route that is registered', () => {
    const registered = setUp().routes.map(({ method, path }) => `${method} ${path}`);
    expect(registered.sort()).toEqual(Object.keys(needed).sort());
  });

  test.each(routes.filter(({ role }) => role !== null))('$route is not answered to nobody', async ({ path, asked }) => {
    const app = setUp();
    const forged = { 'x-ms-client-principal-name': 'admin', 'x-ms-client-principal-id': 'admin' };
    for (const headers of [{}, forged]) {
      const answer = await app.ask(path, { ...asked, headers });
      expect(answer).toMatchObject({ status: 401, body: { title: 'Not signed in' } });
      expect(answer.text).not.toContain('vault');
    }
    expect(app.world.effects).toEqual([]);
  });

  test.each(routes.filter(({ role }) => role !== null))('$route is refused without its role', async (each) => {
    const app = setUp();
    const others = ['Reader', 'Operator', 'Approver'].filter((role) => role.toLowerCase() !== each.role);
    for (const role of each.role === 'reader' ? ['Other'] : others) {
      const answer = await app.ask(each.path, { ...each.asked, headers: as('alice', role) });
      expect(answer).toMatchObject({ status: 403, body: { title: 'Not allowed' } });
      expect(answer.body.detail).toContain('alice@contoso.com (alice)');
    }
    expect(app.world.effects).toEqual([]);
  });

  test.each(routes.filter(({ role }) => role !== null))('$route is answered to who has its role', async (each) => {
    const role = { reader: 'Reader', operator: 'Operator', approver: 'Approver' }[each.role ?? 'reader'];
    const { status } = await setUp().ask(each.path, { ...each.asked, headers: as('alice', role) });
    expect([401, 403]).not.toContain(status);
  });

  test('health is open, and names neither key nor vault', async () => {
    const answer = await setUp().ask('health');
    expect(answer.status).toBe(200);
    expect(answer.text).not.toMatch(/vault|keys\//);
  });

  test('whoever asked for a rotation does not approve it; somebody else does, and the history says who, by what, from where', async () => {
    const world = makeWorld();
    world.managed.policy = { ...world.managed.policy, approval: 'required' };
    const app = setUp(rules, world);
    const asked = as('alice', 'Operator', 'Approver');
    const { body } = await app.ask('rotations', { method: 'POST', body: start, headers: asked });
    const { planHash } = (
      await app.ask('rotations', { method: 'POST', body: { ...start, dryRun: true }, headers: asked })
    ).body;
    await plan(app);
    const approve = (headers: Record<string, string>) =>
      app.ask(`rotations/${body.rotationId}/approve`, { method: 'POST', body: { planHash }, headers });
    expect(await approve(asked)).toMatchObject({ status: 403, body: { title: 'Your own request' } });
    expect(await approve(as('bob', 'Approver'))).toMatchObject({ status: 202 });
    const { items } = (await app.ask(`rotations/${body.rotationId}/audit`, { headers: as('rhea', 'Reader') })).body;
    expect(items).toContainEqual(
      expect.objectContaining({
        action: 'command',
        actor: 'bob@contoso.com (bob)',
        details: expect.objectContaining({
          command: 'approve',
          principalId: 'bob',
          grantedBy: 'roles Approver',
          from: '203.0.113.7',
        }),
      }),
    );
    expect(items).toContainEqual(
      expect.objectContaining({
        action: 'request',
        actor: 'alice@contoso.com (alice)',
        details: expect.objectContaining({ principalId: 'alice', grantedBy: 'roles Operator', from: '203.0.113.7' }),
      }),
    );
  });
});

describe('the limits of every route', () => {
  test('whoever is refused without end is answered 429 too, whatever port he comes from, and who is known is not', async () => {
    const app = setUp();
    const statuses: number[] = [];
    for (let turn = 0; turn < 520 && statuses.at(-1) !== 429; turn++) {
      const headers = { 'x-forwarded-for': `203.0.113.7:${40_000 + turn}` };
      statuses.push((await app.ask('pause', { method: 'POST', body: { reason: 'x' }, headers })).status);
    }
    expect([statuses[0], statuses.at(-1)]).toEqual([401, 429]);
    expect((await app.ask('pause', { headers: as('rhea', 'Reader') })).status).toBe(200);
  });

  test.each(routes)('$route is answered 413 with a body that is too long', async ({ path, asked }) => {
    const headers = { ...as('alice', 'Operator', 'Approver'), 'content-length': String(longestBody + 1) };
    expect(await setUp().ask(path, { ...asked, headers })).toMatchObject({ status: 413 });
  });

  test.each(routes)('$route is answered 429 to who asks without end, and others are not', async ({ path, asked }) => {
    const app = setUp();
    const headers = { ...as('alice', 'Operator', 'Approver'), 'x-forwarded-for': '203.0.113.7' };
    const statuses = new Set<number>();
    let last = await app.ask('health', { headers });
    for (let turn = 0; turn < 520; turn++) {
      last = await app.ask(path, { ...asked, body: undefined, headers });
      statuses.add(last.status);
      if (last.status === 429) break;
    }
    expect(last).toMatchObject({ status: 429, body: { title: 'Too many requests' } });
    expect(Number(last.headers['retry-after'])).toBeGreaterThan(0);
    const other = { ...as('bob', 'Operator', 'Approver'), 'x-forwarded-for': '203.0.113.8' };
    expect((await app.ask(path, { ...asked, headers: other })).status).not.toBe(429);
  });
});
