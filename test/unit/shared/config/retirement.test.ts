import { ConfigurationError, loadConfiguration } from '../../../../shared/config';

const workspace = { KEYTURN_LOG_WORKSPACE_ID: '0f0e0d0c-0b0a-0908-0706-050403020100' };
const day = 86_400;

function load(key: object, defaults: object = {}, more: Record<string, string> = {}) {
  const targets = [{ kind: 'dataKeys', name: 'telemetry', table: 'TelemetryKeys' }];
  const file = { defaults, keys: [{ key: 'https://fabrikam.vault.azure.net/keys/kek', targets, ...key }] };
  const environment = {
    AzureWebJobsStorage: 'UseDevelopmentStorage=true',
    KEYTURN_ALERT_TOPIC_ENDPOINT: 'https://alerts.westeurope-1.eventgrid.azure.net/api/events',
    ...more,
  };
  return loadConfiguration(environment, () => JSON.stringify(file)).keys[0]?.retirement;
}

function faultsOf(...given: Parameters<typeof load>): readonly string[] {
  try {
    load(...given);
  } catch (error) {
    if (error instanceof ConfigurationError)
      return error.problems.map(({ setting, problem }) => `${setting} ${problem}`);
    throw error;
  }
  throw new Error('The configuration was expected to be refused.');
}

describe('on what old versions are retired', () => {
  test('unless said: on what can be seen, quiet for a week where there is a log, and nothing is kept', () => {
    const usual = { evidence: 'control-plane', quietSeconds: 7 * day, keep: { count: 0, ageSeconds: 0 } };
    expect(load({})).toEqual(usual);
    expect(load({}, {}, workspace)).toEqual(usual);
  });

  test('a key’s own word wins over the defaults', () => {
    const defaults = { retirementEvidence: 'vault-log', quiet: 'P3D', keepVersions: { count: 3, age: 'P400D' } };
    expect(load({}, defaults, workspace)).toEqual({
      evidence: 'vault-log',
      quietSeconds: 3 * day,
      keep: { count: 3, ageSeconds: 400 * day },
    });
    const own = { retirementEvidence: 'control-plane', quiet: 'P30D', keepVersions: { age: 'P52W' } };
    expect(load(own, defaults)).toEqual({
      evidence: 'control-plane',
      quietSeconds: 30 * day,
      keep: { count: 0, ageSeconds: 364 * day },
    });
  });

  test('quiet is at least as long as a key cache may live, whatever "watch" says that is', () => {
    expect(load({ watch: 'P10D' })?.quietSeconds).toBe(10 * day);
  });

  test.each<[string, object, RegExp]>([
    ['a log that is not configured', { retirementEvidence: 'vault-log' }, /keys\[0\] .*asks for a log/],
    ['evidence that is none', { retirementEvidence: 'probes-only' }, /retirementEvidence is not evidence/],
    ['a quiet time in which a cached key would not show', { quiet: 'PT24H' }, /keys\[0\] "quiet" is shorter/],
    ['an age that is no duration', { keepVersions: { age: '1 year' } }, /keepVersions\.age is not a duration/],
    ['a negative count', { keepVersions: { count: -1 } }, /keepVersions\.count is out of range/],
    ['a misspelt member', { keepVersions: { number: 1 } }, /keepVersions\.number is not known here/],
  ])('is refused by name: %s', (_what, key, fault) => {
    expect(faultsOf(key)).toEqual([expect.stringMatching(fault)]);
  });
});
