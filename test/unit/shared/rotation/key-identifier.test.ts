import fc from 'fast-check';
import {
  kidOf,
  parseKeyIdentifier,
  partitionOf,
  sameKey,
  sameKid,
  versionOf,
} from '../../../../shared/rotation/key-identifier';

const key = 'https://kv.vault.azure.net/keys/kek';

describe('parseKeyIdentifier', () => {
  const understood: Record<string, [text: string, key: string, version: string | null]> = {
    'an unversioned identifier': [key, key, null],
    'a versioned identifier': [`${key}/0a1B`, key, '0a1B'],
    'a trailing slash, which Azure writes now and then': [`${key}/`, key, null],
    'a vault in capitals': ['HTTPS://KV.Vault.Azure.Net/keys/kek', key, null],
    'a sovereign cloud': ['https://kv.vault.azure.cn/keys/kek', 'https://kv.vault.azure.cn/keys/kek', null],
    'a local vault on a port': ['https://localhost:8443/keys/kek/1', 'https://localhost:8443/keys/kek', '1'],
    'the port that https means anyway': ['https://kv.vault.azure.net:443/keys/kek', key, null],
    'a version of 64 characters': [`${key}/${'a'.repeat(64)}`, key, 'a'.repeat(64)],
  };
  test.each(Object.entries(understood))('understands %s', (_, [text, wanted, version]) => {
    expect(parseKeyIdentifier(text)).toMatchObject({
      key: wanted,
      version,
      vaultUrl: wanted.slice(0, -'/keys/kek'.length),
    });
  });

  const refused: Record<string, string> = {
    'no text': '',
    'plain http': 'http://kv.vault.azure.net/keys/kek',
    'a secret': 'https://kv.vault.azure.net/secrets/kek',
    credentials: 'https://user:pass@kv.vault.azure.net/keys/kek',
    'a query': `${key}?api-version=7.4`,
    'a fragment': `${key}#x`,
    'a percent escape': 'https://kv.vault.azure.net/keys/k%65k',
    'dot segments': 'https://kv.vault.azure.net/x/../keys/kek',
    'an underscore in the name': 'https://kv.vault.azure.net/keys/k_k',
    'no name': 'https://kv.vault.azure.net/keys/',
    'a version of 65 characters': `${key}/${'a'.repeat(65)}`,
    'a version with a hyphen': `${key}/a-b`,
    'more after the version': `${key}/v1/more`,
    'white space around it': ` ${key}`,
    'a line break after it': `${key}\n`,
    'a port that does not exist': 'https://kv.vault.azure.net:99999/keys/kek',
    'a host that ends in a dot': 'https://kv.vault.azure.net./keys/kek',
  };
  test.each(Object.entries(refused))('refuses %s', (_, text) => {
    expect(parseKeyIdentifier(text)).toBeNull();
  });

  test('never throws, and what it understands it writes in one canonical form', () => {
    const part = fc.string({ unit: fc.constantFrom(...'aB0-./:@?%'), maxLength: 12 });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          part.map((text) => `https://kv.vault.azure.net/keys/${text}`),
        ),
        (text) => {
          const parsed = parseKeyIdentifier(text);
          if (parsed === null) return;
          expect(parseKeyIdentifier(parsed.key)).toEqual({ ...parsed, version: null });
          if (parsed.version !== null) expect(versionOf(kidOf(parsed.key, parsed.version))).toBe(parsed.version);
        },
      ),
    );
  });
});

test('two spellings of one key are the same key, and have one partition: one KEK never has two claims (I5)', () => {
  for (const spelling of [`${key}/`, 'https://KV.vault.azure.net:443/keys/KEK', `${key}/v1`]) {
    expect(sameKey(key, spelling)).toBe(true);
    expect(partitionOf(spelling)).toBe(partitionOf(key));
  }
});

test('keys that differ in vault, port or name are different keys', () => {
  for (const other of ['https://kv2.vault.azure.net/keys/kek', 'https://kv.vault.azure.net:8443/keys/kek', `${key}2`]) {
    expect(sameKey(key, other)).toBe(false);
    expect(partitionOf(other)).not.toBe(partitionOf(key));
  }
  expect(sameKey('not a key', 'not a key')).toBe(false);
});

test('versions are the same only of the same key, and no version is the same as none', () => {
  expect(sameKid(`${key}/v1`, 'https://KV.vault.azure.net/keys/kek/v1/')).toBe(true);
  expect(sameKid(`${key}/v1`, `${key}/v2`)).toBe(false);
  expect(sameKid(`${key}/v1`, `${key}2/v1`)).toBe(false);
  expect(sameKid(key, key)).toBe(false);
});

test('a partition key is readable and free of what tables forbid', () => {
  expect(partitionOf(key)).toMatch(/^kek-[0-9a-f]{16}$/);
  expect(() => partitionOf('kek')).toThrow(RangeError);
});
