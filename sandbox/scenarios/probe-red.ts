import { names } from '../run/seed';
import type { Scenario } from '../run/stage';

/** As many red answers as Keyturn asks for before it believes them. */
const RED_ANSWERS = 3;

export const probeRed: Scenario = {
  name: 'probe-red',
  title: 'the probes of the hub turn red during the soak: confirmed, all go back, an alert says so',
  expect: { phase: 'rolled-back', standsOn: 'previous', alert: 'Keyturn.Rotation.RolledBack' },
  async play(stage) {
    await stage.nearExpiry();
    await stage.waitFor('the soak', ({ phase }) => phase === 'soaking');
    await stage.fault({
      standIn: 'iotHub',
      operation: 'getTwin',
      principal: 'keyturn',
      times: RED_ANSWERS,
      effect: { kind: 'status', status: 500 },
    });
    await stage.ended();
    stage.must(await stage.wentAndCameBack(names.hub), 'the hub did not come back');
    stage.must(await stage.wentAndCameBack(names.dps), 'the DPS did not come back');
  },
};
