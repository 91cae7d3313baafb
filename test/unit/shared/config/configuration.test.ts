import { readFileSync } from 'node:fs';
import {
  type Configuration,
  ConfigurationError,
  configuredKey,
  type Environment,
  loadConfiguration,
  policyOf,
  vaultIsConfigured,
} from '../../../../shared/config';

const secret = 'c2VjcmV0LWFjY291bnQta2V5';
const environment: Environment = {
  AzureWebJobsStorage: `DefaultEndpointsProtocol=https;AccountName=a;AccountKey=${secret};EndpointSuffix=core.windows.net`,
  KEYTURN_ALERT_TOPIC_ENDPOINT: 'https://alerts.westeurope-1.eventgrid.azure.net/api/events',
};

const group = '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/iot';
const hub = {
  kind: 'iotHub',
  name: 'factory',
  resourceId: `${group}/providers/Microsoft.Devices/IotHubs/factory`,
  probe: { twin: 'sentinel' },
};
const dps = {
  kind: 'dps',
  name: 'enrolment',
  resourceId: `${group}/providers/Microsoft.Devices/provisioningServices/enrolment`,
  probe: { enrollment: 'sentinel' },
};
const dataKeys = { kind: 'dataKeys', name: 'telemetry', table: 'TelemetryKeys' };
const kek = { key: 'https://fabrikam.vault.azure.net/keys/kek', targets: [hub, dps, dataKeys] };
const file = { keys: [kek] };

const load = (content: unknown = file, more: Environment = {}): Configuration =>
  loadConfiguration({ ...environment, ...more }, () =>
    typeof content === 'string' ? content : JSON.stringify(content),
  );

/** The settings at fault, and what the error says. */
function refused(content: unknown, more: Environment = {}): { settings: string[]; message: string } {
  try {
    load(content, more);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return { settings: error.problems.map(({ setting }) => setting), message: error.message };
  }
  throw new Error('The configuration was expected to be refused.');
}

const withKey = (more: object) => ({ keys: [{ ...kek, ...more }] });
const withTarget = (more: object) => ({ keys: [{ ...kek, targets: [{ ...hub, ...more }] }] });

describe('a configuration that is complete', () => {
  test('gets the cautious defaults for what it leaves out', () => {
    const { keys, cloud, hubApiVersion, dpsApiVersion, verifyChallengeResource, identityClientId } = load();
    expect({ hubApiVersion, dpsApiVersion, verifyChallengeResource, identityClientId }).toEqual({
      hubApiVersion: '2023-06-30-preview',
      dpsApiVersion: '2020-09-01-preview',
      verifyChallengeResource: true,
      identityClientId: null,
    });
    expect(cloud).toMatchObject({
      armEndpoint: 'https://management.azure.com',
      iotHubAudience: 'https://iothubs.azure.net',
      dpsAudience: 'https://azure-devices-provisioning.net',
    });
    expect(keys[0]).toMatchObject({ vaultUrl: 'https://fabrikam.vault.azure.net', keyName: 'kek', acceptUnknown: [] });
    expect(keys[0]?.policy).toEqual({
      soakSeconds: 86_400,
      probeEverySeconds: 1800,
      redProbes: { red: 3, of: 5 },
      faultDeadlineSeconds: 86_400,
      operationDeadlineSeconds: 7200,
      alertAfterSeconds: 900,
    });
  });

  test('lets a key override the defaults of the file, and those the built-in ones', () => {
    const defaults = { soak: 'P2D', alertAfter: 'PT1H', acceptUnknown: ['role-unknown'] };
    const { keys } = load({ defaults, keys: [{ ...kek, soak: 'PT36H', probeEvery: 'PT1H30M' }] });
    expect(keys[0]?.policy).toMatchObject({ soakSeconds: 129_600, probeEverySeconds: 5400, alertAfterSeconds: 3600 });
    expect(keys[0]?.acceptUnknown).toEqual(['role-unknown']);
  });

  test('keeps the order of the targets, for the first is the canary', () => {
    expect(load().keys[0]?.targets.map(({ kind }) => kind)).toEqual(['iotHub', 'dps', 'dataKeys']);
  });

  test('finds a key and its policy however the identifier is written, and no other', () => {
    const configuration = load();
    expect(configuredKey(configuration, 'https://FABRIKAM.vault.azure.net/keys/KEK/')?.keyName).toBe('kek');
    expect(policyOf(configuration, kek.key)?.soakSeconds).toBe(86_400);
    expect(configuredKey(configuration, 'https://fabrikam.vault.azure.net/keys/other')).toBeNull();
    expect(policyOf(configuration, 'nonsense')).toBeNull();
  });

  test('knows its vaults, and no address that only looks like one', () => {
    const configuration = load();
    expect(vaultIsConfigured(configuration, 'https://fabrikam.vault.azure.net/keys/any/1')).toBe(true);
    expect(vaultIsConfigured(configuration, 'https://FABRIKAM.vault.azure.net')).toBe(true);
    for (const url of [
      'https://fabrikam.vault.azure.net.evil.example/keys/kek',
      'https://fabrikam.vault.azure.net:444/keys/kek',
      'http://fabrikam.vault.azure.net/keys/kek',
      'https://fabrikam.vault.azure.net@evil.example/keys/kek',
      'nonsense',
    ]) {
      expect(vaultIsConfigured(configuration, url)).toBe(false);
    }
  });

  test('may be a custom cloud, with any vault host and port', () => {
    const more = {
      KEYTURN_CLOUD: 'Custom',
      KEYTURN_ARM_ENDPOINT: 'https://localhost:9443/',
      KEYTURN_IOTHUB_AUDIENCE: 'https://iothubs.azure.net',
      KEYTURN_DPS_AUDIENCE: 'https://azure-devices-provisioning.net',
      KEYTURN_VERIFY_CHALLENGE_RESOURCE: 'False',
    };
    const configuration = load(withKey({ key: 'https://localhost:8443/keys/kek' }), more);
    expect(configuration.cloud).toMatchObject({
      armEndpoint: 'https://localhost:9443',
      armAudience: 'https://localhost:9443',
    });
    expect(configuration.verifyChallengeResource).toBe(false);
    expect(vaultIsConfigured(configuration, 'https://localhost:8443/keys/kek/1')).toBe(true);
  });

  test('may name storage by its endpoints, and then the identity signs in', () => {
    const endpoints = {
      KEYTURN_TABLE_ENDPOINT: 'https://a.table.core.windows.net/',
      KEYTURN_BLOB_ENDPOINT: 'https://a.blob.core.windows.net',
    };
    expect(load(file, endpoints).storage).toEqual({
      by: 'identity',
      tableEndpoint: 'https://a.table.core.windows.net',
      blobEndpoint: 'https://a.blob.core.windows.net',
    });
  });

  test('is what the samples show', () => {
    const settings = JSON.parse(readFileSync('local.settings.sample.json', 'utf8')).Values as Environment;
    const endpoint = settings['KEYTURN_ALERT_TOPIC_ENDPOINT']?.replace(/[<>]/g, '');
    const configuration = loadConfiguration({ ...settings, KEYTURN_ALERT_TOPIC_ENDPOINT: endpoint }, () =>
      readFileSync('rotation.sample.json', 'utf8'),
    );
    expect(configuration.keys).toHaveLength(1);
  });
});

describe('a configuration with problems', () => {
  test('names every one of them at once, in the environment and in the file', () => {
    const { settings, message } = refused(
      {
        keys: [
          {
            key: 'https://fabrikam.vault.azure.net/keys/kek/0123456789abcdef0123456789abcdef',
            mode: 'observe',
            soak: '1 day',
            targets: [
              { ...hub, resourceId: 'factory' },
              { kind: 'dataKeys', name: 'a', table: 'KeyturnLedger', colour: 'red' },
            ],
          },
        ],
        defaults: { redProbes: { red: 0, of: 5 } },
        extra: true,
      },
      {
        AzureWebJobsStorage: '',
        KEYTURN_ALERT_TOPIC_ENDPOINT: 'http://alerts',
        KEYTURN_HUB_API_VERSION: '2023-06-30',
        KEYTURN_IDENTITY_CLIENT_ID: 'me',
        KEYTURN_COLOUR: 'red',
      },
    );
    expect(settings.sort()).toEqual(
      [
        'AzureWebJobsStorage',
        'KEYTURN_ALERT_TOPIC_ENDPOINT',
        'KEYTURN_COLOUR',
        'KEYTURN_HUB_API_VERSION',
        'KEYTURN_IDENTITY_CLIENT_ID',
        'rotation.json defaults.redProbes.red',
        'rotation.json extra',
        'rotation.json keys[0].mode',
        'rotation.json keys[0].soak',
        'rotation.json keys[0].targets[0].resourceId',
        'rotation.json keys[0].targets[1].colour',
        'rotation.json keys[0].targets[1].table',
      ].sort(),
    );
    for (const line of message.split('\n').slice(1)) expect(line).toMatch(/^[\w.[\] ]+: .+: .+$/);
  });

  test('never shows a secret', () => {
    const { message } = refused('{', {
      KEYTURN_STORAGE_CONNECTION: `AccountNam=a;AccountKey=${secret}`,
      KEYTURN_ALERT_TOPIC_KEY: secret,
      KEYTURN_ALERT_TOPIC_ENDPOINT: `https://me:${secret}@alerts.example/?key=${secret}`,
    });
    expect(message).toContain('KEYTURN_STORAGE_CONNECTION');
    expect(message).not.toContain(secret);
  });

  const cases: [sentence: string, content: unknown, more: Environment, setting: string, says: RegExp][] = [
    ['a file that is not JSON', '{ "keys": [ // none', {}, 'rotation.json', /not JSON.*comments are not allowed/],
    ['no keys', { keys: [] }, {}, 'rotation.json keys', /at least one key/],
    ['a key without targets', withKey({ targets: [] }), {}, 'rotation.json keys[0].targets', /at least one target/],
    ['a key that is missing', { keys: [{ targets: [hub] }] }, {}, 'rotation.json keys[0].key', /is missing/],
    ['a key with a version', withKey({ key: `${kek.key}/1` }), {}, 'rotation.json keys[0].key', /names a version/],
    [
      'a key that is a secret’s',
      withKey({ key: 'https://fabrikam.vault.azure.net/secrets/x' }),
      {},
      'rotation.json keys[0].key',
      /not a key identifier/,
    ],
    [
      'a vault outside the cloud',
      withKey({ key: 'https://vault.example/keys/kek' }),
      {},
      'rotation.json keys[0].key',
      /\.vault\.azure\.net/,
    ],
    [
      'the same key twice, in another spelling',
      { keys: [kek, { key: 'https://Fabrikam.vault.azure.net/keys/KEK', targets: [{ ...dataKeys, table: 'Other' }] }] },
      {},
      'rotation.json keys[1].key',
      /keys\[0\] again/,
    ],
    [
      'one hub under two keys',
      {
        keys: [
          kek,
          { key: `${kek.key}2`, targets: [{ ...hub, name: 'again', resourceId: hub.resourceId.toUpperCase() }] },
        ],
      },
      {},
      'rotation.json keys[1].targets[0]',
      /same thing/,
    ],
    [
      'one table under two names',
      withKey({ targets: [dataKeys, { ...dataKeys, name: 'again', table: 'telemetrykeys' }] }),
      {},
      'rotation.json keys[0].targets[1]',
      /same thing/,
    ],
    [
      'two targets of one name',
      withKey({ targets: [dataKeys, { ...dataKeys, name: 'TELEMETRY', table: 'Other' }] }),
      {},
      'rotation.json keys[0].targets[1]',
      /another name/,
    ],
    [
      'a table of Keyturn’s own',
      withKey({ targets: [{ ...dataKeys, table: 'keyturnAudit' }] }),
      {},
      'rotation.json keys[0].targets[0].table',
      /reserved/,
    ],
    [
      'a kind of target that is none',
      withTarget({ kind: 'cosmos' }),
      {},
      'rotation.json keys[0].targets[0].kind',
      /"iotHub", "dps" or "dataKeys"/,
    ],
    [
      'a hub with the id of a DPS',
      withTarget({ resourceId: dps.resourceId }),
      {},
      'rotation.json keys[0].targets[0].resourceId',
      /Microsoft\.Devices\/IotHubs/,
    ],
    [
      'a hub without a probe',
      withTarget({ probe: undefined }),
      {},
      'rotation.json keys[0].targets[0].probe',
      /is missing/,
    ],
    [
      'a name that would not fit a row',
      withTarget({ name: 'a/b' }),
      {},
      'rotation.json keys[0].targets[0].name',
      /usable name/,
    ],
    ['a member that is misspelled', withKey({ soack: 'PT1H' }), {}, 'rotation.json keys[0].soack', /not known here/],
    ['a duration in months', withKey({ soak: 'P1M' }), {}, 'rotation.json keys[0].soak', /ISO 8601/],
    [
      'a soak too short to confirm red probes',
      withKey({ soak: 'PT1H', probeEvery: 'PT30M' }),
      {},
      'rotation.json keys[0]',
      /too short/,
    ],
    [
      'more red probes than probes',
      withKey({ redProbes: { red: 6, of: 5 } }),
      {},
      'rotation.json keys[0]',
      /6 red of 5/,
    ],
    ['probes without a pause', withKey({ probeEvery: 'PT0S' }), {}, 'rotation.json keys[0]', /"probeEvery" is zero/],
    [
      'a mode that is not there yet',
      withKey({ mode: 'observe' }),
      {},
      'rotation.json keys[0].mode',
      /not supported yet/,
    ],
    [
      'an api-version that drops encryption',
      file,
      { KEYTURN_DPS_API_VERSION: '2022-12-12' },
      'KEYTURN_DPS_API_VERSION',
      /2020-09-01-preview/,
    ],
    ['a cloud that is none', file, { KEYTURN_CLOUD: 'Azure' }, 'KEYTURN_CLOUD', /AzureCloud, AzureUSGovernment/],
    [
      'a custom cloud without its Resource Manager',
      file,
      { KEYTURN_CLOUD: 'Custom', KEYTURN_IOTHUB_AUDIENCE: 'https://a', KEYTURN_DPS_AUDIENCE: 'https://b' },
      'KEYTURN_ARM_ENDPOINT',
      /is missing/,
    ],
    [
      'a cloud whose DPS audience nobody documents',
      withKey({ key: 'https://a.vault.usgovcloudapi.net/keys/kek' }),
      { KEYTURN_CLOUD: 'AzureUSGovernment' },
      'KEYTURN_DPS_AUDIENCE',
      /not known for DPS/,
    ],
    [
      'one storage endpoint of two',
      file,
      { KEYTURN_TABLE_ENDPOINT: 'https://a' },
      'KEYTURN_BLOB_ENDPOINT',
      /both storage endpoints/,
    ],
    [
      'storage endpoints beside a connection string',
      file,
      {
        KEYTURN_TABLE_ENDPOINT: 'https://a',
        KEYTURN_BLOB_ENDPOINT: 'https://b',
        KEYTURN_STORAGE_CONNECTION: 'AccountName=a',
      },
      'KEYTURN_STORAGE_CONNECTION',
      /not both/,
    ],
    [
      'no topic for alerts',
      file,
      { KEYTURN_ALERT_TOPIC_ENDPOINT: undefined },
      'KEYTURN_ALERT_TOPIC_ENDPOINT',
      /is missing/,
    ],
    [
      'a switch that is neither on nor off',
      file,
      { KEYTURN_VERIFY_CHALLENGE_RESOURCE: 'maybe' },
      'KEYTURN_VERIFY_CHALLENGE_RESOURCE',
      /true or false/,
    ],
  ];
  for (const [sentence, content, more, setting, says] of cases) {
    test(`is refused for ${sentence}, and for nothing else`, () => {
      const { settings, message } = refused(content, more);
      expect(settings).toEqual([setting]);
      expect(message).toMatch(says);
    });
  }

  test('is refused by name when there is no file', () => {
    const missing = () => {
      throw Object.assign(new Error('gone'), { code: 'ENOENT' });
    };
    const where = { ...environment, KEYTURN_ROTATION_FILE: 'elsewhere.json' };
    expect(() => loadConfiguration(where, missing)).toThrow(/elsewhere\.json: cannot be read \(ENOENT\)/);
  });
});
