import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { KeyClient } from '@azure/keyvault-keys';
import { createKeyVault } from '../../shared/azure/key-vault';
import { type CloudFixture, clientOptions, credentialOf, owner, startFixture } from '../sandbox/cloud-fixture';
import { describeKeyVaultPortContract } from './key-vault-port.contract';
import { kekIn } from './vault-kek';

// Keys are really generated; on a busy machine that takes seconds.
jest.setTimeout(60_000);

let fixture: CloudFixture;
let url: string;

beforeAll(async () => {
  fixture = await startFixture();
  ({ url } = await fixture.vault());
  setDefaultCACertificates([
    ...getCACertificates('default'),
    readFileSync(fixture.context.certificates.caFile, 'utf8'),
  ]);
});
afterAll(() => fixture.stop());

describeKeyVaultPortContract('the adapter against the stand-in', () =>
  kekIn({
    vaultUrl: url,
    credential: credentialOf(fixture.context, owner),
    clientOptions: clientOptions(fixture.context),
  }),
);

test('an expiry that the vault does not take away is refused, never called done (I12)', async () => {
  const credential = credentialOf(fixture.context, owner);
  const client = new KeyClient(url, credential, clientOptions(fixture.context));
  const { id = '' } = await client.createKey(randomUUID(), 'RSA', { expiresOn: new Date('2031-05-01T12:00:00Z') });
  const keyVault = createKeyVault(credential, { isConfigured: () => true, verifyChallengeResource: false });
  await expect(keyVault.setExpiry(id, null)).rejects.toMatchObject({ code: 'version-not-changed' });
});

test('a date that the SDK would send as one of the last century is refused before it is sent', async () => {
  const keyVault = createKeyVault(credentialOf(fixture.context, owner), {
    isConfigured: () => true,
    verifyChallengeResource: false,
  });
  const nowhere = `https://nowhere.invalid/keys/kek/${'0'.repeat(32)}`;
  const late = keyVault.setExpiry(nowhere, new Date('2038-01-20T00:00:00Z'));
  await expect(late).rejects.toMatchObject({ name: 'RefusalError', code: 'expiry-too-late' });
});
