import { names } from '../run/seed';
import type { Scenario } from '../run/stage';

/** The hub has moved by the time the DPS says no: both must end where they began. */
export const dpsRefuses: Scenario = {
  name: 'dps-refuses',
  title: "the DPS's operation fails after the hub has moved: all go back, an alert says so",
  expect: { phase: 'rolled-back', standsOn: 'previous', alert: 'Keyturn.Rotation.RolledBack' },
  async play(stage) {
    await stage.fault({
      standIn: 'arm',
      operation: 'dpsOperation',
      times: 1,
      effect: { kind: 'operationFails', code: '400004', message: 'The key could not be applied to this service.' },
    });
    await stage.advanceTo(stage.policyDue, 'to when Key Vault gives notice that the key is near its expiry');
    await stage.ended();
    stage.must(await stage.wentAndCameBack(names.hub), 'the hub did not move and come back, so nothing was proved');
  },
};
