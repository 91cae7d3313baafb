import { connectAzure } from '../../../../shared/azure';
import { type Configuration, loadConfiguration } from '../../../../shared/config';

/** Nobody listens on port 1: whatever is sent fails at once. */
const environment = {
  AzureWebJobsStorage:
    'AccountName=a;AccountKey=a2V5;DefaultEndpointsProtocol=http;TableEndpoint=http://127.0.0.1:1/a;BlobEndpoint=http://127.0.0.1:1/a',
  KEYTURN_ALERT_TOPIC_ENDPOINT: 'https://127.0.0.1:1/api/events',
  KEYTURN_ALERT_TOPIC_KEY: 'secret-key',
};
const file = {
  keys: [
    {
      key: 'https://fabrikam.vault.azure.net/keys/kek',
      targets: [{ kind: 'dataKeys', name: 'telemetry', table: 'TelemetryKeys' }],
    },
  ],
};

const configuration = (): Configuration => {
  const loaded = loadConfiguration(environment, () => JSON.stringify(file));
  // No health check here may leave this machine.
  return { ...loaded, keys: loaded.keys.map((key) => ({ ...key, key: 'https://127.0.0.1:1/keys/kek' })) };
};

describe('connecting to Azure', () => {
  test('sends nothing, and asks for no token, until a port is used', () => {
    const sockets = () => process.getActiveResourcesInfo().filter((name) => /TCP|TLS|DNS|GetAddrInfo/i.test(name));
    const before = sockets();
    connectAzure(configuration());
    expect(sockets()).toEqual(before);
  });

  test('what is not there is told by name, with no secret and without an exception', async () => {
    const needs = await connectAzure(configuration()).health();
    expect(needs.map(({ name, ok }) => `${name} ${ok}`)).toEqual([
      'tables false',
      'blobs false',
      'key 1 false',
      'dataKeys 1 of key 1 false',
    ]);
    for (const { name, message, detail } of needs) {
      // Whoever asks need not be known.
      expect(`${name} ${message}`).not.toMatch(/127\.0\.0\.1|kek|telemetry|TelemetryKeys/);
      expect(`${message} ${detail}`).not.toMatch(/secret-key|a2V5|unexpected/);
    }
    expect(needs.map(({ detail }) => detail).join(' ')).toContain('https://127.0.0.1:1 is not a configured vault');
  });
});
