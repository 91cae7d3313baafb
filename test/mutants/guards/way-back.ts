import { guardsOf } from '../mutant';

/** Old data stays readable: what opens is not replaced by what does not. */
export const wayBack = guardsOf('I10', [
  {
    file: 'functions/orchestrators/rotate-key.ts',
    removed: 'Targets go back without the version they go to having been proved to unwrap.',
    find: "yield* step(on, 'proveWayBack', {});",
    replace: '',
  },
  {
    file: 'shared/rotation/way-back.ts',
    removed: 'A version counts as proved without being tried.',
    find: "await proveRoundTrip(ports, await ports.keyVault.version(kid), 'previous-does-not-unwrap');",
    replace: '',
  },
  {
    file: 'shared/rotation/next-version.ts',
    removed: 'What a version unwrapped is not compared with what was wrapped.',
    find: "if (!equalBytes(await ports.keyVault.unwrap(detail.kid, 'RSA-OAEP-256', blob), probe)) {",
    replace: "if ((await ports.keyVault.unwrap(detail.kid, 'RSA-OAEP-256', blob)).length === 0) {",
  },
  {
    file: 'shared/targets/data-key-changes.ts',
    removed: 'An old blob goes back without one of its version having been seen to open.',
    find: 'if (change !== null) await prove(record, change);',
    replace: '',
  },
  {
    file: 'shared/targets/data-key-changes.ts',
    removed: 'A blob that did not open proves its version for those that asked meanwhile.',
    find: '() => true,\n          () => false,',
    replace: '() => true,\n          () => true,',
  },
  {
    file: 'functions/orchestrators/retire-version.ts',
    removed: 'A red probe after a version was disabled does not end the watch.',
    find: 'if (red !== undefined) {',
    replace: 'if (red !== undefined && round < 0) {',
  },
  {
    file: 'functions/orchestrators/retire-version.ts',
    removed: 'A retirement that fails after a version may have been disabled leaves it so.',
    find: "return disabledAt === null ? yield* end(on, 'refused', [ended.reason]) : yield* undo(on, admission, [ended.reason]);",
    replace: "return yield* end(on, 'refused', [ended.reason]);",
  },
  {
    file: 'functions/orchestrators/retire-version.ts',
    removed: 'A version that could not be enabled again at the first try stays disabled.',
    find: "if (!told) yield* tell(on, 'holding',",
    replace: "if (told) return;\n      yield* tell(on, 'holding',",
  },
  {
    file: 'functions/orchestrators/move-target.ts',
    removed: 'Confirmed red reads of old data do not stop the next target.',
    find: 'if (judged.confirmedRed !== null) {\n      const message = `${name} does not open old data',
    replace:
      'if (judged.confirmedRed !== null && attempt < 0) {\n      const message = `${name} does not open old data',
  },
  {
    file: 'functions/orchestrators/soak.ts',
    removed: 'Confirmed red probes in the soak take nothing back.',
    find: 'if (judged.confirmedRed !== null) {',
    replace: 'if (judged.confirmedRed !== null && uncertain < 0) {',
  },
  {
    file: 'shared/rotation/version-checks.ts',
    removed: 'A previous version that is disabled does not refuse the plan.',
    find: "'previous-disabled',\n      'no',",
    replace: "'previous-disabled',\n      'yes',",
  },
  {
    file: 'shared/rotation/version-checks.ts',
    removed: 'A previous version that expires before the run could have gone back does not refuse the plan.',
    find: "return on(target, 'previous-expires-too-soon', 'no', message);",
    replace: "return on(target, 'previous-expires-too-soon', 'yes', message);",
  },
  {
    file: 'shared/rotation/securing.ts',
    removed: 'The expiry of the previous version is not extended, although that was asked for.',
    find: "if (policy.expiredPrevious === 'extend') await extendPrevious(ports, { run, now }, held, fence);",
    replace: '',
  },
  {
    file: 'shared/targets/service.ts',
    removed: 'A hub is written back without the SAS keys that a GET leaves out.',
    find: 'properties: { ...propertiesOf(resource), authorizationPolicies: keys } };',
    replace: 'properties: { ...propertiesOf(resource), authorizationPolicies: keys.slice(0, 0) } };',
  },
  {
    file: 'shared/targets/service.ts',
    removed: 'SAS keys that changed with the write are not noticed.',
    find: 'if (lost.length === 0) return;',
    replace: 'return;',
  },
  {
    file: 'shared/targets/service.ts',
    removed: 'A hub is written over what somebody else changed meanwhile.',
    find: "const ifMatch = dialect.takesIfMatch && typeof resource['etag'] === 'string' ? resource['etag'] : null;",
    replace: "const ifMatch = '*';",
  },
  {
    file: 'shared/targets/service.ts',
    removed: 'A DPS, which takes no If-Match, is written over what somebody else changed meanwhile.',
    find: 'if (!dialect.takesIfMatch) await refuseChanged(resource);',
    replace: '',
  },
  {
    file: 'shared/targets/service.ts',
    removed: 'A secret that is shown as asterisks is written back as asterisks.',
    find: 'if (masked.length === 0) return;',
    replace: 'return;',
  },
]);
