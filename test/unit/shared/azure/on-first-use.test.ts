import type { Configuration } from '../../../../shared/config';

const happened: string[] = [];
let failures = 0;

jest.doMock('@azure/identity', () => {
  happened.push('loaded');
  return {
    DefaultAzureCredential: class {
      constructor() {
        happened.push('made');
        if (failures-- > 0) throw new Error('not now');
      }
      getToken = (scope: string) => Promise.resolve({ token: `for ${scope}`, expiresOnTimestamp: 0 });
    },
  };
});
const { credentialOnFirstUse } =
  require('../../../../shared/azure/on-first-use') as typeof import('../../../../shared/azure/on-first-use');

const configuration = { cloud: { authorityHost: null }, identityClientId: null } as unknown as Configuration;

test('a client is loaded and made when it is first used, once, and asked what it was asked for', async () => {
  const credential = credentialOnFirstUse(configuration);
  expect(happened).toEqual([]);
  const tokens = await Promise.all(['a', 'b'].map((scope) => credential.getToken(scope)));
  expect(tokens.map((token) => token?.token)).toEqual(['for a', 'for b']);
  expect(happened).toEqual(['loaded', 'made']);
});

test('what could not be made is made at the next use', async () => {
  failures = 1;
  const credential = credentialOnFirstUse(configuration);
  await expect(credential.getToken('a')).rejects.toThrow('not now');
  await expect(credential.getToken('a')).resolves.toMatchObject({ token: 'for a' });
});
