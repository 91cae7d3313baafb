import type { Alert } from '../../../../shared/rotation/ports';
import type { RotationPorts } from '../../../../shared/rotation/run-ports';
import { fakeAnchorStore, fakeHeadSigner } from '../../../fakes/sealing';
import { admitted, completed, key, makeWorld, ready, rotationId, v2, type World } from '../../shared/use-cases/world';
import { away, surface } from './surface';

afterEach(() => jest.restoreAllMocks());

/** A key whose new version nobody has told of. */
function withLostEvent() {
  const world = makeWorld();
  world.keyVault.addVersion({ version: v2, createdOn: new Date('2026-11-01T00:00:00Z') });
  return world;
}

/** Ids of the alerts that told of a lost event. */
const missed = (world: World): readonly string[] =>
  world.alerts.sent.filter(({ type }) => type === 'Keyturn.Event.Missed').map(({ id }) => id);

describe('the sweep', () => {
  test('starts what a lost event should have brought, once, and says so', async () => {
    const world = withLostEvent();
    const app = surface(world.ports);
    const logged = await app.tick('sweep');
    expect(app.client.stories).toEqual(['rotateKey']);
    expect(app.client.started[0]?.input).toMatchObject({
      key,
      cause: { kind: 'sweep', type: 'KeyNewVersionCreated', version: v2 },
    });
    expect(logged.join('\n')).toMatch(/No event told of it/);
    expect(missed(world)).toHaveLength(1);
    await app.tick('sweep');
    expect(app.client.started).toHaveLength(1);
    expect(missed(world)).toHaveLength(1);
  });

  test('an event that is on its way, for less than an hour, is not lost', async () => {
    const world = makeWorld();
    world.keyVault.addVersion({ version: v2, createdOn: new Date(world.now()) });
    const app = surface(world.ports);
    world.pass(3599);
    await app.tick('sweep');
    expect(app.client.started).toEqual([]);
    world.pass(2);
    await app.tick('sweep');
    expect(app.client.stories).toEqual(['rotateKey']);
  });

  test.each([
    ['the policy gives notice only a week before', 'P7D', []],
    ['the policy says nothing, so that notice was due 30 days before', undefined, ['rotateKey']],
  ])('a version that expires in 20 days: %s', async (_, notifiesBeforeExpiry, stories) => {
    const world = makeWorld();
    const [inUse] = await world.keyVault.versions(key);
    const expiresOn = new Date(Date.parse(world.now()) + 20 * 86_400_000);
    world.keyVault.change(inUse?.version ?? '', { expiresOn });
    world.keyVault.setPolicy(notifiesBeforeExpiry === undefined ? {} : { notifiesBeforeExpiry });
    const app = surface(world.ports);
    await app.tick('sweep');
    expect(app.client.stories).toEqual(stories);
  });

  test('an engine that is away is tried again by the next sweep, under the same id', async () => {
    const world = withLostEvent();
    const app = surface(world.ports);
    app.client.fails.start = true;
    const logged = await app.tick('sweep');
    expect(logged.join('\n')).toMatch(/sweep finished: 1 keys, 1 failed/);
    app.client.fails.start = false;
    world.pass(900);
    await app.tick('sweep');
    expect(app.client.started).toHaveLength(1);
    expect(new Set(missed(world)).size).toBe(1);
  });

  test('a retirement that was started and has not begun yet is no failure of the next sweep', async () => {
    const world = makeWorld();
    await completed(world);
    const app = surface(world.ports);
    world.pass(8 * 86_400);
    for (let round = 0; round < 2; round++) {
      expect((await app.tick('sweep')).join('\n')).toMatch(/sweep finished: 1 keys, 0 failed/);
      world.pass(900);
    }
    expect(app.client.stories).toEqual(['retireVersion']);
  });

  test('an engine that is away keeps no history from being looked after', async () => {
    const world = withLostEvent();
    const signer = fakeHeadSigner();
    const app = surface({ ...world.ports, sealing: { signer, anchors: fakeAnchorStore(), every: 100 } });
    await admitted(world);
    app.client.fails.status = true;
    expect((await app.tick('sweep')).join('\n')).toMatch(/1 failed/);
    expect(signer.interfere.calls('sign')).toBe(1);
  });

  test('a claim whose instance is gone is taken over by a new one when its last request has run out', async () => {
    const world = makeWorld();
    await ready(world);
    const app = surface(world.ports);
    await app.tick('sweep');
    expect(app.client.started).toEqual([]);
    expect((await world.ledger.read(key)).claim?.orphanedSince).toBe(world.now());
    world.pass(15 * 60);
    await app.tick('sweep');
    expect(app.client.started).toEqual([]);
    world.pass(15 * 60);
    await app.tick('sweep');
    expect(app.client.started).toMatchObject([
      { instanceId: `${rotationId}.2`, input: { generation: 2, cause: { kind: 'resume', command: 'resume' } } },
    ]);
  });

  test('a run that is alive is left alone', async () => {
    const world = makeWorld();
    await ready(world);
    const app = surface(world.ports);
    app.client.instances.add(rotationId);
    await app.tick('sweep');
    world.pass(3600);
    await app.tick('sweep');
    expect(app.client.started).toEqual([]);
    expect((await world.ledger.read(key)).claim?.orphanedSince).toBeNull();
  });

  test('I12: an engine that cannot say whether the instance is there leaves its claim alone', async () => {
    const world = makeWorld();
    await ready(world);
    const app = surface(world.ports);
    app.client.fails.status = true;
    const logged = await app.tick('sweep');
    expect(logged.join('\n')).toMatch(/1 failed/);
    expect((await world.ledger.read(key)).claim?.orphanedSince).toBeNull();
  });

  test('a retirement whose day has come is started under an id of its own', async () => {
    const world = makeWorld();
    await ready(world);
    const { claim, etag } = await world.ledger.read(key);
    if (claim === null) throw new Error('There is no claim.');
    const putRetirement = {
      ...{
        rotationId,
        versions: ['1'.repeat(32)],
        completedAt: world.now(),
        dueAt: world.now(),
        status: 'waiting' as const,
      },
      ...{ disabledAt: null, reasons: [] },
    };
    await world.ledger.update(key, etag, { claim: { ...claim, rotationId: null, instanceId: null }, putRetirement });
    const app = surface(world.ports);
    await app.tick('sweep');
    expect(app.client.stories).toEqual(['retireVersion']);
    expect(app.client.started).toEqual([
      { instanceId: `${rotationId}.retire.${claim.generation + 1}`, input: { key, rotationId } },
    ]);
  });

  test('a key that cannot be read does not stop the others', async () => {
    const world = withLostEvent();
    const ports: RotationPorts = { ...world.ports, keys: [`${key}-unreadable`, key] };
    const app = surface(ports);
    const logged = await app.tick('sweep');
    expect(app.client.stories).toEqual(['rotateKey']);
    expect(logged.join('\n')).toMatch(/sweep finished: 2 keys, 1 failed/);
  });
});

describe('the heartbeat', () => {
  test('is the end of the last sweep, with how many keys could not be swept', async () => {
    const world = withLostEvent();
    const ports: RotationPorts = { ...world.ports, keys: [`${key}-unreadable`, key] };
    const app = surface(ports);
    expect(await world.watch.lastSweep()).toBeNull();
    const startedAt = world.now();
    await app.tick('sweep');
    expect(await world.watch.lastSweep()).toEqual({ startedAt, finishedAt: startedAt, keys: 2, failed: 1 });
  });

  test('that cannot be noted, and a discovery that breaks, keep no key from its turn', async () => {
    const world = withLostEvent();
    world.watch.interfere.failAlways('putSweep');
    world.discovery.interfere.failAlways('find', new TypeError('a bug'));
    const app = surface(world.ports);
    const logged = await app.tick('sweep');
    expect(app.client.stories).toEqual(['rotateKey']);
    expect(logged.join('\n')).toMatch(/sweep finished: 1 keys, 0 failed/);
  });

  test('asks the vault for two things of a key, each once', async () => {
    const world = makeWorld();
    await surface(world.ports).tick('sweep');
    const { calls } = world.keyVault.interfere;
    expect([calls('versions'), calls('rotationPolicy'), calls('deleted')]).toEqual([1, 1, 0]);
    expect(world.discovery.interfere.calls('find')).toBe(1);
  });
});

describe('late alerts', () => {
  const alert: Alert = {
    id: 'run.completed.1',
    type: 'Keyturn.Rotation.Completed',
    subject: 'keys/kek',
    time: '2026-11-22T11:00:00.000Z',
    data: {},
  };

  test('are delivered by the timer under their id, and struck off', async () => {
    const world = makeWorld();
    await world.outbox.put(alert, ['fake']);
    const logged = await surface(world.ports).tick('deliverAlerts');
    expect(world.alerts.sent).toEqual([alert]);
    expect(world.outbox.owed()).toEqual([]);
    expect(logged).toEqual([expect.stringContaining('alerts delivered late: 1')]);
  });

  test('stay owed while the channel does not take them, each attempt later than the last', async () => {
    const world = makeWorld();
    await world.outbox.put(alert, ['fake']);
    world.alerts.interfere.failAlways('send', away());
    const app = surface(world.ports);
    expect(await app.tick('deliverAlerts')).toEqual([]);
    await app.tick('deliverAlerts');
    expect(world.alerts.interfere.calls('send')).toBe(1);
    world.pass(60);
    await app.tick('deliverAlerts');
    expect(world.outbox.owed()).toMatchObject([{ attempts: 2, alert: { id: alert.id } }]);
    world.alerts.interfere.heal();
    world.pass(120);
    await app.tick('deliverAlerts');
    expect(world.alerts.sent).toEqual([alert]);
  });
});
