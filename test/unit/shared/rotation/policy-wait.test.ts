import { policyWait } from '../../../../shared/rotation/policy-wait';
import type { KeyVersion, RotationPolicy } from '../../../../shared/rotation/ports';

const now = new Date('2026-11-22T12:00:00.000Z');
const hour = 3600;
const day = 24 * hour;
const ago = (seconds: number): Date => new Date(now.getTime() - seconds * 1000);

const version = (createdOn: Date, expiresOn: Date | null = null): KeyVersion => ({
  ...{ version: 'v', kid: 'https://kv-test.vault.azure.net/keys/kek/v', createdOn, expiresOn },
  ...{ enabled: true, notBefore: null, tags: {} },
});
const policy = (columns: Partial<RotationPolicy>): RotationPolicy => ({
  ...{ expiresIn: null, rotatesAfterCreate: null, rotatesBeforeExpiry: null },
  ...columns,
});
const afterCreate = policy({ rotatesAfterCreate: 'P10D' });
const beforeExpiry = policy({ rotatesBeforeExpiry: 'P10D' });
const due = (inSeconds: number): Date => ago(10 * day - inSeconds);
const expires = (inSeconds: number): Date => ago(-10 * day - inSeconds);

test.each<[string, RotationPolicy | null, KeyVersion, number | null]>([
  ['a key without a policy is not waited for', null, version(due(hour)), null],
  ['a policy that only sets an expiry is not waited for', policy({ expiresIn: 'P1Y' }), version(due(hour)), null],
  ['one due in an hour is waited for until an hour after its time', afterCreate, version(due(hour)), 2 * hour],
  ['one due in a day is', afterCreate, version(due(day)), day + hour],
  ['one due in a day and a second is not: that is too long', afterCreate, version(due(day + 1)), null],
  ['one due now is', afterCreate, version(due(0)), hour],
  ['one that is late may still come', afterCreate, version(due(-hour + 1)), 1],
  ['one that is an hour late does not come any more', afterCreate, version(due(-hour)), null],
  ['one due before expiry is waited for', beforeExpiry, version(ago(day), expires(hour)), 2 * hour],
  ['one due before an expiry that the version does not have never comes', beforeExpiry, version(ago(day)), null],
  ['a duration that cannot be read is no date', policy({ rotatesAfterCreate: 'soon' }), version(due(hour)), null],
])('%s', (_what, wanted, inUse, waitSeconds) => {
  const wait = policyWait(wanted, inUse, now);
  expect(wait?.waitSeconds ?? null).toBe(waitSeconds);
  if (wait !== null) expect(wait.message).toMatch(/own policy makes a version at about 2026-/);
});
