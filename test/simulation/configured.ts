import { type Configuration, loadConfiguration } from '../../shared/config';
import { dpsId, hubId, kek, otherKey, type TargetName } from './cloud';

export type { TargetName } from './cloud';

/** What rotation.json says, by the real reader of it. Times are short, so that few sweeps and probes fill them. */
export interface Settings {
  readonly targets?: readonly TargetName[];
  /** Members of the key's entry, over those below. */
  readonly key?: Readonly<Record<string, unknown>>;
  /** Another KEK that this one may be replaced by. */
  readonly replaceable?: boolean;
  /** Roles count, and who asks is known by name. */
  readonly signIn?: boolean;
  /** A key signs histories. */
  readonly seals?: boolean;
  /** ISO 8601; for how long the task hub keeps what has ended. */
  readonly instanceHistory?: string;
}

const targets = {
  iotHub: { kind: 'iotHub', name: 'hub-1', resourceId: hubId, probe: { twin: 'sentinel' } },
  dps: { kind: 'dps', name: 'dps-1', resourceId: dpsId, probe: { enrollment: 'sentinel' } },
  dataKeys: { kind: 'dataKeys', name: 'keys-1', table: 'DataKeys' },
} as const;

const patience = {
  soak: 'PT10M',
  probeEvery: 'PT5M',
  redProbes: { red: 2, of: 3 },
  faultDeadline: 'PT2H',
  operationDeadline: 'PT1H',
  alertAfter: 'PT5M',
  grace: 'PT1H',
  watch: 'PT15M',
  quiet: 'PT15M',
  approvalDeadline: 'P1D',
  backOff: 'PT1H',
};

export const roles = { reader: 'Keyturn.Reader', operator: 'Keyturn.Operator', approver: 'Keyturn.Approver' } as const;

export function configurationOf(settings: Settings): Configuration {
  const { targets: named = ['iotHub', 'dps', 'dataKeys'], replaceable = false, signIn = false } = settings;
  const file = {
    ...(signIn ? { access: { reader: [roles.reader], operator: [roles.operator], approver: [roles.approver] } } : {}),
    ...(settings.instanceHistory === undefined ? {} : { instanceHistory: settings.instanceHistory }),
    keys: [
      {
        key: kek,
        ...patience,
        ...(replaceable ? { replacements: [{ key: otherKey }] } : {}),
        ...settings.key,
        targets: named.map((name) => targets[name]),
      },
    ],
  };
  const environment = {
    AzureWebJobsStorage: 'UseDevelopmentStorage=true',
    KEYTURN_ALERT_TOPIC_ENDPOINT: 'https://topic.westus2-1.eventgrid.azure.net/api/events',
    WEBSITE_HOSTNAME: 'keyturn.test',
    ...(signIn ? { WEBSITE_AUTH_ENABLED: 'true' } : {}),
  };
  return loadConfiguration(environment, () => JSON.stringify(file));
}
