import { httpsAddress } from './cloud';
import type { ReadSetting } from './environment';
import type { Problems } from './problems';

/** The Log Analytics workspace that the vaults' logs (category AuditEvent) go to. */
export interface LogWorkspace {
  /** Its "Workspace ID", a GUID. */
  readonly workspaceId: string;
  readonly endpoint: string;
  /** What tokens for it are asked for, without `/.default`. */
  readonly audience: string;
}

/** Where logs are asked in each cloud: KnownMonitorLogsQueryAudience of @azure/monitor-query 1.3.3. */
const endpoints: Readonly<Record<string, string>> = {
  AzureCloud: 'https://api.loganalytics.io',
  AzureUSGovernment: 'https://api.loganalytics.us',
  AzureChinaCloud: 'https://api.loganalytics.azure.cn',
};

/** Null where no workspace is set: then a retirement rests on what refers to a version, and on nothing else. */
export function readLogWorkspace(setting: ReadSetting, problems: Problems): LogWorkspace | null {
  const name = 'KEYTURN_LOG_WORKSPACE_ID';
  const workspaceId = setting(name);
  const places = ['KEYTURN_LOG_ENDPOINT', 'KEYTURN_LOG_AUDIENCE'] as const;
  if (workspaceId === undefined) {
    for (const place of places.filter((each) => setting(each) !== undefined)) {
      problems.add(place, 'is set without a workspace', `set ${name}, or remove it`);
    }
    return null;
  }
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(workspaceId)) {
    problems.add(name, 'is not the id of a workspace', 'copy its "Workspace ID" (a GUID), not its name or resource id');
  }
  const [endpoint, audience] = places.map((place) => {
    const value = setting(place);
    if (value === undefined) return null;
    return httpsAddress(value) ?? problems.add(place, 'is not an https address', 'give it as https://host');
  });
  const asked = endpoint ?? endpoints[setting('KEYTURN_CLOUD') ?? 'AzureCloud'];
  if (asked === undefined && setting('KEYTURN_LOG_ENDPOINT') === undefined) {
    problems.add(
      'KEYTURN_LOG_ENDPOINT',
      'is missing',
      'a custom cloud needs the https address that answers log queries',
    );
  }
  return { workspaceId, endpoint: asked ?? '', audience: audience ?? asked ?? '' };
}
