import { FaultError, RefusalError } from '../../../../shared/rotation/errors';
import { readFacts } from '../../../../shared/rotation/key-facts';
import { viewKey } from '../../../../shared/rotation/key-view';
import { watchKey } from '../../../../shared/rotation/watching';
import {
  admitted,
  changeClaimOf,
  completed,
  dpsBody,
  dpsId,
  hubBody,
  hubId,
  key,
  kid,
  makeWorld,
  nextOf,
  rotationId,
  v1,
  type World,
} from './world';

const nothingFound = { resources: [], unread: [] };
const watch = async (world: World, discovered: Parameters<typeof watchKey>[3] = nothingFound) =>
  watchKey(world.ports, key, readFacts(world.ports, key), discovered);
const view = (world: World) => viewKey(world.ports, key);
const alerts = (world: World, type: string) => world.alerts.sent.filter((alert) => alert.type === type);
const drifted = (world: World) => alerts(world, 'Keyturn.Target.Drifted');
const findings = (world: World) => alerts(world, 'Keyturn.Key.Findings');
const driftRecords = (world: World) => world.auditLog.stored(key).filter(({ action }) => action === 'drift');

/** A completed rotation of a key with nothing wrong about it. */
async function settled(): Promise<World> {
  const world = makeWorld();
  world.keyVault.setPolicy({ expiresIn: 'P90D', rotatesBeforeExpiry: 'P30D' });
  world.keyVault.change(v1, { expiresOn: new Date('2027-06-01T00:00:00Z') });
  await completed(world);
  expect(await watch(world)).toEqual([]);
  return world;
}

describe('a hub that a deployment put back', () => {
  async function putBack() {
    const world = await settled();
    world.hub.body = hubBody(v1);
    return { world, next: await nextOf(world) };
  }

  test('is told once, recorded once, and shown, with what to do and what to write into the deployment', async () => {
    const { world, next } = await putBack();
    await watch(world);
    world.pass(900);
    expect(await watch(world)).toEqual([]);
    expect(drifted(world)).toHaveLength(1);
    expect(drifted(world)[0]?.data).toMatchObject({
      target: 'iotHub/hub-1',
      version: v1,
      expected: next,
      rotationId,
      left: expect.stringMatching(new RegExp(`api/rotations.*"toVersion":"${next}"`)),
      stop: {
        terraform: expect.stringContaining('ignore_changes = [body.properties.encryption]'),
        bicep: expect.stringContaining("existing = {\n  name: 'hub-1'"),
      },
    });
    expect(driftRecords(world)).toMatchObject([{ target: 'iotHub/hub-1', outcome: 'noted', rotationId }]);
    expect((await view(world)).drifts).toMatchObject([{ kind: 'iotHub', name: 'hub-1', version: v1, expected: next }]);
  });

  test('is told with its likely cause, where Azure says it', async () => {
    const { world } = await putBack();
    const at = world.pass(60);
    world.discovery.changes.set(hubId, {
      ...{ at, by: 'pipeline-7', client: 'ARM Template', correlationId: 'c-1', ofKey: true },
    });
    await watch(world);
    expect(drifted(world)[0]?.data['cause']).toMatch(/ARM Template, by pipeline-7 .*c-1.*deployment/);
  });

  test('gets its cause later, when Azure is late with it, and is not told again for that', async () => {
    const { world } = await putBack();
    world.discovery.interfere.fail('lastChange', 1, new FaultError('unavailable', 'ARM is away.'));
    await watch(world);
    expect((await view(world)).drifts[0]?.cause).toBeNull();
    const at = world.pass(60);
    world.discovery.changes.set(hubId, { at, by: null, client: null, correlationId: null, ofKey: false });
    await watch(world);
    expect((await view(world)).drifts[0]?.cause).toMatch(/not said whether/);
    expect(drifted(world)).toHaveLength(1);
  });

  test('whose cause nobody knows is not asked for ever', async () => {
    const { world } = await putBack();
    await watch(world);
    world.pass(3 * 3600);
    await watch(world);
    expect(world.discovery.interfere.calls('lastChange')).toBe(1);
  });

  test('is told under the same id when the remembering failed, and under another when it happens again', async () => {
    const { world } = await putBack();
    world.watch.interfere.fail('put');
    await expect(watch(world)).rejects.toThrow(FaultError);
    await watch(world);
    expect(new Set(drifted(world).map(({ id }) => id)).size).toBe(1);
    expect(driftRecords(world)).toHaveLength(1);
    world.hub.body = hubBody(await nextOf(world));
    world.pass(900);
    expect(await watch(world)).toEqual([expect.stringContaining('any more')]);
    expect((await view(world)).drifts).toEqual([]);
    world.hub.body = hubBody(v1);
    world.pass(900);
    await watch(world);
    expect(new Set(drifted(world).map(({ id }) => id)).size).toBe(2);
    expect(driftRecords(world).map(({ outcome }) => outcome)).toEqual(['noted', 'done', 'noted']);
  });

  test('onto a version that is disabled by now: enabling it comes first', async () => {
    const { world } = await putBack();
    world.keyVault.change(v1, { enabled: false });
    await watch(world);
    expect(drifted(world)[0]?.data['left']).toMatch(/^First enable version 1+/);
    expect(findings(world)[0]?.data).toMatchObject({ findings: [{ code: 'disabled-version-referred-to' }] });
  });

  test('is not forgotten while it cannot be read', async () => {
    const { world } = await putBack();
    await watch(world);
    world.resourceManager.interfere.failAlways('find');
    world.resourceManager.interfere.failAlways('get');
    expect(await watch(world)).toEqual([]);
    expect((await world.watch.read(key)).watched?.drifts).toHaveLength(1);
  });
});

describe('no drift is', () => {
  test('what a live run has moved or not moved yet', async () => {
    const world = await settled();
    world.hub.body = hubBody(v1);
    await admitted(world, '20261123T120000000Z-abcdef-000002');
    expect(await watch(world)).toEqual([]);
    expect(drifted(world)).toEqual([]);
  });

  test('what changed while a run began between the reading of the ledger and of the target', async () => {
    const world = await settled();
    const facts = readFacts(world.ports, key);
    await facts.state();
    world.hub.body = hubBody(v1);
    await changeClaimOf(world, { generation: 7 });
    await watchKey(world.ports, key, facts, nothingFound);
    expect(drifted(world)).toEqual([]);
  });

  test('where targets stand after a run that was not completed', async () => {
    const world = await settled();
    world.hub.body = hubBody(v1);
    const rotation = await world.history.get(rotationId);
    if (rotation !== null) await world.history.put({ ...rotation, phase: 'rolled-back' });
    await watch(world);
    expect(drifted(world)).toEqual([]);
  });

  test('a target that was configured after the run', async () => {
    const world = await settled();
    const { lastRun } = (await world.ledger.read(key)).claim ?? {};
    const plan = lastRun?.plan;
    if (plan == null) throw new Error('There is no plan.');
    const targets = plan.targets.filter(({ kind }) => kind !== 'dps');
    await changeClaimOf(world, { lastRun: { nextVersion: lastRun?.nextVersion ?? '', plan: { ...plan, targets } } });
    world.dps.body = dpsBody(v1);
    await watch(world);
    expect(drifted(world)).toEqual([]);
  });
});

test.each([
  ['without a version', `/keys/kek`, null],
  ['not at all', '/keys/another', null],
])('a DPS that names the key %s has drifted', async (_what, path, version) => {
  const world = await settled();
  world.dps.body = JSON.parse(JSON.stringify(dpsBody(v1)).replaceAll(`/keys/kek/${v1}`, path));
  await watch(world);
  expect(drifted(world)).toMatchObject([{ data: { target: 'dps/dps-1', version } }]);
  expect(world.discovery.interfere.effects).toContain(`lastChange ${dpsId}`);
});

describe('a finding', () => {
  test('is told once, shown as long as it lasts, and told again when it comes back', async () => {
    const world = await settled();
    const next = await nextOf(world);
    world.keyVault.setPolicy(null);
    await watch(world);
    world.pass(900);
    await watch(world);
    expect(findings(world)).toMatchObject([{ data: { findings: [{ code: 'no-rotation-policy' }], more: 0 } }]);
    expect((await view(world)).findings).toMatchObject([{ code: 'no-rotation-policy' }]);
    // One more: told alone.
    world.keyVault.change(next, { expiresOn: new Date('2026-11-01T00:00:00Z') });
    await watch(world);
    expect(findings(world)[1]?.data['findings']).toMatchObject([{ code: 'expired-in-use' }]);
    world.keyVault.change(next, { expiresOn: new Date('2027-11-01T00:00:00Z') });
    world.keyVault.setPolicy({ expiresIn: 'P90D' });
    await watch(world);
    expect((await view(world)).findings).toEqual([]);
    expect(findings(world)).toHaveLength(2);
    world.keyVault.setPolicy(null);
    world.pass(900);
    await watch(world);
    expect(new Set(findings(world).map(({ id }) => id)).size).toBe(3);
  });

  test('is neither found nor forgotten while the vault or a target is away', async () => {
    const world = await settled();
    world.keyVault.setPolicy(null);
    await watch(world);
    world.keyVault.setPolicy({ expiresIn: 'P90D' });
    world.resourceManager.interfere.failAlways('find');
    world.resourceManager.interfere.failAlways('get');
    expect(await watch(world)).toEqual([]);
    world.keyVault.interfere.failAlways('versions');
    await expect(watch(world)).rejects.toThrow(FaultError);
    world.keyVault.interfere.heal();
    world.resourceManager.interfere.heal();
    expect((await world.watch.read(key)).watched?.findings).toHaveLength(1);
  });

  test('of a key that was deleted says until when it can be recovered, as far as the vault tells', async () => {
    const world = await settled();
    world.keyVault.softDelete({ deletedOn: new Date(world.now()), purgedOn: new Date('2027-02-20T00:00:00Z') });
    await watch(world);
    expect(findings(world)[0]?.data['findings']).toMatchObject([
      { code: 'key-soft-deleted', message: expect.stringContaining('2027-02-20') },
    ]);
    world.keyVault.interfere.failAlways('deleted', new RefusalError('key-vault-forbidden', 'No.'));
    await watch(world);
    expect((await view(world)).findings).toMatchObject([{ code: 'key-missing' }]);
  });

  test('never names more than twenty in one alert', async () => {
    const world = await settled();
    const resources = Array.from({ length: 25 }, (_, index) => {
      return { kind: 'iotHub' as const, resourceId: `${hubId}-${index}`, keyIdentifiers: [kid(v1)] };
    });
    await watch(world, { resources, unread: [] });
    expect(findings(world)[0]?.data).toMatchObject({ more: 5, findings: { length: 20 } });
    expect((await view(world)).findings).toHaveLength(25);
  });

  test('of discovery stays while not everything can be looked through; that itself is shown and told to nobody', async () => {
    const world = await settled();
    const resources = [{ kind: 'iotHub' as const, resourceId: `${hubId}-2`, keyIdentifiers: [kid(v1)] }];
    await watch(world, { resources, unread: [] });
    expect(findings(world)).toHaveLength(1);
    await watch(world, { resources: [], unread: [{ subscription: 's', message: 'throttled' }] });
    expect((await view(world)).findings.map(({ code }) => code)).toEqual(['discovery-unread', 'unknown-resource']);
    await watch(world, null);
    expect((await view(world)).findings.map(({ code }) => code)).toEqual(['unknown-resource']);
    world.managed.acceptUnknown.push('discovery-unread');
    await watch(world, { resources: [], unread: [{ subscription: 's', message: 'throttled' }] });
    expect((await view(world)).findings.map(({ code }) => code)).toEqual(['unknown-resource']);
    await watch(world);
    expect((await view(world)).findings).toEqual([]);
    expect(findings(world)).toHaveLength(1);
  });
});
