import { constants, generateKeyPairSync, privateDecrypt } from 'node:crypto';
import { checkValue, makeRecords, type OwnedRecord, openRecord, type Unwrap } from '../../sandbox/run/owner';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const jwk = publicKey.export({ format: 'jwk' });
const key = { kid: 'https://vault/keys/kek/1', n: jwk.n ?? '', e: jwk.e ?? '' };

/** What Key Vault does, done with the private key at hand. */
const unwrap: Unwrap = async (_kid, alg, blob) =>
  privateDecrypt(
    {
      key: privateKey,
      padding: constants.RSA_PKCS1_OAEP_PADDING,
      oaepHash: alg === 'RSA-OAEP' ? 'sha1' : 'sha256',
    },
    Buffer.from(blob, 'base64url'),
  );

const first = (records: readonly OwnedRecord[], wanted: (record: OwnedRecord) => boolean): OwnedRecord => {
  const found = records.find(wanted);
  if (found === undefined) throw new Error('no such record');
  return found;
};

describe("An owner's wrapped data keys", () => {
  const records = makeRecords(24, 'fleet', key);

  test('open the documents stored beside them, each another text', async () => {
    const texts = await Promise.all(records.map((record) => openRecord(record, unwrap)));
    expect(new Set(texts).size).toBe(records.length);
    expect(texts[0]).toMatch(/^Document 0001, /);
  });

  test('are a mix of both algorithms, with and without check value', () => {
    const kinds = new Set(records.map(({ alg, check }) => `${alg} ${check === undefined ? 'without' : 'with'}`));
    expect([...kinds].sort()).toEqual([
      'RSA-OAEP with',
      'RSA-OAEP without',
      'RSA-OAEP-256 with',
      'RSA-OAEP-256 without',
    ]);
  });

  test('hold nothing readable, and base64url without padding only', () => {
    for (const { blob, check = '', document } of records) {
      expect(`${blob}${check}${document}`).toMatch(/^[\w-]+$/);
      expect(Buffer.from(document, 'base64url').toString('latin1')).not.toContain('Document');
    }
  });

  test('have as check value 16 bytes that tell two data keys apart', () => {
    const [one, other] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
    expect(Buffer.from(checkValue(one), 'base64url')).toHaveLength(16);
    expect(checkValue(one)).not.toBe(checkValue(other));
    // HMAC-SHA-256 under 32 bytes of 0x01 over "keyturn/check/v1", computed with OpenSSL.
    expect(checkValue(one)).toBe('Xdm99BosPNEXv6etN_1qow');
  });

  test('do not open with wrong bytes, whether or not they have a check value', async () => {
    const wrong: Unwrap = async () => Buffer.alloc(32, 7);
    await expect(
      openRecord(
        first(records, ({ check }) => check !== undefined),
        wrong,
      ),
    ).rejects.toThrow('check value');
    await expect(
      openRecord(
        first(records, ({ check }) => check === undefined),
        wrong,
      ),
    ).rejects.toThrow();
  });

  test('do not open a document under another name', async () => {
    const renamed = { ...(records[0] as OwnedRecord), rowKey: 'document-9999' };
    await expect(openRecord(renamed, unwrap)).rejects.toThrow();
  });

  test("do not open another record's document", async () => {
    const [one, other] = records;
    const mixed = { ...(one as OwnedRecord), document: (other as OwnedRecord).document };
    await expect(openRecord(mixed, unwrap)).rejects.toThrow();
  });
});
