import type { AccessRules } from '../access/caller';
import { type Environment, settingsOf } from './environment';
import type { Problems } from './problems';
import { place, type RotationFile } from './rotation-file';

/**
 * The roles of rotation.json. They count only where the platform says that its authentication is on (App Service: the setting
 * `WEBSITE_AUTH_ENABLED`); elsewhere the authentication header is whatever the caller wrote.
 */
export function readAccess(
  path: string,
  file: RotationFile | null,
  environment: Environment,
  problems: Problems,
): AccessRules | null {
  const access = file?.access;
  if (access === undefined) return null;
  if (settingsOf(environment)('WEBSITE_AUTH_ENABLED')?.toLowerCase() !== 'true') {
    const whatToDo = 'turn on App Service authentication, or remove "access": then the function key decides alone';
    problems.add(
      place(path, ['access']),
      'names roles, but the platform does not say that authentication is on',
      whatToDo,
    );
  }
  return { reader: access.reader ?? [], operator: access.operator, approver: access.approver };
}
