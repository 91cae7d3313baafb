import { FaultError, RefusalError } from '../../../../shared/rotation/errors';
import type { Retirement, VersionUse } from '../../../../shared/rotation/ports';
import { proveIdle } from '../../../../shared/rotation/proving-idle';
import { beginRetirement, disableVersions, endRetirement } from '../../../../shared/rotation/retiring';
import type { RotationPorts } from '../../../../shared/rotation/run-ports';
import { sweepKey } from '../../../../shared/rotation/sweeping';
import { fakeVaultLog } from '../../../fakes/vault-log';
import { completed, enabledOf, hubBody, key, letComeDue, makeWorld, rotationId, v1, type World } from './world';

const day = 86_400;

/** A rotation that completed so many seconds ago, in a vault whose log is read; its retirement holds the claim. */
async function begun({ ago = 8 * day, withLog = true } = {}) {
  const world = makeWorld();
  const log = fakeVaultLog(world.effects);
  const ports: RotationPorts = withLog ? { ...world.ports, vaultLog: log } : world.ports;
  await completed(world);
  const completedAt = world.now();
  world.pass(ago);
  await letComeDue(world);
  const admission = await beginRetirement(ports, {
    request: { key, rotationId },
    instanceId: 'r1',
    now: world.pass(1),
  });
  if (!admission.admitted) throw new Error(admission.message);
  const { run } = admission;
  const prove = (markedAt?: string) =>
    proveIdle(ports, { run, now: world.now(), ...(markedAt === undefined ? {} : { markedAt }) });
  /** Asks, waits as long as it is told to, and asks again; the log shows our read after `lag` seconds, if at all. */
  async function proveToTheEnd(lag: number | null = 300) {
    let proof = await prove();
    const mark = world.now();
    const shown = lag === null ? Number.POSITIVE_INFINITY : Date.parse(mark) + lag * 1000;
    let asked = 1;
    for (; proof.ask !== undefined; asked++) {
      if (asked > 50) throw new Error('It never gives up.');
      world.pass(proof.ask.afterSeconds);
      if (Date.parse(world.now()) >= shown && log.records.length === 0) log.records.push(mark);
      proof = await prove(proof.ask.markedAt);
    }
    return { ...proof, asked, mark };
  }
  return { world, ports, log, run, completedAt, prove, proveToTheEnd };
}

const useOf = (lastAt: string, more: Partial<VersionUse> = {}): VersionUse => ({
  version: v1,
  principalId: 'somebody',
  operation: 'KeyUnwrap',
  count: 3,
  lastAt,
  ...more,
});

const ago = (world: World, seconds: number): string => new Date(Date.parse(world.now()) - seconds * 1000).toISOString();

const onRecord = async (world: World): Promise<Retirement | undefined> =>
  (await world.ledger.retirements(key)).find((each) => each.rotationId === rotationId);

const proofs = (world: World) => world.auditLog.stored(key).filter(({ action }) => action === 'prove-idle');

describe('the log as evidence', () => {
  test('is believed only after a read of our own has come into it, and then it is kept with window, records and uses', async () => {
    const { world, proveToTheEnd } = await begun();
    const { idle, asked, mark } = await proveToTheEnd();
    expect({ idle, asked }).toEqual({ idle: true, asked: 2 });
    expect(await onRecord(world)).toMatchObject({
      evidence: {
        strength: 'vault-log',
        targets: 3,
        log: { from: ago(world, 7 * day), until: mark, newestRecord: mark, ownUses: 0 },
      },
    });
    expect(proofs(world)).toMatchObject([
      {
        outcome: 'done',
        message: expect.stringContaining('vault-log'),
        details: { strongest: 'vault-log', ownUses: 0 },
      },
    ]);
  });

  test('comes late, and is waited for', async () => {
    const { proveToTheEnd } = await begun();
    expect(await proveToTheEnd(1500)).toMatchObject({ idle: true, asked: 5 });
  });

  test('I12: that shows nothing of our own read for an hour stands still, and an empty answer of it proves nothing', async () => {
    const { world, proveToTheEnd } = await begun();
    expect(await proveToTheEnd(null)).toMatchObject({ idle: false, reasons: [{ code: 'log-behind' }] });
    expect((await onRecord(world))?.evidence).toBeUndefined();
  });

  test('tells our own uses apart, and counts them', async () => {
    const { world, log, proveToTheEnd } = await begun();
    log.told.push(useOf(ago(world, day), { principalId: 'keyturn', count: 2 }));
    expect((await proveToTheEnd()).idle).toBe(true);
    expect((await onRecord(world))?.evidence?.log?.ownUses).toBe(2);
  });

  test('of a shorter time than a key may be cached proves nothing: who lives on a cached key does not show', async () => {
    const { completedAt, proveToTheEnd } = await begun({ ago: 24 * 3600 });
    const { idle, reasons } = await proveToTheEnd();
    expect({ idle, reasons }).toMatchObject({ idle: false, reasons: [{ code: 'log-window-short' }] });
    const from = new Date(Date.parse(completedAt) + 25 * 3600 * 1000).toISOString();
    expect(reasons[0]?.message).toContain(from);
  });

  test('of before the rotation completed says nothing against it', async () => {
    const { log, completedAt, proveToTheEnd } = await begun({ ago: 2 * day });
    log.told.push(useOf(new Date(Date.parse(completedAt) - 1000).toISOString()));
    expect((await proveToTheEnd()).idle).toBe(true);
  });
});

describe('I1 a version is not disabled', () => {
  test.each<[string, Partial<VersionUse>, string]>([
    ['somebody', {}, 'somebody'],
    ['somebody whom the log does not name', { principalId: null }, 'does not name'],
    ['somebody, with a version that the log does not name', { version: null }, 'a version that the log does not name'],
    ['somebody who only wrapped', { operation: 'KeyWrap' }, 'KeyWrap'],
  ])('that %s used a day ago by the log', async (_who, use, said) => {
    const { world, log, prove } = await begun();
    log.told.push(useOf(ago(world, day), use));
    const { idle, reasons, ask } = await prove();
    expect({ idle, reasons, ask }).toMatchObject({ idle: false, reasons: [{ code: 'still-used' }] });
    expect(ask).toBeUndefined();
    expect(reasons[0]?.message).toContain(said);
    expect(await enabledOf(world, v1)).toBe(true);
  });

  test('I12: that was used by whom may be ourselves, where our own name in the log is not known', async () => {
    const { world, log, prove } = await begun();
    log.ownId = null;
    log.told.push(useOf(ago(world, day), { principalId: null }));
    expect(await prove()).toMatchObject({ idle: false, reasons: [{ code: 'still-used' }] });
  });

  test('that is used while the log is waited for', async () => {
    const { world, log, prove } = await begun();
    const { ask } = await prove();
    const mark = world.now();
    world.pass(700);
    log.records.push(mark);
    log.told.push(useOf(ago(world, 100)));
    expect(await prove(ask?.markedAt)).toMatchObject({ idle: false, reasons: [{ code: 'still-used' }] });
  });

  test('that comes into the log between two of its answers', async () => {
    const { world, log, prove } = await begun();
    const { ask } = await prove();
    const mark = world.now();
    world.pass(700);
    log.records.push(mark);
    log.interfere.before('newestRecord', 1, () => void log.told.push(useOf(ago(world, 650))));
    expect(await prove(ask?.markedAt)).toMatchObject({ idle: false, reasons: [{ code: 'still-used' }] });
  });

  test.each([
    ['uses', new FaultError('vault-log', 'Log Analytics answered 403.')],
    ['ownPrincipal', new FaultError('sign-in', 'No token.')],
    ['uses', new RefusalError('odd', 'No.')],
  ] as const)('while the log cannot be read (%s): I12 nobody waits with the claim for it', async (method, error) => {
    const { log, prove } = await begun();
    log.interfere.failAlways(method, error);
    const proof = await prove();
    expect(proof).toMatchObject({ idle: false, reasons: [{ code: 'log-unreadable' }] });
    expect(proof.reasons[0]?.message).toContain(error.message);
    expect(proof.ask).toBeUndefined();
  });

  test('I12: that came to be used, or whose log came to be unreadable, after the proof', async () => {
    const { world, ports, log, run, proveToTheEnd } = await begun();
    expect((await proveToTheEnd()).idle).toBe(true);
    log.interfere.failAlways('uses');
    await expect(disableVersions(ports, { run, now: world.now() })).rejects.toMatchObject({ code: 'log-unreadable' });
    log.interfere.heal();
    log.told.push(useOf(ago(world, 1)));
    await expect(disableVersions(ports, { run, now: world.now() })).rejects.toMatchObject({ code: 'still-used' });
    expect(world.keyVault.interfere.calls('setEnabled')).toBe(0);
    log.told.length = 0;
    await disableVersions(ports, { run, now: world.now() });
    expect(await enabledOf(world, v1)).toBe(false);
  });

  test('where a log is set and was not asked in this try', async () => {
    const { world, ports, run } = await begun();
    await expect(disableVersions(ports, { run, now: world.now() })).rejects.toMatchObject({ code: 'log-not-asked' });
    expect(await enabledOf(world, v1)).toBe(true);
  });

  test('on the evidence of a try before', async () => {
    const { world, ports, run, proveToTheEnd } = await begun();
    await proveToTheEnd();
    await endRetirement(ports, { run, now: world.now(), status: 'refused', reasons: [] });
    const again = { request: { key, rotationId }, instanceId: 'r2', now: world.pass(1) };
    expect(await beginRetirement(ports, again)).toMatchObject({ admitted: true });
    expect((await onRecord(world))?.evidence).toBeUndefined();
  });

  test('where policy asks for a log and there is none; the reason says how to get it', async () => {
    const { world, prove } = await begun({ withLog: false });
    world.managed.retirement = { ...world.managed.retirement, evidence: 'vault-log' };
    const { idle, reasons } = await prove();
    expect({ idle, reasons }).toMatchObject({ idle: false, reasons: [{ code: 'log-required' }] });
    expect(reasons[0]?.message).toContain('KEYTURN_LOG_WORKSPACE_ID');
  });
});

test('without a log the evidence is called weaker, with how to get more, and is enough unless policy says otherwise', async () => {
  const { world, prove } = await begun({ withLog: false });
  expect((await prove()).idle).toBe(true);
  expect((await onRecord(world))?.evidence).toMatchObject({ strength: 'control-plane', targets: 3, log: null });
  const [proof] = proofs(world);
  expect(proof?.message).toMatch(/^control-plane: .*unknown user.*KEYTURN_LOG_WORKSPACE_ID/);
});

describe('a retirement that was refused', () => {
  const refuse = async (world: World, ports: RotationPorts, code = 'still-used') => {
    const begin = { request: { key, rotationId }, instanceId: `r${world.now()}`, now: world.pass(1) };
    const admission = await beginRetirement(ports, begin);
    if (!admission.admitted) throw new Error(admission.message);
    const on = { run: admission.run, now: world.now() };
    return endRetirement(ports, { ...on, status: 'refused', reasons: [{ code, message: 'M.' }] });
  };
  const isDue = async (ports: RotationPorts) =>
    (await sweepKey(ports, key, async () => 'gone')).some(({ kind }) => kind === 'retire');

  async function waiting() {
    const world = makeWorld();
    await completed(world);
    world.pass(8 * day);
    return { world, ports: world.ports };
  }

  test('is tried again at the next sweep, then ever more seldom, and at least once a day', async () => {
    const { world, ports } = await waiting();
    const tries: number[] = [];
    for (let minutes = 0; minutes < 10 * 24 * 60; minutes += 15) {
      if (await isDue(ports)) {
        tries.push(minutes);
        await refuse(world, ports);
      }
      world.pass(15 * 60);
    }
    expect(tries.slice(0, 4)).toEqual([0, 15, 45, 105]);
    const gaps = tries.slice(1).map((minutes, index) => minutes - (tries[index] ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(24 * 60 + 15);
    expect(tries.length).toBeLessThan(20);
  });

  test('is told of once, and again when it is for something else', async () => {
    const { world, ports } = await waiting();
    expect(await refuse(world, ports)).toEqual({ status: 'refused', isNews: true });
    world.pass(900);
    expect(await refuse(world, ports)).toEqual({ status: 'refused' });
    world.pass(900);
    expect(await refuse(world, ports, 'log-unreadable')).toEqual({ status: 'refused', isNews: true });
  });

  test('and whose answer was lost is told of all the same (I2)', async () => {
    const { world, ports } = await waiting();
    const begin = { request: { key, rotationId }, instanceId: 'r1', now: world.pass(1) };
    const admission = await beginRetirement(ports, begin);
    if (!admission.admitted) throw new Error(admission.message);
    const end = {
      run: admission.run,
      now: world.now(),
      status: 'refused',
      reasons: [{ code: 'c', message: 'M.' }],
    } as const;
    await endRetirement(ports, end);
    expect(await endRetirement(ports, { ...end, now: world.pass(5) })).toEqual({ status: 'refused', isNews: true });
  });
});

describe('a version that backups may need', () => {
  test('stays enabled, with the reason on record, and has its turn when policy lets it go', async () => {
    const { world, ports, run, prove } = await begun({ withLog: false });
    world.managed.retirement = { ...world.managed.retirement, keep: { count: 0, ageSeconds: 30 * day } };
    const proof = await prove();
    expect(proof).toMatchObject({ idle: false, kept: true, reasons: [{ code: 'kept-for-backups' }] });
    await endRetirement(ports, { run, now: world.now(), status: 'kept', reasons: proof.reasons });
    expect(await onRecord(world)).toMatchObject({ status: 'kept', reasons: [{ code: 'kept-for-backups' }] });
    expect(await sweepKey(ports, key, async () => 'gone')).toEqual([]);
    const records = world.auditLog.stored(key).length;
    world.pass(21 * day);
    expect(await sweepKey(ports, key, async () => 'gone')).toEqual([]);
    expect(world.auditLog.stored(key)).toHaveLength(records);
    world.pass(day + 1);
    expect(await sweepKey(ports, key, async () => 'gone')).toMatchObject([{ kind: 'retire' }]);
  });

  test('is not asked about in any log or of any target', async () => {
    const { world, log, prove } = await begun();
    world.managed.retirement = { ...world.managed.retirement, keep: { count: 1, ageSeconds: 0 } };
    world.hub.body = hubBody(v1);
    expect(await prove()).toMatchObject({ kept: true });
    expect(log.interfere.calls('uses')).toBe(0);
  });
});
