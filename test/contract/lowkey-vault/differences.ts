import type { Difference } from '../known-differences';

const answered500 = /\+\s+"status": 500|Received: 500|Expected value: 500/;
const wasNotRefused = /The call was expected to be refused/;
const noExpiry = /Expiry time is not set|\b400\b/;

/**
 * Where Lowkey Vault differs from Azure's documents. All of it was read in its source, at several commits, on 2026-11-22 and 2026-11-23; none was
 * seen, because its jar was not to be had. Sandbox/README.md has the same as a table.
 */
export const lowkeyDifferences: readonly Difference[] = [
  {
    asked: 'a key that is made without `key_ops`',
    answered: 'may do nothing',
    azure: '`key_ops` is optional, and the examples of the SDK encrypt with a key that was made without',
    tests: [{ name: 'a key that is created without operations may do what its type can', says: /\b500\b/ }],
  },
  {
    asked: 'a wrap or unwrap with a key that is not permitted to encrypt or decrypt',
    answered: '500: wrapping asks for both',
    azure: '`key_ops` names each operation by itself',
    tests: [
      {
        name: 'a version that was disabled opens what it has wrapped once it is enabled again, and both may be repeated',
        says: /answered 500/,
      },
      { name: 'a version does what it is permitted to, and nothing else', says: /answered 500/ },
    ],
  },
  {
    asked: 'an operation that a key is not permitted, or cannot do',
    answered: '500',
    azure: '403 `Forbidden`, `KeyOperationForbidden`',
    tests: [
      { name: 'a key does only what its operations name', says: answered500 },
      { name: 'a key on an elliptic curve cannot wrap', says: answered500 },
      { name: 'what is no digest, or no operation of the key, is not signed', says: answered500 },
    ],
  },
  {
    asked: 'an operation of a disabled version, and reading it',
    answered: '500, and 404',
    azure:
      '`enabled: false` blocks every cryptographic operation, and reading is not allowed: a refusal, not a version that is not there',
    tests: [
      {
        name: 'a disabled version does nothing, cannot be read, and works again once it is enabled',
        says: answered500,
      },
      { name: 'disabling hits the version that is named, and no other', says: /version-not-found/ },
    ],
  },
  {
    asked: 'an unwrap of what was never wrapped, or by another version',
    answered: '500',
    azure: 'no document has the answer; a 500 is one that may heal, and this does not',
    tests: [
      { name: 'a blob that was never wrapped is a bad parameter', says: answered500 },
      { name: 'what is wrapped with %s is unwrapped by the same version and by no other', says: answered500 },
    ],
  },
  {
    asked: 'a wrap after `exp` or before `nbf`',
    answered: 'wraps',
    azure: 'the dates hold for wrapping, not for unwrapping',
    tests: [
      { name: 'an expired version still unwraps and no longer wraps', says: wasNotRefused },
      { name: 'a version that is not yet valid does not wrap', says: wasNotRefused },
    ],
  },
  {
    asked: 'the code of an error',
    answered: 'the name of a Java class',
    azure: '`KeyNotFound`',
    tests: [{ name: 'a key and a version that do not exist are not found', says: /"code": "(java|com)\./ }],
  },
  {
    asked: 'an update that names no version',
    answered: 'has no such route',
    azure: 'the version is optional, and the latest one is changed',
    tests: [{ name: 'updating without a version changes the latest one only', says: /\b(404|405|500)\b/ }],
  },
  {
    asked: 'a policy that acts before expiry, on a key that never expires',
    answered: '400',
    azure: '`timeBeforeExpiry` counts from the expiry that the policy itself gives to the next version',
    tests: [
      { name: 'rotating makes a version like the one before, which lives as long as the policy says', says: noExpiry },
      { name: 'a rotation policy is kept as it was set, and one that breaks the rules is refused', says: noExpiry },
      { name: 'a policy says when the vault makes the next version by itself: %s', says: noExpiry },
      { name: 'a policy that is set is the one that the vault tells of, and can be put back', says: noExpiry },
    ],
  },
];
