import type { RpcData } from '../rpc';

/**
 * What an activity's trigger carries. The extension turns the input into a string, so that booleans arrive as "True" and
 * "False" and null as undefined: an app should pass objects only, and this host does not hide it.
 * @param input JSON, or null
 */
export function activityTrigger(input: string | null): RpcData | undefined {
  const value: unknown = input === null ? null : JSON.parse(input);
  if (value === null) return undefined;
  if (typeof value === 'boolean') return { string: value ? 'True' : 'False' };
  return { string: typeof value === 'string' ? value : JSON.stringify(value) };
}

/** A function's return value as JSON, as history keeps it. */
export function resultJson(returned: RpcData | null | undefined): string {
  if (returned === null || returned === undefined) return 'null';
  if (returned.string !== undefined) return JSON.stringify(returned.string);
  if (returned.bytes !== undefined) return JSON.stringify(Buffer.from(returned.bytes).toString('base64'));
  return returned.json ?? String(returned.int ?? returned.double ?? 'null');
}

/** The words of the extension for a failed activity: of `details` nothing but its being JSON should be relied upon. */
export function activityFailure(name: string, error: unknown): { readonly reason: string; readonly details: string } {
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const details = {
    $type: 'System.Exception, System.Private.CoreLib',
    ClassName: 'System.Exception',
    Message: ` ${message}`,
    Data: null,
    InnerException: {
      $type: 'Microsoft.Azure.WebJobs.Script.Workers.Rpc.RpcException, host',
      RemoteStackTrace: stack,
      RemoteMessage: message,
      RemoteTypeName: null,
      IsUserException: false,
      Message: `Result: Failure\nException: ${message}\nStack: ${stack}`,
    },
    HResult: -2146233088,
    Source: null,
  };
  return { reason: `Activity function '${name}' failed: ${message}`, details: JSON.stringify(details) };
}
