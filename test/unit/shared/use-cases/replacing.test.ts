import type { RunReference } from '../../../../shared/contracts/activities';
import { admit } from '../../../../shared/rotation/admission';
import { sendAlert } from '../../../../shared/rotation/alerting';
import { command } from '../../../../shared/rotation/commands';
import { withDataKey } from '../../../../shared/rotation/data-key';
import { readFacts } from '../../../../shared/rotation/key-facts';
import { kidOf, sameKey } from '../../../../shared/rotation/key-identifier';
import { viewKey } from '../../../../shared/rotation/key-view';
import { verifyTarget } from '../../../../shared/rotation/moving';
import { chooseVersion } from '../../../../shared/rotation/next-version';
import { dryRun, makePlan } from '../../../../shared/rotation/planning';
import type { KeyVault, KeyVersionDetail } from '../../../../shared/rotation/ports';
import { proveIdle } from '../../../../shared/rotation/proving-idle';
import { startByHand } from '../../../../shared/rotation/requests';
import { beginRetirement, disableVersions, dropOldBlobs, watchTargets } from '../../../../shared/rotation/retiring';
import { sweepKey } from '../../../../shared/rotation/sweeping';
import { watchKey } from '../../../../shared/rotation/watching';
import { listUndo, proveWayBack } from '../../../../shared/rotation/way-back';
import { fakeKeyVault, type NewVersion } from '../../../fakes/key-vault';
import {
  admitted,
  changeClaimOf,
  claimOf,
  enabledOf,
  enter,
  eventRequest,
  key,
  kid,
  makeWorld,
  move,
  moveAll,
  otherEntry,
  v1,
  v2,
  type World,
  wrapped,
} from './world';

const other = 'https://kv-new.vault.azure.net/keys/kek-2';
/** Bare versions of two keys may be alike; nothing may rest on their not being so. */
const next = v1;

const methods = [
  'versions',
  'version',
  'rotationPolicy',
  'createVersion',
  'setEnabled',
  'setExpiry',
  'unwrap',
  'wrap',
] as const;

/** The usual world, and a second vault with a key that the KEK may be replaced by. */
function makeTwo(version: NewVersion = {}) {
  const world = makeWorld(['iotHub', 'dps', 'dataKeys'], 3, 'roll-back', [other]);
  const beside = fakeKeyVault({ key: other, now: () => new Date(world.now()), effects: world.effects });
  beside.addVersion({ version: next, keySize: 3072, ...version });
  const own = { ...world.keyVault };
  const routed = Object.fromEntries(
    methods.map((method) => [
      method,
      (asked: string, ...more: unknown[]) => {
        const vault = (asked.startsWith(other) ? beside : own) as unknown as Record<
          string,
          (...all: unknown[]) => unknown
        >;
        return vault[method]?.(asked, ...more);
      },
    ]),
  );
  Object.assign(world.keyVault, routed as unknown as KeyVault);
  world.managed.replacements.push({ key: other, vaultResourceId: null });
  world.managed.acceptUnknown.push('identity-may-use-key', 'network-allows');
  return { ...world, beside };
}
type Two = ReturnType<typeof makeTwo>;

const asked = (replacement = other) => ({
  key,
  reason: 'copied',
  toVersion: null,
  run: 'replace' as const,
  replacement,
  actor: 'olivia',
  idempotencyKey: null,
  requestHash: replacement,
});

async function begun(world: World, replacement = other): Promise<RunReference> {
  const decision = await startByHand(world.ports, asked(replacement));
  if (decision.kind !== 'start') throw new Error(`Not started: ${decision.kind}`);
  const { instanceId, request } = decision.start;
  const admission = await admit(world.ports, { request, instanceId, now: world.pass(1) });
  if (!admission.admitted) throw new Error(admission.message);
  await enter(world, admission.run, 'planning');
  return admission.run;
}

async function ready(world: World): Promise<RunReference> {
  const run = await begun(world);
  const planned = await makePlan(world.ports, { run, now: world.now() });
  if (planned.decision !== 'go') throw new Error(JSON.stringify(planned.reasons));
  await enter(world, run, 'creating-version');
  await chooseVersion(world.ports, { run, now: world.now() });
  await enter(world, run, 'rewrapping');
  return run;
}

async function replaced(world: World): Promise<RunReference> {
  const run = await ready(world);
  await moveAll(world, run);
  await enter(world, run, 'soaking');
  await enter(world, run, 'completed');
  return run;
}

const plan = (world: World, replacement = other, toVersion: string | null = null) =>
  dryRun(world.ports, { key, toVersion, run: 'replace', replacement });
const noes = async (world: World, replacement = other) =>
  (await plan(world, replacement)).checks.filter(({ result }) => result === 'no').map(({ code }) => code);
const otherClaim = async (world: World) => (await world.ledger.read(other)).claim;
const kidsIn = (body: Record<string, unknown>): readonly string[] => {
  const { encryption } = body['properties'] as { encryption: { keyVaultProperties: { keyIdentifier: string }[] } };
  return encryption.keyVaultProperties.map(({ keyIdentifier }) => keyIdentifier);
};
/** Every data key as it was, opened with whatever its record names now. */
async function openAll(world: Two): Promise<void> {
  for (const [index, record] of world.store.all().entries()) {
    await withDataKey(record, [key, other], world.keyVault, (opened) => {
      expect(Buffer.from(opened).equals(world.dataKeys[index] as Buffer)).toBe(true);
    });
  }
}

describe('the plan of a replacement', () => {
  test('goes to the newest usable version of the other key, and claims and changes nothing', async () => {
    const world = makeTwo();
    const { decision, nextVersion, checks } = await plan(world);
    expect([decision, nextVersion]).toEqual(['go', next]);
    expect(checks.map(({ code }) => code)).toEqual(
      expect.arrayContaining(['replacement-not-weaker', 'replacement-opens']),
    );
    expect([await otherClaim(world), (await world.ledger.read(key)).claim]).toEqual([null, null]);
  });

  test.each<readonly [string, NewVersion, string]>([
    ['has fewer bits', { keySize: 2048 }, 'replacement-weaker'],
    ['cannot wrap', { operations: ['sign', 'unwrapKey'] }, 'key-operations-unfit'],
    ['is no RSA key', { keyType: 'EC' }, 'key-type-unfit'],
    ['is disabled', { enabled: false }, 'version-disabled'],
    ['is expired', { expiresOn: new Date('2026-01-01T00:00:00Z') }, 'version-expired'],
    ['may not be used yet', { notBefore: new Date('2027-01-01T00:00:00Z') }, 'version-not-yet-valid'],
  ])('is refused by name where the other key %s', async (_why, version, code) => {
    const world = makeTwo(version);
    if (code === 'replacement-weaker') world.keyVault.addVersion({ version: v2, keySize: 3072 });
    if (code === 'replacement-weaker') world.hub.body = { ...world.hub.body, properties: hubOn(world, v2) };
    expect(await noes(world)).toEqual([code]);
  });

  test('is refused for the key itself, and for a key that rotation.json does not allow, whose vault is asked nothing', async () => {
    const world = makeTwo();
    expect(await noes(world, key.toUpperCase().replace('HTTPS', 'https'))).toEqual(['same-key']);
    world.managed.replacements.length = 0;
    const before = world.effects.length;
    expect(await noes(world)).toEqual(['replacement-not-configured']);
    expect(world.effects.slice(before).filter((effect) => effect.includes(other))).toEqual([]);
  });

  test('I12: is refused where nobody knows whether the services may use the other key, whatever they use today', async () => {
    const world = makeTwo();
    world.managed.acceptUnknown.length = 0;
    expect((await plan(world)).decision).toBe('refuse');
  });

  test('I10: is refused where its vault gives other bytes back than were wrapped', async () => {
    const world = makeTwo();
    world.beside.answerWrongly(next, Buffer.alloc(32, 7));
    expect(await noes(world)).toEqual(['replacement-does-not-open']);
  });

  test('goes to the version that is asked for, and to none that is not there', async () => {
    const world = makeTwo();
    world.beside.addVersion({ version: v2, keySize: 3072 });
    expect((await plan(world, other, next)).nextVersion).toBe(next);
    const { decision, checks } = await plan(world, other, 'f'.repeat(32));
    expect(decision).toBe('refuse');
    expect(checks.filter(({ result }) => result === 'no')).toMatchObject([{ code: 'version-not-found' }]);
  });

  test('is another plan when the other key has another version', async () => {
    const world = makeTwo();
    const before = (await plan(world)).planHash;
    world.beside.addVersion({ version: v2, keySize: 3072 });
    expect((await plan(world)).planHash).not.toBe(before);
  });
});

const hubOn = (world: World, version: string): Record<string, unknown> => {
  const properties = structuredClone(world.hub.body['properties']) as {
    encryption: { keyVaultProperties: { keyIdentifier: string }[] };
  };
  const [, entry] = properties.encryption.keyVaultProperties;
  if (entry !== undefined) entry.keyIdentifier = kid(version);
  return properties;
};

describe('a replacement', () => {
  test('moves hub, DPS and every data key to the other key, leaves other entries alone, and every record opens', async () => {
    const world = makeTwo();
    const run = await ready(world);
    await moveAll(world, run);
    const to = kidOf(other, next);
    expect(kidsIn(world.hub.body)).toEqual([otherEntry.keyIdentifier, to]);
    expect(kidsIn(world.dps.body)).toEqual([to]);
    expect(world.store.all().map((record) => record.kid)).toEqual([to, to, to]);
    await openAll(world);
    for (const target of [0, 1, 2]) {
      const { probe, behind } = await verifyTarget(world.ports, {
        run,
        now: world.now(),
        target,
        direction: 'forward',
      });
      expect([probe.colour, behind]).toEqual(['green', 0]);
    }
  });

  test('does not write a second entry of the other key into a resource that somebody gave one since the plan', async () => {
    const world = makeTwo();
    const run = await ready(world);
    const properties = structuredClone(world.hub.body['properties']) as {
      encryption: { keyVaultProperties: { keyIdentifier: string }[] };
    };
    properties.encryption.keyVaultProperties.push({ keyIdentifier: kidOf(other, v2) });
    world.hub.body = { ...world.hub.body, properties };
    expect(await noes(world)).toEqual(['key-named-twice']);
    await expect(move(world, run, 0)).rejects.toMatchObject({ code: 'key-named-twice' });
    expect(kidsIn(world.hub.body)).toEqual([otherEntry.keyIdentifier, kid(v1), kidOf(other, v2)]);
  });

  test('I10: goes back whole, data keys to their own old blobs, also when the other key is gone', async () => {
    const world = makeTwo();
    const before = world.store.all().map(({ kid: was, blob, check }) => ({ was, blob, check }));
    const run = await ready(world);
    await moveAll(world, run);
    world.beside.change(next, { enabled: false });
    await command(world.ports, { rotationId: run.rotationId, command: 'rollback', actor: 'avery' });
    await enter(world, run, 'rolling-back');
    const { targets } = await listUndo(world.ports, { run, now: world.now() });
    await proveWayBack(world.ports, { run, now: world.now() });
    for (const target of targets.toReversed()) await move(world, run, target, 'back');
    await enter(world, run, 'rolled-back');
    expect(kidsIn(world.hub.body)).toEqual([otherEntry.keyIdentifier, kid(v1)]);
    expect(kidsIn(world.dps.body)).toEqual([kid(v1)]);
    expect(world.store.all().map(({ kid: was, blob, check }) => ({ was, blob, check }))).toEqual(before);
    expect(await otherClaim(world)).toMatchObject({ rotationId: null, purpose: 'rotation' });
    expect((await claimOf(world)).replacedBy).toBeUndefined();
  });

  test('puts a data key that its owner replaced under the new key back under the old one', async () => {
    const world = makeTwo();
    const run = await ready(world);
    await moveAll(world, run);
    const [met] = world.store.all();
    const version: KeyVersionDetail = await world.keyVault.version(kidOf(other, next));
    const { record } = wrapped(version, met?.id.rowKey ?? '');
    await world.store.replace([{ record: met as never, change: { ...record, previous: null } }]);
    await command(world.ports, { rotationId: run.rotationId, command: 'rollback', actor: 'avery' });
    await enter(world, run, 'rolling-back');
    await move(world, run, 2, 'back');
    expect(world.store.all().every((each) => sameKey(each.kid, key))).toBe(true);
  });

  test('finds again what an abandoned one had moved, and refuses a resource that names both keys', async () => {
    const world = makeTwo();
    const run = await ready(world);
    await move(world, run, 0);
    await enter(world, run, 'needs-attention');
    await enter(world, run, 'abandoned');
    expect(await otherClaim(world)).toMatchObject({ rotationId: null });
    expect((await plan(world)).decision).toBe('go');
    await replaced(world);
    expect((await claimOf(world)).replacedBy?.key).toBe(other);
  });
});

describe('two keys, one at a time', () => {
  test('I5: the other key is held from the plan to the end: its own runs are answered with the replacement', async () => {
    const world = makeTwo();
    const run = await ready(world);
    expect(await otherClaim(world)).toMatchObject({ rotationId: run.rotationId, purpose: 'replacement', heldFor: key });
    const managedOther = { ...world.managed, key: other, replacements: [] };
    const ports = { ...world.ports, managed: (name: string) => (sameKey(name, other) ? managedOther : world.managed) };
    const wanted = { ...asked(), key: other, run: 'rotate' as const };
    const { replacement: _none, ...rotate } = wanted;
    expect(await startByHand(ports, rotate)).toMatchObject({ kind: 'running', rotationId: run.rotationId });
    const event = { ...eventRequest('20261122T120000000Z-abcdef-00000e'), key: other };
    expect(await admit(ports, { request: event, instanceId: 'e', now: world.now() })).toMatchObject({
      why: 'claim-lost',
    });
    expect(await sweepKey(ports, other, async () => 'gone')).toEqual([]);
    expect(await otherClaim(world)).toMatchObject({ rotationId: run.rotationId });
    await moveAll(world, run);
    await enter(world, run, 'soaking');
    await enter(world, run, 'completed');
    expect(await otherClaim(world)).toMatchObject({ rotationId: null, replaces: { key, rotationId: run.rotationId } });
  });

  test('I5: while something runs under the other key, a start is answered with it, and a plan is refused', async () => {
    const world = makeTwo();
    const run = await begun(world);
    const busy = { ...(await claimOf(world)), key: other, rotationId: 'theirs', phase: 'soaking' as const };
    await world.ledger.update(other, null, { claim: busy });
    await expect(makePlan(world.ports, { run, now: world.now() })).rejects.toMatchObject({ code: 'replacement-busy' });
    await enter(world, run, 'refused');
    expect(await otherClaim(world)).toMatchObject({ rotationId: 'theirs' });
    expect(await startByHand(world.ports, asked())).toMatchObject({
      kind: 'running',
      rotationId: 'theirs',
      key: other,
    });
  });

  test('I5: a hold that its run left behind is freed by the sweep, and stops no other replacement', async () => {
    const world = makeTwo();
    await ready(world);
    await changeClaimOf(world, { rotationId: null });
    await sweepKey(world.ports, key, async () => 'gone');
    expect(await otherClaim(world)).toMatchObject({ rotationId: null, purpose: 'rotation' });
    const again = makeTwo();
    await ready(again);
    await changeClaimOf(again, { rotationId: null });
    const run = await ready(again);
    expect(await otherClaim(again)).toMatchObject({ rotationId: run.rotationId });
  });
});

describe('a key that was replaced', () => {
  test('says by what, its history and the new one name each other, and no run of it begins', async () => {
    const world = makeTwo();
    const run = await replaced(world);
    expect((await viewKey(world.ports, key)).replacedBy).toMatchObject({ key: other, rotationId: run.rotationId });
    expect(world.auditLog.stored(other).map(({ message }) => message)).toEqual([expect.stringContaining(key)]);
    await expect(startByHand(world.ports, asked())).rejects.toMatchObject({ code: 'key-replaced' });
    await expect(plan(world)).rejects.toMatchObject({ code: 'key-replaced' });
    const request = eventRequest('20261122T120000000Z-abcdef-00000e');
    expect(await admit(world.ports, { request, instanceId: 'e', now: world.now() })).toMatchObject({
      why: 'key-replaced',
    });
  });

  test('tells which line of rotation.json to change', async () => {
    const world = makeTwo();
    const run = await replaced(world);
    await sendAlert(world.ports, { run, now: world.now(), alert: 'replaced', occasion: '', reasons: [] });
    const { type, data } = world.alerts.sent.at(-1) ?? {};
    expect(type).toBe('Keyturn.Key.Replaced');
    expect(data).toMatchObject({
      replacement: other,
      left: expect.stringContaining(`change the line "key": "${key}" to "key": "${other}"`),
    });
  });

  test('I1: has every enabled version retired, one that was made since too, and only on evidence', async () => {
    const world = makeTwo();
    world.keyVault.addVersion({ version: 'd'.repeat(32), enabled: false });
    const run = await replaced(world);
    world.keyVault.addVersion({ version: v2 });
    world.pass(8 * 86_400);
    const actions = await sweepKey(world.ports, key, async () => 'gone');
    expect(actions).toMatchObject([{ kind: 'retire', request: { key, rotationId: run.rotationId } }]);
    const request = { key, rotationId: run.rotationId };
    const admission = await beginRetirement(world.ports, { request, instanceId: 'i', now: world.now() });
    if (!admission.admitted) throw new Error(admission.message);
    expect(admission.versions).toEqual([v1, v2]);
    const on = () => ({ run: admission.run, now: world.pass(1) });
    expect(await proveIdle(world.ports, on())).toMatchObject({ idle: true });
    await disableVersions(world.ports, on());
    expect([await enabledOf(world, v1), await enabledOf(world, v2)]).toEqual([false, false]);
    const { results } = await watchTargets(world.ports, on());
    expect(results.map(({ colour }) => colour)).toEqual(['green', 'green', 'green']);
    expect(await dropOldBlobs(world.ports, { ...on(), target: 2, continuation: null })).toMatchObject({ dropped: 3 });
    expect(await world.beside.versions(other)).toMatchObject([{ version: next, enabled: true }]);
  });

  test('is not retired while a data key still stands on it', async () => {
    const world = makeTwo();
    const run = await replaced(world);
    const [record] = world.store.all();
    await world.store.replace([
      { record: record as never, change: { ...(record as never as object), kid: kid(v1) } as never },
    ]);
    world.pass(8 * 86_400);
    const request = { key, rotationId: run.rotationId };
    const admission = await beginRetirement(world.ports, { request, instanceId: 'i', now: world.now() });
    if (!admission.admitted) throw new Error(admission.message);
    expect(await proveIdle(world.ports, { run: admission.run, now: world.now() })).toMatchObject({ idle: false });
  });

  test('can be gone back to until its retirement begins, and not once the new key was rotated', async () => {
    const world = makeTwo();
    const { rotationId } = await replaced(world);
    const back = { rotationId, command: 'rollback' as const, actor: 'avery' };
    const { claim, etag } = await world.ledger.read(other);
    if (claim === null) throw new Error('There is no claim.');
    await world.ledger.update(other, etag, { claim: { ...claim, lastRotationId: 'theirs' } });
    expect(await command(world.ports, back)).toMatchObject({
      kind: 'not-allowed',
      why: expect.stringContaining('was rotated since (theirs)'),
    });
    const after = await world.ledger.read(other);
    await world.ledger.update(other, after.etag, { claim });
    const decision = await command(world.ports, back);
    if (decision.kind !== 'start') throw new Error(decision.kind);
    expect(decision.start.request).toMatchObject({ run: 'replace', replacement: other });
    const { instanceId, request } = decision.start;
    const admission = await admit(world.ports, { request, instanceId, now: world.pass(1) });
    if (!admission.admitted) throw new Error(admission.message);
    const { run } = admission;
    await enter(world, run, 'rolling-back');
    await proveWayBack(world.ports, { run, now: world.now() });
    expect(await otherClaim(world)).toMatchObject({ rotationId, purpose: 'replacement' });
    for (const target of [2, 1, 0]) await move(world, run, target, 'back');
    await enter(world, run, 'rolled-back');
    expect(kidsIn(world.hub.body)).toEqual([otherEntry.keyIdentifier, kid(v1)]);
    expect(await otherClaim(world)).toMatchObject({ rotationId: null });
    expect((await otherClaim(world))?.replaces).toBeUndefined();
    expect((await claimOf(world)).replacedBy).toBeUndefined();
    await openAll(world);
  });

  test('is not said to name versions that it does not have, while data keys are on their way to the other one', async () => {
    const world = makeTwo({ version: v2 });
    const run = await ready(world);
    await move(world, run, 2);
    await watchKey(world.ports, key, readFacts(world.ports, key), null);
    const { watched } = await world.ports.watch.read(key);
    expect(watched?.findings.map(({ code }) => code)).not.toContain('version-missing');
  });

  test('is not said to have drifted; a hub that is put back on it is, under the new key', async () => {
    const world = makeTwo();
    await replaced(world);
    expect(await watchKey(world.ports, key, readFacts(world.ports, key), null)).toEqual([]);
    const there = (await otherClaim(world))?.lastRun;
    expect([there?.nextVersion, there?.plan?.targets.map(({ name }) => name)]).toEqual([
      next,
      ['hub-1', 'dps-1', 'keys-1'],
    ]);
  });

  test('that rotation.json calls a former key is not begun with, whatever the ledger says', async () => {
    const world = makeTwo();
    Object.assign(world.managed, { successor: other });
    await expect(startByHand(world.ports, asked())).rejects.toMatchObject({ code: 'key-replaced' });
    await expect(admitted(world)).rejects.toThrow(/key-replaced/);
  });
});
