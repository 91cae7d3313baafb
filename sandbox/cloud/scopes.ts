import { createHash } from 'node:crypto';
import { type CloudContext, type RoleAssignment, roleByName } from '../kit';
import type { CloudSeed, RoleAssignmentSeed } from './seed';

/**
 * The resource id that a seed's short scope stands for: `vault:<name>`, `key:<vault>/<name>`, `hub:<name>`, `dps:<name>`,
 * `topic:<name>`, `group`; anything that begins with a slash is one already.
 *
 * @throws Error for anything else.
 */
export function resourceIdOf(
  scope: string,
  seed: Pick<CloudSeed, 'subscriptionId' | 'resourceGroup' | 'vaults'>,
): string {
  if (scope.startsWith('/')) return scope;
  const group = `/subscriptions/${seed.subscriptionId}/resourceGroups/${seed.resourceGroup}`;
  const vault = (name: string): string =>
    seed.vaults.find((candidate) => candidate.name === name)?.resourceId ??
    `${group}/providers/Microsoft.KeyVault/vaults/${name}`;
  const [kind, name = ''] = scope.split(/:(.*)/s);
  switch (kind) {
    case 'group':
      return group;
    case 'vault':
      return vault(name);
    case 'key': {
      const [of = '', key = ''] = name.split('/');
      return `${vault(of)}/keys/${key}`;
    }
    case 'hub':
      return `${group}/providers/Microsoft.Devices/IotHubs/${name}`;
    case 'dps':
      return `${group}/providers/Microsoft.Devices/provisioningServices/${name}`;
    case 'topic':
      return `${group}/providers/Microsoft.EventGrid/topics/${name}`;
    default:
      throw new Error(`The seed has a scope '${scope}' that is neither a resource id nor one of the short forms.`);
  }
}

/** A role assignment as ARM knows it; its name comes from what it says, so that the same seed gives the same ids. */
export function roleAssignment(context: CloudContext, seed: CloudSeed, wanted: RoleAssignmentSeed): RoleAssignment {
  const scope = resourceIdOf(wanted.scope, seed);
  const digest = createHash('sha256').update(`${wanted.identity}|${wanted.role}|${scope}`).digest('hex');
  const guid = [
    digest.slice(0, 8),
    digest.slice(8, 12),
    digest.slice(12, 16),
    digest.slice(16, 20),
    digest.slice(20, 32),
  ].join('-');
  return {
    id: `${scope}/providers/Microsoft.Authorization/roleAssignments/${guid}`,
    principalId: context.tokens.identity(wanted.identity).principalId,
    roleDefinitionId: `/subscriptions/${seed.subscriptionId}/providers/Microsoft.Authorization/roleDefinitions/${roleByName(wanted.role).id}`,
    scope,
  };
}
