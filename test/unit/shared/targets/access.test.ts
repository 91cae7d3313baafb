import { askOnce } from '../../../../shared/rotation/ask-once';
import { FaultError, RefusalError } from '../../../../shared/rotation/errors';
import type { RawResource } from '../../../../shared/rotation/ports';
import { readAccess } from '../../../../shared/targets/access';
import { fakeResourceManager } from '../../../fakes/resource-manager';

const vault = '/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/kv-test';
const uami = '/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-1';
const encryptionUser = 'e147488a-f6f5-4113-8e2d-b22465e65bf6';

const resource = {
  identity: { principalId: 'p-system', userAssignedIdentities: { [uami]: { principalId: 'p-user' } } },
};
const assignment = (role: string, scope = vault, more: RawResource = {}): RawResource => ({
  properties: {
    roleDefinitionId: `/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/${role}`,
    scope,
    ...more,
  },
});

function azure(properties: RawResource, assignments: readonly RawResource[] = []) {
  const resourceManager = fakeResourceManager();
  resourceManager.others.set(vault, { properties });
  resourceManager.lists.set(vault, assignments);
  return resourceManager;
}

const rbac = { enableRbacAuthorization: true };

describe('what reading tells of the way to the key', () => {
  test.each([
    ['the vault', vault, 'yes'],
    ['its resource group', '/subscriptions/s/resourceGroups/g', 'yes'],
    ['its subscription, spelled in another case', '/SUBSCRIPTIONS/S', 'yes'],
    ['another vault whose name begins alike', `${vault}-2`, 'unknown'],
    ['one secret of the vault', `${vault}/secrets/x`, 'unknown'],
    ['this very key', `${vault}/keys/kek`, 'yes'],
    ['another key of the vault', `${vault}/keys/other`, 'unknown'],
    ['a key whose name begins alike', `${vault}/keys/kek-2`, 'unknown'],
  ])('I12 a role that may use keys, on %s', async (_where, scope, mayUseKey) => {
    const access = await readAccess(
      azure(rbac, [assignment(encryptionUser, scope)]),
      vault,
      [uami],
      resource,
      askOnce(),
      'kek',
    );
    expect(access).toMatchObject({ principalIds: ['p-user'], mayUseKey });
  });

  test('I12 a role under a condition is unknown: it may not hold for us', async () => {
    const conditional = assignment(encryptionUser, vault, { condition: "@Resource[...] StringEquals 'x'" });
    expect(await readAccess(azure(rbac, [conditional]), vault, [uami], resource, askOnce())).toMatchObject({
      mayUseKey: 'unknown',
    });
  });

  test('I12 another role, no role, an unknown identity, access policies: unknown, never a yes', async () => {
    const reader = assignment('21090545-7ca7-4776-b22c-e363652d74d2');
    for (const [properties, assignments, identities] of [
      [rbac, [reader], [uami]],
      [rbac, [], [uami]],
      [rbac, [assignment(encryptionUser)], ['/unknown']],
      [{ enableRbacAuthorization: false }, [assignment(encryptionUser)], [uami]],
    ] as const) {
      const access = await readAccess(azure(properties, assignments), vault, identities, resource, askOnce());
      expect(access.mayUseKey).toBe('unknown');
      expect(access.mayUseKeyMessage).not.toBe('');
    }
  });

  test('no identity named in the block is the system-assigned one', async () => {
    const access = await readAccess(azure(rbac, [assignment(encryptionUser)]), vault, [], resource, askOnce());
    expect(access).toMatchObject({ principalIds: ['p-system'], mayUseKey: 'yes' });
  });

  test.each([
    [{ publicNetworkAccess: 'Enabled' }, 'yes'],
    [{ publicNetworkAccess: 'Enabled', networkAcls: { defaultAction: 'Allow' } }, 'yes'],
    [{ publicNetworkAccess: 'Enabled', networkAcls: { defaultAction: 'Deny' } }, 'unknown'],
    [{ publicNetworkAccess: 'Disabled' }, 'unknown'],
  ])('I12 network rules %j let the service in: %s', async (properties, networkAllows) => {
    expect(await readAccess(azure(properties), vault, [uami], resource, askOnce())).toMatchObject({ networkAllows });
  });

  test('I12: what may not be read is unknown; what fails just now is waited for', async () => {
    const refused = azure(rbac, [assignment(encryptionUser)]);
    refused.interfere.failAlways('get', new RefusalError('forbidden', '403'));
    refused.interfere.failAlways('list', new RefusalError('forbidden', '403'));
    expect(await readAccess(refused, vault, [uami], resource, askOnce())).toMatchObject({
      mayUseKey: 'unknown',
      networkAllows: 'unknown',
    });
    const down = azure(rbac);
    down.interfere.fail('get');
    await expect(readAccess(down, vault, [uami], resource, askOnce())).rejects.toThrow(FaultError);
  });

  test('without the resource id of the vault everything is unknown, and nothing is asked', async () => {
    const resourceManager = azure(rbac);
    const access = await readAccess(resourceManager, null, [uami], resource, askOnce());
    expect(access).toMatchObject({ principalIds: ['p-user'], mayUseKey: 'unknown', networkAllows: 'unknown' });
    expect(resourceManager.interfere.effects).toEqual([]);
  });
});
