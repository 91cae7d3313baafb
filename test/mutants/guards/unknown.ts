import { guardsOf } from '../mutant';

/** What cannot be known is *unknown*: never a yes, neither green nor red, never idle. */
export const unknown = guardsOf('I12', [
  {
    file: 'shared/rotation/plan.ts',
    removed: 'What is unknown does not refuse a plan.',
    find: "if (result === 'yes') return [];",
    replace: "if (result !== 'no') return [];",
  },
  {
    file: 'shared/rotation/soak-judgement.ts',
    removed: 'A soak ends on answers that were not red.',
    find: "allGreen: results.every(({ colour }) => colour === 'green'),",
    replace: "allGreen: results.every(({ colour }) => colour !== 'red'),",
  },
  {
    file: 'shared/rotation/soak-judgement.ts',
    removed: 'An unknown answer counts as red.',
    find: "result.colour === 'unknown' ? answered : [...answered, result.colour].slice(-policy.redProbes.of);",
    replace: "[...answered, result.colour === 'green' ? result.colour : ('red' as const)].slice(-policy.redProbes.of);",
  },
  {
    file: 'functions/orchestrators/retire-version.ts',
    removed: 'The watch ends on answers that were not red.',
    find: "if (results.every(({ colour }) => colour === 'green')) return null;",
    replace: "if (results.every(({ colour }) => colour !== 'red')) return null;",
  },
  {
    file: 'functions/orchestrators/access-watch.ts',
    removed: 'An unknown answer counts as access that was lost.',
    find: 'const others = results.filter(({ colour }) => colour !== until);',
    replace: "const others = results.filter(({ colour }) => colour !== until && colour !== 'unknown');",
  },
  {
    file: 'functions/orchestrators/move-target.ts',
    removed: 'A target is verified by a read that says nothing.',
    find: "if (probe.colour === 'green') {",
    replace: "if (probe.colour !== 'red') {",
  },
  {
    file: 'shared/targets/service.ts',
    removed: 'A read that says nothing is green.',
    find: "return { colour: 'unknown', message };",
    replace: "return { colour: 'green', message };",
  },
  {
    file: 'shared/targets/service.ts',
    removed: 'A resource that cannot be read is red.',
    find: "if (hostName === null) return { kind, name, colour: 'unknown',",
    replace: "if (hostName === null) return { kind, name, colour: 'red',",
  },
  {
    file: 'shared/targets/service.ts',
    removed: 'A target is verified by a read that was not answered.',
    find: "if (opened.colour === 'unknown') throw new FaultError('probe-unknown', `${called}: ${opened.message}`);",
    replace: '',
  },
  {
    file: 'shared/targets/service.ts',
    removed: 'Half a list of SAS keys counts as the whole.',
    find: 'if (!Array.isArray(value) || !value.every(isWholePolicy) || (nextLink !== undefined && nextLink !== null)) {',
    replace: 'if (!Array.isArray(value)) {',
  },
  {
    file: 'shared/targets/data-keys.ts',
    removed: 'A vault that is away makes a probe red.',
    find: "if (error instanceof FaultError) return { colour: 'unknown', message: error.message };",
    replace: "if (error instanceof FaultError) return { colour: 'red', message: error.message };",
  },
  {
    file: 'shared/targets/access.ts',
    removed: 'A role under a condition counts as one without.',
    find: "if (typeof roleDefinitionId !== 'string' || typeof scope !== 'string' || typeof condition === 'string') return false;",
    replace: "if (typeof roleDefinitionId !== 'string' || typeof scope !== 'string') return false;",
  },
  {
    file: 'shared/targets/access.ts',
    removed: 'Role assignments that may not be read count as a yes.',
    find: "if (assignments === null) return unknown('Role assignments on the vault may not be read.');",
    replace: 'if (assignments === null) continue;',
  },
  {
    file: 'shared/targets/access.ts',
    removed: 'A vault with a firewall counts as one that lets everybody in.',
    find: "const open = properties['publicNetworkAccess'] !== 'Disabled' && acls['defaultAction'] !== 'Deny';",
    replace: "const open = properties['publicNetworkAccess'] !== 'Disabled';",
  },
  {
    file: 'shared/rotation/discovery.ts',
    removed: 'A subscription that could not be looked through counts as empty.',
    find: 'return [...referring, ...unreadOf({ unread })];',
    replace: 'return referring;',
  },
  {
    file: 'shared/rotation/log-evidence.ts',
    removed: 'A log that stands still counts as quiet.',
    find: 'if (newestRecord !== null) {',
    replace: "if (newestRecord !== '') {",
  },
  {
    file: 'shared/rotation/log-evidence.ts',
    removed: 'A log that cannot be read at the last moment counts as quiet.',
    find: 'return unreadable(error);',
    replace: 'return null;',
  },
  {
    file: 'shared/rotation/log-evidence.ts',
    removed: 'Whose use the log does not name counts as our own.',
    find: 'principalId === null || principalId !== own);',
    replace: 'principalId !== null && principalId !== own);',
  },
  {
    file: 'shared/azure/vault-log.ts',
    removed: 'Half an answer of the log counts as the whole.',
    find: "const table = result.status === 'Success' ? result.tables[0] : undefined;",
    replace: "const table = 'tables' in result ? result.tables[0] : result.partialTables[0];",
  },
  {
    file: 'shared/azure/key-vault.ts',
    removed: 'That a version was disabled is believed without a look at the answer.',
    find: 'if (changed.enabled !== enabled) throw notChanged(kid,',
    replace: "if (kid === '') throw notChanged(kid,",
  },
  {
    file: 'shared/azure/key-vault.ts',
    removed: 'That an expiry was set is believed without a look at the answer.',
    find: 'if (secondsOf(changed.expiresOn) !== secondsOf(expiresOn)) throw',
    replace: "if (kid === '') throw",
  },
  {
    file: 'shared/azure/key-vault.ts',
    removed: 'That a rotation policy was set is believed without a look at the answer.',
    find: 'if (!same)\n        throw',
    replace: "if (key === '')\n        throw",
  },
  {
    file: 'functions/triggers/sweep.ts',
    removed: 'An instance that could not be asked after counts as gone.',
    find: "if (error instanceof Error && /404|not found/i.test(error.message)) return 'gone';",
    replace: "if (error instanceof Error) return 'gone';",
  },
]);
