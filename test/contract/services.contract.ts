import type { DataPlane, RawResource, ResourceManager } from '../../shared/rotation/ports';

export type ServiceKind = 'iotHub' | 'dps';

/** Readings that a test chooses; each says what it needs, whatever the defaults are. */
export interface Readings {
  readonly keyCache?: '5m' | '24h';
  readonly wrapFailsAt?: 'put' | 'operation' | 'later';
  readonly unversionedFollowed?: 'at-once' | 'after-a-day' | 'never';
  readonly sasKeys?: 'wiped' | 'kept';
  readonly echoEncryption?: boolean;
  readonly otherVersionPut?: 'drops' | 'keeps';
  readonly ifMatch?: 'required' | 'optional';
  readonly vaultUnreachable?: 'fails' | 'waits';
  readonly staleReads?: number;
  readonly operationSeconds?: number;
  readonly afterFailure?: 'Failed' | 'Succeeded';
}

/** One hub and one DPS on the first version of a KEK, both ports that reach them, and what others may do to them. */
export interface ServicesUnderTest {
  readonly resourceManager: ResourceManager;
  readonly dataPlane: DataPlane;
  /** The KEK, unversioned. */
  readonly key: string;
  readonly firstKid: string;
  service(kind: ServiceKind): { readonly id: string; readonly apiVersion: string; readonly record: string };
  newVersion(): Promise<string>;
  setEnabled(kid: string, enabled: boolean): Promise<void>;
  read(kind: ServiceKind, readings: Readings): void;
  /** The next operation of this service ends as failed with this code. */
  failNextOperation(kind: ServiceKind, code: string): void;
  /** Whether the vault answers the services. */
  vaultAway(away: boolean): void;
  pass(seconds: number): Promise<void>;
}

const day = 24 * 3600;

interface Subject {
  get(): Promise<RawResource>;
  find(): Promise<RawResource | null>;
  /** Writes it back as it was read, but for the key identifier and what else is to change. */
  write(kid: string, change?: (properties: Record<string, unknown>) => void): ReturnType<ResourceManager['put']>;
  /** Moves it to its end. @returns how the operation ended */
  move(kid: string): Promise<Awaited<ReturnType<ResourceManager['operation']>>>;
  policies(): Promise<RawResource[]>;
  readOld(): Promise<string>;
}

/** What the targets rely on of ARM and of the data planes, held against the fakes and against the adapters alike. */
export function describeServicesContract(name: string, fresh: () => Promise<ServicesUnderTest>): void {
  describe.each<ServiceKind>(['iotHub', 'dps'])(
    `the contract of ARM and the data planes, kept by ${name}: %s`,
    (kind) => {
      let cloud: ServicesUnderTest;
      let subject: Subject;
      beforeEach(async () => {
        cloud = await fresh();
        subject = subjectOf(cloud, kind);
        cloud.read(kind, { operationSeconds: 40, staleReads: 0, wrapFailsAt: 'operation', keyCache: '24h' });
      });

      describe('a GET', () => {
        test('shows the resource whole, but no SAS key', async () => {
          const shown = await subject.get();
          expect(shown).toMatchObject({
            etag: expect.any(String),
            location: expect.any(String),
            sku: expect.anything(),
          });
          expect(shown['properties']).toMatchObject({ state: 'Active', provisioningState: 'Succeeded' });
          expect(keyOf(shown)).toBe(cloud.firstKid);
          expect(JSON.stringify(shown)).not.toContain('authorizationPolicies');
          for (const policy of await subject.policies()) {
            expect(JSON.stringify(shown)).not.toContain(String(policy['primaryKey']));
          }
        });

        test('of what is not there is refused, or null where that was asked', async () => {
          const { id, apiVersion } = cloud.service(kind);
          const { resourceManager } = cloud;
          const refused = { name: 'RefusalError', code: 'resource-not-found' };
          await expect(resourceManager.get(`${id}-gone`, apiVersion)).rejects.toMatchObject(refused);
          expect(await resourceManager.find(`${id}-gone`, apiVersion)).toBeNull();
          await expect(resourceManager.post(`${id}-gone`, 'listkeys', apiVersion)).rejects.toMatchObject(refused);
        });

        test('does not show the key where a service hides it, and shows it again where it does not', async () => {
          cloud.read(kind, { echoEncryption: false });
          expect(keyOf(await subject.get())).toBeUndefined();
          cloud.read(kind, { echoEncryption: true });
          expect(keyOf(await subject.get())).toBe(cloud.firstKid);
        });
      });

      describe('a PUT', () => {
        test('shows at once, is worked off by an operation, and is done when that has succeeded', async () => {
          const next = await cloud.newVersion();
          const before = await subject.get();
          const operation = await subject.write(next);
          const during = await subject.get();
          expect(keyOf(during)).toBe(next);
          expect(stateOf(during)).not.toBe('Active');
          expect(during['etag']).not.toBe(before['etag']);
          const look = () => cloud.resourceManager.operation(operation?.url ?? '');
          expect(await look()).toMatchObject({ status: 'InProgress', error: null });
          await cloud.pass(50);
          expect(await look()).toMatchObject({ status: 'Succeeded', error: null });
          const after = await subject.get();
          expect([keyOf(after), stateOf(after)]).toEqual([next, 'Active']);
        });

        test('replaces: what it leaves out is gone', async () => {
          const { id, apiVersion } = cloud.service(kind);
          const body = await withPolicies(cloud, kind, await subject.get());
          const etag = kind === 'iotHub' ? String(body['etag']) : null;
          await cloud.resourceManager.put(id, apiVersion, { ...body, tags: { season: 'harvest' } }, etag);
          await cloud.pass(50);
          expect((await subject.get())['tags']).toEqual({ season: 'harvest' });
          const again = await withPolicies(cloud, kind, await subject.get());
          const { tags: _tags, ...untagged } = again;
          await cloud.resourceManager.put(id, apiVersion, untagged, kind === 'iotHub' ? String(again['etag']) : null);
          await cloud.pass(50);
          expect((await subject.get())['tags'] ?? {}).toEqual({});
        });

        test('is a fault while another one runs', async () => {
          await subject.write(await cloud.newVersion());
          const busy = { name: 'FaultError', code: 'resource-busy' };
          await expect(subject.write(cloud.firstKid)).rejects.toMatchObject(busy);
        });

        test('of a hub needs the ETag of now; of a DPS there is none to need', async () => {
          const { id, apiVersion } = cloud.service(kind);
          const body = await withPolicies(cloud, kind, await subject.get());
          const put = (etag: string | null) => cloud.resourceManager.put(id, apiVersion, body, etag);
          if (kind === 'iotHub') {
            await expect(put('"another"')).rejects.toMatchObject({ name: 'PreconditionError' });
            await expect(put(null)).rejects.toMatchObject({ name: 'PreconditionError' });
            cloud.read(kind, { ifMatch: 'optional' });
          }
          expect(await put(null)).not.toBeNull();
        });

        test('with the SAS keys keeps them; without them it loses or keeps them, as the service reads it', async () => {
          const before = await subject.policies();
          await subject.move(await cloud.newVersion());
          expect(await subject.policies()).toEqual(before);
          for (const [sasKeys, same] of [
            ['kept', true],
            ['wiped', false],
          ] as const) {
            cloud.read(kind, { sasKeys });
            await subject.write(await cloud.newVersion(), (properties) => delete properties['authorizationPolicies']);
            await cloud.pass(50);
            expect(secretsOf(await subject.policies()) === secretsOf(before)).toBe(same);
          }
        });

        test('that names what is no key, or leaves out what has to be there, is refused and changes nothing', async () => {
          const before = await subject.get();
          const refused = { name: 'RefusalError', code: 'resource-refused' };
          await expect(subject.write(cloud.firstKid, strangeIdentity)).rejects.toMatchObject(refused);
          if (kind === 'iotHub') {
            const without = (properties: Record<string, unknown>) => delete properties['eventHubEndpoints'];
            await expect(subject.write(cloud.firstKid, without)).rejects.toMatchObject(refused);
          }
          expect(await subject.get()).toEqual(before);
        });

        test('in an api-version without keys takes the key away or leaves it, as the service reads it', async () => {
          const { id } = cloud.service(kind);
          const stable = kind === 'iotHub' ? '2023-06-30' : '2022-12-12';
          for (const [otherVersionPut, left] of [
            ['keeps', true],
            ['drops', false],
          ] as const) {
            cloud.read(kind, { otherVersionPut });
            const shown = await cloud.resourceManager.get(id, stable);
            expect(keyOf(shown)).toBeUndefined();
            const body = await withPolicies(cloud, kind, shown);
            await cloud.resourceManager.put(id, stable, body, kind === 'iotHub' ? String(body['etag']) : null);
            await cloud.pass(50);
            expect(keyOf(await subject.get()) === cloud.firstKid).toBe(left);
          }
        });
      });

      describe('an operation', () => {
        test.each(['Failed', 'Succeeded'] as const)(
          'that fails leaves everything as it was, SAS keys too; the service then calls itself %s',
          async (afterFailure) => {
            cloud.read(kind, { afterFailure });
            const before = await subject.get();
            const policies = await subject.policies();
            cloud.failNextOperation(kind, '400099');
            expect(await subject.move(await cloud.newVersion())).toMatchObject({
              status: 'Failed',
              error: { code: '400099' },
            });
            const after = await subject.get();
            const { state: _state, provisioningState, ...properties } = after['properties'] as Record<string, unknown>;
            expect(before['properties']).toMatchObject(properties);
            expect([stateOf(after), provisioningState]).toEqual(['Active', afterFailure]);
            expect(await subject.policies()).toEqual(policies);
            expect(await subject.readOld()).toBe('opened');
          },
        );

        test('that failed because something was away may heal; by any other code it may not', async () => {
          const healed = { status: 'Failed', error: { code: 'ServiceUnavailable', mayHeal: true } };
          cloud.failNextOperation(kind, 'ServiceUnavailable');
          expect(await subject.move(await cloud.newVersion())).toMatchObject(healed);
          cloud.failNextOperation(kind, 'KeyVaultError');
          const ended = await subject.move(await cloud.newVersion());
          expect(ended).toMatchObject({ status: 'Failed', error: { code: 'KeyVaultError' } });
          expect(ended.error).not.toHaveProperty('mayHeal');
        });

        test('leaves so many reads behind that answer 404 as the service reads it', async () => {
          cloud.read(kind, { staleReads: 2 });
          await subject.move(await cloud.newVersion());
          expect([await subject.find(), await subject.find()]).toEqual([null, null]);
          expect(await subject.find()).not.toBeNull();
        });

        test('that nobody knows is a fault; one of another address is refused', async () => {
          const operation = await subject.write(await cloud.newVersion());
          const unknown = (operation?.url ?? '').replace(/(operations|operationResults)\/[^/?]+/, '$1/99');
          const { resourceManager } = cloud;
          await expect(resourceManager.operation(unknown)).rejects.toMatchObject({
            name: 'FaultError',
            code: 'operation-not-found',
          });
          const foreign = resourceManager.operation('https://elsewhere.test/operations/1');
          await expect(foreign).rejects.toMatchObject({ name: 'RefusalError', code: 'foreign-address' });
        });
      });

      describe('the data beneath', () => {
        test('opens before, during and after a move, and then without the version it came from', async () => {
          const next = await cloud.newVersion();
          expect(await subject.readOld()).toBe('opened');
          await subject.write(next);
          expect(await subject.readOld()).toBe('opened');
          await cloud.pass(50);
          await cloud.setEnabled(cloud.firstKid, false);
          await cloud.pass(day + 60);
          expect(await subject.readOld()).toBe('opened');
        });

        test.each([
          ['5m', 6 * 60],
          ['24h', day + 60],
        ] as const)(
          'is lost with its version when a cache of %s has run out, and back with it',
          async (keyCache, seconds) => {
            cloud.read(kind, { keyCache });
            // A cache is as long as it was when it was filled.
            await subject.move(await cloud.newVersion());
            const kid = String(keyOf(await subject.get()));
            await cloud.setEnabled(kid, false);
            await cloud.pass(seconds / 2);
            expect(await subject.readOld()).toBe('opened');
            await cloud.pass(seconds / 2 + 60);
            expect(await subject.readOld()).toBe('unreadable');
            await cloud.setEnabled(kid, true);
            expect(await subject.readOld()).toBe('opened');
          },
        );

        test('cannot be told about while the vault is away, once the cache has run out', async () => {
          cloud.vaultAway(true);
          expect(await subject.readOld()).toBe('opened');
          await cloud.pass(day + 60);
          expect(await subject.readOld()).toBe('unknown');
          cloud.vaultAway(false);
          expect(await subject.readOld()).toBe('opened');
        });

        test('a record that is not there is not found; a host that is not there says nothing', async () => {
          const hostName = hostOf(await subject.get());
          const read = kind === 'iotHub' ? cloud.dataPlane.readTwin : cloud.dataPlane.readEnrollment;
          expect(await read(hostName, 'nobody')).toMatchObject({ answer: 'not-found' });
          expect(await read('nowhere.invalid', cloud.service(kind).record)).toMatchObject({ answer: 'unknown' });
        });
      });

      describe('a key that cannot wrap', () => {
        const unusable = async (): Promise<string> => {
          const kid = await cloud.newVersion();
          await cloud.setEnabled(kid, false);
          return kid;
        };

        test('is noticed at the PUT, which changes nothing', async () => {
          cloud.read(kind, { wrapFailsAt: 'put' });
          const before = await subject.get();
          const refused = { name: 'RefusalError', code: 'resource-refused' };
          await expect(subject.write(await unusable())).rejects.toMatchObject(refused);
          const after = await subject.get();
          expect([keyOf(after), stateOf(after)]).toEqual([keyOf(before), 'Active']);
          expect(await subject.readOld()).toBe('opened');
        });

        test('is noticed by the operation, which takes it back', async () => {
          const ended = await subject.move(await unusable());
          expect(ended).toMatchObject({ status: 'Failed', error: { code: 'KeyVaultError' } });
          expect(keyOf(await subject.get())).toBe(cloud.firstKid);
          await cloud.pass(day + 60);
          expect(await subject.readOld()).toBe('opened');
        });

        test('is noticed later, by reads when the cache has run out, until the key wraps or the service is moved back', async () => {
          cloud.read(kind, { wrapFailsAt: 'later' });
          const kid = await unusable();
          expect(await subject.move(kid)).toMatchObject({ status: 'Succeeded' });
          await cloud.pass(10 * 60);
          expect(await subject.readOld()).toBe('opened');
          await cloud.pass(day);
          expect(await subject.readOld()).toBe('unreadable');
          await subject.move(cloud.firstKid);
          await cloud.pass(10 * 60);
          expect(await subject.readOld()).toBe('opened');
        });

        test('because the vault is away fails the operation as something that may heal, or lets it try again', async () => {
          const next = await cloud.newVersion();
          cloud.vaultAway(true);
          cloud.read(kind, { vaultUnreachable: 'fails' });
          expect(await subject.move(next)).toMatchObject({ status: 'Failed', error: { mayHeal: true } });
          cloud.read(kind, { vaultUnreachable: 'waits' });
          const operation = await subject.write(next);
          const look = () => cloud.resourceManager.operation(operation?.url ?? '');
          await cloud.pass(10 * 60);
          expect(await look()).toMatchObject({ status: 'InProgress' });
          cloud.vaultAway(false);
          await cloud.pass(60);
          expect(await look()).toMatchObject({ status: 'Succeeded' });
          const given = await subject.write(cloud.firstKid);
          cloud.vaultAway(true);
          await cloud.pass(40 * 60);
          const ended = await cloud.resourceManager.operation(given?.url ?? '');
          expect(ended).toMatchObject({ status: 'Failed', error: { mayHeal: true } });
        });
      });

      describe('an identifier without a version', () => {
        test.each([
          ['at-once', 0, true],
          ['after-a-day', day / 2, false],
          ['after-a-day', day + 60, true],
          ['never', day + 60, false],
        ] as const)('is followed %s: after %i s that is %s', async (unversionedFollowed, seconds, followed) => {
          cloud.read(kind, { unversionedFollowed, keyCache: '5m' });
          await subject.move(cloud.key);
          await cloud.newVersion();
          await cloud.pass(seconds + 1);
          // Only the version that it really stands on can take the data away.
          await cloud.setEnabled(cloud.firstKid, false);
          await cloud.pass(6 * 60);
          expect(await subject.readOld()).toBe(followed ? 'opened' : 'unreadable');
        });
      });
    },
  );
}

function subjectOf(cloud: ServicesUnderTest, kind: ServiceKind): Subject {
  const { resourceManager, dataPlane } = cloud;
  const { id, apiVersion, record } = cloud.service(kind);
  const get = () => resourceManager.get(id, apiVersion);
  const subject: Subject = {
    get,
    find: () => resourceManager.find(id, apiVersion),
    async write(kid, change) {
      const body = withKey(await withPolicies(cloud, kind, await get()), kid);
      change?.(body['properties'] as Record<string, unknown>);
      return resourceManager.put(id, apiVersion, body, kind === 'iotHub' ? String(body['etag']) : null);
    },
    async move(kid) {
      const operation = await subject.write(kid);
      await cloud.pass(50);
      return resourceManager.operation(operation?.url ?? '');
    },
    async policies() {
      return ((await resourceManager.post(id, 'listkeys', apiVersion)) as { value: RawResource[] }).value;
    },
    async readOld() {
      const host = hostOf(await get());
      const read = kind === 'iotHub' ? dataPlane.readTwin(host, record) : dataPlane.readEnrollment(host, record);
      return (await read).answer;
    },
  };
  return subject;
}

type Encryption = { identity?: RawResource; keyVaultProperties: { keyIdentifier: string; identity?: RawResource }[] };

const propertiesOf = (resource: RawResource) => resource['properties'] as Record<string, unknown>;
const encryptionOf = (resource: RawResource) => propertiesOf(resource)['encryption'] as Encryption | undefined;
const stateOf = (resource: RawResource) => propertiesOf(resource)['state'];
const keyOf = (resource: RawResource) => encryptionOf(resource)?.keyVaultProperties.at(-1)?.keyIdentifier;
const hostOf = (resource: RawResource): string => {
  const { hostName, serviceOperationsHostName } = propertiesOf(resource);
  return String(hostName ?? serviceOperationsHostName);
};
const secretsOf = (policies: readonly RawResource[]): string =>
  policies.map(({ primaryKey, secondaryKey }) => `${primaryKey} ${secondaryKey}`).join();

function withKey(resource: RawResource, kid: string): RawResource {
  const changed = structuredClone(resource);
  const entry = encryptionOf(changed)?.keyVaultProperties.at(-1);
  if (entry !== undefined) entry.keyIdentifier = kid;
  return changed;
}

/** Merges in what only `listkeys` shows, as whoever writes a resource back has to. */
async function withPolicies(cloud: ServicesUnderTest, kind: ServiceKind, resource: RawResource): Promise<RawResource> {
  const { id, apiVersion } = cloud.service(kind);
  const { value } = (await cloud.resourceManager.post(id, 'listkeys', apiVersion)) as { value: RawResource[] };
  return { ...resource, properties: { ...propertiesOf(resource), authorizationPolicies: value } };
}

function strangeIdentity(properties: Record<string, unknown>): void {
  const { encryption } = properties as { encryption: Encryption };
  const strange = { userAssignedIdentity: '/subscriptions/s/resourceGroups/g/providers/of/nobody' };
  const entry = encryption.keyVaultProperties.at(-1);
  if (encryption.identity !== undefined) encryption.identity = strange;
  else if (entry !== undefined) entry.identity = strange;
}
