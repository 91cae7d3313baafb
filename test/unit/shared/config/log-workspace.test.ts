import { readLogWorkspace } from '../../../../shared/config/log-workspace';
import { Problems } from '../../../../shared/config/problems';

const workspaceId = '0f0e0d0c-0b0a-0908-0706-050403020100';

function read(settings: Readonly<Record<string, string>>) {
  const problems = new Problems();
  const workspace = readLogWorkspace((name) => settings[name], problems);
  return { workspace, faults: problems.found.map(({ setting }) => setting) };
}

describe('the workspace of the vaults’ logs', () => {
  test('is none where none is set', () => {
    expect(read({})).toEqual({ workspace: null, faults: [] });
  });

  test.each([
    ['AzureCloud', 'https://api.loganalytics.io'],
    ['AzureUSGovernment', 'https://api.loganalytics.us'],
    ['AzureChinaCloud', 'https://api.loganalytics.azure.cn'],
  ])('is asked in %s where that cloud answers', (cloud, endpoint) => {
    const asked = read({ KEYTURN_CLOUD: cloud, KEYTURN_LOG_WORKSPACE_ID: workspaceId });
    expect(asked).toEqual({ workspace: { workspaceId, endpoint, audience: endpoint }, faults: [] });
  });

  test('is asked elsewhere if told so, and tokens are for that place unless told otherwise', () => {
    const there = {
      KEYTURN_CLOUD: 'Custom',
      KEYTURN_LOG_WORKSPACE_ID: workspaceId,
      KEYTURN_LOG_ENDPOINT: 'https://l/',
    };
    expect(read(there).workspace).toEqual({ workspaceId, endpoint: 'https://l', audience: 'https://l' });
    expect(read({ ...there, KEYTURN_LOG_AUDIENCE: 'https://a' }).workspace?.audience).toBe('https://a');
  });

  test.each<[string, Record<string, string>, string[]]>([
    ['a name instead of an id', { KEYTURN_LOG_WORKSPACE_ID: 'my-workspace' }, ['KEYTURN_LOG_WORKSPACE_ID']],
    [
      'a custom cloud without an address',
      { KEYTURN_CLOUD: 'Custom', KEYTURN_LOG_WORKSPACE_ID: workspaceId },
      ['KEYTURN_LOG_ENDPOINT'],
    ],
    [
      'addresses that are not https',
      { KEYTURN_LOG_WORKSPACE_ID: workspaceId, KEYTURN_LOG_ENDPOINT: 'http://l', KEYTURN_LOG_AUDIENCE: 'l' },
      ['KEYTURN_LOG_ENDPOINT', 'KEYTURN_LOG_AUDIENCE'],
    ],
    [
      'addresses without a workspace',
      { KEYTURN_LOG_ENDPOINT: 'https://l', KEYTURN_LOG_AUDIENCE: 'https://l' },
      ['KEYTURN_LOG_ENDPOINT', 'KEYTURN_LOG_AUDIENCE'],
    ],
  ])('is refused by name: %s', (_what, settings, faults) => {
    expect(read(settings).faults).toEqual(faults);
  });
});
