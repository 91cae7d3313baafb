import { ConfigurationError, type Environment, loadConfiguration } from '../../../../shared/config';

const environment: Environment = {
  AzureWebJobsStorage:
    'DefaultEndpointsProtocol=https;AccountName=a;AccountKey=c2VjcmV0;EndpointSuffix=core.windows.net',
  KEYTURN_ALERT_TOPIC_ENDPOINT: 'https://alerts.westeurope-1.eventgrid.azure.net/api/events',
};
const on = { WEBSITE_AUTH_ENABLED: 'True' };
const file = {
  keys: [
    {
      key: 'https://fabrikam.vault.azure.net/keys/kek',
      targets: [{ kind: 'dataKeys', name: 'telemetry', table: 'Telemetry' }],
    },
  ],
};
const access = { operator: ['Keyturn.Operator'], approver: ['Keyturn.Approver'] };

const load = (content: object, more: Environment = {}) =>
  loadConfiguration({ ...environment, ...more }, () => JSON.stringify(content));

function refused(content: object, more: Environment = {}): readonly string[] {
  try {
    load(content, more);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.problems.map(({ setting }) => setting);
  }
  throw new Error('The configuration was expected to be refused.');
}

test('roles are taken where the platform says that authentication is on', () => {
  expect(load({ ...file, access }, on).access).toEqual({ reader: [], ...access });
  expect(load({ ...file, access: { ...access, reader: ['everybody'] } }, on).access?.reader).toEqual(['everybody']);
  expect(load(file, on).access).toBeNull();
});

test.each([{}, { WEBSITE_AUTH_ENABLED: 'False' }, { WEBSITE_AUTH_ENABLED: '' }])(
  'roles are refused where it does not (%j): anybody could write the header',
  (more) => {
    expect(refused({ ...file, access }, more)).toEqual(['rotation.json access']);
  },
);

test.each<[string, object, string]>([
  ['nobody who may operate', { ...access, operator: [] }, 'rotation.json access.operator'],
  ['nobody who may approve', { operator: ['a'] }, 'rotation.json access.approver'],
  ['an unknown role', { ...access, owner: ['a'] }, 'rotation.json access.owner'],
  ['a value that no claim has', { ...access, approver: ['a b'] }, 'rotation.json access.approver[0]'],
])('refuses %s', (_what, wrong, setting) => {
  expect(refused({ ...file, access: wrong }, on)).toEqual([setting]);
});
