import { type Cloud, httpsAddress, type NeededAudiences, readCloud } from './cloud';
import { type LogWorkspace, readLogWorkspace } from './log-workspace';
import { type Problems, shown } from './problems';
import { readStorage, type StorageLocation } from './storage';

/** Environment variables, as given; empty ones count as absent. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface AlertTopic {
  readonly endpoint: string;
  /** Null: the app's own identity publishes. */
  readonly key: string | null;
}

/** Where alerts are posted. Its path and query may hold a secret, so no message names more of it than its host. */
export interface Webhook {
  readonly url: string;
  /** Signs what is posted; null: nothing does. */
  readonly secret: string | null;
}

/** What the environment says: where things are. */
export interface Settings {
  readonly cloud: Cloud;
  readonly storage: StorageLocation;
  /** Client id of a user-assigned identity; null for the system-assigned one. */
  readonly identityClientId: string | null;
  /** Whether the domain in a vault's challenge must be the vault's own, as in Azure. */
  readonly verifyChallengeResource: boolean;
  /** Alerts go to each channel that is configured; at least one is. */
  readonly alertTopic: AlertTopic | null;
  readonly webhook: Webhook | null;
  /** Null: a retirement rests on what refers to a version, and on nothing else. */
  readonly logWorkspace: LogWorkspace | null;
  /** The stop switch: why nothing may be changed; null if it is not thrown here. */
  readonly stop: string | null;
  /** Origin of the app's own API; null where the platform does not say it. */
  readonly apiOrigin: string | null;
  readonly hubApiVersion: string;
  readonly dpsApiVersion: string;
}

/** Versions of Microsoft.Devices/IotHubs that carry `encryption`: bicep-types-az, all 33 versions read (2026-08-20). */
const hubApiVersions = [
  '2020-07-10-preview',
  '2020-08-31-preview',
  '2021-02-01-preview',
  '2021-03-03-preview',
  '2021-07-01-preview',
  '2021-07-02-preview',
  '2022-04-30-preview',
  '2022-11-15-preview',
  '2023-06-30-preview',
  '2025-08-01-preview',
  '2026-03-01-preview',
  '2026-05-01-preview',
];
/** The only version of Microsoft.Devices/provisioningServices that carries `encryption` (same source). */
const dpsApiVersions = ['2020-09-01-preview'];

export const rotationFileSetting = 'KEYTURN_ROTATION_FILE';

const knownSettings = new Set([
  'KEYTURN_STORAGE_CONNECTION',
  'KEYTURN_TABLE_ENDPOINT',
  'KEYTURN_BLOB_ENDPOINT',
  'KEYTURN_CLOUD',
  'KEYTURN_ARM_ENDPOINT',
  'KEYTURN_ARM_AUDIENCE',
  'KEYTURN_IOTHUB_AUDIENCE',
  'KEYTURN_DPS_AUDIENCE',
  'KEYTURN_IDENTITY_CLIENT_ID',
  'KEYTURN_LOG_WORKSPACE_ID',
  'KEYTURN_LOG_ENDPOINT',
  'KEYTURN_LOG_AUDIENCE',
  'KEYTURN_VERIFY_CHALLENGE_RESOURCE',
  'KEYTURN_ALERT_TOPIC_ENDPOINT',
  'KEYTURN_ALERT_TOPIC_KEY',
  'KEYTURN_WEBHOOK_URL',
  'KEYTURN_WEBHOOK_SECRET',
  'KEYTURN_STOP',
  'KEYTURN_HUB_API_VERSION',
  'KEYTURN_DPS_API_VERSION',
  rotationFileSetting,
]);

export type ReadSetting = (name: string) => string | undefined;

export function settingsOf(environment: Environment): ReadSetting {
  return (name) => environment[name]?.trim() || undefined;
}

/** The platform tells the app its own host name (App Service, WEBSITE_HOSTNAME); a local host has no TLS. */
function readOrigin(hostName: string | undefined): string | null {
  if (hostName === undefined || !/^[a-z0-9.-]+(:\d{1,5})?$/i.test(hostName)) return null;
  return `${/^(localhost|127\.)/.test(hostName) ? 'http' : 'https'}://${hostName}`;
}

/** Reads every setting; what is wrong goes to `problems`, and the answer is usable only if there are none. */
export function readEnvironment(environment: Environment, needed: NeededAudiences, problems: Problems): Settings {
  const setting = settingsOf(environment);
  for (const name of Object.keys(environment)) {
    if (name.startsWith('KEYTURN_') && !knownSettings.has(name)) {
      problems.add(name, 'is not a setting of Keyturn', 'correct its spelling or remove it');
    }
  }
  return {
    cloud: readCloud(setting, needed, problems),
    storage: readStorage(setting, problems),
    identityClientId: readClientId(setting, problems),
    verifyChallengeResource: readSwitch('KEYTURN_VERIFY_CHALLENGE_RESOURCE', true, setting, problems),
    alertTopic: readAlertTopic(setting, problems),
    webhook: readWebhook(setting, problems),
    logWorkspace: readLogWorkspace(setting, problems),
    stop: setting('KEYTURN_STOP') ?? null,
    apiOrigin: readOrigin(setting('WEBSITE_HOSTNAME')),
    hubApiVersion: readVersion('KEYTURN_HUB_API_VERSION', '2023-06-30-preview', hubApiVersions, setting, problems),
    dpsApiVersion: readVersion('KEYTURN_DPS_API_VERSION', '2020-09-01-preview', dpsApiVersions, setting, problems),
  };
}

function readAlertTopic(setting: ReadSetting, problems: Problems): AlertTopic | null {
  const name = 'KEYTURN_ALERT_TOPIC_ENDPOINT';
  const value = setting(name);
  const key = setting('KEYTURN_ALERT_TOPIC_KEY') ?? null;
  if (value === undefined) {
    if (setting('KEYTURN_WEBHOOK_URL') === undefined) {
      const whatToDo =
        'set the endpoint of the Event Grid custom topic that alerts are published to, or KEYTURN_WEBHOOK_URL, or both';
      problems.add(name, 'is missing', whatToDo);
    }
    if (key !== null) problems.add('KEYTURN_ALERT_TOPIC_KEY', 'is set without a topic', `set ${name}, or remove it`);
    return null;
  }
  const endpoint = httpsAddress(value);
  if (endpoint !== null) return { endpoint, key };
  return problems.add(name, 'is not an https address', 'copy the endpoint of the Event Grid custom topic');
}

const local: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

function readWebhook(setting: ReadSetting, problems: Problems): Webhook | null {
  const name = 'KEYTURN_WEBHOOK_URL';
  const value = setting(name);
  const secret = setting('KEYTURN_WEBHOOK_SECRET') ?? null;
  if (value === undefined) {
    if (secret !== null)
      problems.add('KEYTURN_WEBHOOK_SECRET', 'is set without a webhook', `set ${name}, or remove it`);
    return null;
  }
  const url = URL.canParse(value) ? new URL(value) : null;
  const safe = url?.protocol === 'https:' || (url?.protocol === 'http:' && local.has(url.hostname));
  if (url === null || !safe || url.username !== '' || url.password !== '') {
    const whatToDo = 'give it as https://host/path, without a user name (plain http only to this machine)';
    return problems.add(name, 'is not an address that alerts may be posted to', whatToDo);
  }
  if (secret !== null && secret.length < 16) {
    problems.add('KEYTURN_WEBHOOK_SECRET', 'is too short to sign with', 'use at least 16 random characters');
  }
  return { url: url.href, secret };
}

function readClientId(setting: ReadSetting, problems: Problems): string | null {
  const name = 'KEYTURN_IDENTITY_CLIENT_ID';
  const value = setting(name);
  if (value === undefined) return null;
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value)) return value;
  return problems.add(
    name,
    'is not a client id',
    "copy the user-assigned identity's client id (a GUID), or leave it out",
  );
}

function readSwitch(name: string, preset: boolean, setting: ReadSetting, problems: Problems): boolean {
  const value = setting(name)?.toLowerCase();
  if (value !== undefined && value !== 'true' && value !== 'false') {
    problems.add(name, 'is neither true nor false', `set it to true or false; without it, it is ${preset}`);
  }
  return value === undefined ? preset : value === 'true';
}

function readVersion(
  name: string,
  preset: string,
  allowed: readonly string[],
  setting: ReadSetting,
  problems: Problems,
): string {
  const value = setting(name) ?? preset;
  if (!allowed.includes(value)) {
    const whatToDo = `only these carry the encryption block, which any other would drop: ${allowed.join(', ')}`;
    problems.add(name, `${shown(value)} is not a version to write with`, whatToDo);
  }
  return value;
}
