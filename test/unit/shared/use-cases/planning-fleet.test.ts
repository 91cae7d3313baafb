import { createResourceManager } from '../../../../shared/azure/resource-manager';
import { retryDelaySeconds } from '../../../../shared/rotation/back-off';
import { FaultError } from '../../../../shared/rotation/errors';
import { dryRun } from '../../../../shared/rotation/planning';
import { iotHubTarget } from '../../../../shared/targets/iot-hub';
import { throttledArm } from '../../../fakes/throttled-arm';
import { recordingCredential } from '../azure/local-server';
import { hubBody, key, makeWorld, v1 } from './world';

const group = '/subscriptions/s/resourceGroups/g/providers';
const vault = `${group}/Microsoft.KeyVault/vaults/kv-test`;
const uami = `${group}/Microsoft.ManagedIdentity/userAssignedIdentities/id-1`;
const encryptionUser = 'e147488a-f6f5-4113-8e2d-b22465e65bf6';
/** As many IoT hubs as a subscription holds. */
const hubs = Array.from({ length: 50 }, (_, index) => `hub-${index + 1}`);

/** Fifty hubs under one KEK, read over an ARM that throttles. */
function fleet(principalOf: (hub: string) => string) {
  const { properties, ...body } = hubBody(v1);
  const hubOf = (name: string) => ({
    ...body,
    properties: { ...(properties as object), state: 'Active' },
    identity: { type: 'UserAssigned', userAssignedIdentities: { [uami]: { principalId: principalOf(name) } } },
  });
  const assignment = { roleDefinitionId: `/roleDefinitions/${encryptionUser}`, scope: vault };
  const arm = throttledArm((path) => {
    if (path.includes('/roleAssignments?')) return { value: [{ properties: assignment }] };
    if (path.startsWith(vault)) return { properties: { enableRbacAuthorization: true } };
    const name = /\/IotHubs\/([^/?]+)\?/.exec(path)?.[1];
    return name === undefined ? undefined : hubOf(name);
  });
  const world = makeWorld(['iotHub']);
  // Each target's deadlines are added up; the version must not expire before.
  world.managed.policy = { ...world.managed.policy, faultDeadlineSeconds: 60, operationDeadlineSeconds: 60 };
  const { httpClient, stopwatch } = arm;
  const resourceManager = createResourceManager(recordingCredential(), {
    ...{ endpoint: 'https://arm.test', audience: 'https://arm.test', httpClient, stopwatch },
  });
  world.managed.targets = hubs.map((name) => {
    const resourceId = `${group}/Microsoft.Devices/IotHubs/${name}`;
    const settings = { name, key, resourceId, vaultResourceId: vault, apiVersion: 'hub-preview', twin: 'sentinel' };
    return iotHubTarget(settings, { resourceManager, dataPlane: world.dataPlane });
  });
  const plan = async () => {
    const { decision, checks } = await dryRun(world.ports, { key, toVersion: null });
    return { decision, against: checks.filter(({ result }) => result !== 'yes') };
  };
  return { arm, plan };
}

const go = { decision: 'go', against: [] };

describe('a plan over fifty hubs', () => {
  test('reads each hub once, and once what all ask alike: the vault, and the roles of the identity they share', async () => {
    const { arm, plan } = fleet(() => 'p-shared');
    expect(await plan()).toEqual(go);
    expect(arm.answered.filter((path) => path.includes('/IotHubs/'))).toHaveLength(50);
    expect(arm.answered).toHaveLength(52);
  });

  test('reads the roles of each identity where every hub has one of its own', async () => {
    const { arm, plan } = fleet((hub) => `p-${hub}`);
    expect(await plan()).toEqual(go);
    expect(arm.answered).toHaveLength(101);
  });

  test.each([
    ['one identity', () => 'p-shared'],
    ['an identity each', (hub: string) => `p-${hub}`],
  ])('with %s gets through a bucket that others have emptied, at the first try', async (_which, principalOf) => {
    const { arm, plan } = fleet(principalOf);
    arm.exhaust();
    let tries = 0;
    const decided = async (): ReturnType<typeof plan> => {
      tries += 1;
      try {
        return await plan();
      } catch (error) {
        // As the step's retry loop does; ten of them are enough to see that it does not get on.
        if (!(error instanceof FaultError) || tries === 10) throw error;
        await arm.stopwatch.wait(retryDelaySeconds(tries, error.retryAfterSeconds) * 1000);
        return decided();
      }
    };
    expect(await decided()).toEqual(go);
    expect(tries).toBe(1);
    expect(arm.refused()).toBeGreaterThan(0);
  });
});
