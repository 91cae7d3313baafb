import type { CloudSeed } from '../cloud/seed';
import { names } from '../run/seed';
import type { Scenario } from '../run/stage';
import { completeThenWaitOutGrace, retirementIs } from './steps/grace';

const NUMBER = '-0000-4000-8000-000000000099';
const BACKUP = {
  name: 'backup-job',
  principalId: `aaaaaaaa${NUMBER}`,
  clientId: `cccccccc${NUMBER}`,
};

const withBackupJob = (seed: CloudSeed): CloudSeed => ({
  ...seed,
  identities: [...seed.identities, { ...BACKUP, tenantId: seed.tenantId }],
  roleAssignments: [
    ...seed.roleAssignments,
    { identity: BACKUP.name, role: 'Key Vault Crypto User', scope: `key:${names.vault}/${names.key}` },
  ],
});

/** A job that nobody told Keyturn of opens an old archive. No target names the version any more; only the log shows him. */
export const retirementUnknownUser: Scenario = {
  name: 'retirement-unknown-user',
  title:
    "somebody unknown still unwraps with the old version, which only the vault's log shows: it stays enabled, and he is named",
  withLog: true,
  seed: withBackupJob,
  expect: {
    phase: 'completed',
    standsOn: 'next',
    alert: 'Keyturn.Version.RetirementRefused',
    alsoAllowed: ['Keyturn.Rotation.Completed'],
  },
  async play(stage) {
    await completeThenWaitOutGrace(stage);
    stage.say('a backup job, of which Keyturn knows nothing, opens an archive with the old version');
    await stage.people.openArchive(BACKUP.name, stage.previousVersion);
    await stage.operator.sweep();
    await retirementIs(stage, 'refused');
    const { pendingRetirement } = await stage.operator.keyView();
    const [reason] = pendingRetirement?.reasons ?? [];
    stage.must(reason?.code === 'still-used', `it was refused for another reason: ${reason?.message}`);
    stage.must(reason?.message.includes(BACKUP.principalId) === true, 'the reason does not say who it was');
    const { enabled } = await stage.people.version(stage.previousVersion);
    stage.must(enabled, 'the old version was disabled although somebody still uses it');
  },
};
