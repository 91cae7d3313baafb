import { describeKeyVaultContract } from '../contract/key-vault.contract';
import { type CloudFixture, clientOptions, credentialOf, owner, startFixture } from './cloud-fixture';

// Keys are really generated; on a busy machine that takes seconds.
jest.setTimeout(60_000);

let fixture: CloudFixture;

describeKeyVaultContract('the stand-in', async () => {
  fixture = await startFixture();
  const { url } = await fixture.vault();
  return {
    vaultUrl: url,
    credential: credentialOf(fixture.context, owner),
    clientOptions: clientOptions(fixture.context),
  };
});

afterAll(() => fixture.stop());
