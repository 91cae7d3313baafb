import { command } from '../../../../shared/rotation/commands';
import { startByHand } from '../../../../shared/rotation/requests';
import { completed, key, makeWorld, rotationId, type World } from '../../shared/use-cases/world';
import { surface } from './surface';

const route = `rotations/${rotationId}/retire`;
const dueAt = async (world: World) => (await world.ledger.retirements(key))[0]?.dueAt;

async function afterRotation() {
  const world = makeWorld();
  await completed(world);
  world.pass(26 * 3600);
  return { world, app: surface(world.ports) };
}

describe('POST /api/rotations/{id}/retire', () => {
  test('begins the retirement before its grace period is over, and the history says who asked', async () => {
    const { world, app } = await afterRotation();
    const { status, body } = await app.ask(route, { method: 'POST' });
    expect({ status, body }).toEqual({ status: 202, body: { rotationId } });
    expect(app.client.stories).toEqual(['retireVersion']);
    expect(app.client.started[0]?.input).toEqual({ key, rotationId });
    expect(await dueAt(world)).toBe(world.now());
    expect(world.auditLog.stored(key).at(-1)).toMatchObject({ action: 'command', details: { command: 'retire' } });
  });

  test('that could not be started is begun by the sweep: it is due on record', async () => {
    const { world, app } = await afterRotation();
    app.client.fails.start = true;
    expect((await app.ask(route, { method: 'POST' })).status).toBe(202);
    const later = surface(world.ports);
    await later.tick('sweep');
    expect(later.client.stories).toEqual(['retireVersion']);
  });

  test.each<[string, (world: World) => unknown]>([
    [
      'nothing is pending: it was rolled back',
      (world) => command(world.ports, { rotationId, command: 'rollback', actor: 'ann' }),
    ],
    ['another rotation is running', (world) => startByHand(world.ports, byHand)],
    ['the key is only observed', (world) => (world.managed.mode = 'observe' as 'act')],
  ])('is answered 409 when %s, and changes nothing', async (_what, happens) => {
    const { world, app } = await afterRotation();
    await happens(world);
    const before = await dueAt(world);
    const { status } = await app.ask(route, { method: 'POST' });
    expect(status).toBe(409);
    expect(app.client.started).toEqual([]);
    expect(await dueAt(world)).toBe(before);
  });

  test('of a rotation that does not exist is answered 404', async () => {
    const { app } = await afterRotation();
    expect((await app.ask('rotations/none/retire', { method: 'POST' })).status).toBe(404);
  });
});

const byHand = {
  key,
  reason: 'a drill',
  toVersion: null,
  actor: 'ann',
  run: 'rotate' as const,
  idempotencyKey: null,
  requestHash: '',
};
