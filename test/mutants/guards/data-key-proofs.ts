import { guardsOf } from '../mutant';

/** A data key's old blob goes only when the new one has been proved, and for good only after the old version's watch. */
export const dataKeyProofs = guardsOf('I9', [
  {
    file: 'shared/rotation/data-key.ts',
    removed: 'What the vault unwrapped is not compared with anything.',
    find: 'await proveUnwrapped(record, fit, dataKey, vault);',
    replace: '',
  },
  {
    file: 'shared/rotation/data-key.ts',
    removed: 'The check value is not compared.',
    find: 'if (equalBytes(check, fit.check)) return;',
    replace: 'return;',
  },
  {
    file: 'shared/rotation/data-key.ts',
    removed: 'Without a check value two unwraps are not compared.',
    find: 'if (equalBytes(again, dataKey)) return;',
    replace: 'return;',
  },
  {
    file: 'shared/rotation/data-key.ts',
    removed: 'The new blob is not opened before it takes the place of the old one.',
    find: 'await proveWrapped(record, next.kid, fit.alg, blob, dataKey, vault);',
    replace: '',
  },
  {
    file: 'shared/rotation/data-key.ts',
    removed: 'What the new blob opened to is not compared.',
    find: 'if (equalBytes(opened, dataKey)) return;',
    replace: 'return;',
  },
  {
    file: 'shared/rotation/data-key.ts',
    removed: 'The old blob is not kept beside the new one.',
    find: 'check: record.check ?? checkValue(dataKey), previous: JSON.stringify(previous) };',
    replace: 'check: record.check ?? checkValue(dataKey), previous: null };',
  },
  {
    file: 'shared/rotation/data-key.ts',
    removed: 'On the way back a new key of the owner is replaced by the old blob.',
    find: 'if (kept.wrote !== null) return kept.wrote === digestOf(record);',
    replace: 'if (kept.wrote !== null) return true;',
  },
  {
    file: 'shared/rotation/data-key.ts',
    removed: 'An old blob of which nobody says what took its place is put back without a comparison.',
    find: 'return equalBytes(old, present);',
    replace: 'return true;',
  },
  {
    file: 'shared/rotation/retiring.ts',
    removed: 'Old blobs are forgotten although a version they need was enabled again.',
    find: 'if (continuation === null && !(await areDisabled(ports, run.key, versions))) {',
    replace: 'if (false) {',
  },
  {
    file: 'functions/orchestrators/retire-version.ts',
    removed: 'Old blobs are forgotten before the watch is over.',
    find: 'const trouble = yield* watch(on, disabledAt);',
    replace: 'yield* dropOldBlobs(on, 1);\n    const trouble = yield* watch(on, disabledAt);',
  },
  {
    file: 'functions/orchestrators/retire-version.ts',
    removed: 'Old blobs are forgotten although the watch has ended red.',
    find: 'if (endedEarly !== null) return endedEarly;',
    replace:
      'if (endedEarly !== null) yield* dropOldBlobs(on, admission.targets);\n  if (endedEarly !== null) return endedEarly;',
  },
  {
    file: 'shared/targets/data-key-changes.ts',
    removed: 'Old blobs of every version are forgotten, of those that are not retired too.',
    find: "return typeof kid === 'string' && versions.includes(versionOf(kid) ?? '');",
    replace: "return typeof kid === 'string';",
  },
  {
    file: 'shared/azure/table-data-key-writes.ts',
    removed: 'A rewrapped data key is written over whatever its owner wrote meanwhile.',
    find: "return ['update', { ...id, ...columns }, 'Merge', { etag }];",
    replace: "return ['update', { ...id, ...columns }, 'Merge', { etag: '*' }];",
  },
  {
    file: 'shared/azure/table-data-key-writes.ts',
    removed: 'A data key that loses a column is written over whatever its owner wrote after it was read.',
    find: "return ['update', { ...Object.fromEntries([...kept, ...columns]), ...id }, 'Replace', { etag }];",
    replace: "return ['update', { ...Object.fromEntries([...kept, ...columns]), ...id }, 'Replace', { etag: '*' }];",
  },
  {
    file: 'shared/azure/table-data-key-writes.ts',
    removed: 'A data key that changed since it was read is sent all the same.',
    find: "if (entity['etag'] !== etag) return 'changed-meanwhile';",
    replace: '',
    equivalent:
      'The write is conditional on the same ETag: the storage refuses it, and the record is then found changed. The look before it saves a request.',
  },
]);
