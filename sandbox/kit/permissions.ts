import { type Role, roleById } from './roles';

export interface RoleAssignment {
  /** Resource id of the assignment. */
  id: string;
  principalId: string;
  /** Resource id of the role definition; its last segment, the GUID, is what counts. */
  roleDefinitionId: string;
  /** Resource id, resource group or subscription; it reaches everything below it. */
  scope: string;
}

/** Role assignments of this local cloud, one list for the control plane (which serves it) and the data planes (which ask it). */
export class Permissions {
  assignments: RoleAssignment[] = [];
  readonly #custom = new Map<string, Role>();

  /** Adds a custom role; an existing one of the same id is replaced. */
  defineRole(role: Role): void {
    this.#custom.set(role.id.toLowerCase(), role);
  }

  /** The role of a definition's resource id or GUID; undefined if nobody defined it. */
  role(roleDefinitionId: string): Role | undefined {
    const id = roleDefinitionId.split('/').at(-1)?.toLowerCase() ?? '';
    return this.#custom.get(id) ?? roleById(id);
  }

  /**
   * Whether a role assignment at or above `scope` grants `action`. Additive, like Azure's: no deny assignments here.
   *
   * @param action e.g. `Microsoft.KeyVault/vaults/keys/wrap/action` (a data action) or `Microsoft.Devices/IotHubs/write`.
   */
  allows(principalId: string, scope: string, action: string): boolean {
    return this.assignments.some((assignment) => {
      if (assignment.principalId !== principalId || !reaches(assignment.scope, scope)) return false;
      const role = this.role(assignment.roleDefinitionId);
      if (role === undefined) return false;
      const granted = isDataAction(action) ? role.dataActions : role.actions;
      const refused = isDataAction(action) ? [] : (role.notActions ?? []);
      return (
        granted.some((pattern) => matches(pattern, action)) && !refused.some((pattern) => matches(pattern, action))
      );
    });
  }
}

function reaches(assigned: string, asked: string): boolean {
  const above = assigned.toLowerCase().replace(/\/$/, '');
  const below = asked.toLowerCase();
  return below === above || below.startsWith(`${above}/`);
}

/** Every request asks, with the same few patterns and actions. */
const compiled = new Map<string, RegExp>();
const dataActions = new Map<string, boolean>();

function matches(pattern: string, action: string): boolean {
  const known = compiled.get(pattern);
  if (known !== undefined) return known.test(action);
  const escaped = pattern.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/\\\*/g, '.*');
  compiled.set(pattern, new RegExp(`^${escaped}$`, 'i'));
  return matches(pattern, action);
}

/** A role's `actions` never grant data actions, not even an Owner's `*`; so the two must be told apart by name. */
const DATA_ACTIONS = [
  /^Microsoft\.KeyVault\/vaults\/(keys|keyrotationpolicies)\//i,
  /^Microsoft\.Devices\/IotHubs\/(devices|twins|statistics|jobs|configurations|cloudToDeviceMessages|fileUpload)\//i,
  /^Microsoft\.Devices\/provisioningServices\/(enrollments|enrollmentGroups|registrationStates|attestationmechanism)\//i,
  /^Microsoft\.EventGrid\/events\//i,
];

function isDataAction(action: string): boolean {
  const known = dataActions.get(action);
  if (known !== undefined) return known;
  const found = DATA_ACTIONS.some((pattern) => pattern.test(action));
  dataActions.set(action, found);
  return found;
}
