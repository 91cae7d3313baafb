import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { ConfigurationError, type Environment, loadConfiguration } from '../../shared/config';
import { deep, junk, near, text, tries, unpolluted } from './junk';

const secret = 'c2VjcmV0LWFjY291bnQta2V5LW5vYm9keS1tYXktc2Vl';
const environment: Environment = {
  AzureWebJobsStorage: `DefaultEndpointsProtocol=https;AccountName=a;AccountKey=${secret};EndpointSuffix=core.windows.net`,
  KEYTURN_ALERT_TOPIC_ENDPOINT: 'https://alerts.westeurope-1.eventgrid.azure.net/api/events',
  KEYTURN_WEBHOOK_URL: `https://hooks.example/in?code=${secret}`,
  KEYTURN_WEBHOOK_SECRET: secret,
};
const sample: unknown = JSON.parse(readFileSync('rotation.sample.json', 'utf8'));

/** What comes of it: an error that names settings, or a configuration. Whatever else is thrown is thrown on. */
function loaded(file: string, more: Environment = {}): ConfigurationError | object {
  try {
    return loadConfiguration({ ...environment, ...more }, () => file);
  } catch (error) {
    if (error instanceof ConfigurationError) return error;
    throw error;
  }
}

function expectToldOf(outcome: ConfigurationError | object): void {
  expect(unpolluted()).toBe(true);
  if (!(outcome instanceof ConfigurationError)) return;
  expect(outcome.problems.length).toBeGreaterThan(0);
  for (const { setting, problem, whatToDo } of outcome.problems) {
    expect([setting, problem, whatToDo].every((part) => part !== '')).toBe(true);
  }
  expect(outcome.message).not.toContain(secret);
}

test('rotation.json may hold anything: it is taken, or everything wrong with it is told, and no secret of the settings', () => {
  const content = fc.oneof(
    { weight: 4, arbitrary: near(sample).map((value) => JSON.stringify(value) ?? '') },
    junk.map((value) => JSON.stringify(value) ?? ''),
    deep.map((value) => JSON.stringify(value)),
    text,
  );
  const seen = { taken: 0, refused: 0 };
  fc.assert(
    fc.property(content, (file) => {
      const outcome = loaded(file);
      seen[outcome instanceof ConfigurationError ? 'refused' : 'taken'] += 1;
      expectToldOf(outcome);
    }),
    tries(400),
  );
  expect(seen.refused).toBeGreaterThan(0);
  expect(seen.taken).toBeGreaterThan(0);
});

test('so may every setting, and what a setting holds is not told where it may be a secret', () => {
  const settings = [
    ...[
      'AzureWebJobsStorage',
      'KEYTURN_STORAGE_CONNECTION',
      'KEYTURN_TABLE_ENDPOINT',
      'KEYTURN_BLOB_ENDPOINT',
      'KEYTURN_CLOUD',
    ],
    ...['KEYTURN_ARM_ENDPOINT', 'KEYTURN_ARM_AUDIENCE', 'KEYTURN_IDENTITY_CLIENT_ID', 'KEYTURN_LOG_WORKSPACE_ID'],
    ...['KEYTURN_ALERT_TOPIC_ENDPOINT', 'KEYTURN_ALERT_TOPIC_KEY', 'KEYTURN_WEBHOOK_URL', 'KEYTURN_WEBHOOK_SECRET'],
    ...[
      'KEYTURN_STOP',
      'KEYTURN_HUB_API_VERSION',
      'KEYTURN_DPS_API_VERSION',
      'WEBSITE_HOSTNAME',
      'KEYTURN_NO_SUCH_THING',
    ],
  ];
  const value = fc.oneof(
    text,
    fc.webUrl({ withQueryParameters: true, withFragments: true, validSchemes: ['http', 'https', 'ftp', 'file'] }),
    fc.constantFrom(
      'true',
      'AzureChinaCloud',
      'Custom',
      `https://user:${secret}@host/`,
      `https://host/?code=${secret}`,
    ),
    fc.constantFrom(`DefaultEndpointsProtocol=http;AccountName=a;AccountKey=${secret}`, `AccountKey=${secret};;;=`),
  );
  const file = JSON.stringify(sample);
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...settings), value, { maxKeys: 4, noNullPrototype: true }), (more) => {
      expectToldOf(loaded(file, more));
    }),
    tries(400),
  );
});
