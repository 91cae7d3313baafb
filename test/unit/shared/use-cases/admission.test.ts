import { admit } from '../../../../shared/rotation/admission';
import { ConflictError, FaultError, SupersededError } from '../../../../shared/rotation/errors';
import { toOutcome } from '../../../../shared/rotation/outcome';
import { readHeldClaim } from '../../../../shared/rotation/run-record';
import {
  admitted,
  changeClaimOf,
  dpsBody,
  enter,
  eventRequest,
  key,
  makeWorld,
  ready,
  rotationId,
  v1,
  v2,
  type World,
} from './world';

const admitEvent = (world: World, request = eventRequest(rotationId), instanceId = request.rotationId) =>
  admit(world.ports, { request, instanceId, now: world.now() });

const nothingLeftBehind = async (world: World): Promise<void> => {
  expect(world.history.rotations.size).toBe(0);
  expect(world.auditLog.stored(key)).toEqual([]);
  expect((await world.ledger.read(key)).claim).toBeNull();
};

describe('admission', () => {
  test('I2 of the same instance twice is one claim, one rotation and one record', async () => {
    const world = makeWorld();
    const first = await admitEvent(world);
    expect(await admitEvent(world)).toEqual(first);
    expect(world.auditLog.stored(key)).toHaveLength(1);
    expect((await world.ledger.read(key)).claim).toMatchObject({ generation: 1, bound: true, instanceId: rotationId });
  });

  test('I5 of ten rotations at once binds one, and the others leave no rotation behind', async () => {
    const world = makeWorld();
    const ids = Array.from({ length: 10 }, (_, index) => `20261122T120000000Z-abcdef-00000${index}`);
    const admissions = await Promise.all(ids.map((id) => admitEvent(world, eventRequest(id))));
    expect(admissions.filter((admission) => admission.admitted)).toHaveLength(1);
    expect(admissions.filter((admission) => !admission.admitted && admission.why === 'claim-lost')).toHaveLength(9);
    expect(world.history.rotations.size).toBe(1);
    expect(world.auditLog.stored(key)).toHaveLength(1);
  });

  test('I5 of a finished rotation whose id is silently run again ends at once', async () => {
    const world = makeWorld();
    const run = await admitted(world);
    await enter(world, run, 'planning');
    await enter(world, run, 'refused');
    expect(await admitEvent(world)).toMatchObject({ admitted: false, why: 'already-ended' });
    expect((await world.ledger.read(key)).claim?.rotationId).toBeNull();
  });

  test('I11 of the instance of an older generation is refused, and its fence is shut', async () => {
    const world = makeWorld();
    const run = await admitted(world);
    const { claim, etag } = await world.ledger.read(key);
    if (claim === null) throw new Error('No claim.');
    await world.ledger.update(key, etag, {
      claim: { ...claim, generation: 2, bound: true, instanceId: `${rotationId}.2` },
    });
    expect(await admitEvent(world)).toMatchObject({ admitted: false, why: 'claim-lost' });
    await expect(readHeldClaim(world.ports, run)).rejects.toThrow(SupersededError);
  });

  test('I5 of a second instance of the same rotation is refused: one of them works', async () => {
    const world = makeWorld();
    await admitted(world);
    const second = await admitEvent(world, eventRequest(rotationId), `${rotationId}.again`);
    expect(second).toMatchObject({ admitted: false, why: 'claim-lost' });
    expect((await world.ledger.read(key)).claim?.instanceId).toBe(rotationId);
  });

  test('I5 during a live run sets recheck and starts nothing', async () => {
    const world = makeWorld();
    await admitted(world);
    const other = eventRequest('20261122T120100000Z-abcdef-000009', 'KeyExpired');
    expect(await admitEvent(world, other)).toMatchObject({ admitted: false, why: 'claim-lost' });
    expect((await world.ledger.read(key)).claim).toMatchObject({ rotationId, recheck: true });
    expect(world.history.rotations.size).toBe(1);
  });

  test('I5 finds its own claim again when the answer of the claim was lost', async () => {
    const world = makeWorld();
    world.ledger.interfere.loseAnswer('update');
    await expect(admitEvent(world)).rejects.toThrow(FaultError);
    expect(await admitEvent(world)).toMatchObject({ admitted: true, run: { generation: 1 } });
  });
});

describe('an event that loses the race for the row', () => {
  const other = '20261122T120100000Z-abcdef-000009';

  test.each([1, 4])('I5 is admitted when whoever was faster holds nothing, %i times in a row', async (times) => {
    const world = makeWorld();
    const run = await admitted(world, other);
    await enter(world, run, 'planning');
    await enter(world, run, 'refused');
    for (let race = 1; race <= times; race++) {
      world.ledger.interfere.before('update', 2 * race - 1, () => changeClaimOf(world, {}));
    }
    expect(await admitEvent(world)).toMatchObject({ admitted: true, run: { generation: 2 } });
  });

  test('I5 is looked at again when another run was faster and holds the claim', async () => {
    const world = makeWorld();
    let raced = false;
    world.ledger.interfere.before('update', 1, async () => {
      if (raced) return;
      raced = true;
      await admitted(world, other);
    });
    expect(await admitEvent(world)).toMatchObject({ admitted: false, why: 'claim-lost' });
    expect((await world.ledger.read(key)).claim).toMatchObject({ rotationId: other, recheck: true });
  });

  test('I5 is decided again by the next try of the step when it loses it for ever', async () => {
    const world = makeWorld();
    world.ledger.interfere.failAlways('update', new ConflictError('Somebody was faster.'));
    const outcome = await toOutcome(() => admitEvent(world));
    expect(outcome).toMatchObject({ kind: 'fault', code: 'conflict' });
    await nothingLeftBehind(world);
    world.ledger.interfere.heal();
    expect(await admitEvent(world)).toMatchObject({ admitted: true });
  });
});

describe('an event is no reason to rotate', () => {
  test('I7 when it tells of a version that a run of ours made', async () => {
    const world = makeWorld();
    world.keyVault.addVersion({ version: v2, tags: { rotationId: 'earlier' } });
    const request = eventRequest(rotationId, 'KeyNewVersionCreated', v2);
    expect(await admitEvent(world, request)).toMatchObject({ admitted: false, why: 'version-is-ours' });
    await nothingLeftBehind(world);
  });

  test.each([
    ['a near expiry of a version that no target uses', 'KeyNearExpiry', 'version-not-in-use'],
    ['an expiry of a version that no target uses', 'KeyExpired', 'version-not-in-use'],
    ['a version that is not newer', 'KeyNewVersionCreated', 'version-not-newer'],
  ])('when it tells of %s', async (_what, type, why) => {
    const world = makeWorld();
    world.keyVault.addVersion({ version: v2, createdOn: new Date('2020-01-01T00:00:00Z') });
    expect(await admitEvent(world, eventRequest(rotationId, type, v2))).toMatchObject({ admitted: false, why });
    await nothingLeftBehind(world);
  });

  test('when it tells of a version that is disabled or that Key Vault does not know', async () => {
    const world = makeWorld();
    world.keyVault.addVersion({ version: v2, enabled: false });
    const disabled = eventRequest(rotationId, 'KeyNewVersionCreated', v2);
    expect(await admitEvent(world, disabled)).toMatchObject({ admitted: false, why: 'version-disabled' });
    const unknown = eventRequest(rotationId, 'KeyNewVersionCreated', '9'.repeat(32));
    expect(await admitEvent(world, unknown)).toMatchObject({ admitted: false, why: 'version-unknown' });
    await nothingLeftBehind(world);
  });
});

describe('an event is looked at by the plan, which refuses by name', () => {
  test('when a target hides its encryption', async () => {
    const world = makeWorld();
    world.dps.echoes = false;
    expect(await admitEvent(world)).toMatchObject({ admitted: true });
  });

  test('when every target uses another key', async () => {
    const world = makeWorld(['dps']);
    world.dps.body = JSON.parse(JSON.stringify(dpsBody(v1)).replaceAll('/keys/kek', '/keys/other'));
    expect(await admitEvent(world)).toMatchObject({ admitted: true });
  });

  test('when a target names the key without a version', async () => {
    const world = makeWorld(['dps']);
    world.dps.body = JSON.parse(JSON.stringify(dpsBody(v1)).replaceAll(`/${v1}`, ''));
    expect(await admitEvent(world)).toMatchObject({ admitted: true });
  });
});

test('a fault while an event is looked at is waited for: nothing is decided, and nothing is left behind', async () => {
  const world = makeWorld();
  world.keyVault.interfere.fail('versions');
  await expect(admitEvent(world)).rejects.toThrow(FaultError);
  await nothingLeftBehind(world);
  expect(await admitEvent(world)).toMatchObject({ admitted: true });
});

describe('during the back-off after a rollback (I2, I7)', () => {
  async function backingOff() {
    const world = makeWorld();
    const run = await ready(world);
    await enter(world, run, 'rolling-back');
    await enter(world, run, 'rolled-back');
    return world;
  }
  const later = '20261122T130000000Z-abcdef-000002';

  test.each([
    ['an event', { kind: 'event', type: 'KeyNearExpiry', version: v1, eventId: 'e' }],
    ['the sweep', { kind: 'sweep', type: 'KeyNearExpiry', version: v1 }],
  ] as const)('I7: %s starts nothing, and is kept for when it is over', async (_what, cause) => {
    const world = await backingOff();
    const request = { ...eventRequest(later), cause };
    expect(await admitEvent(world, request)).toMatchObject({ admitted: false, why: 'backing-off' });
    expect((await world.ledger.read(key)).claim).toMatchObject({ rotationId: null, generation: 1, recheck: true });
    expect(world.history.rotations.size).toBe(1);
    world.pass(6 * 3600);
    expect(await admitEvent(world, request)).toMatchObject({ admitted: true, run: { generation: 2 } });
    expect((await world.ledger.read(key)).claim?.recheck).toBe(false);
  });

  test('an operator does not wait', async () => {
    const world = await backingOff();
    const request = { ...eventRequest(later), cause: { kind: 'http', actor: 'ann' } as const };
    expect(await admitEvent(world, request)).toMatchObject({ admitted: true });
  });

  test('an event that is no reason to rotate is not kept', async () => {
    const world = await backingOff();
    const request = eventRequest(later, 'KeyExpired', '9'.repeat(32));
    expect(await admitEvent(world, request)).toMatchObject({ admitted: false, why: 'version-unknown' });
    expect((await world.ledger.read(key)).claim?.recheck).toBe(false);
  });
});

describe('in observe mode', () => {
  function observed() {
    const world = makeWorld();
    world.managed.mode = 'observe' as 'act';
    return world;
  }

  test('an event is planned and told under a stable id, and nothing is claimed, written or changed', async () => {
    const world = observed();
    expect(await admitEvent(world)).toMatchObject({ admitted: false, why: 'observe' });
    await admitEvent(world);
    expect(new Set(world.alerts.sent.map(({ id }) => id))).toEqual(new Set([`${rotationId}.observed`]));
    expect(world.alerts.sent[0]).toMatchObject({
      type: 'Keyturn.Rotation.Observed',
      data: { plan: { decision: 'go' } },
    });
    await nothingLeftBehind(world);
    expect(world.resourceManager.puts).toEqual([]);
    expect(world.keyVault.interfere.calls('createVersion')).toBe(0);
  });

  test('an event that is no reason to rotate is told to nobody', async () => {
    const world = observed();
    await admitEvent(world, eventRequest(rotationId, 'KeyExpired', '9'.repeat(32)));
    expect(world.alerts.sent).toEqual([]);
  });

  test('a plan that cannot be made is waited for', async () => {
    const world = observed();
    world.resourceManager.interfere.failAlways('find');
    world.resourceManager.interfere.failAlways('get');
    await expect(admitEvent(world)).rejects.toThrow(FaultError);
    expect(world.alerts.sent).toEqual([]);
  });
});
