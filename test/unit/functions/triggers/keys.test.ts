import { RefusalError } from '../../../../shared/rotation/errors';
import type { RotationPorts } from '../../../../shared/rotation/run-ports';
import { key, kid, makeWorld, moveAll, nextOf, ready, rotationId, v1 } from '../../shared/use-cases/world';
import { away, surface } from './surface';

afterEach(() => jest.restoreAllMocks());

describe('GET /api/keys', () => {
  test('shows a key that rests: its version, its age, and where each target stands', async () => {
    const world = makeWorld();
    const { status, body } = await surface(world.ports).ask('keys');
    expect(status).toBe(200);
    expect(body).toEqual({
      items: [
        {
          key,
          mode: 'act',
          version: v1,
          createdOn: '2025-12-20T00:00:00.000Z',
          ageSeconds: (Date.parse(world.now()) - Date.parse('2025-12-20T00:00:00Z')) / 1000,
          expiresOn: null,
          targets: [
            { kind: 'iotHub', name: 'hub-1', version: v1, versions: [v1] },
            { kind: 'dps', name: 'dps-1', version: v1, versions: [v1] },
            { kind: 'dataKeys', name: 'keys-1', version: v1, versions: [v1] },
          ],
          running: null,
          revokedAt: null,
          replacedBy: null,
          replaces: null,
          pendingRetirement: null,
          drifts: [],
          findings: [],
          problem: null,
        },
      ],
      continuation: null,
    });
  });

  test('names the rotation that runs, and the version that each target has moved to', async () => {
    const world = makeWorld();
    const run = await ready(world);
    await moveAll(world, run);
    const [shown] = (await surface(world.ports).ask('keys')).body.items;
    const next = await nextOf(world);
    expect(shown).toMatchObject({ running: rotationId, version: next });
    for (const target of shown.targets) expect(target.version).toBe(next);
  });

  test('shows a retirement that is still to come, and none that is over', async () => {
    const world = makeWorld();
    await ready(world);
    const { claim, etag } = await world.ledger.read(key);
    const retirement = {
      ...{
        rotationId: 'an-earlier-run',
        versions: ['1'.repeat(32)],
        completedAt: world.now(),
        dueAt: world.now(),
        disabledAt: null,
      },
      reasons: [],
    };
    const put = async (status: 'waiting' | 'retired', tag: string | null) => {
      if (claim !== null) await world.ledger.update(key, tag, { claim, putRetirement: { ...retirement, status } });
    };
    const app = surface(world.ports);
    await put('waiting', etag);
    const { disabledAt: _, ...told } = { ...retirement, status: 'waiting', evidence: null };
    expect((await app.ask('keys')).body.items[0].pendingRetirement).toEqual(told);
    await put('retired', (await world.ledger.read(key)).etag);
    expect((await app.ask('keys')).body.items[0].pendingRetirement).toBeNull();
  });

  test('a vault that is away leaves null what it alone knows, says so, and the rest is shown', async () => {
    const world = makeWorld();
    world.keyVault.interfere.failAlways('versions', away());
    const { status, body } = await surface(world.ports).ask('keys');
    expect(status).toBe(200);
    expect(body.items[0]).toMatchObject({
      key,
      version: null,
      ageSeconds: null,
      problem: expect.stringMatching(/reached/),
    });
    expect(body.items[0].targets[0]).toMatchObject({ kind: 'iotHub', version: v1 });
  });

  test('a target that cannot be read does not hide the other keys', async () => {
    const world = makeWorld();
    const [hub] = world.managed.targets;
    const refuse = () => Promise.reject(new RefusalError('resource-forbidden', 'The hub may not be read.'));
    const broken = { ...world.managed, key: `${key}-2`, targets: [{ ...hub, references: refuse }] };
    const ports: RotationPorts = {
      ...world.ports,
      keys: [broken.key, key],
      managed: (asked) => (asked === broken.key ? (broken as never) : world.ports.managed(asked)),
    };
    const { body } = await surface(ports).ask('keys');
    expect(body.items[0]).toMatchObject({ key: broken.key, problem: 'The hub may not be read.' });
    expect(body.items[0].targets).toEqual([{ kind: 'iotHub', name: 'hub-1', version: null, versions: null }]);
    expect(body.items[1]).toMatchObject({ key, version: v1, problem: null });
    expect(JSON.stringify(body)).not.toContain(kid('undefined'));
  });
});
