import { guardsOf } from '../mutant';

const notRecorded = 'await (async (..._told: readonly unknown[]) => undefined)(';

/** Forward nothing is changed without a readable ledger and its intent on the audit log; going back, the undo comes first. */
export const records = guardsOf('I4', [
  {
    file: 'shared/rotation/moving.ts',
    removed: 'A hub is written without its intent on record.',
    find: "if (direction === 'forward') await recordIntent(ports, input, move, kid);",
    replace: "if (direction === 'forward') move.name.trim();",
  },
  {
    file: 'shared/rotation/moving.ts',
    removed: 'A hub goes back only once its intent is on record.',
    find: 'else await reconcile(ports, run, move, service, undo);',
    replace: `else {
    await recordIntent(ports, input, move, kid);
    await reconcile(ports, run, move, service, undo);
  }`,
  },
  {
    file: 'shared/rotation/moving-data-keys.ts',
    removed: 'Data keys are written without their intent on record.',
    find: 'await recordIntent(ports, input, move, kid);',
    replace: '',
  },
  {
    file: 'shared/rotation/moving-data-keys.ts',
    removed: 'A stretch goes on although what it did could not be put on record.',
    find: 'await recordStretch(ports, input, move, moved);',
    replace: 'await recordStretch(ports, input, move, moved).catch(() => undefined);',
  },
  {
    file: 'shared/rotation/next-version.ts',
    removed: 'A version is made without its intent on record.',
    find: "await record(ports, run, {\n    at: now,\n    action: 'create-version',",
    replace: `${notRecorded}ports, run, {\n    at: now,\n    action: 'create-version',`,
  },
  {
    file: 'shared/rotation/retiring.ts',
    removed: 'A version is disabled without its intent on record.',
    find: "await record(ports, run, {\n    at: now,\n    action: 'disable-version',",
    replace: `${notRecorded}ports, run, {\n    at: now,\n    action: 'disable-version',`,
  },
  {
    file: 'shared/rotation/retiring.ts',
    removed: 'A version is enabled again only once that is on record.',
    find: 'await enableAll(ports, run.key, versions);\n  // Whoever goes on',
    replace: `await record(ports, run, { at: now, action: 'enable-version', target: null, outcome: 'intended', message: '', details: {} });
  await enableAll(ports, run.key, versions);\n  // Whoever goes on`,
  },
  {
    file: 'shared/rotation/revoking.ts',
    removed: 'A revocation disables without its intent on record.',
    find: "await record(\n    ports,\n    run,\n    {\n      at: now,\n      action: 'revoke',",
    replace: `${notRecorded}\n    ports,\n    run,\n    {\n      at: now,\n      action: 'revoke',`,
  },
  {
    file: 'shared/rotation/revoking.ts',
    removed: 'A restoration enables only once that is on record.',
    find: 'await enableEach(ports, run, versions, fence);',
    replace: `await record(ports, run, { at: now, action: 'restore', target: null, outcome: 'intended', message: '', details: {} });
  await enableEach(ports, run, versions, fence);`,
  },
  {
    file: 'shared/rotation/adopting.ts',
    removed: 'A policy or an expiry is written without its intent on record.',
    find: "await record(ports, run, {\n    at: now,\n    action: 'adopt',\n    target: null,\n    outcome: 'intended',",
    replace: `${notRecorded}ports, run, {\n    at: now,\n    action: 'adopt',\n    target: null,\n    outcome: 'intended',`,
  },
  {
    file: 'shared/rotation/run-record.ts',
    removed: 'An audit log that cannot be written is passed over.',
    find: 'rotationId: run.rotationId }, idempotencyKey);',
    replace: 'rotationId: run.rotationId }, idempotencyKey).catch(() => undefined);',
  },
  {
    file: 'shared/rotation/run-record.ts',
    removed: 'The fence is open while the ledger cannot be read.',
    find: 'async () => {\n    const held = await readHeldClaim(ports, run);',
    replace: `async () => {
    const held = await readHeldClaim(ports, run).catch((error: unknown) => {
      if (error instanceof SupersededError) throw error;
      return null;
    });
    if (held === null) return;`,
  },
  {
    file: 'shared/rotation/run-record.ts',
    removed: 'A stop switch that cannot be read counts as not thrown.',
    find: 'const stopped = await ports.ledger.stopped();',
    replace: 'const stopped = await ports.ledger.stopped().catch(() => null);',
  },
  {
    file: 'shared/rotation/telling.ts',
    removed: 'The next step begins although the phase could not be put on record.',
    find: 'await noteEntered(ports, input, from);',
    replace: 'await noteEntered(ports, input, from).catch(() => undefined);',
  },
  {
    file: 'shared/rotation/pausing-all.ts',
    removed: 'All keys are let go on before it is on record who did.',
    find: 'export async function resumeAll(ports: PausingPorts, asker: Asker): Promise<ResumedAll> {',
    replace: `export async function resumeAll(ports: PausingPorts, asker: Asker): Promise<ResumedAll> {
  await ports.ledger.setStop(null);`,
  },
]);
