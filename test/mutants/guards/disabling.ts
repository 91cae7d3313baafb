import { guardsOf } from '../mutant';

/** A version is disabled only under the claim, and when nothing that can be seen refers to it. */
export const disabling = guardsOf('I1', [
  {
    file: 'shared/rotation/retiring.ts',
    removed: 'Right before a version is disabled nobody asks again who refers to it.',
    find: 'await requireStillIdle(ports, { run, now }, retirement);',
    replace: '',
  },
  {
    file: 'shared/rotation/retiring.ts',
    removed: 'A retirement begins although another run holds the claim.',
    find: 'if (claim === null || (claim.rotationId !== null && !mine)) {',
    replace: 'if (claim === null) {',
  },
  {
    file: 'shared/rotation/retiring.ts',
    removed: 'Versions that were said to be disabled, and are not, are believed to be.',
    find: 'if (await areDisabled(ports, run.key, versions)) return disabledAt;',
    replace: 'return disabledAt;',
  },
  {
    file: 'shared/rotation/retiring.ts',
    removed: 'The versions of a revoked key are retired, although every probe under it is red.',
    find: 'if (claim.revocation !== undefined)\n    return',
    replace: 'if (claim.revocation !== undefined && mine)\n    return',
  },
  {
    file: 'shared/rotation/proving-idle.ts',
    removed: 'A reference that was found does not refuse the proof.',
    find: 'if (references.length > 0) return refused(ports, input, references);',
    replace: '',
  },
  {
    file: 'shared/rotation/proving-idle.ts',
    removed: 'An identifier without a version, which may follow to any, counts as no reference.',
    find: '({ kid, version }) => version === null || (versions.includes(version) && sameKey(kid, key)),',
    replace: '({ kid, version }) => version !== null && versions.includes(version) && sameKey(kid, key),',
  },
  {
    file: 'shared/rotation/proving-idle.ts',
    removed: 'What nobody configured is not looked for.',
    find: 'return [...found.flat(), ...(await discoveredReferences(ports, key, versions))];',
    replace: 'return found.flat();',
  },
  {
    file: 'shared/rotation/proving-idle.ts',
    removed: 'A user that the log shows at the last moment does not stop the disabling.',
    find: 'if (used !== null) throw new RefusalError(used.code, used.message);',
    replace: '',
  },
  {
    file: 'shared/rotation/log-evidence.ts',
    removed: 'A user that the log shows does not refuse the proof.',
    find: "if (reason !== null) return { kind: 'not-idle', reason };",
    replace: '',
  },
  {
    file: 'shared/rotation/discovery.ts',
    removed: 'A stranger that names the key without a version counts as no reference.',
    find: ".filter((kid) => underWay || versionOf(kid) === null || versions.includes(versionOf(kid) ?? ''))",
    replace: ".filter((kid) => underWay || versions.includes(versionOf(kid) ?? ''))",
  },
  {
    file: 'shared/targets/data-key-facts.ts',
    removed: 'Of the versions that data keys name only the first twenty are seen.',
    find: 'const isStranger = kid !== noIdentifier && !sameKey(kid, key);',
    replace: 'const isStranger = true;',
  },
  {
    file: 'shared/targets/service.ts',
    removed: 'A hub that names the key twice shows only its first entry.',
    find: `return encryptionOf(resource).keyIdentifiers.filter((kid) =>`,
    replace: `return encryptionOf(resource).keyIdentifiers.slice(0, 1).filter((kid) =>`,
  },
  {
    file: 'shared/targets/service.ts',
    removed: 'What a hub shows that is under way is believed.',
    find: "if (when === 'settled' && !isActive(resource)) {",
    replace: "if (when === 'settled' && resource === null) {",
  },
]);
