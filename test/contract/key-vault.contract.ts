import { constants, createHash, createPublicKey, publicEncrypt, randomBytes, randomUUID, verify } from 'node:crypto';
import type { TokenCredential } from '@azure/core-auth';
import {
  type CreateKeyOptions,
  CryptographyClient,
  KeyClient,
  type KeyClientOptions,
  type KeyVaultKey,
} from '@azure/keyvault-keys';

/** A Key Vault to be held to the contract: the stand-in, another emulator, or a real one. */
export interface KeyVaultUnderTest {
  vaultUrl: string;
  /** May do everything with keys. */
  credential: TokenCredential;
  clientOptions: KeyClientOptions;
  /** Put before the names of keys, so that runs against a shared vault do not meet. */
  prefix?: string;
}

const ALGORITHMS = ['RSA-OAEP-256', 'RSA-OAEP', 'RSA1_5'] as const;
const OPERATIONS = ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey', 'sign', 'verify'];
const HOUR = 3_600_000;

/** What a call was refused with, as Key Vault answered it. Fails if it was not, or by the client itself. */
async function refusal(call: Promise<unknown>): Promise<{ status: number; code: string | undefined }> {
  const error: { statusCode?: number; code?: string } = await call.then(
    () => {
      throw new Error('The call was expected to be refused.');
    },
    (thrown) => thrown,
  );
  if (error.statusCode === undefined) throw error;
  return { status: error.statusCode, code: error.code };
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/**
 * What Keyturn relies on of Key Vault, held against a vault through the unmodified SDK. `setup` runs once. Keys are given their operations, and
 * only one test asks what a key may do that was given none.
 * @param test another one where a vault is known to differ
 */
export function describeKeyVaultContract(
  name: string,
  setup: () => Promise<KeyVaultUnderTest>,
  test: jest.It = globalThis.test,
): void {
  describe(`the Key Vault contract, kept by ${name}`, () => {
    let vault: KeyVaultUnderTest;
    let client: KeyClient;
    const fresh = (): string => `${vault.prefix ?? ''}${randomUUID()}`;
    const crypto = (id: string): CryptographyClient =>
      new CryptographyClient(id, vault.credential, vault.clientOptions);
    const createRsa = (keyName: string, options: CreateKeyOptions = {}): Promise<KeyVaultKey> =>
      client.createKey(keyName, 'RSA', { keyOps: OPERATIONS, ...options });
    const idOf = (key: KeyVaultKey): string => key.id as string;
    const versionOf = (key: KeyVaultKey): string => key.properties.version as string;

    beforeAll(async () => {
      vault = await setup();
      client = new KeyClient(vault.vaultUrl, vault.credential, vault.clientOptions);
    });

    test('creating a key of the same name makes a new version, and the version asked for or the latest is read', async () => {
      const keyName = fresh();
      const first = await createRsa(keyName, { tags: { made: 'first' } });
      const second = await createRsa(keyName, { keySize: 2048, keyOps: ['wrapKey', 'unwrapKey'] });
      expect(versionOf(first)).toMatch(/^[0-9a-f]{32}$/);
      expect(versionOf(second)).not.toBe(versionOf(first));
      expect(idOf(second)).toBe(`${vault.vaultUrl}/keys/${keyName}/${versionOf(second)}`);
      expect((await client.getKey(keyName)).properties.version).toBe(versionOf(second));
      const read = await client.getKey(keyName, { version: versionOf(first) });
      expect(read.properties.tags).toEqual({ made: 'first' });
      expect(Buffer.from(read.key?.n as Uint8Array)).toEqual(Buffer.from(first.key?.n as Uint8Array));
      expect((await client.getKey(keyName)).keyOperations?.toSorted()).toEqual(['unwrapKey', 'wrapKey']);
    });

    test.each(ALGORITHMS)(
      'what is wrapped with %s is unwrapped by the same version and by no other',
      async (algorithm) => {
        const keyName = fresh();
        const first = await createRsa(keyName);
        const second = await createRsa(keyName);
        const dataKey = randomBytes(32);
        const wrapped = await crypto(idOf(first)).wrapKey(algorithm, dataKey);
        const opened = await crypto(idOf(first)).unwrapKey(algorithm, wrapped.result);
        expect(Buffer.from(opened.result)).toEqual(dataKey);
        expect(opened.keyID).toBe(idOf(first));
        const other = await crypto(idOf(second))
          .unwrapKey(algorithm, wrapped.result)
          .then(
            (answer) => Buffer.from(answer.result),
            (error: { statusCode?: number }) => error.statusCode,
          );
        // PKCS#1 v1.5 with implicit rejection may answer noise instead of an error; never the key.
        if (typeof other === 'number') expect(other).toBe(400);
        else expect(other).not.toEqual(dataKey);
      },
    );

    test('a blob wrapped with the public key alone, outside the vault, is unwrapped by the vault', async () => {
      const key = await createRsa(fresh());
      const n = Buffer.from(key.key?.n as Uint8Array).toString('base64url');
      const e = Buffer.from(key.key?.e as Uint8Array).toString('base64url');
      const publicKey = createPublicKey({ key: { kty: 'RSA', n, e }, format: 'jwk' });
      const dataKey = randomBytes(32);
      const padding = constants.RSA_PKCS1_OAEP_PADDING;
      const blob = publicEncrypt({ key: publicKey, padding, oaepHash: 'sha256' }, dataKey);
      const opened = await crypto(idOf(key)).unwrapKey('RSA-OAEP-256', blob);
      expect(Buffer.from(opened.result)).toEqual(dataKey);
    });

    test('a blob that was never wrapped is a bad parameter', async () => {
      const key = await createRsa(fresh());
      const call = crypto(idOf(key)).unwrapKey('RSA-OAEP-256', randomBytes(256));
      expect(await refusal(call)).toMatchObject({ status: 400, code: 'BadParameter' });
    });

    test('a disabled version does nothing, cannot be read, and works again once it is enabled', async () => {
      const keyName = fresh();
      const key = await createRsa(keyName);
      const wrapped = await crypto(idOf(key)).wrapKey('RSA-OAEP-256', randomBytes(32));
      await client.updateKeyProperties(keyName, versionOf(key), { enabled: false });
      const unwrap = () => bluntClient(vault, idOf(key)).unwrapKey('RSA-OAEP-256', wrapped.result);
      expect(await refusal(unwrap())).toMatchObject({ status: 403, code: 'Forbidden' });
      expect(await refusal(client.getKey(keyName, { version: versionOf(key) }))).toMatchObject({ status: 403 });
      const [listed] = await collect(client.listPropertiesOfKeyVersions(keyName));
      expect(listed?.enabled).toBe(false);
      await client.updateKeyProperties(keyName, versionOf(key), { enabled: true });
      expect((await unwrap()).result).toHaveLength(32);
    });

    test('an expired version still unwraps and no longer wraps', async () => {
      const keyName = fresh();
      const key = await createRsa(keyName);
      const wrapped = await crypto(idOf(key)).wrapKey('RSA-OAEP-256', randomBytes(32));
      await client.updateKeyProperties(keyName, versionOf(key), { expiresOn: new Date(Date.now() - HOUR) });
      expect((await bluntClient(vault, idOf(key)).unwrapKey('RSA-OAEP-256', wrapped.result)).result).toHaveLength(32);
      expect(await refusal(remoteWrap(vault, idOf(key)))).toMatchObject({ status: 403, code: 'Forbidden' });
    });

    test('a version that is not yet valid does not wrap', async () => {
      const key = await createRsa(fresh(), { notBefore: new Date(Date.now() + HOUR) });
      expect(await refusal(remoteWrap(vault, idOf(key)))).toMatchObject({ status: 403, code: 'Forbidden' });
    });

    test('a key does only what its operations name', async () => {
      const key = await createRsa(fresh(), { keyOps: ['unwrapKey'] });
      expect(await refusal(remoteWrap(vault, idOf(key)))).toMatchObject({ status: 403, code: 'Forbidden' });
    });

    test('a key that is created without operations may do what its type can', async () => {
      const key = await client.createKey(fresh(), 'RSA');
      const dataKey = randomBytes(32);
      const wrapped = await bluntClient(vault, idOf(key)).wrapKey('RSA-OAEP-256', dataKey);
      const opened = await bluntClient(vault, idOf(key)).unwrapKey('RSA-OAEP-256', wrapped.result);
      expect(Buffer.from(opened.result)).toEqual(dataKey);
    });

    test('a key on an elliptic curve cannot wrap', async () => {
      const key = await client.createKey(fresh(), 'EC');
      const { status } = await refusal(remoteWrap(vault, idOf(key)));
      expect([400, 403]).toContain(status);
    });

    test('a key and a version that do not exist are not found', async () => {
      const keyName = fresh();
      expect(await refusal(client.getKey(keyName))).toMatchObject({ status: 404, code: 'KeyNotFound' });
      await createRsa(keyName);
      expect(await refusal(client.getKey(keyName, { version: '0'.repeat(32) }))).toMatchObject({ status: 404 });
    });

    test('updating without a version changes the latest one only', async () => {
      const keyName = fresh();
      const first = await createRsa(keyName);
      const second = await createRsa(keyName);
      await client.updateKeyProperties(keyName, { tags: { seen: 'yes' } });
      const versions = await collect(client.listPropertiesOfKeyVersions(keyName));
      const tagsOf = (key: KeyVaultKey) => versions.find((version) => version.version === versionOf(key))?.tags;
      expect(tagsOf(second)).toEqual({ seen: 'yes' });
      expect(tagsOf(first)).toBeUndefined();
    });

    test('more versions than fit a page are listed completely, each once', async () => {
      const keyName = fresh();
      const made: string[] = [];
      for (let count = 0; count < 27; count += 1) made.push(versionOf(await client.createKey(keyName, 'EC')));
      const sizes: number[] = [];
      const listed: string[] = [];
      for await (const versions of client.listPropertiesOfKeyVersions(keyName).byPage()) {
        sizes.push(versions.length);
        listed.push(...versions.map((version) => version.version as string));
      }
      expect(Math.max(...sizes)).toBeLessThanOrEqual(25);
      expect(listed.toSorted()).toEqual(made.toSorted());
    });

    test('rotating makes a version like the one before, which lives as long as the policy says', async () => {
      const keyName = fresh();
      const first = await createRsa(keyName, { tags: { team: 'iot' }, keyOps: ['wrapKey', 'unwrapKey'] });
      await client.updateKeyRotationPolicy(keyName, {
        expiresIn: 'P90D',
        lifetimeActions: [{ action: 'Rotate', timeBeforeExpiry: 'P30D' }],
      });
      const second = await client.rotateKey(keyName);
      expect(versionOf(second)).not.toBe(versionOf(first));
      expect(second.keyOperations?.toSorted()).toEqual(['unwrapKey', 'wrapKey']);
      expect(second.properties.tags).toEqual({ team: 'iot' });
      const { createdOn, expiresOn } = second.properties;
      expect(((expiresOn?.getTime() ?? 0) - (createdOn?.getTime() ?? 0)) / HOUR / 24).toBeCloseTo(90, 1);
      expect((await client.getKey(keyName, { version: versionOf(first) })).properties.expiresOn).toBeUndefined();
    });

    test('a rotation policy is kept as it was set, and one that breaks the rules is refused', async () => {
      const keyName = fresh();
      await createRsa(keyName);
      await client.updateKeyRotationPolicy(keyName, {
        expiresIn: 'P90D',
        lifetimeActions: [
          { action: 'Rotate', timeAfterCreate: 'P60D' },
          { action: 'Notify', timeBeforeExpiry: 'P20D' },
        ],
      });
      const policy = await client.getKeyRotationPolicy(keyName);
      expect(policy.expiresIn).toBe('P90D');
      expect(policy.lifetimeActions).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ action: 'Rotate', timeAfterCreate: 'P60D' }),
          expect.objectContaining({ action: 'Notify', timeBeforeExpiry: 'P20D' }),
        ]),
      );
      const tooSoon = client.updateKeyRotationPolicy(keyName, {
        lifetimeActions: [{ action: 'Rotate', timeAfterCreate: 'P6D' }],
      });
      expect(await refusal(tooSoon)).toMatchObject({ status: 400 });
      const tooShort = client.updateKeyRotationPolicy(keyName, { expiresIn: 'P27D', lifetimeActions: [] });
      expect(await refusal(tooShort)).toMatchObject({ status: 400 });
    });

    test('a deleted key is gone, its name is taken, and it comes back whole', async () => {
      const keyName = fresh();
      const key = await createRsa(keyName);
      const wrapped = await crypto(idOf(key)).wrapKey('RSA-OAEP-256', randomBytes(32));
      await (await client.beginDeleteKey(keyName, { intervalInMs: 100 })).pollUntilDone();
      expect(await refusal(client.getKey(keyName))).toMatchObject({ status: 404 });
      expect(await refusal(createRsa(keyName))).toMatchObject({ status: 409 });
      expect((await client.getDeletedKey(keyName)).properties.deletedOn).toBeInstanceOf(Date);
      expect((await collect(client.listDeletedKeys())).map((deleted) => deleted.name)).toContain(keyName);
      await (await client.beginRecoverDeletedKey(keyName, { intervalInMs: 100 })).pollUntilDone();
      expect((await crypto(idOf(key)).unwrapKey('RSA-OAEP-256', wrapped.result)).result).toHaveLength(32);
    });

    const signing = [
      ['RSA', 'PS256', 'sha256'],
      ['RSA', 'PS512', 'sha512'],
      ['RSA', 'RS256', 'sha256'],
      ['P-256', 'ES256', 'sha256'],
      ['P-384', 'ES384', 'sha384'],
      ['P-521', 'ES512', 'sha512'],
    ] as const;
    test.each(signing)(
      'a digest is signed with a key of %s by %s, and anybody can verify it by the public key',
      async (kind, algorithm, hash) => {
        const made =
          kind === 'RSA'
            ? await createRsa(fresh(), { keyOps: ['sign', 'verify'] })
            : await client.createKey(fresh(), 'EC', { curve: kind, keyOps: ['sign', 'verify'] });
        const text = randomBytes(1000);
        const digest = createHash(hash).update(text).digest();
        const signer = crypto(idOf(made));
        const { result } = await signer.sign(algorithm, digest);
        const { n, e, x, y, crv } = made.key ?? {};
        const [a = '', b = ''] = (kind === 'RSA' ? [n, e] : [x, y]).map((part) =>
          Buffer.from(part ?? []).toString('base64url'),
        );
        const jwk = kind === 'RSA' ? { kty: 'RSA', n: a, e: b } : { kty: 'EC', crv: String(crv), x: a, y: b };
        const key = createPublicKey({ key: jwk, format: 'jwk' });
        const options = algorithm.startsWith('PS')
          ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
          : { key, dsaEncoding: 'ieee-p1363' as const };
        expect(verify(hash, text, options, result)).toBe(true);
        expect(verify(hash, randomBytes(1000), options, result)).toBe(false);
        // Without its public half the client has to ask the service.
        if (kind !== 'RSA') return;
        const asked = new CryptographyClient(
          { id: idOf(made), name: made.name, properties: made.properties },
          vault.credential,
          vault.clientOptions,
        );
        expect((await asked.verify(algorithm, digest, result)).result).toBe(true);
        expect((await asked.verify(algorithm, randomBytes(digest.length), result)).result).toBe(false);
      },
    );

    test('what is no digest, or no operation of the key, is not signed', async () => {
      const signs = crypto(idOf(await createRsa(fresh(), { keyOps: ['sign', 'verify'] })));
      expect((await refusal(signs.sign('PS256', randomBytes(20)))).status).toBe(400);
      expect((await refusal(signs.sign('ES256', randomBytes(32)))).status).toBe(400);
      const wraps = await createRsa(fresh(), { keyOps: ['wrapKey', 'unwrapKey'] });
      const asked = { id: idOf(wraps), name: wraps.name, properties: wraps.properties };
      const alone = new CryptographyClient(asked, vault.credential, vault.clientOptions);
      expect((await refusal(alone.sign('PS256', randomBytes(32)))).status).toBe(403);
    });
  });
}

/**
 * A client that asks the vault without looking first: given a bare identifier, the SDK's would read the key and itself refuse what
 * its dates and operations forbid, so that the vault would never be heard.
 */
function bluntClient(vault: KeyVaultUnderTest, id: string): CryptographyClient {
  const name = id.split('/').at(-2) as string;
  return new CryptographyClient(
    { id, name, properties: { vaultUrl: vault.vaultUrl, name } },
    vault.credential,
    vault.clientOptions,
  );
}

function remoteWrap(vault: KeyVaultUnderTest, id: string): Promise<unknown> {
  return bluntClient(vault, id).wrapKey('RSA-OAEP-256', randomBytes(32));
}
