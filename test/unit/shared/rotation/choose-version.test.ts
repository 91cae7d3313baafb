import fc from 'fast-check';
import { type ChoiceFacts, chooseNext, expiryFrom, usability } from '../../../../shared/rotation/choose-version';
import { RefusalError } from '../../../../shared/rotation/errors';
import type { KeyVersion, KeyVersionDetail } from '../../../../shared/rotation/ports';

const now = new Date('2026-11-22T12:00:00Z');
const day = (number: number): Date => new Date(Date.UTC(2026, 0, number));
const ours = { tags: { rotationId: 'run' } };

function version(name: string, created: number, more: Partial<KeyVersion> = {}): KeyVersion {
  return {
    version: name,
    kid: `https://kv.vault.azure.net/keys/kek/${name}`,
    createdOn: day(created),
    enabled: true,
    notBefore: null,
    expiresOn: null,
    tags: {},
    ...more,
  };
}

const facts = (versions: KeyVersion[], more: Partial<ChoiceFacts> = {}): ChoiceFacts => ({
  ledgerVersion: null,
  toVersion: null,
  rotationId: 'run',
  versions: [version('v1', 1), ...versions],
  inUse: 'v1',
  now,
  ...more,
});

describe('chooseNext', () => {
  const used: Record<string, [facts: ChoiceFacts, version: string]> = {
    'the one on record, before everything': [
      facts([version('kept', 2), version('asked', 3), version('made', 4, ours), version('newest', 5)], {
        ledgerVersion: 'kept',
        toVersion: 'asked',
      }),
      'kept',
    ],
    'the one asked for, before what this run made': [
      facts([version('asked', 3), version('made', 4, ours)], { toVersion: 'asked' }),
      'asked',
    ],
    'the oldest that this run made, before a newer one by somebody else': [
      facts([version('made-2', 5, ours), version('made-1', 4, ours), version('newest', 6)]),
      'made-1',
    ],
    'of two that this run made in one second, the first by name': [
      facts([version('b', 4, ours), version('a', 4, ours)]),
      'a',
    ],
    'of those that this run made, the enabled one': [
      facts([version('off', 4, { ...ours, enabled: false }), version('on', 5, ours)]),
      'on',
    ],
    'the newest that the policy made': [facts([version('v2', 2), version('v4', 4), version('v3', 3)]), 'v4'],
    'one that a run which was rolled back left behind': [
      facts([version('left', 2, { tags: { rotationId: 'earlier' } })]),
      'left',
    ],
    'the newest that can be used, past those that cannot': [
      facts([
        version('good', 2),
        version('off', 3, { enabled: false }),
        version('expired', 4, { expiresOn: now }),
        version('early', 5, { notBefore: new Date(now.getTime() + 1) }),
      ]),
      'good',
    ],
    'an older one, but only when it is asked for by name': [facts([version('old', 0)], { toVersion: 'old' }), 'old'],
  };
  test.each(Object.entries(used))('uses %s', (_, [given, wanted]) => {
    expect(chooseNext(given)).toMatchObject({ use: wanted, why: expect.any(String) });
  });

  const created: Record<string, ChoiceFacts> = {
    'there is no other version': facts([]),
    'the others are older': facts([version('v0', 0)]),
    'the only other one is of the same second': facts([version('twin', 1)]),
    'the newer ones cannot be used': facts([version('off', 2, { enabled: false })]),
    'the tag is that of another run and the version is older': facts([version('v0', 0, { tags: { rotationId: 'x' } })]),
    'it is a dry run, which made nothing, whatever tags say': facts(
      [version('v0', 0, { tags: { rotationId: 'null' } })],
      {
        rotationId: null,
      },
    ),
  };
  test.each(Object.entries(created))('has a version made when %s', (_, given) => {
    expect(chooseNext(given)).toEqual({ create: true, others: [] });
  });

  const refused: Record<string, [facts: ChoiceFacts, code: string]> = {
    'a version on record that is gone': [facts([], { ledgerVersion: 'gone' }), 'version-not-found'],
    'a version on record that was disabled': [
      facts([version('off', 2, { enabled: false })], { ledgerVersion: 'off' }),
      'version-disabled',
    ],
    'a version asked for that does not exist': [facts([], { toVersion: 'gone' }), 'version-not-found'],
    'a version asked for that is expired': [
      facts([version('old', 2, { expiresOn: now })], { toVersion: 'old' }),
      'version-expired',
    ],
    'to guess when the version in use is not listed': [
      facts([version('v2', 2)], { inUse: 'gone' }),
      'version-in-use-unknown',
    ],
    'to guess when no version is in use': [facts([version('v2', 2)], { inUse: null }), 'version-in-use-unknown'],
  };
  test.each(Object.entries(refused))('refuses %s', (_, [given, code]) => {
    expect(chooseNext(given)).toMatchObject({ refuse: { code, message: expect.any(String) } });
  });

  test('I2: versions that this run made besides the one it uses are reported', () => {
    const made = [
      version('made-1', 4, ours),
      version('made-2', 5, ours),
      version('made-3', 6, { ...ours, enabled: false }),
    ];
    expect(chooseNext(facts(made)).others).toEqual(['made-2', 'made-3']);
    expect(chooseNext(facts(made, { ledgerVersion: 'made-2' })).others).toEqual(['made-1', 'made-3']);
  });

  test('I2: asked again with the choice on record, it chooses the same, whatever was made meanwhile', () => {
    const some = fc.array(fc.record({ created: fc.nat({ max: 6 }), enabled: fc.boolean(), ours: fc.boolean() }), {
      maxLength: 6,
    });
    const listed = (items: { created: number; enabled: boolean; ours: boolean }[], prefix: string) =>
      items.map((item, index) =>
        version(`${prefix}${index}`, item.created, { enabled: item.enabled, ...(item.ours ? ours : {}) }),
      );
    fc.assert(
      fc.property(some, some, (before, after) => {
        const versions = listed(before, 'a');
        const choice = chooseNext(facts(versions));
        if (!('use' in choice)) return;
        const chosen = versions.find((candidate) => candidate.version === choice.use);
        expect(chosen?.enabled).toBe(true);
        const later = facts([...versions, ...listed(after, 'b')], { ledgerVersion: choice.use });
        expect(chooseNext(later)).toMatchObject({ use: choice.use });
      }),
    );
  });
});

const detail: KeyVersionDetail = {
  ...version('v2', 2),
  keyType: 'RSA',
  keySize: 2048,
  operations: ['wrapKey', 'unwrapKey'],
  publicKey: { n: 'AQAB', e: 'AQAB' },
};

describe('usability', () => {
  test('an enabled RSA key of 2048 bits that may wrap and unwrap is usable, in software or hardware', () => {
    expect(usability(detail, now)).toEqual([]);
    expect(
      usability({ ...detail, keyType: 'RSA-HSM', expiresOn: new Date(now.getTime() + 1), notBefore: now }, now),
    ).toEqual([]);
  });

  const unfit: Record<string, [Partial<KeyVersionDetail>, string[]]> = {
    'a disabled version': [{ enabled: false }, ['version-disabled']],
    'a version that expires this very instant': [{ expiresOn: now }, ['version-expired']],
    'a version that is not valid yet': [{ notBefore: new Date(now.getTime() + 1) }, ['version-not-yet-valid']],
    'an elliptic curve': [{ keyType: 'EC', keySize: 0, publicKey: null }, ['key-type-unfit']],
    'a symmetric key in hardware': [{ keyType: 'oct-HSM', keySize: 0, publicKey: null }, ['key-type-unfit']],
    '1024 bits': [{ keySize: 1024 }, ['key-too-small']],
    'a key that may only unwrap': [{ operations: ['unwrapKey'] }, ['key-operations-unfit']],
    'everything wrong at once': [
      { enabled: false, expiresOn: now, keySize: 1024, operations: [] },
      ['version-disabled', 'version-expired', 'key-too-small', 'key-operations-unfit'],
    ],
  };
  test.each(Object.entries(unfit))('%s is not, and it is said why', (_, [more, codes]) => {
    expect(usability({ ...detail, ...more }, now).map(({ code }) => code)).toEqual(codes);
  });
});

describe('expiryFrom', () => {
  const expiring = (expiresIn: string | null) => ({ expiresIn, rotatesAfterCreate: null, rotatesBeforeExpiry: null });
  test("a new version expires as the key's policy says, or never", () => {
    expect(expiryFrom(expiring('P90D'), now)).toEqual(new Date('2027-02-20T12:00:00Z'));
    expect(expiryFrom(expiring(null), now)).toBeNull();
    expect(expiryFrom(null, now)).toBeNull();
  });

  test('a policy that cannot be read makes no version that never expires', () => {
    expect(() => expiryFrom(expiring('ninety days'), now)).toThrow(RefusalError);
  });
});
