import type { Scenario } from '../run/stage';

/** The worst moment: the change of the DPS is on its way, and nobody is left to hear the answer. */
export const hostKilled: Scenario = {
  name: 'host-killed',
  title: 'the Functions host is killed (kill -9) after the hub has moved, and started again: the rotation completes',
  expect: { phase: 'completed', standsOn: 'next', alert: 'Keyturn.Rotation.Completed' },
  async play(stage) {
    await stage.slowDownDps();
    await stage.advanceTo(stage.policyDue, 'to when Key Vault gives notice that the key is near its expiry');
    await stage.hubMovedAlone();
    await stage.killHost();
    stage.say('the Functions host was killed (kill -9) and is started again');
    await stage.restartHost();
    await stage.ended();
  },
};
