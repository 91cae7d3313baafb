import type { VaultSeed } from '../cloud/seed';
import type { CloudContext, Identity, RoleAssignment, StandInResponse } from '../kit';
import type { JsonObject } from './json';
import { notFound } from './refusals';

/** Microsoft.KeyVault/vaults as its GET shows one; only the management side, the keys are Key Vault's own. */
export function vaultBody(context: CloudContext, vault: VaultSeed, resourceId: string, url: string): JsonObject {
  return {
    id: resourceId,
    name: vault.name,
    type: 'Microsoft.KeyVault/vaults',
    location: context.location,
    tags: {},
    properties: {
      sku: { family: 'A', name: vault.keys.some((key) => key.kty === 'RSA-HSM') ? 'premium' : 'standard' },
      tenantId: context.tenantId,
      accessPolicies: [],
      enabledForDeployment: false,
      enabledForDiskEncryption: false,
      enabledForTemplateDeployment: false,
      enableSoftDelete: true,
      softDeleteRetentionInDays: 90,
      enableRbacAuthorization: true,
      ...((vault.purgeProtection ?? true) && { enablePurgeProtection: true }),
      vaultUri: `${url}/`,
      provisioningState: 'Succeeded',
      publicNetworkAccess: 'Enabled',
      ...(vault.networkAcls && {
        networkAcls: { bypass: 'None', ipRules: [], virtualNetworkRules: [], ...vault.networkAcls },
      }),
    },
  };
}

export function identityAnswer(
  context: CloudContext,
  resourceId: string,
  name: string,
  group: string,
): StandInResponse {
  const identity: Identity | undefined = context.tokens.find(resourceId);
  const type = 'Microsoft.ManagedIdentity/userAssignedIdentities';
  if (identity?.resourceId === undefined) return notFound(type, name, group);
  const { tenantId, principalId, clientId } = identity;
  const properties = { tenantId, principalId, clientId };
  return {
    status: 200,
    body: { id: identity.resourceId, name, type, location: context.location, tags: {}, properties },
  };
}

/**
 * Role assignments seen from a scope: at it, above it and below it; `atScope()` leaves out those below
 * (Azure's documentation: role-assignments-list-rest). Groups and deny assignments do not exist here.
 */
export function roleAssignments(context: CloudContext, scope: string, filter: string | null): JsonObject[] {
  const principal = /(?:principalId eq|assignedTo\()\s*'([^']+)'/i.exec(filter ?? '')?.[1]?.toLowerCase();
  const atScope = /atScope\(\)/i.test(filter ?? '');
  return context.permissions.assignments
    .filter((assignment) => principal === undefined || assignment.principalId.toLowerCase() === principal)
    .filter((assignment) => reaches(assignment.scope, scope) || (!atScope && reaches(scope, assignment.scope)))
    .map(assignmentBody);
}

export function assignmentBody(assignment: RoleAssignment): JsonObject {
  const { id, principalId, roleDefinitionId, scope } = assignment;
  return {
    id,
    name: id.split('/').at(-1),
    type: 'Microsoft.Authorization/roleAssignments',
    properties: { roleDefinitionId, principalId, principalType: 'ServicePrincipal', scope, condition: null },
  };
}

/** A role definition by its GUID, or undefined. */
export function roleDefinition(context: CloudContext, id: string): JsonObject | undefined {
  const role = context.permissions.role(id);
  if (role === undefined) return undefined;
  const permission = {
    actions: role.actions,
    notActions: role.notActions ?? [],
    dataActions: role.dataActions,
    notDataActions: [],
  };
  return {
    id: `/subscriptions/${context.subscriptionId}/providers/Microsoft.Authorization/roleDefinitions/${role.id}`,
    name: role.id,
    type: 'Microsoft.Authorization/roleDefinitions',
    properties: {
      roleName: role.name,
      type: 'BuiltInRole',
      description: '',
      assignableScopes: ['/'],
      permissions: [permission],
    },
  };
}

/** The definitions that an assignment refers to or that were asked for by name: this ARM does not list all of Azure's. */
export function roleDefinitions(context: CloudContext, filter: string | null): JsonObject[] {
  const wanted = /roleName eq '([^']+)'/i.exec(filter ?? '')?.[1]?.toLowerCase();
  const ids = new Set(
    context.permissions.assignments.map((assignment) => assignment.roleDefinitionId.split('/').at(-1) ?? ''),
  );
  const known = [...ids].map((id) => roleDefinition(context, id)).filter((role) => role !== undefined);
  return known.filter(
    (role) =>
      wanted === undefined || (role['properties'] as JsonObject)['roleName']?.toString().toLowerCase() === wanted,
  );
}

/** Whether something assigned at `assigned` also holds at `asked`. */
function reaches(assigned: string, asked: string): boolean {
  const above = assigned.toLowerCase().replace(/\/$/, '');
  const below = asked.toLowerCase().replace(/\/$/, '');
  return below === above || below.startsWith(`${above}/`);
}
