import { InterruptedError } from '../../../../shared/rotation/errors';
import { moveTarget } from '../../../../shared/rotation/moving';
import { key, makeWorld, ready, rotationId } from '../../shared/use-cases/world';
import { surface } from './surface';

afterEach(() => jest.restoreAllMocks());

const setUp = () => {
  const world = makeWorld();
  return { world, ...surface(world.ports) };
};
const post = (body: unknown) => ({ method: 'POST' as const, body });

describe('all keys', () => {
  test('are paused at once: nothing begins under any of them, and the history says who and why', async () => {
    const { world, ask } = setUp();
    const run = await ready(world);
    expect((await ask('pause')).body).toEqual({ reason: null });
    const paused = await ask('pause', post({ reason: 'incident 4711' }));
    expect(paused).toMatchObject({ status: 200, body: { reason: 'operator (function key): incident 4711' } });
    const mutations = world.effects.length;
    const move = moveTarget(world.ports, { run, target: 0, direction: 'forward', now: world.now() });
    await expect(move).rejects.toThrow(InterruptedError);
    expect(world.effects.slice(mutations).filter((effect) => /^(put|setEnabled|replace)/.test(effect))).toEqual([]);
    expect(world.auditLog.stored(key).at(-1)).toMatchObject({
      rotationId,
      action: 'pause-all',
      message: 'operator (function key) paused all keys: incident 4711',
    });
  });

  test('are resumed at once, and whoever waits is woken', async () => {
    const { world, ask, client } = setUp();
    const run = await ready(world);
    await ask('pause', post({ reason: 'incident 4711' }));
    expect(await ask('resume', post({}))).toMatchObject({ status: 200, body: { reason: null } });
    expect((await ask('pause')).body).toEqual({ reason: null });
    expect(client.raised).toEqual([rotationId]);
    const moved = await moveTarget(world.ports, { run, target: 0, direction: 'forward', now: world.now() });
    expect(moved.state).toBe('pending');
    expect(world.auditLog.stored(key).some(({ action }) => action === 'resume-all')).toBe(true);
  });

  test('I4: are not resumed before the history says who let them go on', async () => {
    const { world, ask, client } = setUp();
    await ready(world);
    await ask('pause', post({ reason: 'incident 4711' }));
    world.auditLog.interfere.fail('append');
    expect((await ask('resume', post({}))).status).toBe(503);
    expect(await world.ledger.stopped()).toContain('incident 4711');
    expect(client.raised).toEqual([]);
    expect((await ask('resume', post({}))).status).toBe(200);
  });

  test('stay stopped by the setting, which no route takes back', async () => {
    const { world, ask, client } = setUp();
    world.ledger.stopped = async () => 'KEYTURN_STOP says so';
    expect(await ask('resume', post({}))).toMatchObject({
      status: 409,
      body: { title: 'Still stopped', detail: expect.stringContaining('KEYTURN_STOP') },
    });
    expect(client.raised).toEqual([]);
  });

  test('are paused though the history cannot be written: the answer says so, and a repeat tells it', async () => {
    const { world, ask } = setUp();
    world.auditLog.interfere.fail('append');
    expect((await ask('pause', post({ reason: 'incident' }))).status).toBe(503);
    expect((await ask('pause')).body.reason).toContain('incident');
    expect((await ask('pause', post({ reason: 'incident' }))).status).toBe(200);
    expect(world.auditLog.stored(key)).toHaveLength(1);
  });

  test.each([[{}], [{ reason: ' ' }], [{ reason: 'x', until: 'later' }]])('are not paused by %j', async (body) => {
    const { world, ask } = setUp();
    expect((await ask('pause', post(body))).status).toBe(400);
    expect(await world.ledger.stopped()).toBeNull();
  });
});
