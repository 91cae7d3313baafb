import { iotHub } from './iot-hub';
import { provisioningService } from './provisioning-service';
import type { ResourceKind } from './resource-kind';

/** What an ARM address asks for. Names are taken as written; resource types, like all of ARM's paths, are compared without case. */
export type Route =
  | { what: 'device'; kind: ResourceKind; group: string; name: string; rest: string[] }
  | { what: 'deviceList'; kind: ResourceKind; group: string | undefined }
  | { what: 'vault'; group: string; name: string }
  | { what: 'identity'; group: string; name: string }
  | { what: 'roleAssignments'; scope: string; name: string | undefined }
  | { what: 'roleDefinitions'; scope: string; name: string | undefined }
  | { what: 'resourceGraph' };

const authorization =
  /^(\/.*)?\/providers\/Microsoft\.Authorization\/(roleAssignments|roleDefinitions)(?:\/([^/]+))?$/i;
const provider =
  /^\/subscriptions\/([^/]+)(?:\/resourceGroups\/([^/]+))?\/providers\/(Microsoft\.[^/]+\/[^/]+)(?:\/(.+))?$/i;
const kinds = [iotHub, provisioningService];

/** Undefined for an address this ARM does not know. A doubled slash at the start, as some clients send it, is one. */
export function routeOf(path: string): Route | undefined {
  const plain = decodeURIComponent(path).replace(/^\/+/, '/').replace(/\/$/, '');
  const [, scope = '', list, assignment] = authorization.exec(plain) ?? [];
  if (list !== undefined) {
    return {
      what: list.toLowerCase() === 'roleassignments' ? 'roleAssignments' : 'roleDefinitions',
      scope,
      name: assignment,
    };
  }
  if (/^\/providers\/Microsoft\.ResourceGraph\/resources$/i.test(plain)) return { what: 'resourceGraph' };
  const [, , group, type = '', rest] = provider.exec(plain) ?? [];
  const kind = kinds.find((known) => known.type.toLowerCase() === type.toLowerCase());
  if (kind && rest === undefined) return { what: 'deviceList', kind, group };
  const [name, ...more] = rest?.split('/') ?? [];
  if (group === undefined || name === undefined) return undefined;
  if (kind) return { what: 'device', kind, group, name, rest: more };
  if (more.length > 0) return undefined;
  if (type.toLowerCase() === 'microsoft.keyvault/vaults') return { what: 'vault', group, name };
  if (type.toLowerCase() === 'microsoft.managedidentity/userassignedidentities')
    return { what: 'identity', group, name };
  return undefined;
}

/** Name of the operation for faults and for the request log. */
export function operationOf(method: string, path: string): string | undefined {
  const route = routeOf(path);
  if (route === undefined) return undefined;
  switch (route.what) {
    case 'device':
      return deviceOperation(route.kind, method, route.rest[0]?.toLowerCase());
    case 'deviceList':
      return route.kind.operations.list;
    case 'vault':
      return 'getVault';
    case 'identity':
      return 'getIdentity';
    default:
      return route.what;
  }
}

function deviceOperation(kind: ResourceKind, method: string, part: string | undefined): string | undefined {
  if (part === 'operationresults') return kind.operations.operation;
  if (part !== undefined) return kind.operations.listKeys;
  if (method === 'GET') return kind.operations.get;
  if (method === 'PUT') return kind.operations.put;
  return method === 'PATCH' ? kind.operations.patch : undefined;
}
