import { randomBytes } from 'node:crypto';
import type { DataKeysPage, RotationRequest, RunPolicy, RunReference } from '../../../../shared/contracts/activities';
import { admit } from '../../../../shared/rotation/admission';
import type { ChangeWindow } from '../../../../shared/rotation/change-windows';
import { sameKey } from '../../../../shared/rotation/key-identifier';
import { checkMove, moveTarget } from '../../../../shared/rotation/moving';
import { moveDataKeysPage } from '../../../../shared/rotation/moving-data-keys';
import { chooseVersion } from '../../../../shared/rotation/next-version';
import { makePlan } from '../../../../shared/rotation/planning';
import type { Claim, KeyVersionDetail, Target, WrapAlgorithm, WrappedDataKey } from '../../../../shared/rotation/ports';
import { acceptEvent, type EventDecision, understandEvent } from '../../../../shared/rotation/requests';
import type { Replacement, RetirementPolicy, RotationPorts } from '../../../../shared/rotation/run-ports';
import { enterPhase } from '../../../../shared/rotation/telling';
import { checkValue, encodeBase64url, wrapLocally } from '../../../../shared/rotation/wrapping';
import { dataKeysTarget } from '../../../../shared/targets/data-keys';
import { dpsTarget } from '../../../../shared/targets/dps';
import { iotHubTarget } from '../../../../shared/targets/iot-hub';
import { fakeAlertOutbox } from '../../../fakes/alert-outbox';
import { fakeAuditLog } from '../../../fakes/audit-log';
import { fakeAlertChannel, fakeDataPlane, fakePlanStore } from '../../../fakes/channels';
import { fakeDataKeyStore } from '../../../fakes/data-key-store';
import { fakeDiscovery } from '../../../fakes/discovery';
import { fakeKey, fakeKeyVault } from '../../../fakes/key-vault';
import { fakeLedger } from '../../../fakes/ledger';
import { fakeResourceManager, type Policy, sasKey } from '../../../fakes/resource-manager';
import { fakeHistory } from '../../../fakes/rotation-history';
import { fakeWatchStore } from '../../../fakes/watch-store';

export const key = fakeKey;
export const hubId = '/subscriptions/s/resourceGroups/g/providers/Microsoft.Devices/IotHubs/hub-1';
export const dpsId = '/subscriptions/s/resourceGroups/g/providers/Microsoft.Devices/provisioningServices/dps-1';
export const otherEntry = {
  keyIdentifier: 'https://other.vault.azure.net/keys/else/0123',
  identity: { odd: ['kept'] },
};

const policy: RunPolicy = {
  soakSeconds: 3600,
  probeEverySeconds: 600,
  redProbes: { red: 2, of: 3 },
  faultDeadlineSeconds: 3600,
  operationDeadlineSeconds: 1800,
  alertAfterSeconds: 300,
  graceSeconds: 7 * 86_400,
  watchSeconds: 25 * 3600,
  approval: 'none',
  approvalDeadlineSeconds: 7 * 86_400,
  backOffSeconds: 6 * 3600,
  expiredPrevious: 'refuse',
  pin: false,
};

export const v1 = '1'.repeat(32);
export const v2 = '2'.repeat(32);
export const kid = (version: string): string => `${key}/${version}`;

/** Takes an event as the trigger does. */
export async function receiveEvent(ports: RotationPorts, raw: unknown): Promise<EventDecision> {
  const understood = understandEvent(ports, raw);
  return understood.kind === 'dropped' ? understood : acceptEvent(ports, understood.event);
}

export type World = ReturnType<typeof makeWorld>;
export type TargetName = 'iotHub' | 'dps' | 'dataKeys';

/** The whole of Keyturn's surroundings in memory: a KEK on v1 (made in 2025), a hub, a DPS and a store of three data keys under it. */
export function makeWorld(
  order: readonly TargetName[] = ['iotHub', 'dps', 'dataKeys'],
  records = 3,
  onBadDataKey: 'roll-back' | 'finish' = 'roll-back',
  replacements: readonly string[] = [],
) {
  const effects: string[] = [];
  let time = new Date('2026-11-22T12:00:00.000Z');
  const now = (): Date => time;
  const keyVault = fakeKeyVault({ now, effects });
  const first = keyVault.addVersion({ version: v1, createdOn: new Date('2025-12-20T00:00:00Z') });
  const resourceManager = fakeResourceManager(effects);
  const hub = resourceManager.addService(hubId, { kind: 'iotHub', body: hubBody(v1), policies: policies() });
  const dps = resourceManager.addService(dpsId, { kind: 'dps', body: dpsBody(v1), policies: policies() });
  const dataPlane = fakeDataPlane(effects);
  const dataKeys: Buffer[] = [];
  const store = fakeDataKeyStore(
    Array.from({ length: records }, (_, index) => {
      const { record, dataKey } = wrapped(first, `r${String(index).padStart(4, '0')}`);
      dataKeys.push(dataKey);
      return record;
    }),
    effects,
  );
  const ledger = fakeLedger(effects);
  const auditLog = fakeAuditLog(effects);
  const history = fakeHistory(effects);
  const plans = fakePlanStore(effects);
  const discovery = fakeDiscovery(effects);
  const watch = fakeWatchStore(effects);
  const alerts = fakeAlertChannel(effects);
  const outbox = fakeAlertOutbox(effects);

  const services = { resourceManager, dataPlane };
  const settings = { key, replacements, vaultResourceId: null };
  const all: Record<TargetName, Target> = {
    iotHub: iotHubTarget(
      { ...settings, name: 'hub-1', resourceId: hubId, apiVersion: 'hub-preview', twin: 'sentinel' },
      services,
    ),
    dps: dpsTarget(
      { ...settings, name: 'dps-1', resourceId: dpsId, apiVersion: 'dps-preview', enrollment: 'sentinel' },
      services,
    ),
    dataKeys: dataKeysTarget({ name: 'keys-1', key, replacements, onBadDataKey }, { store, keyVault, now }),
  };
  const managed = {
    key,
    targets: order.map((name) => all[name]),
    policy,
    mode: 'act' as const,
    acceptUnknown: [] as string[],
    windows: [] as ChangeWindow[],
    retirement: {
      evidence: 'control-plane',
      quietSeconds: 7 * 86_400,
      keep: { count: 0, ageSeconds: 0 },
    } as RetirementPolicy,
    replacements: [] as Replacement[],
  };
  const ports: RotationPorts = {
    now,
    ledger,
    auditLog,
    history,
    plans,
    keyVault,
    vaultLog: null,
    discovery,
    watch,
    alerts: [alerts],
    outbox,
    keys: [key],
    managed: (asked) => (sameKey(asked, key) ? managed : null),
  };
  return {
    ports,
    effects,
    keyVault,
    first,
    resourceManager,
    hub,
    dps,
    dataPlane,
    store,
    dataKeys,
    ledger,
    auditLog,
    history,
    plans,
    discovery,
    watch,
    alerts,
    outbox,
    managed,
    now: () => time.toISOString(),
    pass: (seconds: number) => {
      time = new Date(time.getTime() + seconds * 1000);
      return time.toISOString();
    },
  };
}

const policies = (): Policy[] => [
  { keyName: 'iothubowner', rights: 'RegistryWrite, ServiceConnect', primaryKey: sasKey(), secondaryKey: sasKey() },
  { keyName: 'device', rights: 'DeviceConnect', primaryKey: sasKey(), secondaryKey: sasKey() },
];

const uami = '/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-1';

export const hubBody = (version: string): Record<string, unknown> => ({
  id: hubId,
  name: 'hub-1',
  location: 'westus2',
  tags: { owner: 'plant-7', empty: '' },
  sku: { name: 'S1', capacity: 2, unheardOf: null },
  identity: { type: 'SystemAssigned, UserAssigned', userAssignedIdentities: { [uami]: { principalId: 'p-hub' } } },
  properties: {
    hostName: 'hub-1.azure-devices.net',
    eventHubEndpoints: { events: { retentionTimeInDays: 1, partitionCount: 4 } },
    encryption: {
      keySource: 'Microsoft.KeyVault',
      keyVaultProperties: [
        otherEntry,
        { keyIdentifier: kid(version), identity: { userAssignedIdentity: uami }, alsoKept: 1 },
      ],
      blockMember: true,
    },
    somethingNew: { deep: [1, { x: null }] },
  },
});

export const dpsBody = (version: string): Record<string, unknown> => ({
  id: dpsId,
  name: 'dps-1',
  location: 'westus2',
  tags: {},
  sku: { name: 'S1', capacity: 1 },
  identity: { identityType: 'UserAssigned', userAssignedIdentities: { [uami]: { principalId: 'p-dps' } } },
  properties: {
    serviceOperationsHostName: 'dps-1.azure-devices-provisioning.net',
    encryption: {
      keySource: 'Microsoft.KeyVault',
      keyVaultProperties: [{ keyIdentifier: kid(version) }],
      identity: { userAssignedIdentity: uami },
    },
    iotHubs: [],
  },
});

export function wrapped(
  version: KeyVersionDetail,
  rowKey: string,
  options: { check?: boolean; alg?: WrapAlgorithm } = {},
) {
  const dataKey = randomBytes(32);
  if (version.publicKey === null) throw new Error('The version cannot wrap.');
  const { alg = 'RSA-OAEP-256' } = options;
  const blob = encodeBase64url(wrapLocally(version.publicKey, alg, dataKey));
  const check = options.check === false ? null : checkValue(dataKey);
  const record: Omit<WrappedDataKey, 'etag'> = {
    id: { partitionKey: 'p', rowKey },
    kid: version.kid,
    alg,
    blob,
    check,
    previous: null,
  };
  return { record, dataKey };
}

export const eventRequest = (rotationId: string, type = 'KeyNearExpiry', version = v1): RotationRequest => ({
  rotationId,
  key,
  reason: `${type} of version ${version}`,
  cause: { kind: 'event', type, version, eventId: `event-${rotationId}` },
  toVersion: null,
  generation: null,
  requestedAt: '2026-11-22T12:00:00.000Z',
});

export const rotationId = '20261122T120000000Z-abcdef-000001';

/** Admits a run by event. */
export async function admitted(world: World, id = rotationId): Promise<RunReference> {
  const admission = await admit(world.ports, { request: eventRequest(id), instanceId: id, now: world.now() });
  if (!admission.admitted) throw new Error(`Not admitted: ${admission.why}: ${admission.message}`);
  return admission.run;
}

export const enter = (world: World, run: RunReference, phase: Parameters<typeof enterPhase>[1]['phase']) =>
  enterPhase(world.ports, { run, now: world.pass(1), phase, reasons: [] });

/** Plans, chooses a version and enters `rewrapping`: from here the targets move. */
export async function ready(world: World): Promise<RunReference> {
  const run = await admitted(world);
  await enter(world, run, 'planning');
  const decided = await makePlan(world.ports, { run, now: world.now() });
  if (decided.decision !== 'go') throw new Error(JSON.stringify(decided.reasons));
  await enter(world, run, 'creating-version');
  await chooseVersion(world.ports, { run, now: world.now() });
  await enter(world, run, 'rewrapping');
  return run;
}

/** Moves one target to its end, as the orchestrator would. */
export async function move(world: World, run: RunReference, target: number, direction: 'forward' | 'back' = 'forward') {
  const { ports } = world;
  if (world.managed.targets[target]?.kind === 'dataKeys') {
    let page: DataKeysPage = { continuation: null, done: 0, total: 0, left: 0, named: [] };
    do {
      const { continuation, done, left } = page;
      const on = { run, now: world.pass(1), target, direction };
      page = await moveDataKeysPage(ports, { ...on, continuation, done, left });
    } while (page.continuation !== null);
    return;
  }
  let state = await moveTarget(ports, { run, now: world.pass(1), target, direction });
  for (let looks = 0; state.state === 'pending'; looks++) {
    if (looks === 20) throw new Error('The operation does not end.');
    state = await checkMove(ports, { run, now: world.pass(5), target, direction });
  }
}

export async function moveAll(world: World, run: RunReference): Promise<void> {
  for (const target of world.managed.targets.keys()) await move(world, run, target);
}

/** The version in the ledger as the next one. */
export async function nextOf(world: World): Promise<string> {
  return (await world.ledger.read(key)).claim?.nextVersion ?? '';
}

/** Everything that the run has written anywhere, as one text. */
export async function everythingWritten(world: World): Promise<string> {
  const { claim, undo, commands } = await world.ledger.read(key);
  return JSON.stringify([
    claim,
    undo,
    commands,
    world.auditLog.stored(key),
    [...world.history.rotations.values()],
    [...world.plans.documents],
    world.alerts.sent,
    world.effects,
  ]);
}

/** A rotation from v1 to its end: every target on the next version, the retirement of v1 waiting. */
export async function completed(world: World): Promise<RunReference> {
  const run = await ready(world);
  await moveAll(world, run);
  await enter(world, run, 'soaking');
  await enter(world, run, 'completed');
  return run;
}

/** Lets the day of whatever is to be retired come, as somebody does who asks for it by hand. */
export async function letComeDue(world: World): Promise<void> {
  const dueAt = world.now();
  for (const retirement of await world.ledger.retirements(key)) {
    const { claim, etag } = await world.ledger.read(key);
    if (claim !== null && retirement.dueAt > dueAt) {
      await world.ledger.update(key, etag, { claim, putRetirement: { ...retirement, dueAt } });
    }
  }
}

/** Rewrites the claim as a test needs it. */
export async function changeClaimOf(world: World, columns: Partial<Claim>): Promise<void> {
  const { claim, etag } = await world.ledger.read(key);
  if (claim === null) throw new Error('There is no claim.');
  await world.ledger.update(key, etag, { claim: { ...claim, ...columns } });
}

export async function claimOf(world: World): Promise<Claim> {
  const { claim } = await world.ledger.read(key);
  if (claim === null) throw new Error('There is no claim.');
  return claim;
}

export const enabledOf = async (world: World, version: string): Promise<boolean | undefined> =>
  (await world.keyVault.versions(key)).find((each) => each.version === version)?.enabled;
