import type { StandInResponse } from '../kit';

/** Error of ARM itself: `{error: {code, message}}`. */
export function armError(
  status: number,
  code: string,
  message: string,
  headers?: Record<string, string>,
): StandInResponse {
  return { status, body: { error: { code, message } }, ...(headers && { headers }) };
}

/**
 * Error of the resource provider: a flat body with a numeric code (hub: crossplane provider-upjet-azure #299, 2023-02-03;
 * microsoft/vscode #68251, 2019). `httpStatusCode` is the name, not the number.
 */
export function providerError(status: number, code: number, message: string): StandInResponse {
  return { status, body: { code, httpStatusCode: names[status] ?? String(status), message } };
}

const names: Record<number, string> = {
  400: 'BadRequest',
  403: 'Forbidden',
  409: 'Conflict',
  412: 'PreconditionFailed',
  500: 'InternalServerError',
  503: 'ServiceUnavailable',
};

export function notFound(type: string, name: string, group: string): StandInResponse {
  const hint = 'For more details please go to https://aka.ms/ARMResourceNotFoundFix';
  return armError(
    404,
    'ResourceNotFound',
    `The Resource '${type}/${name}' under resource group '${group}' was not found. ${hint}`,
  );
}

export function notAuthorized(principalId: string, action: string, scope: string): StandInResponse {
  const again = 'If access was recently granted, please refresh your credentials.';
  const message = `The client with object id '${principalId}' does not have authorization to perform action '${action}' over scope '${scope}' or the scope is invalid. ${again}`;
  return armError(403, 'AuthorizationFailed', message);
}
