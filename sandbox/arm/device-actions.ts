import type { StandInResponse } from '../kit';
import type { DeviceResource } from './device-resource';
import { armError } from './refusals';

/** Control-plane action that a request to a hub or DPS needs; undefined for a method ARM would not take there. */
export function actionOf(type: string, method: string, part: string | undefined): string | undefined {
  if (part === 'operationresults') return method === 'GET' ? `${type}/read` : undefined;
  if (part === 'listkeys' || part === 'iothubkeys' || part === 'keys') {
    return method === 'POST' ? `${type}/listkeys/action` : undefined;
  }
  if (part !== undefined) return undefined;
  if (method === 'GET') return `${type}/read`;
  return method === 'PUT' || method === 'PATCH' ? `${type}/write` : undefined;
}

/** `POST …/IotHubKeys/{name}/listkeys` and `POST …/keys/{name}/listkeys`: one policy by name. */
export function policyAnswer(device: DeviceResource, keyName: string | undefined): StandInResponse {
  const policy = device.policies.find((known) => known.keyName.toLowerCase() === keyName?.toLowerCase());
  if (policy === undefined) {
    return armError(404, 'ResourceNotFound', `There is no shared access policy '${keyName}'.`);
  }
  return { status: 200, body: policy };
}
