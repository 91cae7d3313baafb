import type { Scenario } from '../run/stage';

/** Nobody does anything: the vault gives notice, and the key rotates. */
export const nearExpiry: Scenario = {
  name: 'near-expiry',
  title: 'Key Vault gives notice that the key is about to expire: a new version, all targets moved, verified, soaked',
  expect: { phase: 'completed', standsOn: 'next', alert: 'Keyturn.Rotation.Completed' },
  async play(stage) {
    await stage.advanceTo(stage.policyDue, 'to when Key Vault gives notice that the key is near its expiry');
    await stage.waitFor('the notice to begin a rotation', () => true);
    await stage.ended();
  },
};
