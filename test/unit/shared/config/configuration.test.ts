import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
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

const other = { key: 'https://contoso.vault.azure.net/keys/kek' };
const another = { name: 'second', resourceId: `${group}/providers/Microsoft.Devices/IotHubs/second` };
const managedHsm = `${group}/providers/Microsoft.KeyVault/managedHSMs/plant`;
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
      graceSeconds: 7 * 86_400,
      watchSeconds: 25 * 3600,
      approval: 'none',
      approvalDeadlineSeconds: 7 * 86_400,
      backOffSeconds: 6 * 3600,
      expiredPrevious: 'refuse',
      pin: false,
    });
    expect(keys[0]?.mode).toBe('act');
  });

  test('takes what happens before and after a run from the file, a key before the defaults', () => {
    const defaults = { grace: 'P14D', watch: 'P2D', approval: 'required', mode: 'observe', pin: true, backOff: 'PT1H' };
    const own = { grace: 'P1D', approvalDeadline: 'P2D', expiredPrevious: 'forward-only', mode: 'act', pin: false };
    const { keys } = load({
      defaults,
      keys: [
        { ...kek, ...own },
        { key: `${kek.key}2`, targets: [{ ...dataKeys, table: 'Other' }] },
      ],
    });
    expect(keys.map(({ mode }) => mode)).toEqual(['act', 'observe']);
    const common = { watchSeconds: 2 * 86_400, approval: 'required', backOffSeconds: 3600 };
    expect(keys[0]?.policy).toMatchObject({
      ...common,
      graceSeconds: 86_400,
      approvalDeadlineSeconds: 2 * 86_400,
      expiredPrevious: 'forward-only',
      pin: false,
    });
    expect(keys[1]?.policy).toMatchObject({
      ...common,
      graceSeconds: 14 * 86_400,
      expiredPrevious: 'refuse',
      pin: true,
    });
  });

  test('leaves half of each vault’s documented quota to the services under it, unless told otherwise', () => {
    const other = { key: 'https://contoso.vault.azure.net/keys/kek', targets: [{ ...dataKeys, table: 'Other' }] };
    const again = { key: `${kek.key}2`, targets: [{ ...dataKeys, table: 'Third' }] };
    const vaults = [{ url: 'https://Contoso.vault.azure.net/', share: 1, operationsPer10Seconds: 8000 }];
    expect(load({ keys: [kek, again, other], vaults }).vaults).toEqual([
      { vaultUrl: 'https://fabrikam.vault.azure.net', share: 0.5, operationsPer10Seconds: 4000 },
      { vaultUrl: 'https://contoso.vault.azure.net', share: 1, operationsPer10Seconds: 8000 },
    ]);
  });

  test('may rotate without a grace period, for that is its owner’s choice', () => {
    expect(load(withKey({ grace: 'PT0S', backOff: 'PT0S' })).keys[0]?.policy).toMatchObject({
      graceSeconds: 0,
      backOffSeconds: 0,
    });
  });

  test('has histories signed only where a key for it is named', () => {
    expect(load(file).audit).toBeNull();
    const auditKey = 'https://Other.vault.azure.net/keys/history';
    expect(load({ ...file, auditKey }).audit).toEqual({
      key: 'https://other.vault.azure.net/keys/history',
      formerKeys: [],
      every: 100,
    });
    const formerAuditKeys = ['https://other.vault.azure.net/keys/older'];
    expect(load({ ...file, auditKey, formerAuditKeys, anchorEvery: 7 }).audit).toMatchObject({
      formerKeys: formerAuditKeys,
      every: 7,
    });
  });

  test('keeps the histories of ended instances for a quarter of a year, or as long as it is told', () => {
    expect(load(file).instanceHistorySeconds).toBe(90 * 86_400);
    expect(load({ ...file, instanceHistory: 'P400D' }).instanceHistorySeconds).toBe(400 * 86_400);
  });

  test('refuses to purge histories of instances that may just have ended', () => {
    const { settings, message } = refused({ ...file, instanceHistory: 'PT59M' });
    expect(settings).toEqual(['rotation.json instanceHistory']);
    expect(message).toMatch(/shorter than an hour/);
  });

  test('may tell a webhook instead of a topic, or both', () => {
    const url = 'https://hooks.example/keyturn?token=abc';
    expect(load(file, { KEYTURN_ALERT_TOPIC_ENDPOINT: '', KEYTURN_WEBHOOK_URL: url })).toMatchObject({
      alertTopic: null,
      webhook: { url, secret: null },
    });
    const both = load(file, { KEYTURN_WEBHOOK_URL: url, KEYTURN_WEBHOOK_SECRET: 'sixteen-or-more-characters' });
    expect(both).toMatchObject({
      alertTopic: { key: null },
      webhook: { url, secret: 'sixteen-or-more-characters' },
    });
    expect(load().webhook).toBeNull();
  });

  test.each(['http://localhost:8080/hook', 'http://127.0.0.1:8080/hook', 'http://[::1]:8080/hook'])(
    'may post to %s without TLS, for it does not leave this machine',
    (url) => {
      expect(load(file, { KEYTURN_WEBHOOK_URL: url }).webhook?.url).toBe(url);
    },
  );

  test('may throw the stop switch, with the reason; an empty one throws nothing', () => {
    expect(load(file, { KEYTURN_STOP: ' frozen for the audit ' }).stop).toBe('frozen for the audit');
    expect(load(file, { KEYTURN_STOP: ' ' }).stop).toBeNull();
    expect(load().stop).toBeNull();
  });

  test('lets a key override the defaults of the file, and those the built-in ones', () => {
    const defaults = { soak: 'P2D', alertAfter: 'PT1H', acceptUnknown: ['role-unknown'] };
    const { keys } = load({ defaults, keys: [{ ...kek, soak: 'PT36H', probeEvery: 'PT1H30M' }] });
    expect(keys[0]?.policy).toMatchObject({ soakSeconds: 129_600, probeEverySeconds: 5400, alertAfterSeconds: 3600 });
    expect(keys[0]?.acceptUnknown).toEqual(['role-unknown']);
  });

  test('says for each store what a bad data key means', () => {
    const finishing = { ...dataKeys, onBadDataKey: 'finish' };
    expect(load({ keys: [{ ...kek, targets: [finishing] }] }).keys[0]?.targets).toMatchObject([finishing]);
    const { settings, message } = refused({ keys: [{ ...kek, targets: [{ ...dataKeys, onBadDataKey: 'ignore' }] }] });
    expect(settings).toEqual(['rotation.json keys[0].targets[0].onBadDataKey']);
    expect(message).toContain('"roll-back" or "finish"');
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

  test('knows the vaults that its keys may go to, and came from; a managed HSM is one', () => {
    const replacements = [{ key: 'https://plant.managedhsm.azure.net/keys/kek', vaultResourceId: managedHsm }];
    const formerKeys = [{ key: 'https://older.vault.azure.net/keys/kek' }];
    const configuration = load(withKey({ replacements, formerKeys }));
    expect(configuration.keys[0]).toMatchObject({
      replacements,
      formerKeys: [{ ...formerKeys[0], vaultResourceId: null }],
    });
    for (const { key } of [...replacements, ...formerKeys]) {
      expect(vaultIsConfigured(configuration, `${key}/1`)).toBe(true);
    }
    expect(configuration.vaults.map(({ vaultUrl }) => vaultUrl)).toEqual([
      'https://fabrikam.vault.azure.net',
      'https://plant.managedhsm.azure.net',
      'https://older.vault.azure.net',
    ]);
  });

  test.each([
    ['itself', { replacements: [{ key: 'https://FABRIKAM.vault.azure.net/keys/KEK' }] }, 'replacements[0].key'],
    ['one twice', { replacements: [other, other] }, 'replacements[1].key'],
    ['one that it replaced', { replacements: [other], formerKeys: [other] }, 'formerKeys[0].key'],
    ['a version', { replacements: [{ key: `${other.key}/1` }] }, 'replacements[0].key'],
    ['a vault outside the cloud', { formerKeys: [{ key: 'https://kv.example.org/keys/kek' }] }, 'formerKeys[0].key'],
    ['nothing', { replacements: [{}] }, 'replacements[0].key'],
    [
      'a hub as its vault',
      { replacements: [{ ...other, vaultResourceId: hub.resourceId }] },
      'replacements[0].vaultResourceId',
    ],
  ])('does not let a key be replaced by %s', (_what, more, setting) => {
    expect(refused(withKey(more)).settings).toEqual([`rotation.json keys[0].${setting}`]);
  });

  test('does not let a former key have an entry of its own', () => {
    const content = {
      keys: [
        { ...kek, formerKeys: [other] },
        { ...other, targets: [{ ...hub, ...another }] },
      ],
    };
    expect(refused(content).settings).toEqual(['rotation.json keys[0].formerKeys[0].key']);
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

const signing = 'https://v.vault.azure.net/keys/history';

describe('the subscriptions to look through', () => {
  test('are those of the targets, each once, and those that are listed besides', () => {
    const [subscription = ''] = group.split('/').slice(2);
    expect(load().subscriptions).toEqual([subscription]);
    expect(load({ ...file, subscriptions: ['AB-2', subscription] }).subscriptions).toEqual([subscription, 'ab-2']);
    expect(load({ keys: [{ ...kek, targets: [dataKeys] }] }).subscriptions).toEqual([]);
  });

  test('are ids alone', () => {
    expect(refused({ ...file, subscriptions: ['/subscriptions/1'] }).settings).toEqual([
      expect.stringContaining('subscriptions[0]'),
    ]);
  });
});

describe('a configuration with problems', () => {
  test('names every one of them at once, in the environment and in the file', () => {
    const { settings, message } = refused(
      {
        keys: [
          {
            key: 'https://fabrikam.vault.azure.net/keys/kek/0123456789abcdef0123456789abcdef',
            mode: 'watch',
            soak: '1 day',
            grace: 'a week',
            watch: 'P1Y',
            approval: true,
            approvalDeadline: 7,
            backOff: '-PT6H',
            expiredPrevious: 'ignore',
            pin: 'yes',
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
        KEYTURN_WEBHOOK_URL: 'http://hooks.example',
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
        'KEYTURN_WEBHOOK_URL',
        'rotation.json defaults.redProbes.red',
        'rotation.json extra',
        ...[
          'approval',
          'approvalDeadline',
          'backOff',
          'expiredPrevious',
          'grace',
          'key',
          'mode',
          'pin',
          'soak',
          'watch',
        ].map((name) => `rotation.json keys[0].${name}`),
        'rotation.json keys[0].targets[0].resourceId',
        'rotation.json keys[0].targets[1].colour',
        'rotation.json keys[0].targets[1].table',
      ].sort(),
    );
    for (const line of message.split('\n').slice(1)) expect(line).toMatch(/^[\w.[\] ]+: .+: .+$/);
  });

  test('names what a schema finds and what only the further checks find at the same time', () => {
    const { settings } = refused({
      keys: [
        { key: 'http://fabrikam/keys/kek', targets: [hub] },
        { key: 'https://fabrikam.vault.azure.net/keys/kek', targets: [hub], colour: 'red' },
      ],
      defaults: { grce: 'P7D' },
    });
    expect(settings).toEqual(
      expect.arrayContaining([
        'rotation.json defaults.grce',
        'rotation.json keys[0].key',
        'rotation.json keys[1].colour',
        'rotation.json keys[1].targets[0]',
      ]),
    );
  });

  test.each<[string, object, string, RegExp]>([
    ['is rotated here itself', { auditKey: kek.key }, 'auditKey', /a key of its own/],
    [
      'names a version',
      { auditKey: `https://v.vault.azure.net/keys/a/${'0'.repeat(32)}` },
      'auditKey',
      /names a version/,
    ],
    ['lies outside the cloud', { auditKey: 'https://v.example/keys/a' }, 'auditKey', /outside the cloud/],
    ['is no key identifier', { auditKey: 'a' }, 'auditKey', /not a key identifier/],
    [
      'is missing although there were others before',
      { formerAuditKeys: [signing] },
      'formerAuditKeys',
      /without a key/,
    ],
    [
      'is among its own forerunners',
      { auditKey: signing, formerAuditKeys: [signing] },
      'formerAuditKeys[0]',
      /signs now/,
    ],
    ['never signs on the way', { auditKey: signing, anchorEvery: 0 }, 'anchorEvery', /out of range/],
  ])('refuses a key for histories that %s', (_, members, setting, says) => {
    const { settings, message } = refused({ ...file, ...members });
    expect(settings).toEqual([`rotation.json ${setting}`]);
    expect(message).toMatch(says);
  });

  const everythingWrong: readonly [string, unknown][] = [
    ['nothing', null],
    ['a list', []],
    ['members of a file', { keys: 7, defaults: 'PT1H' }],
    ['no keys', {}],
    ['an entry that is none', { keys: [7] }],
    ['an empty entry', { keys: [{}] }],
    [
      'members of a key',
      {
        keys: [
          {
            ...{ key: 7, targets: 'hub', vaultResourceId: 7, acceptUnknown: 7, redProbes: 3, mode: 7, pin: 7 },
            ...{ soak: 1, probeEvery: 1, faultDeadline: 1, operationDeadline: 1, alertAfter: 1, grace: 1, watch: 1 },
            ...{ approval: 1, approvalDeadline: 1, backOff: 1, expiredPrevious: 1 },
          },
        ],
      },
    ],
    ['numbers', withKey({ redProbes: { red: 0, of: 101 } })],
    ['parts of numbers', withKey({ redProbes: { red: 1.5, of: '2' } })],
    ['windows', withKey({ windows: 7 })],
    [
      'members of windows',
      withKey({
        windows: [
          7,
          {},
          { days: 7, weeks: 7, from: 7, to: 7, timeZone: 7 },
          { days: [7], weeks: [0, 6, 1.5, 'x'], from: 'x', to: 'x', timeZone: '' },
        ],
      }),
    ],
    ['codes', withKey({ acceptUnknown: [7, 'NO!'] })],
    [
      'targets',
      withKey({ targets: [7, {}, { kind: 'vm' }, { kind: 'iotHub' }, { kind: 'dps' }, { kind: 'dataKeys' }] }),
    ],
    [
      'probes',
      withKey({
        targets: [
          { ...hub, probe: {} },
          { ...dps, probe: { enrollment: 7 } },
        ],
      }),
    ],
  ];

  test.each(everythingWrong)('says what to do in words for people: %s', (_what, content) => {
    const { message } = refused(content);
    for (const line of message.split('\n').slice(1)) expect(line).toMatch(/^[\w.[\] ]+: .+: .+$/);
    expect(message).not.toMatch(/Invalid|Too (small|big)|expected|received|of type/);
  });

  test('shows a person the problems and nothing of the code that found them, whatever prints it', () => {
    try {
      load({ keys: [] });
    } catch (error) {
      expect((error as Error).stack).toBe((error as Error).message);
      expect(inspect(error)).not.toMatch(/\n\s+at /);
      return;
    }
    throw new Error('The configuration was expected to be refused.');
  });

  test('never shows a secret', () => {
    const { message } = refused('{', {
      KEYTURN_STORAGE_CONNECTION: `AccountNam=a;AccountKey=${secret}`,
      KEYTURN_ALERT_TOPIC_KEY: secret,
      KEYTURN_ALERT_TOPIC_ENDPOINT: `https://me:${secret}@alerts.example/?key=${secret}`,
      KEYTURN_WEBHOOK_URL: `http://hooks.example/${secret}`,
      KEYTURN_WEBHOOK_SECRET: secret.slice(0, 15),
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
    ['a mode that is none', withKey({ mode: 'dream' }), {}, 'rotation.json keys[0].mode', /"act" or "observe"/],
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
      'a connection string with neither key nor signature',
      file,
      { AzureWebJobsStorage: 'AccountName=a' },
      'AzureWebJobsStorage',
      /is not a storage connection string/,
    ],
    [
      'a connection string cut short after its key',
      file,
      { AzureWebJobsStorage: `DefaultEndpointsProtocol=https;AccountKey=${secret}` },
      'AzureWebJobsStorage',
      /has no AccountName and no BlobEndpoint and no TableEndpoint/,
    ],
    [
      'a connection string with an unknown protocol',
      file,
      { AzureWebJobsStorage: `DefaultEndpointsProtocol=ftp;AccountName=a;AccountKey=${secret};EndpointSuffix=x.net` },
      'AzureWebJobsStorage',
      /neither https nor http/,
    ],
    [
      'a connection string with an address that is none',
      file,
      {
        KEYTURN_STORAGE_CONNECTION: `SharedAccessSignature=${secret};BlobEndpoint=a.blob.example;TableEndpoint=https://b`,
      },
      'KEYTURN_STORAGE_CONNECTION',
      /no usable address in BlobEndpoint/,
    ],
    [
      'a signature without the address of the tables',
      file,
      { KEYTURN_STORAGE_CONNECTION: `SharedAccessSignature=${secret};BlobEndpoint=https://a` },
      'KEYTURN_STORAGE_CONNECTION',
      /has no TableEndpoint/,
    ],
    [
      'no channel for alerts',
      file,
      { KEYTURN_ALERT_TOPIC_ENDPOINT: undefined },
      'KEYTURN_ALERT_TOPIC_ENDPOINT',
      /is missing.*KEYTURN_WEBHOOK_URL/,
    ],
    [
      'a key of a topic that is not there',
      file,
      {
        KEYTURN_ALERT_TOPIC_ENDPOINT: '',
        KEYTURN_ALERT_TOPIC_KEY: secret,
        KEYTURN_WEBHOOK_URL: 'https://hooks.example',
      },
      'KEYTURN_ALERT_TOPIC_KEY',
      /without a topic/,
    ],
    ['a webhook without TLS', file, { KEYTURN_WEBHOOK_URL: 'http://hooks.example' }, 'KEYTURN_WEBHOOK_URL', /https/],
    [
      'a webhook that only looks local',
      file,
      { KEYTURN_WEBHOOK_URL: 'http://localhost.example' },
      'KEYTURN_WEBHOOK_URL',
      /https/,
    ],
    [
      'a webhook with a user name',
      file,
      { KEYTURN_WEBHOOK_URL: 'https://me@hooks.example' },
      'KEYTURN_WEBHOOK_URL',
      /without a user name/,
    ],
    [
      'a webhook secret that is easily guessed',
      file,
      { KEYTURN_WEBHOOK_URL: 'https://hooks.example', KEYTURN_WEBHOOK_SECRET: 'short' },
      'KEYTURN_WEBHOOK_SECRET',
      /at least 16/,
    ],
    [
      'a secret of a webhook that is not there',
      file,
      { KEYTURN_WEBHOOK_SECRET: 'sixteen-or-more-characters' },
      'KEYTURN_WEBHOOK_SECRET',
      /without a webhook/,
    ],
    [
      'a vault in which no key is',
      { ...file, vaults: [{ url: 'https://contoso.vault.azure.net' }] },
      {},
      'rotation.json vaults[0].url',
      /vault of no key/,
    ],
    [
      'a vault twice',
      {
        ...file,
        vaults: ['https://fabrikam.vault.azure.net', 'https://Fabrikam.vault.azure.net/'].map((url) => ({ url })),
      },
      {},
      'rotation.json vaults[1].url',
      /vaults\[0\] again/,
    ],
    ...[0, 1.5, '50%'].map((share): (typeof cases)[number] => [
      `a share of ${share}`,
      { ...file, vaults: [{ url: 'https://fabrikam.vault.azure.net', share }] },
      {},
      'rotation.json vaults[0].share',
      /above 0 and at most 1/,
    ]),
    [
      'a quota that no vault has',
      { ...file, vaults: [{ url: 'https://fabrikam.vault.azure.net', operationsPer10Seconds: 4 }] },
      {},
      'rotation.json vaults[0].operationsPer10Seconds',
      /less than any vault allows/,
    ],
    [
      'a vault without its address',
      { ...file, vaults: [{ share: 1 }] },
      {},
      'rotation.json vaults[0].url',
      /is missing/,
    ],
    ['a watch without a probe', withKey({ watch: 'PT10M' }), {}, 'rotation.json keys[0]', /"watch" is too short/],
    [
      'approvers without time',
      withKey({ approvalDeadline: 'PT0S' }),
      {},
      'rotation.json keys[0]',
      /"approvalDeadline"/,
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

describe('a connection string is taken', () => {
  test.each([
    ['of the emulator', 'UseDevelopmentStorage=true'],
    [
      'with a key and a suffix',
      `DefaultEndpointsProtocol=https;AccountName=a;AccountKey=${secret};EndpointSuffix=x.net`,
    ],
    [
      'with a key and both addresses',
      `AccountName=a;AccountKey=${secret}==;DefaultEndpointsProtocol=http;TableEndpoint=http://b/a;BlobEndpoint=http://c/a;`,
    ],
    [
      'with a signature and both addresses',
      'SharedAccessSignature=sv=1&sig=x%3D;BlobEndpoint=https://a;TableEndpoint=https://b',
    ],
  ])('%s', (_, connectionString) => {
    const { storage } = loadConfiguration({ ...environment, AzureWebJobsStorage: connectionString }, () =>
      JSON.stringify(file),
    );
    expect(storage).toEqual({ by: 'connection-string', connectionString });
  });
});
