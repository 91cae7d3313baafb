import type { AzurePorts } from '../../shared/azure';
import { RefusalError } from '../../shared/rotation/errors';
import { sameKey, versionOf } from '../../shared/rotation/key-identifier';
import type { KeyVault, RawResource } from '../../shared/rotation/ports';
import { fakeAlertOutbox } from '../fakes/alert-outbox';
import { fakeAuditLog } from '../fakes/audit-log';
import { fakeAlertChannel, fakePlanStore } from '../fakes/channels';
import type { FakeClock } from '../fakes/clock';
import { fakeDataKeyStore } from '../fakes/data-key-store';
import { encryptedDataPlane } from '../fakes/data-plane';
import { fakeKey, fakeKeyVault } from '../fakes/key-vault';
import { fakeLedger } from '../fakes/ledger';
import { type FakeService, fakeResourceManager, type Policy, sasKey } from '../fakes/resource-manager';
import { fakeHistory } from '../fakes/rotation-history';
import { fakeAnchorStore, fakeHeadSigner } from '../fakes/sealing';
import { type KeyModes, ServiceData, type VaultForServices, VaultTrouble } from '../fakes/service-data';
import { fakeVaultBudgets } from '../fakes/vault-budgets';
import { fakeWatchStore } from '../fakes/watch-store';
import { dpsBody, dpsId, hubBody, hubId, v1, wrapped } from '../unit/shared/use-cases/world';

export const kek = fakeKey;
/** Where a `replace` may move to. */
export const otherKey = 'https://kv-other.vault.azure.net/keys/kek';
export { dpsId, hubId, v1 };

export type Cloud = ReturnType<typeof makeCloud>;
type Owned = ReturnType<typeof wrapped>;

export type TargetName = 'iotHub' | 'dps' | 'dataKeys';
const allTargets: readonly TargetName[] = ['iotHub', 'dps', 'dataKeys'];

export interface Seed {
  /** What is under the KEK, in the order in which it moves; all three unless told. */
  readonly targets?: readonly TargetName[];
  /** Data keys in the store; twelve unless told. */
  readonly records?: number;
  /** Of what nobody outside Azure knows of hubs and DPS. */
  readonly modes?: Partial<KeyModes>;
}

/** Wrapped once for all simulations: what was opened before need not be decrypted again. */
const known = new Map<string, Owned>();

/**
 * Everything outside of the app that outlives its process: two vaults, ARM with a hub and a DPS whose data is under the KEK, their data planes, a
 * store of data keys, and Keyturn's own tables and channels. The fakes are those that the contract suites hold to the stand-ins and to Azurite.
 */
export function makeCloud(clock: FakeClock, { records = 12, modes = {}, targets = allTargets }: Seed) {
  const { now } = clock;
  const vault = fakeKeyVault({ now, bits: 1024, pairs: 'kek', nameVersion: versionName('a') });
  const first = vault.addVersion({ version: v1, createdOn: new Date('2026-06-01T00:00:00Z'), expiresOn });
  vault.setPolicy({ expiresIn: 'P1Y', rotatesBeforeExpiry: 'P30D' });
  const otherVault = fakeKeyVault({ now, bits: 1024, pairs: 'other', key: otherKey, nameVersion: versionName('b') });
  const vaults = [vault, otherVault];
  const resourceManager = fakeResourceManager([], clock);
  const dataPlane = encryptedDataPlane();
  const add = (kind: FakeService['kind'], id: string, host: string, body: FakeService['body']): FakeService => {
    // One that is no target has a key of its own, which nobody here has to do with.
    if (!targets.includes(kind)) return resourceManager.addService(id, { kind, body: elsewhere(body) });
    // A cache is as long as it was read when it was filled: from the beginning.
    const view = servicesView([vault, otherVault]);
    const data = new ServiceData(clock, view, first.kid, ['sentinel'], { ...usualModes, ...modes });
    dataPlane.hosts.set(host, data);
    return resourceManager.addService(id, { kind, body, data, operationSeconds, policies: policies() });
  };
  const services = [
    add('iotHub', hubId, 'hub-1.azure-devices.net', hubBody(v1)),
    add('dps', dpsId, 'dps-1.azure-devices-provisioning.net', dpsBody(v1)),
  ] as const;
  const owned = Array.from({ length: targets.includes('dataKeys') ? records : 0 }, (_, index) => {
    const name = `r${String(index).padStart(4, '0')}`;
    const made = known.get(name) ?? wrapped(first, name, { check: index % 2 === 0 });
    known.set(name, made);
    return made;
  });
  const store = fakeDataKeyStore(owned.map(({ record }) => record));
  const listed = listsOf(resourceManager.lists);
  return {
    vault,
    otherVault,
    vaults,
    resourceManager,
    services,
    owned,
    store,
    dataPlane,
    listed,
    ledger: fakeLedger(),
    auditLog: fakeAuditLog(),
    history: fakeHistory(),
    watch: fakeWatchStore(),
    plans: fakePlanStore(),
    alerts: fakeAlertChannel(),
    outbox: fakeAlertOutbox(),
    sealing: { signer: fakeHeadSigner(), anchors: fakeAnchorStore(), every: 100 },
    budgets: fakeVaultBudgets(),
  };
}

/** Of the version that everything stands on: far enough away that nobody finds fault with it. */
const expiresOn = new Date('2027-06-01T00:00:00Z');
/** How long a hub or DPS takes to move. */
const operationSeconds = 25;
/** A short cache and an early answer, so that what is lost shows soon; `modes` gives others. */
const usualModes = { keyCache: '5m', wrapFailsAt: 'operation' } as const;

/** 32 hexadecimal digits, as a version has them. */
const versionName = (letter: string) => (made: number) => `${letter}${String(made).padStart(31, '0')}`;

const policies = (): Policy[] => [
  { keyName: 'iothubowner', rights: 'RegistryWrite, ServiceConnect', primaryKey: sasKey(), secondaryKey: sasKey() },
];

/** The identifiers under the two KEKs that a resource's body names. */
export function kidsIn(body: RawResource): readonly string[] {
  const { encryption } = body['properties'] as { encryption: { keyVaultProperties: { keyIdentifier: string }[] } };
  const named = encryption.keyVaultProperties.map(({ keyIdentifier }) => keyIdentifier);
  return named.filter((kid) => [kek, otherKey].some((key) => kid.toLowerCase().startsWith(key.toLowerCase())));
}

const elsewhere = (body: FakeService['body']): FakeService['body'] =>
  JSON.parse(JSON.stringify(body).replaceAll(kek, 'https://kv-apart.vault.azure.net/keys/apart'));

/** What a service needs to open its data, whatever it has in its cache: what its data key is really wrapped under, and what it names. */
export const inForce = ({ body, data }: FakeService): readonly string[] => [
  ...new Set([
    ...(data === null ? [] : [data.wrappedUnder]),
    // One without a version leads to no certain one; under which its data really is, is said above.
    ...kidsIn(body).filter((kid) => versionOf(kid) !== null),
  ]),
];

const listed = ({ body, state }: FakeService): RawResource => ({
  ...body,
  properties: { ...(body['properties'] as RawResource), state },
});

/** ARM's lists of hubs and of DPS, as long as `refresh` is called before they are read. */
function listsOf(lists: Map<string, readonly RawResource[]>) {
  const of = (type: string) => `/subscriptions/s/providers/Microsoft.Devices/${type}?`;
  return {
    refresh: ([hub, dps]: readonly [FakeService, FakeService]): void => {
      lists.set(of('IotHubs'), [listed(hub)]);
      lists.set(of('provisioningServices'), [listed(dps)]);
    },
  };
}

/** Both vaults as hubs and DPS use them. */
function servicesView(vaults: readonly Pick<Cloud['vault'], 'forServices'>[]): VaultForServices {
  const of = (kid: string): VaultForServices => {
    const found = vaults[[kek, otherKey].findIndex((key) => sameKey(key, kid))];
    if (found === undefined) throw new VaultTrouble(`${kid} was not found.`, false);
    return found.forServices;
  };
  return {
    current: (reference) => of(reference).current(reference),
    wrap: (kid, dataKey) => of(kid).wrap(kid, dataKey),
    unwrap: (kid, blob) => of(kid).unwrap(kid, blob),
    onNewVersion: (told) => {
      for (const { forServices } of vaults) forServices.onNewVersion(told);
    },
  };
}

/** One vault client over all vaults. */
function anyVault(vaults: readonly KeyVault[], keys: readonly string[]): KeyVault {
  const of = (kid: string): KeyVault => {
    const found = vaults[keys.findIndex((key) => sameKey(key, kid))];
    if (found === undefined) throw new RefusalError('key-not-found', `${kid} was not found.`);
    return found;
  };
  return {
    versions: async (key) => of(key).versions(key),
    version: async (kid) => of(kid).version(kid),
    rotationPolicy: async (key) => of(key).rotationPolicy(key),
    setRotationPolicy: async (key, policy) => of(key).setRotationPolicy(key, policy),
    deleted: async (key) => of(key).deleted(key),
    createVersion: async (key, options) => of(key).createVersion(key, options),
    setEnabled: async (kid, enabled) => of(kid).setEnabled(kid, enabled),
    setExpiry: async (kid, expiresOn) => of(kid).setExpiry(kid, expiresOn),
    unwrap: async (kid, algorithm, blob) => of(kid).unwrap(kid, algorithm, blob),
    wrap: async (kid, algorithm, dataKey) => of(kid).wrap(kid, algorithm, dataKey),
  };
}

/** The cloud as the app's ports. */
export function portsOf(cloud: Cloud, { seals }: { readonly seals: boolean }): AzurePorts {
  const { resourceManager, dataPlane, store, ledger, auditLog, history, watch, plans, alerts, outbox, budgets } = cloud;
  return {
    ...{ resourceManager, dataPlane, ledger, auditLog, history, watch, plans, outbox, budgets },
    keyVault: anyVault(cloud.vaults, [kek, otherKey]),
    dataKeyStore: () => store,
    alerts: [alerts],
    vaultLog: null,
    sealing: seals ? cloud.sealing : null,
    health: async () => [],
  };
}
