import type { MoveState } from '../../../../shared/contracts/activities';
import { askOnce } from '../../../../shared/rotation/ask-once';
import { FaultError, RefusalError } from '../../../../shared/rotation/errors';
import type { DataPlaneAnswer, Fence, ServiceTarget } from '../../../../shared/rotation/ports';
import { findMasked } from '../../../../shared/targets/encryption';
import { sasKey } from '../../../fakes/resource-manager';
import { dpsId, hubId, kid, makeWorld, otherEntry, v1, v2, type World } from '../use-cases/world';

const open: Fence = async () => undefined;
const ignored = async (): Promise<void> => undefined;
const services = [
  ['hub', 0],
  ['DPS', 1],
] as const;

function service(world: World, index: number): ServiceTarget {
  const target = world.managed.targets[index];
  if (target === undefined || target.kind === 'dataKeys') throw new Error('Not a service.');
  return target;
}

const storedOf = (world: World, index: number) => (index === 0 ? world.hub : world.dps);

/** Moves, polling as the orchestrator does. */
async function moveTo(target: ServiceTarget, to: string, fence = open): Promise<MoveState> {
  let url: string | null = null;
  let state = await target.move(to, fence, async (accepted) => {
    url = accepted;
  });
  for (let looks = 0; state.state === 'pending' && looks < 10; looks++) state = await target.checkMove(to, url);
  return state;
}

/** The values of a JSON document by path, so that two documents can be told apart to the leaf. */
function leaves(value: unknown, path = '$'): [string, unknown][] {
  if (typeof value !== 'object' || value === null) return [[path, value]];
  const members = Object.entries(value);
  return members.length === 0
    ? [[path, JSON.stringify(value)]]
    : members.flatMap(([name, member]) => leaves(member, `${path}.${name}`));
}

describe.each(services)('moving a %s', (_what, index) => {
  test('writes back everything it read, the one identifier changed and the SAS keys beside it', async () => {
    const world = makeWorld();
    const { resourceManager, hub } = world;
    const target = service(world, index);
    const read = await resourceManager.get(index === 0 ? hubId : dpsId, 'any');
    const { policies } = structuredClone(storedOf(world, index));
    expect(await moveTo(target, kid(v2))).toEqual({ state: 'done' });
    expect(resourceManager.puts).toHaveLength(1);
    const [put] = resourceManager.puts;
    const body = put?.body ?? {};
    const { authorizationPolicies, ...properties } = (body as { properties: Record<string, unknown> }).properties;
    expect(authorizationPolicies).toEqual(policies);
    const before = new Map(leaves(read));
    const changed = leaves({ ...body, properties }).filter(([path, value]) => before.get(path) !== value);
    const at = index === 0 ? 1 : 0;
    expect(changed).toEqual([[`$.properties.encryption.keyVaultProperties.${at}.keyIdentifier`, kid(v2)]]);
    expect(leaves({ ...body, properties })).toHaveLength(before.size);
    expect(put?.ifMatch).toBe(index === 0 ? read['etag'] : null);
    if (index === 0) expect(JSON.stringify(hub.body)).toContain(JSON.stringify(otherEntry));
  });

  test('I10: loses no SAS key, although a PUT without them wipes them', async () => {
    const world = makeWorld();
    const target = service(world, index);
    const { fingerprints, kid: before } = await target.readUndo();
    expect(before).toBe(kid(v1));
    expect(Object.keys(fingerprints)).toEqual(
      ['iothubowner', 'device'].flatMap((name) => [`${name}.primaryKey`, `${name}.secondaryKey`]),
    );
    await moveTo(target, kid(v2));
    const { evidence, probe } = await target.verify(kid(v2), fingerprints);
    expect(probe.colour).toBe('green');
    expect(evidence.map(({ strength }) => strength)).toEqual(['data-plane', 'control-plane']);
    expect(JSON.stringify(fingerprints)).not.toContain(storedOf(world, index).policies[0]?.primaryKey);
  });

  test('I10: is refused afterwards when a SAS key is another one, or gone', async () => {
    const world = makeWorld();
    const target = service(world, index);
    const { fingerprints } = await target.readUndo();
    await moveTo(target, kid(v2));
    const stored = storedOf(world, index);
    const [first, ...rest] = stored.policies;
    if (first === undefined) throw new Error('No policy.');
    stored.policies = [{ ...first, secondaryKey: sasKey() }, ...rest];
    const error: unknown = await target.verify(kid(v2), fingerprints).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'sas-keys-changed',
      message: expect.stringContaining('iothubowner.secondaryKey'),
    });
    expect(String(error)).not.toContain(first.primaryKey);
    stored.policies = rest;
    await expect(target.verify(kid(v2), fingerprints)).rejects.toMatchObject({ code: 'sas-keys-changed' });
  });

  test.each([
    ['no list', {}],
    ['nothing', null],
    ['a first page of several', { value: [], nextLink: 'https://arm.test/next' }],
    ['a policy without its keys', { value: [{ keyName: 'a', rights: 'r' }] }],
  ])(
    'I12: is refused when listkeys answers %s: half the keys written back are half the keys lost',
    async (_answer, answer) => {
      const world = makeWorld();
      world.resourceManager.post = async () => answer;
      const target = service(world, index);
      await expect(target.readUndo()).rejects.toMatchObject({ code: 'sas-keys-unreadable' });
      await expect(target.move(kid(v2), open, ignored)).rejects.toMatchObject({ code: 'sas-keys-unreadable' });
      expect(world.resourceManager.puts).toEqual([]);
    },
  );

  test('I10: is refused when it hides a secret that was not there when the plan looked', async () => {
    const world = makeWorld();
    const { body } = storedOf(world, index);
    Object.assign(body['properties'] as object, {
      routing: { endpoints: [{ connectionString: 'Endpoint=sb://x;SharedAccessKey=****' }] },
    });
    await expect(service(world, index).move(kid(v2), open, ignored)).rejects.toMatchObject({
      code: 'secrets-masked',
      message: expect.stringContaining('$.properties.routing.endpoints[0].connectionString'),
    });
    expect(world.resourceManager.puts).toEqual([]);
  });

  test('I11 asks the fence last: when it is shut nothing is written', async () => {
    const world = makeWorld();
    const from = world.effects.length;
    let asked = 0;
    const shut: Fence = async () => {
      asked = world.effects.length - from;
      throw new RefusalError('shut', 'The fence is shut.');
    };
    await expect(service(world, index).move(kid(v2), shut, ignored)).rejects.toMatchObject({ code: 'shut' });
    expect(world.effects.length - from).toBe(asked);
    expect(world.resourceManager.puts).toEqual([]);
  });

  test('I2 whose answer was lost is found under way, then done, without a second write', async () => {
    const world = makeWorld();
    world.resourceManager.interfere.loseAnswer('put');
    const target = service(world, index);
    await expect(target.move(kid(v2), open, ignored)).rejects.toThrow(FaultError);
    expect(await target.move(kid(v2), open, ignored)).toEqual({ state: 'pending', retryAfterSeconds: 5 });
    world.resourceManager.settle();
    expect(await target.move(kid(v2), open, ignored)).toEqual({ state: 'done' });
    expect(world.resourceManager.puts).toHaveLength(1);
  });

  test('I11: waits while another operation runs', async () => {
    const world = makeWorld();
    storedOf(world, index).state = 'Transitioning';
    await expect(service(world, index).move(kid(v2), open, ignored)).rejects.toMatchObject({ code: 'resource-busy' });
    expect(world.resourceManager.interfere.calls('put')).toBe(0);
    // It may be Active when it is read and busy when it is written.
    storedOf(world, index).state = 'Active';
    world.resourceManager.interfere.before('put', 1, () => {
      storedOf(world, index).state = 'Transitioning';
    });
    await expect(service(world, index).move(kid(v2), open, ignored)).rejects.toMatchObject({ code: 'resource-busy' });
    expect(world.resourceManager.puts).toEqual([]);
  });

  test('takes a 404 just after the write for what it is, and a state nobody has heard of for not yet', async () => {
    const world = makeWorld();
    Object.assign(storedOf(world, index), { polls: 0, staleReads: 2 });
    const target = service(world, index);
    expect(await target.move(kid(v2), open, ignored)).toMatchObject({ state: 'pending' });
    expect(await target.checkMove(kid(v2), null)).toMatchObject({ state: 'pending' });
    await expect(target.verify(kid(v2), {})).rejects.toMatchObject({ code: 'resource-not-found', name: 'FaultError' });
    storedOf(world, index).state = 'Meditating';
    expect(await target.checkMove(kid(v2), null)).toMatchObject({ state: 'pending' });
    await expect(target.verify(kid(v2), {})).rejects.toMatchObject({ code: 'resource-busy', name: 'FaultError' });
    storedOf(world, index).state = 'Active';
    expect(await target.checkMove(kid(v2), null)).toEqual({ state: 'done' });
  });

  test('is refused, by the reason it gave, when its operation failed', async () => {
    const world = makeWorld();
    storedOf(world, index).failWith = { code: '400099', message: 'The key cannot wrap.' };
    await expect(moveTo(service(world, index), kid(v2))).rejects.toMatchObject({
      code: 'operation-failed',
      message: expect.stringMatching(/400099.*cannot wrap/),
    });
  });

  test('has failed for the time being when what its operation needed was away, and moves when it is moved anew', async () => {
    const world = makeWorld();
    storedOf(world, index).failWith = { code: 'ServiceUnavailable', message: 'The vault is away.', mayHeal: true };
    const target = service(world, index);
    expect(await moveTo(target, kid(v2))).toEqual({
      state: 'failed',
      reason: { code: 'operation-failed', message: expect.stringMatching(/ServiceUnavailable.*is away.*tried again/) },
    });
    expect(await moveTo(target, kid(v2))).toEqual({ state: 'done' });
  });

  test('I8: is refused when the operation succeeded and the resource stands elsewhere', async () => {
    const world = makeWorld();
    await expect(service(world, index).checkMove(kid(v2), null)).rejects.toMatchObject({ code: 'not-moved' });
    await expect(service(world, index).verify(kid(v2), {})).rejects.toMatchObject({ code: 'not-moved' });
  });

  test('I12 is refused when it does not show its encryption, or uses another key', async () => {
    const world = makeWorld();
    storedOf(world, index).echoes = false;
    const target = service(world, index);
    for (const call of [target.readUndo(), target.move(kid(v2), open, ignored), target.currentKid()]) {
      await expect(call).rejects.toMatchObject({ code: 'encryption-not-echoed' });
    }
    storedOf(world, index).echoes = true;
    storedOf(world, index).body = JSON.parse(
      JSON.stringify(storedOf(world, index).body).replaceAll('/keys/kek/', '/keys/other/'),
    );
    await expect(target.currentKid()).rejects.toMatchObject({ code: 'other-key' });
  });

  test.each<[DataPlaneAnswer['answer'], string]>([
    ['opened', 'green'],
    ['unreadable', 'red'],
    ['not-found', 'unknown'],
    ['unknown', 'unknown'],
  ])('I12 is probed by reading old data: %s is %s', async (answer, colour) => {
    const world = makeWorld();
    const host = index === 0 ? 'hub-1.azure-devices.net' : 'dps-1.azure-devices-provisioning.net';
    world.dataPlane.answers.set(host, { answer, message: 'So it said.' });
    const target = service(world, index);
    expect(await target.probe()).toEqual({ kind: target.kind, name: target.name, colour, message: 'So it said.' });
    const verified = target.verify(kid(v1), {});
    if (colour === 'unknown') await expect(verified).rejects.toThrow(FaultError);
    else expect((await verified).probe.colour).toBe(colour);
  });

  test('I12 a probe of what cannot be read in ARM is unknown, not red', async () => {
    const world = makeWorld();
    world.resourceManager.interfere.failAlways('find');
    expect((await service(world, index).probe()).colour).toBe('unknown');
  });
});

describe('two writers', () => {
  test('I10: a hub that was changed between reading and writing is read again, and the other change stays', async () => {
    const world = makeWorld();
    const target = service(world, 0);
    world.resourceManager.interfere.before('put', 1, () => {
      world.hub.body = { ...world.hub.body, tags: { owner: 'somebody else' } };
      world.hub.etag = 'another';
    });
    await expect(target.move(kid(v2), open, ignored)).rejects.toMatchObject({
      code: 'changed-meanwhile',
      name: 'FaultError',
    });
    expect(await moveTo(target, kid(v2))).toEqual({ state: 'done' });
    expect(world.hub.body['tags']).toEqual({ owner: 'somebody else' });
  });

  test('I10: a DPS that was changed before the write is read again, and the other change stays', async () => {
    const world = makeWorld();
    const target = service(world, 1);
    world.resourceManager.interfere.before('post', 1, () => {
      world.dps.body = { ...world.dps.body, tags: { owner: 'somebody else' } };
    });
    await expect(target.move(kid(v2), open, ignored)).rejects.toMatchObject({
      code: 'changed-meanwhile',
      name: 'FaultError',
    });
    expect(await moveTo(target, kid(v2))).toEqual({ state: 'done' });
    expect(world.dps.body['tags']).toEqual({ owner: 'somebody else' });
  });

  test('a hub that was read without an ETag is not written', async () => {
    const world = makeWorld();
    world.hub.etag = undefined as unknown as string;
    await expect(service(world, 0).move(kid(v2), open, ignored)).rejects.toMatchObject({ code: 'no-etag' });
  });
});

describe('inspecting', () => {
  test('says what is there: state, identities, key source, every identifier and what is hidden', async () => {
    const world = makeWorld();
    Object.assign(world.hub.body['properties'] as object, { storage: { connectionString: 'AccountKey=****' } });
    expect(await service(world, 0).inspect(askOnce())).toMatchObject({
      exists: true,
      echoesEncryption: true,
      keySource: 'Microsoft.KeyVault',
      keyIdentifiers: [otherEntry.keyIdentifier, kid(v1)],
      state: 'Active',
      principalIds: ['p-hub'],
      mayUseKey: 'unknown',
      networkAllows: 'unknown',
      masked: ['$.properties.storage.connectionString'],
    });
    expect((await service(world, 1).inspect(askOnce())).principalIds).toEqual(['p-dps']);
  });

  test('says of a resource that is not there, or that hides its encryption, just that', async () => {
    const world = makeWorld();
    world.hub.hidden = true;
    world.dps.echoes = false;
    expect(await service(world, 0).inspect(askOnce())).toMatchObject({
      exists: false,
      state: null,
      keyIdentifiers: [],
    });
    expect(await service(world, 1).inspect(askOnce())).toMatchObject({
      exists: true,
      echoesEncryption: false,
      keyIdentifiers: [],
    });
  });

  test('what is hidden is found at any depth', () => {
    expect(findMasked({ a: [{ b: 'x' }, { b: 'Key=****;' }], c: '****', d: null, e: 4 })).toEqual(['$.a[1].b', '$.c']);
  });
});
