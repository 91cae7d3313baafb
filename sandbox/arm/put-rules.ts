import type { KeyReference } from '../data-plane';
import type { StandInResponse } from '../kit';
import { isObject, objectAt, textAt } from './json';
import { armError, providerError } from './refusals';
import type { Description, ResourceKind } from './resource-kind';

/** The resource a write is judged against. */
export interface Subject {
  kind: ResourceKind;
  name: string;
  location: string;
  state: string;
  etag: string;
  ifMatch: 'required' | 'optional';
}

/** Why a PUT is refused before it touches anything: its body first, then the state, then the ETag. */
export function refusePut(subject: Subject, body: unknown, ifMatch: string | undefined): StandInResponse | undefined {
  return refuseBody(subject, body) ?? refuseBusy(subject) ?? refuseEtag(subject, ifMatch);
}

/** One change at a time: 409 until the last one is over (microsoft/vscode #68251, 2019). */
export function refuseBusy({ kind, name, state }: Subject): StandInResponse | undefined {
  if (state === 'Active') return undefined;
  const message = `The ${kind.noun} '${name}' is not currently in Active state. Try the request again after it is in Active state. errorcode: ${kind.errorPrefix}409002.`;
  return providerError(409, 409002, message);
}

/** What is wrong with the key a replacement names. @param from the key before, @param to the key it names */
export function refuseEncryption(
  kind: ResourceKind,
  from: KeyReference | null,
  to: KeyReference | null,
  next: Description,
): StandInResponse | undefined {
  if (to === null) return undefined;
  if (from === null) return bad(kind, `Customer-managed keys must be configured during creation of the ${kind.noun}.`);
  if (!/^https:\/\/[^/]+\/keys\/[^/]+(\/[^/]+)?\/?$/.test(to.keyIdentifier)) {
    return bad(kind, 'The keyIdentifier is not a Key Vault key identifier.');
  }
  const named = kind.readEncryption(next.properties['encryption'])?.identity?.toLowerCase();
  const attached = Object.keys(objectAt(next.identity, 'userAssignedIdentities')).map((id) => id.toLowerCase());
  if (to.principalId !== '' && named !== undefined && attached.includes(named)) return undefined;
  return bad(kind, 'The user assigned identity of the encryption block is not assigned to the resource.');
}

function refuseBody({ kind, name, location }: Subject, body: unknown): StandInResponse | undefined {
  if (!isObject(body)) {
    return armError(400, 'InvalidRequestContent', 'The request content was invalid and could not be deserialized.');
  }
  const sent = textAt(body, 'location');
  if (sent === undefined) {
    return armError(400, 'LocationRequired', 'The location property is required for this definition.');
  }
  if (plainLocation(sent) !== plainLocation(location)) {
    const message = `The resource '${name}' already exists in location '${location}'. A resource with the same name cannot be created in location '${sent}'.`;
    return armError(409, 'InvalidResourceLocation', message);
  }
  if (textAt(objectAt(body, 'sku'), 'name') === undefined) return bad(kind, 'The sku is missing.');
  const fault = kind.fault(body);
  return fault === undefined ? undefined : bad(kind, fault);
}

function refuseEtag({ kind, etag, ifMatch: rule }: Subject, ifMatch: string | undefined): StandInResponse | undefined {
  if (!kind.hasIfMatch || ifMatch === '*') return undefined;
  if (ifMatch === undefined && rule === 'optional') return undefined;
  if (ifMatch?.replace(/^"|"$/g, '') === etag) return undefined;
  const message = `Invalid ETag supplied. Either bad ETag was supplied or ${kind.noun} description was changed. errorcode: ${kind.errorPrefix}412001.`;
  return providerError(412, 412001, message);
}

function bad(kind: ResourceKind, message: string): StandInResponse {
  return providerError(400, 400001, `${message} errorcode: ${kind.errorPrefix}400001.`);
}

/** `East US` and `eastus` are the same place. */
function plainLocation(location: string): string {
  return location.replaceAll(' ', '').toLowerCase();
}
