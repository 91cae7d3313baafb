import { createEventGridAlerts } from '../../../../shared/azure/event-grid-alerts';
import { type LocalServer, recordingCredential, startLocalServer } from './local-server';

const endpoint = 'https://alerts.test/api/events';
const alert = {
  id: 'run-completed',
  type: 'Keyturn.Rotation.Completed',
  subject: 'https://fabrikam.vault.azure.net/keys/kek',
  time: '2026-11-22T14:35:01.123Z',
  data: { rotationId: 'run' },
};

let server: LocalServer;

beforeAll(async () => {
  server = await startLocalServer();
});
afterAll(() => server.stop());

describe('publishing an alert', () => {
  test('sends one event in Event Grid’s schema under the alert’s own id, with the topic’s key', async () => {
    server.answer({ status: 200 });
    const credential = recordingCredential();
    await createEventGridAlerts({ endpoint, key: 'topic-key' }, credential, server.httpClient).send(alert);
    const [asked] = server.asked;
    expect(asked).toMatchObject({ method: 'POST', headers: { 'aeg-sas-key': 'topic-key', 'x-host': 'alerts.test' } });
    expect(asked?.url).toMatch(/^\/api\/events\?api-version=/);
    expect(JSON.parse(asked?.body ?? '')).toEqual([
      {
        id: 'run-completed',
        eventType: 'Keyturn.Rotation.Completed',
        subject: alert.subject,
        eventTime: alert.time,
        dataVersion: '1',
        data: { rotationId: 'run' },
      },
    ]);
    expect(credential.scopes).toEqual([]);
  });

  test('signs in when there is no key', async () => {
    server.answer({ status: 200 });
    const credential = recordingCredential();
    await createEventGridAlerts({ endpoint, key: null }, credential, server.httpClient).send(alert);
    expect(credential.scopes).toEqual(['https://eventgrid.azure.net/.default']);
    expect(server.asked[0]?.headers.authorization).toBe('Bearer a-token');
  });

  test.each([
    [401, 'sign-in'],
    [413, 'event-grid'],
    [503, 'unavailable'],
  ])('that is answered %d is a fault, so that it is sent again', async (status, code) => {
    server.answer({ status });
    const alerts = createEventGridAlerts({ endpoint, key: 'topic-key' }, recordingCredential(), server.httpClient);
    await expect(alerts.send(alert)).rejects.toMatchObject({ name: 'FaultError', code });
    expect(server.asked).toHaveLength(1);
  });
});
