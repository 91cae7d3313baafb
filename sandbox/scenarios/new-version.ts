import { rotatedByItsPolicy } from '../run/seed';
import type { Scenario } from '../run/stage';

/** The version is made by the vault, and adopted: no second one is made. */
export const newVersion: Scenario = {
  name: 'new-version',
  title: "Key Vault's own rotation policy makes a version: it is adopted, all targets moved to it",
  expect: { phase: 'completed', standsOn: 'next', alert: 'Keyturn.Rotation.Completed' },
  seed: rotatedByItsPolicy,
  async play(stage) {
    await stage.advanceTo(stage.policyDue, "to when the key's policy makes its next version");
    const made = await stage.newestVersion();
    stage.must(made !== stage.previousVersion, "the key's policy made no version");
    const { nextVersion } = await stage.ended();
    stage.must(
      nextVersion === made,
      `the rotation went to ${nextVersion}, not to the version that the policy made (${made})`,
    );
  },
};
