import { findingsOf, type HygieneFacts } from '../../../../shared/rotation/hygiene';
import type { KeyVersion } from '../../../../shared/rotation/ports';

const key = 'https://kv-test.vault.azure.net/keys/kek';
const now = new Date('2026-11-22T12:00:00Z');
const later = new Date('2027-01-01T00:00:00Z');
const version = (name: string, more: Partial<KeyVersion> = {}): KeyVersion => ({
  version: name,
  kid: `${key}/${name}`,
  createdOn: new Date('2026-01-01T00:00:00Z'),
  enabled: true,
  notBefore: null,
  expiresOn: later,
  tags: {},
  ...more,
});
const hub = (...names: string[]) => ({ called: 'iotHub/hub-1', names: names.map((name) => `${key}/${name}`) });
const policy = { expiresIn: 'P90D', rotatesAfterCreate: null, rotatesBeforeExpiry: null };
const facts: HygieneFacts = {
  ...{ key, versions: [version('a')], policy, deleted: null, targets: [hub('a')], revoked: [], now, cutOff: false },
};
const codes = (more: Partial<HygieneFacts>): string[] => findingsOf({ ...facts, ...more }).map(({ code }) => code);

const cases: readonly [string, Partial<HygieneFacts>, readonly string[]][] = [
  ['all is well: nothing', {}, []],
  ['the version in use never expires', { versions: [version('a', { expiresOn: null })] }, ['no-expiry']],
  [
    'a version that nothing uses never expires: nothing',
    { versions: [version('a'), version('b', { expiresOn: null })] },
    [],
  ],
  ['the version in use has expired', { versions: [version('a', { expiresOn: now })] }, ['expired-in-use']],
  ['there is no policy', { policy: null }, ['no-rotation-policy']],
  ['the policy only gives notice', { policy: { ...policy, expiresIn: null } }, ['no-rotation-policy']],
  ['the policy rotates', { policy: { ...policy, expiresIn: null, rotatesAfterCreate: 'P1Y' } }, []],
  [
    'a disabled version is referred to',
    { versions: [version('a', { enabled: false }), version('b')] },
    ['disabled-version-referred-to'],
  ],
  [
    'a version is enabled under a key that is cut off',
    { versions: [version('a', { enabled: false }), version('b')], revoked: ['a'], cutOff: true },
    ['revoked-but-enabled'],
  ],
  ['it was disabled on purpose', { versions: [version('a', { enabled: false })], revoked: ['a'] }, []],
  ['a version is referred to that the vault does not list', { targets: [hub('a', 'x')] }, ['version-missing']],
  ['the key is named without a version: nothing of versions', { targets: [{ called: 'h', names: [key] }] }, []],
  ['the key is not there', { versions: [], policy: null }, ['key-missing']],
  ['the key is soft-deleted', { versions: [], deleted: { deletedOn: now, purgedOn: later } }, ['key-soft-deleted']],
  [
    'nobody knows when it goes for good',
    { versions: [], deleted: { deletedOn: now, purgedOn: null } },
    ['key-soft-deleted'],
  ],
  [
    'a target cannot be read, and says why',
    { targets: [hub('a'), { called: 'dps/dps-1', names: { code: 'resource-not-found', message: 'Gone.' } }] },
    ['target-unreadable'],
  ],
];

describe('the hygiene of a key', () => {
  test.each(cases)('%s', (_what, more, found) => {
    expect(codes(more)).toEqual(found);
  });

  test('is told with who uses the version and what to do', () => {
    const versions = [version('a', { enabled: false, expiresOn: null })];
    const [disabled, expiry] = findingsOf({
      ...facts,
      versions,
      targets: [hub('a'), { ...hub('a'), called: 'dps/d' }],
    });
    expect(disabled?.message).toMatch(
      /iotHub\/hub-1, dps\/d still refer.*az keyvault key set-attributes --enabled true/,
    );
    expect(expiry?.message).toMatch(/Set an expiry/);
  });

  test('is told in the same words as long as it lasts', () => {
    const versions = [version('a', { expiresOn: now })];
    const tomorrow = new Date(now.getTime() + 86_400_000);
    expect(findingsOf({ ...facts, versions })).toEqual(findingsOf({ ...facts, versions, now: tomorrow }));
  });
});
