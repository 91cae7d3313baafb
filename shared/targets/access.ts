import { RefusalError } from '../rotation/errors';
import type { Once, RawResource, ResourceManager, TargetFacts } from '../rotation/ports';
import { isRecord } from './encryption';

export type Access = Pick<
  TargetFacts,
  'principalIds' | 'mayUseKey' | 'mayUseKeyMessage' | 'networkAllows' | 'networkMessage'
>;

/** Built-in roles that may wrap and unwrap (Azure's Key Vault RBAC guide, 2026-06-16). */
const rolesThatUseKeys: ReadonlySet<string> = new Set([
  'e147488a-f6f5-4113-8e2d-b22465e65bf6', // Key Vault Crypto Service Encryption User
  '12338af0-0e69-4776-bea7-57ae8d297424', // Key Vault Crypto User
  '14b46e9e-c2b7-41b4-b07b-48a6ebf60603', // Key Vault Crypto Officer
  '00482a5a-887f-4fb3-b363-3b7fe8e74483', // Key Vault Administrator
]);

/** The same for vaults and managed HSMs (Microsoft.KeyVault resource provider, 2023-07-01). */
const vaultApiVersion = '2023-07-01';
const roleApiVersion = '2022-04-01';

/**
 * What reading can tell of whether a service's identity may use the key and reach the vault. Groups, deny assignments and
 * firewalls cannot be settled by reading: those are *unknown*, never a yes (I12).
 * @param keyName of the key that is to be used; a role that is given on it alone is as good as one on the vault
 */
export async function readAccess(
  resourceManager: ResourceManager,
  vaultResourceId: string | null,
  identities: readonly string[],
  resource: RawResource | null,
  once: Once,
  keyName: string | null = null,
): Promise<Access> {
  const principalIds = principalsOf(resource, identities);
  if (vaultResourceId === null) {
    const message = 'The vault has no resource id in the configuration (vaultResourceId), so this cannot be read.';
    return {
      principalIds,
      mayUseKey: 'unknown',
      mayUseKeyMessage: message,
      networkAllows: 'unknown',
      networkMessage: message,
    };
  }
  const vault = await readOrNull(() =>
    once(vaultResourceId, () => resourceManager.get(vaultResourceId, vaultApiVersion)),
  );
  return {
    principalIds,
    ...(await roleOf(resourceManager, { vaultResourceId, keyName }, principalIds, vault, once)),
    ...networkOf(vault),
  };
}

async function roleOf(
  resourceManager: ResourceManager,
  { vaultResourceId, keyName }: KeyPlace,
  principalIds: readonly string[],
  vault: RawResource | null,
  once: Once,
): Promise<Pick<Access, 'mayUseKey' | 'mayUseKeyMessage'>> {
  const unknown = (mayUseKeyMessage: string) => ({ mayUseKey: 'unknown', mayUseKeyMessage }) as const;
  if (/\/managedHSMs\//i.test(vaultResourceId)) {
    return unknown('A managed HSM has role assignments of its own, which ARM does not show.');
  }
  if (principalIds.length === 0) return unknown('Which identity uses the key could not be read.');
  if (propertiesOf(vault)['enableRbacAuthorization'] === false) {
    return unknown('The vault uses access policies; whether one lets the identity wrap and unwrap is not read.');
  }
  for (const principalId of principalIds) {
    const filter = encodeURIComponent(`assignedTo('${principalId}')`);
    const path = `${vaultResourceId}/providers/Microsoft.Authorization/roleAssignments?api-version=${roleApiVersion}&$filter=${filter}`;
    const assignments = await readOrNull(() => once(path, () => resourceManager.list(path)));
    if (assignments === null) return unknown('Role assignments on the vault may not be read.');
    const suits = assignments.some((assignment) => givesUse(propertiesOf(assignment), { vaultResourceId, keyName }));
    if (!suits)
      return unknown(
        `No built-in role that may use keys was found for ${principalId}; a group or a custom role may give one.`,
      );
  }
  return { mayUseKey: 'yes', mayUseKeyMessage: 'A role on the vault or the key lets the identity wrap and unwrap.' };
}

interface KeyPlace {
  readonly vaultResourceId: string;
  readonly keyName: string | null;
}

/** The list also shows what is given on other keys and secrets of the vault, or under a condition: neither is a yes for this key. */
function givesUse({ roleDefinitionId, scope, condition }: RawResource, place: KeyPlace): boolean {
  if (typeof roleDefinitionId !== 'string' || typeof scope !== 'string' || typeof condition === 'string') return false;
  const thing = place.keyName === null ? place.vaultResourceId : `${place.vaultResourceId}/keys/${place.keyName}`;
  const holds = `${thing}/`.toLowerCase().startsWith(`${scope.replace(/\/+$/, '')}/`.toLowerCase());
  return holds && rolesThatUseKeys.has(roleDefinitionId.split('/').at(-1)?.toLowerCase() ?? '');
}

function networkOf(vault: RawResource | null): Pick<Access, 'networkAllows' | 'networkMessage'> {
  if (vault === null) return { networkAllows: 'unknown', networkMessage: "The vault's network rules may not be read." };
  const properties = propertiesOf(vault);
  const acls = isRecord(properties['networkAcls']) ? properties['networkAcls'] : {};
  const open = properties['publicNetworkAccess'] !== 'Disabled' && acls['defaultAction'] !== 'Deny';
  // IoT Hub and DPS are not on Key Vault's list of trusted services, so a firewall may cut them off.
  return open
    ? { networkAllows: 'yes', networkMessage: 'The vault takes calls from all networks.' }
    : {
        networkAllows: 'unknown',
        networkMessage:
          'The vault has a firewall, and the service is not a trusted one: whether it gets in cannot be read.',
      };
}

function principalsOf(resource: RawResource | null, identities: readonly string[]): readonly string[] {
  const identity = isRecord(resource?.['identity']) ? resource['identity'] : {};
  const assigned = isRecord(identity['userAssignedIdentities']) ? identity['userAssignedIdentities'] : {};
  if (identities.length === 0) return typeof identity['principalId'] === 'string' ? [identity['principalId']] : [];
  return identities.flatMap((id) => {
    const entry = Object.entries(assigned).find(([name]) => name.toLowerCase() === id.toLowerCase())?.[1];
    return isRecord(entry) && typeof entry['principalId'] === 'string' ? [entry['principalId']] : [];
  });
}

const propertiesOf = (resource: RawResource | null): RawResource =>
  isRecord(resource?.['properties']) ? resource['properties'] : {};

/** A preflight that may not read something says unknown; only what may heal is waited for. */
async function readOrNull<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof RefusalError) return null;
    throw error;
  }
}
