import crypto, { createHmac, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { putBack, rewrap, withDataKey } from '../../../../shared/rotation/data-key';
import type { FaultError } from '../../../../shared/rotation/errors';
import { fitDataKey } from '../../../../shared/rotation/fit-data-key';
import type { DataKeyChange, KeyVersionDetail, WrapAlgorithm, WrappedDataKey } from '../../../../shared/rotation/ports';
import {
  checkValue,
  decodeBase64url,
  encodeBase64url,
  equalBytes,
  wrapLocally,
} from '../../../../shared/rotation/wrapping';
import { fakeKey, fakeKeyVault } from '../../../fakes/key-vault';

type Vault = ReturnType<typeof fakeKeyVault>;

let vault: Vault;
let v1: KeyVersionDetail;
let v2: KeyVersionDetail;
let dataKey: Buffer;

beforeEach(() => {
  vault = fakeKeyVault();
  v1 = vault.addVersion({ version: 'v1' });
  v2 = vault.addVersion({ version: 'v2' });
  dataKey = randomBytes(32);
});

function wrapped(version: KeyVersionDetail, key: Uint8Array, more: Partial<WrappedDataKey> = {}): WrappedDataKey {
  const alg = (more.alg ?? 'RSA-OAEP-256') as WrapAlgorithm;
  const { publicKey } = version;
  if (publicKey === null) throw new Error('not an RSA key');
  const blob = encodeBase64url(wrapLocally(publicKey, alg, key));
  const id = { partitionKey: 'tenant', rowKey: 'one' };
  return {
    id,
    etag: '"1"',
    kid: version.kid,
    alg,
    blob,
    check: more.check === undefined ? checkValue(key) : more.check,
    previous: null,
    ...more,
  };
}

async function open({ kid, alg, blob }: DataKeyChange): Promise<Buffer> {
  return Buffer.from(await vault.unwrap(kid, alg as WrapAlgorithm, Buffer.from(blob, 'base64url')));
}

async function changed(change: Promise<DataKeyChange | null>): Promise<DataKeyChange> {
  const made = await change;
  if (made === null) throw new Error('A change was expected.');
  return made;
}

const refusal = (code: string) => expect.objectContaining({ name: 'RefusalError', code });
const apply = (record: WrappedDataKey, change: DataKeyChange): WrappedDataKey => ({
  ...record,
  ...change,
  etag: '"2"',
});

describe('base64url', () => {
  test('every byte sequence has one spelling, and it is read back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
        expect(decodeBase64url(encodeBase64url(bytes))).toEqual(Buffer.from(bytes));
      }),
    );
  });

  test.each(['', '=', 'YQ==', 'YQ=', 'a', 'YR', 'a+b/', 'a b', 'YQ\n', 'é'])('%j is not one', (text) => {
    expect(decodeBase64url(text)).toBeNull();
  });

  test('what is decoded was the one spelling of its bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ABQRYZaz09-_+/=') }), (text) => {
        const bytes = decodeBase64url(text);
        if (bytes !== null) expect(encodeBase64url(bytes)).toBe(text);
      }),
    );
  });
});

describe('the check value', () => {
  test('is the first 16 bytes of HMAC-SHA-256 under the data key over keyturn/check/v1', () => {
    const key = Buffer.alloc(32, 7);
    const digest = createHmac('sha256', key).update('keyturn/check/v1').digest().subarray(0, 16);
    expect(checkValue(key)).toBe(digest.toString('base64url'));
    expect(checkValue(key)).toBe('7qKEtPwVkJNn3ggQtH6E6A');
  });

  test('of a data key under 16 bytes is refused', () => {
    expect(() => checkValue(Buffer.alloc(15))).toThrow(refusal('data-key-too-short'));
    expect(checkValue(Buffer.alloc(16))).toHaveLength(22);
  });
});

describe('wrapping with the public key', () => {
  test.each(['RSA-OAEP', 'RSA-OAEP-256'] as const)('%s is opened by the vault', async (alg) => {
    expect(await open({ ...wrapped(v1, dataKey, { alg }) })).toEqual(dataKey);
  });

  test('a data key longer than the key can hold is refused by name', () => {
    expect(() => wrapped(v1, Buffer.alloc(190))).not.toThrow();
    expect(() => wrapped(v1, Buffer.alloc(191))).toThrow(refusal('data-key-too-long'));
    expect(() => wrapped(v1, Buffer.alloc(214), { alg: 'RSA-OAEP' })).not.toThrow();
    expect(() => wrapped(v1, Buffer.alloc(215), { alg: 'RSA-OAEP' })).toThrow(refusal('data-key-too-long'));
  });
});

describe('rewrap', () => {
  test.each(['RSA-OAEP', 'RSA-OAEP-256'] as const)(
    'moves a record to next and keeps %s, the check value and the old blob',
    async (alg) => {
      const record = wrapped(v1, dataKey, { alg });
      const change = await changed(rewrap(record, v2, vault));
      expect(change).toMatchObject({ kid: v2.kid, alg, check: record.check });
      expect(await open(change)).toEqual(dataKey);
      expect(JSON.parse(change.previous ?? '')).toMatchObject({ kid: v1.kid, alg, blob: record.blob });
    },
  );

  test('I2: a record that is on next already needs no change and no vault', async () => {
    expect(await rewrap(wrapped(v2, dataKey), v2, vault)).toBeNull();
    expect(vault.interfere.effects).toEqual([]);
  });

  test('a record with a check value costs two unwraps: with the version it names, and of the new blob', async () => {
    await rewrap(wrapped(v1, dataKey), v2, vault);
    expect(vault.interfere.effects).toEqual(['unwrap v1', 'unwrap v2']);
  });

  test('I9: a record without a check value costs one more, separate unwrap, and then has one', async () => {
    const change = await changed(rewrap(wrapped(v1, dataKey, { check: null }), v2, vault));
    expect(vault.interfere.effects).toEqual(['unwrap v1', 'unwrap v1', 'unwrap v2']);
    expect(change.check).toBe(checkValue(dataKey));
  });

  test('I9: wrong bytes from the vault are caught by the check value, before anything is wrapped', async () => {
    vault.answerWrongly('v1', randomBytes(32));
    await expect(rewrap(wrapped(v1, dataKey), v2, vault)).rejects.toEqual(refusal('check-value-mismatch'));
    expect(vault.interfere.effects).toEqual(['unwrap v1']);
  });

  test('I9: wrong bytes for a record without check value are caught by the second unwrap', async () => {
    vault.answerWrongly('v1', randomBytes(32));
    vault.interfere.before('unwrap', 2, () => vault.answerWrongly('v1', null));
    await expect(rewrap(wrapped(v1, dataKey, { check: null }), v2, vault)).rejects.toEqual(refusal('unwraps-disagree'));
  });

  test('I9: a new blob that does not open to the same key is caught before it is written', async () => {
    vault.answerWrongly('v2', randomBytes(32));
    await expect(rewrap(wrapped(v1, dataKey), v2, vault)).rejects.toEqual(refusal('round-trip-mismatch'));
  });

  test('I9: a public key that is not that of the version is caught by the round trip', async () => {
    const mixedUp = { ...v2, publicKey: v1.publicKey };
    await expect(rewrap(wrapped(v1, dataKey), mixedUp, vault)).rejects.toEqual(refusal('key-vault-refused'));
  });

  test('an expired version still gives its data keys away to the next', async () => {
    vault.change('v1', { expiresOn: new Date(0) });
    expect(await open(await changed(rewrap(wrapped(v1, dataKey), v2, vault)))).toEqual(dataKey);
  });

  const other = 'https://kv-test.vault.azure.net/keys/other';
  const unfit: Record<string, [more: Partial<WrappedDataKey>, code: string]> = {
    'no key identifier': [{ kid: 'kek' }, 'record-garbled'],
    'an identifier without version': [{ kid: fakeKey }, 'record-garbled'],
    'the key of another vault': [{ kid: 'https://kv-2.vault.azure.net/keys/kek/v1' }, 'record-other-key'],
    'another key': [{ kid: `${other}/v1` }, 'record-other-key'],
    RSA1_5: [{ alg: 'RSA1_5' }, 'unsupported-algorithm'],
    'an algorithm in lower case': [{ alg: 'rsa-oaep-256' }, 'unsupported-algorithm'],
    'a blob with padding': [{ blob: 'YQ==' }, 'record-garbled'],
    'an empty blob': [{ blob: '' }, 'record-garbled'],
    'a blob that is far too long': [{ blob: 'A'.repeat(8000) }, 'record-garbled'],
    'a check value of another length': [{ check: 'Y2hlY2s' }, 'record-garbled'],
    'a check value that is no base64url': [{ check: '!'.repeat(22) }, 'record-garbled'],
    'an empty check value': [{ check: '' }, 'record-garbled'],
  };
  test.each(Object.entries(unfit))(
    'refuses a record with %s, before the vault is asked, and does not repeat it (I6)',
    async (_, [more, code]) => {
      // Not through `wrapped`: what is garbled cannot be wrapped.
      const record = { ...wrapped(v1, dataKey), ...more };
      const refused: unknown = await rewrap(record, v2, vault).catch((error: unknown) => error);
      expect(refused).toEqual(refusal(code));
      if (record.blob !== '') expect(String(refused)).not.toContain(record.blob);
      expect(() => fitDataKey(record, fakeKey)).toThrow(refusal(code));
      expect(vault.interfere.effects).toEqual([]);
    },
  );

  test('refuses a data key under 16 bytes', async () => {
    const record = wrapped(v1, randomBytes(15), { check: null });
    await expect(rewrap(record, v2, vault)).rejects.toEqual(refusal('data-key-too-short'));
  });

  test("a blob that the version cannot open is the vault's refusal, passed on", async () => {
    const record = { ...wrapped(v1, dataKey), blob: encodeBase64url(randomBytes(256)) };
    await expect(rewrap(record, v2, vault)).rejects.toEqual(refusal('key-vault-refused'));
  });

  test('a fault of the vault is passed on as a fault', async () => {
    vault.interfere.fail('unwrap', 2);
    const attempt: Promise<unknown> = rewrap(wrapped(v1, dataKey), v2, vault);
    await expect(attempt).rejects.toMatchObject({
      name: 'FaultError',
      code: 'unavailable',
    } satisfies Partial<FaultError>);
  });

  test('I6: no refusal repeats a blob, a check value or a data key', async () => {
    vault.answerWrongly('v1', dataKey);
    const record = { ...wrapped(v1, randomBytes(32)) };
    const error = await rewrap(record, v2, vault).catch((thrown: Error) => thrown);
    const text = `${(error as Error).message} ${JSON.stringify(error)}`;
    for (const secret of [record.blob, record.check ?? '', dataKey.toString('base64url')])
      expect(text).not.toContain(secret);
    expect(text).toContain('tenant/one');
  });

  test('I6: data keys are wiped from memory when the work is done, and when it fails', async () => {
    const lent: Uint8Array[] = [];
    const spying = {
      ...vault,
      unwrap: async (...call: Parameters<Vault['unwrap']>) => remember(await vault.unwrap(...call)),
    };
    const remember = (bytes: Uint8Array): Uint8Array => {
      lent.push(bytes);
      return bytes;
    };
    await rewrap(wrapped(v1, dataKey, { check: null }), v2, spying);
    vault.answerWrongly('v2', randomBytes(32));
    await rewrap(wrapped(v1, dataKey), v2, spying).catch(() => undefined);
    vault.answerWrongly('v1', randomBytes(32));
    await rewrap(wrapped(v1, dataKey), v2, spying).catch(() => undefined);
    expect(lent).toHaveLength(6);
    for (const bytes of lent) expect([...bytes].every((byte) => byte === 0)).toBe(true);
  });
});

describe('withDataKey', () => {
  test('lends the data key and answers what was made of it', async () => {
    const opened = await withDataKey(wrapped(v1, dataKey), fakeKey, vault, (key) => Buffer.from(key).toString('hex'));
    expect(opened).toBe(dataKey.toString('hex'));
  });
});

describe('putBack', () => {
  let moved: WrappedDataKey;
  let original: WrappedDataKey;

  beforeEach(async () => {
    original = wrapped(v1, dataKey);
    moved = apply(original, await changed(rewrap(original, v2, vault)));
    vault.interfere.effects.length = 0;
  });

  test('I8: the old blob returns, byte for byte, and the record is as it was', async () => {
    const change = await changed(putBack(moved, v2.kid, vault, v1));
    expect(apply(moved, change)).toEqual({ ...original, etag: '"2"' });
  });

  test('I9: putting our own blob back asks nothing of the vault, for next may be what fails', async () => {
    vault.interfere.failAlways('unwrap');
    vault.interfere.failAlways('version');
    expect(await changed(putBack(moved, v2.kid, vault, v1))).toMatchObject({ kid: v1.kid, blob: original.blob });
    expect(vault.interfere.effects).toEqual([]);
  });

  test('a check value that the rewrap added stays', async () => {
    const without = wrapped(v1, dataKey, { check: null });
    const record = apply(without, await changed(rewrap(without, v2, vault)));
    expect(await changed(putBack(record, v2.kid, vault, v1))).toMatchObject({ check: checkValue(dataKey) });
  });

  test('I2: a record that is not on next, or no longer, needs no change', async () => {
    expect(await putBack(original, v2.kid, vault, v1)).toBeNull();
    const back = apply(moved, await changed(putBack(moved, v2.kid, vault, v1)));
    expect(await putBack(back, v2.kid, vault, v1)).toBeNull();
    // Its owner's business: on a version that neither the rotation nor its way back knows.
    const v3 = vault.addVersion({ version: 'v3' });
    expect(await putBack(wrapped(v3, dataKey), v2.kid, vault, v1)).toBeNull();
  });

  test.each(['merging', 'replacing'])(
    'I9: a new key that its owner stored by %s is not lost: it is rewrapped with the version before',
    async (how) => {
      const fresh = randomBytes(32);
      const { previous } = moved;
      const record = { ...wrapped(v2, fresh), previous: how === 'merging' ? previous : null };
      const change = await changed(putBack(record, v2.kid, vault, v1));
      expect(change).toMatchObject({ kid: v1.kid, check: checkValue(fresh) });
      expect(await open(change)).toEqual(fresh);
      expect(JSON.parse(change.previous ?? '')).toMatchObject({ kid: v2.kid, blob: record.blob });
      expect(await putBack(apply(record, change), v2.kid, vault, v1)).toBeNull();
    },
  );

  test('I9: the same data key that its owner wrapped anew is not ours, and is rewrapped, not swapped', async () => {
    const record = { ...moved, ...wrapped(v2, dataKey), previous: moved.previous };
    const change = await changed(putBack(record, v2.kid, vault, v1));
    expect(change.blob).not.toBe(original.blob);
    expect(await open(change)).toEqual(dataKey);
  });

  test("an owner's new key goes back to the version its own record named, not to that of the others", async () => {
    const v0 = vault.addVersion({ version: 'v0' });
    const old = wrapped(v0, dataKey);
    const { previous } = await changed(rewrap(old, v2, vault));
    const record = { ...wrapped(v2, randomBytes(32)), previous };
    expect(await changed(putBack(record, v2.kid, vault, v1))).toMatchObject({ kid: v0.kid });
  });

  test('a key that its owner stored where nothing was before stays, since nothing says where to go, and it opens', async () => {
    expect(await putBack(wrapped(v2, dataKey), v2.kid, vault, null)).toBeNull();
  });

  test('I9: a previous without our digest is believed only after both blobs opened to the same key', async () => {
    const previous = JSON.stringify({ kid: v1.kid, alg: original.alg, blob: original.blob });
    expect(await changed(putBack({ ...moved, previous }, v2.kid, vault, v1))).toMatchObject({ blob: original.blob });
    expect(vault.interfere.effects).toEqual(['unwrap v2', 'unwrap v1']);
    const fresh = randomBytes(32);
    const change = await changed(putBack({ ...wrapped(v2, fresh), previous }, v2.kid, vault, v1));
    expect(await open(change)).toEqual(fresh);
  });

  test('a previous that names next itself says nothing of where the record was before', async () => {
    const previous = JSON.stringify({ kid: v2.kid, alg: moved.alg, blob: moved.blob });
    expect(await changed(putBack({ ...moved, previous }, v2.kid, vault, v1))).toMatchObject({ kid: v1.kid });
  });

  test.each(['', 'null', '[]', '5', '{', '{"kid":1}', '{"kid":"x","alg":"RSA-OAEP","blob":"YQ"}'])(
    'a previous of %j is none: the present key is rewrapped',
    async (previous) => {
      const change = await changed(putBack({ ...moved, previous }, v2.kid, vault, v1));
      expect(change.kid).toBe(v1.kid);
      expect(await open(change)).toEqual(dataKey);
    },
  );

  test('I9: wrong bytes on the way back are caught like those on the way forward', async () => {
    const record = { ...wrapped(v2, randomBytes(32)), previous: moved.previous };
    vault.answerWrongly('v2', randomBytes(32));
    await expect(putBack(record, v2.kid, vault, v1)).rejects.toEqual(refusal('check-value-mismatch'));
  });
});

test('I6: what was opened to tell whether a blob is ours is wiped from memory too', async () => {
  const lent: Uint8Array[] = [];
  const spying = {
    ...vault,
    unwrap: async (...call: Parameters<Vault['unwrap']>) => {
      const bytes = await vault.unwrap(...call);
      lent.push(bytes);
      return bytes;
    },
  };
  const original = wrapped(v1, dataKey);
  const moved = apply(original, await changed(rewrap(original, v2, vault)));
  // As it was kept before the digest was: only the two keys can say whose the blob is.
  const previous = JSON.stringify({ kid: v1.kid, alg: original.alg, blob: original.blob });
  await putBack({ ...moved, previous }, v2.kid, spying, v1);
  expect(lent).toHaveLength(2);
  for (const bytes of lent) expect([...bytes].every((byte) => byte === 0)).toBe(true);
});

test('I6: keys are compared in a time that does not depend on where they differ', () => {
  const compare = jest.spyOn(crypto, 'timingSafeEqual');
  try {
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
    expect(compare).toHaveBeenCalledTimes(1);
  } finally {
    compare.mockRestore();
  }
});

test('I9: however often records go forward and back, every one opens to its data key at every step', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom('forward', 'back', 'owner'), { maxLength: 6 }), async (steps) => {
      let present = randomBytes(32);
      let record = wrapped(v1, present);
      for (const step of steps) {
        if (step === 'owner') {
          present = randomBytes(32);
          const on = record.kid === v1.kid ? v1 : v2;
          record = { ...wrapped(on, present), previous: record.previous };
        } else {
          const change =
            step === 'forward' ? await rewrap(record, v2, vault) : await putBack(record, v2.kid, vault, v1);
          if (change !== null) record = apply(record, change);
          expect(record.kid).toBe(step === 'forward' ? v2.kid : v1.kid);
        }
        expect(await open(record)).toEqual(present);
      }
    }),
    { numRuns: 30 },
  );
});
