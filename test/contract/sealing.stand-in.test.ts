import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { KeyClient } from '@azure/keyvault-keys';
import { createHeadSigner } from '../../shared/azure/head-signer';
import type { HeadSigner } from '../../shared/rotation/ports';
import { signatureHolds, signedText, statementOf } from '../../shared/rotation/signed-head';
import { type CloudFixture, clientOptions, credentialOf, owner, startFixture } from '../sandbox/cloud-fixture';

// Keys are really generated; on a busy machine that takes seconds.
jest.setTimeout(60_000);

let fixture: CloudFixture;
let client: KeyClient;
let url: string;

beforeAll(async () => {
  fixture = await startFixture();
  ({ url } = await fixture.vault());
  setDefaultCACertificates([
    ...getCACertificates('default'),
    readFileSync(fixture.context.certificates.caFile, 'utf8'),
  ]);
  client = new KeyClient(url, credentialOf(fixture.context, owner), clientOptions(fixture.context));
});
afterAll(() => fixture.stop());

const signerOf = (key: string, formerKeys: readonly string[] = []): HeadSigner =>
  createHeadSigner(credentialOf(fixture.context, owner), { key, formerKeys, verifyChallengeResource: false });

const head = { chain: 1, sequence: 7, hash: 'a'.repeat(64) };
const kek = 'https://kv.vault.azure.net/keys/kek';
const at = '2026-11-22T12:00:00.000Z';

const kinds = [
  ['RSA', 'PS256'],
  ['P-256', 'ES256'],
  ['P-384', 'ES384'],
  ['P-521', 'ES512'],
] as const;

test.each(kinds)(
  'a head that a key of %s signed by %s is verified with its public half alone',
  async (kind, algorithm) => {
    const name = randomUUID();
    const options = { keyOps: ['sign', 'verify'] };
    await (kind === 'RSA'
      ? client.createKey(name, 'RSA', options)
      : client.createKey(name, 'EC', { curve: kind, ...options }));
    const signer = signerOf(`${url}/keys/${name}`);
    const signingKey = await signer.current();
    expect(signingKey).toMatchObject({ algorithm, kid: expect.stringMatching(`^${url}/keys/${name}/[0-9a-f]{32}$`) });
    const statement = statementOf(kek, head, signingKey, at);
    const seal = { ...statement, signature: await signer.sign(signingKey, signedText(statement)) };
    const standing = await signer.standingOf(signingKey.kid);
    if (standing.standing !== 'ours') throw new Error(standing.standing);
    expect(signatureHolds(seal, standing.jwk)).toBe(true);
    expect(signatureHolds({ ...seal, sequence: 8 }, standing.jwk)).toBe(false);
    expect(signatureHolds({ ...seal, signature: '' }, standing.jwk)).toBe(false);
    expect(signatureHolds({ ...seal, signature: `${seal.signature.slice(0, -4)}AAAA` }, standing.jwk)).toBe(false);
  },
);

test('the newest version signs, an older one and a former key still vouch, another key never does', async () => {
  const [name, former, other] = [randomUUID(), randomUUID(), randomUUID()];
  const make = (key: string) => client.createKey(key, 'EC', { curve: 'P-256' });
  const { id: first = '' } = await make(name);
  const { id: second = '' } = await make(name);
  const { id: earlier = '' } = await make(former);
  const { id: foreign = '' } = await make(other);
  const signer = signerOf(`${url}/keys/${name}`, [`${url}/keys/${former}`]);
  expect((await signer.current()).kid).toBe(second);
  for (const kid of [first, second, earlier]) expect(await signer.standingOf(kid)).toMatchObject({ standing: 'ours' });
  expect(await signer.standingOf(foreign)).toEqual({ standing: 'foreign' });
  expect(await signer.standingOf('https://stranger.invalid/keys/k/1')).toEqual({ standing: 'foreign' });
});

test('a disabled or deleted signing key is gone, not unreachable: it is refused, and what it signed says so', async () => {
  const name = randomUUID();
  const { id = '', properties } = await client.createKey(name, 'EC', { curve: 'P-256' });
  const signer = signerOf(`${url}/keys/${name}`);
  await client.updateKeyProperties(name, properties.version ?? '', { enabled: false });
  await expect(signer.current()).rejects.toMatchObject({ code: 'version-disabled', name: 'RefusalError' });
  expect(await signer.standingOf(id)).toMatchObject({ standing: 'gone' });
  await (await client.beginDeleteKey(name)).pollUntilDone();
  await expect(signer.current()).rejects.toMatchObject({ code: 'version-not-found', name: 'RefusalError' });
  expect(await signer.standingOf(id)).toMatchObject({ standing: 'gone' });
});
