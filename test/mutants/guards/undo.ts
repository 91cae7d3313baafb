import { guardsOf } from '../mutant';

/** The undo is on record before the step that it undoes. */
export const undo = guardsOf('I3', [
  {
    file: 'shared/rotation/moving.ts',
    removed: 'The undo of a target is not put on record.',
    find: 'return saved === undo ? { claim, saveUndo: undo } : null;',
    replace: 'return null;',
  },
  {
    file: 'shared/rotation/moving.ts',
    removed: 'A second try puts what it reads by then over the undo of the first.',
    find: 'saved = present.find((entry) => entry.target === target) ?? undo;',
    replace: 'saved = undo;',
  },
  {
    file: 'shared/rotation/moving.ts',
    removed: 'Where the operation of a write can be asked after is not kept.',
    find: 'return service.move(kid, fence, (operationUrl) => saveOperation(ports, run, undo, operationUrl));',
    replace: 'return service.move(kid, fence, async () => undefined);',
  },
  {
    file: 'shared/rotation/moving-data-keys.ts',
    removed: 'That data keys may have moved is not on record before the first one does.',
    find: 'if (move.undo === null) await putUndo(ports, input, move, { kid: null, fingerprints: {} });',
    replace: '',
  },
  {
    file: 'shared/rotation/retiring.ts',
    removed: 'That versions may be disabled is not on record before the first one is.',
    find: "await putRetirement(ports, run, { ...retirement, status: 'watching', disabledAt });",
    replace: '',
  },
  {
    file: 'shared/rotation/revoking.ts',
    removed: 'Which versions a revocation disables is on record only afterwards.',
    find: 'const revocation = await recordRevocation(ports, run, now);',
    replace: `for (const each of versionsToRevoke({ versions: await ports.keyVault.versions(run.key) }).slice(1))
      await ports.keyVault.setEnabled(kidOf(run.key, each), false);
    const revocation = await recordRevocation(ports, run, now);`,
  },
  {
    file: 'shared/rotation/revoking.ts',
    removed: 'A revocation that goes on forgets what it has disabled before.',
    find: 'versions: [...known, ...added], at: before?.at ?? now };',
    replace: 'versions: added, at: before?.at ?? now };',
  },
  {
    file: 'shared/rotation/adopting.ts',
    removed: 'A second try takes its own work for what was there before.',
    find: 'claim.adoptedFrom === undefined ? { claim: { ...claim, adoptedFrom: found } } : null,',
    replace: '({ claim: { ...claim, adoptedFrom: found } }),',
  },
  {
    file: 'shared/rotation/securing.ts',
    removed: 'An expiry is extended before it is on record what it was.',
    find: '// The record is the undo: it holds the expiry that the version had.',
    replace: 'await ports.keyVault.setExpiry(kid, needed);',
  },
  {
    file: 'shared/rotation/securing.ts',
    removed: 'A pinned service has no undo on record.',
    find: 'undo.some((entry) => entry.target === index) ? null : { claim, saveUndo },',
    replace: 'undo.length < 0 ? { claim, saveUndo } : { claim },',
  },
]);
