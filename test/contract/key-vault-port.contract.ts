import type { KeyVault, KeyVersionDetail, RotationPolicy } from '../../shared/rotation/ports';

/** One KEK with one enabled version that never expires, and what an owner would do to its policy. */
export interface KekUnderTest {
  readonly keyVault: KeyVault;
  readonly key: string;
  setPolicy(policy: Partial<RotationPolicy>): Promise<void>;
}

/** What the rules rely on of the Key Vault port, held against a fake and against the adapter alike. `test`: another one where a vault is known to differ. */
export function describeKeyVaultPortContract(
  name: string,
  fresh: () => Promise<KekUnderTest>,
  test: jest.It = globalThis.test,
): void {
  describe(`the Key Vault port contract, kept by ${name}`, () => {
    const dataKey = Uint8Array.from({ length: 32 }, (_, index) => index);
    let kek: KekUnderTest;
    let first: KeyVersionDetail;
    let second: KeyVersionDetail;

    beforeEach(async () => {
      kek = await fresh();
      const [only] = await kek.keyVault.versions(kek.key);
      first = await kek.keyVault.version(only?.kid ?? '');
      second = await kek.keyVault.createVersion(kek.key, { like: first, expiresOn: null, tags: { rotationId: 'run' } });
    });
    const listed = async (of: KeyVersionDetail) =>
      (await kek.keyVault.versions(kek.key)).find(({ version }) => version === of.version);

    test('disabling hits the version that is named, and no other', async () => {
      await kek.keyVault.setEnabled(first.kid, false);
      expect((await listed(first))?.enabled).toBe(false);
      expect((await listed(second))?.enabled).toBe(true);
      await expect(kek.keyVault.version(first.kid)).rejects.toMatchObject({ code: 'version-disabled' });
    });

    test('a version that was disabled opens what it has wrapped once it is enabled again, and both may be repeated', async () => {
      const blob = await kek.keyVault.wrap(first.kid, 'RSA-OAEP-256', dataKey);
      await kek.keyVault.setEnabled(first.kid, false);
      await kek.keyVault.setEnabled(first.kid, false);
      const refused = kek.keyVault.unwrap(first.kid, 'RSA-OAEP-256', blob);
      await expect(refused).rejects.toMatchObject({ name: 'RefusalError', code: 'version-disabled' });
      await kek.keyVault.setEnabled(first.kid, true);
      await kek.keyVault.setEnabled(first.kid, true);
      expect(Buffer.from(await kek.keyVault.unwrap(first.kid, 'RSA-OAEP-256', blob))).toEqual(Buffer.from(dataKey));
    });

    test('a version does what it is permitted to, and nothing else', async () => {
      const like = { ...first, operations: ['wrapKey'] };
      const third = await kek.keyVault.createVersion(kek.key, { like, expiresOn: null, tags: {} });
      const blob = await kek.keyVault.wrap(third.kid, 'RSA-OAEP-256', dataKey);
      const refused = kek.keyVault.unwrap(third.kid, 'RSA-OAEP-256', blob);
      await expect(refused).rejects.toMatchObject({ name: 'RefusalError', code: 'key-vault-forbidden' });
    });

    test('an expiry is set on the version that is named, and nothing else of it changes', async () => {
      const expiresOn = new Date('2031-05-01T12:00:00Z');
      await kek.keyVault.setExpiry(first.kid, expiresOn);
      expect(await listed(first)).toMatchObject({ expiresOn, enabled: true, tags: first.tags });
      expect((await listed(second))?.expiresOn).toBeNull();
      const later = new Date('2032-05-01T12:00:00Z');
      await kek.keyVault.setExpiry(first.kid, later);
      expect((await listed(first))?.expiresOn).toEqual(later);
    });

    test('what is not there can be neither disabled nor given an expiry', async () => {
      const missing = `${kek.key}/${'0'.repeat(32)}`;
      const refused = { name: 'RefusalError', code: 'version-not-found' };
      await expect(kek.keyVault.setEnabled(missing, false)).rejects.toMatchObject(refused);
      await expect(kek.keyVault.setExpiry(missing, new Date('2031-05-01T12:00:00Z'))).rejects.toMatchObject(refused);
    });

    test.each([
      ['after its creation', { expiresIn: 'P90D', rotatesAfterCreate: 'P60D' }],
      ['before its expiry', { expiresIn: 'P90D', rotatesBeforeExpiry: 'P30D' }],
      ['never', { expiresIn: 'P90D' }],
    ] as const)('a policy says when the vault makes the next version by itself: %s', async (_, policy) => {
      await kek.setPolicy(policy);
      const nothing = { expiresIn: null, rotatesAfterCreate: null, rotatesBeforeExpiry: null };
      // A vault also notifies, by default and unasked.
      expect(await kek.keyVault.rotationPolicy(kek.key)).toMatchObject({ ...nothing, ...policy });
    });

    test('a policy that is set is the one that the vault tells of, and can be put back', async () => {
      const before = {
        expiresIn: 'P120D',
        rotatesAfterCreate: 'P60D',
        rotatesBeforeExpiry: null,
        notifiesBeforeExpiry: 'P20D',
      };
      const wanted = {
        expiresIn: 'P90D',
        rotatesAfterCreate: null,
        rotatesBeforeExpiry: 'P30D',
        notifiesBeforeExpiry: 'P15D',
      };
      for (const policy of [before, wanted, before]) {
        await kek.keyVault.setRotationPolicy(kek.key, policy);
        expect(await kek.keyVault.rotationPolicy(kek.key)).toEqual(policy);
      }
    });
  });
}
