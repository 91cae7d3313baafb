import type { Rotation } from '../run/contract';
import { names } from '../run/seed';
import type { Scenario } from '../run/stage';

const STORM_MINUTES = 40;
const RETRY_AFTER_SECONDS = 60;

/** Going back would need the same, throttled, services. */
export const throttled: Scenario = {
  name: 'throttled',
  title: `ARM answers everything with 429 for ${STORM_MINUTES} min in the middle: the rotation waits, then completes`,
  expect: {
    phase: 'completed',
    standsOn: 'next',
    alert: 'Keyturn.Rotation.Completed',
    alsoAllowed: ['Keyturn.Rotation.Holding', 'Keyturn.Rotation.Recovered'],
  },
  async play(stage) {
    await stage.slowDownDps();
    await stage.nearExpiry();
    await stage.hubMovedAlone();
    stage.say(`ARM throttles Keyturn for ${STORM_MINUTES} min from now`);
    await stage.fault({
      standIn: 'arm',
      principal: 'keyturn',
      untilMilliseconds: (await stage.now()).getTime() + STORM_MINUTES * 60_000,
      effect: { kind: 'status', status: 429, headers: { 'Retry-After': String(RETRY_AFTER_SECONDS) } },
    });
    let waited = false;
    let wentBack = false;
    await stage.waitFor('the rotation to end', (rotation: Rotation) => {
      waited ||= rotation.waitingFor === 'fault';
      wentBack ||= rotation.phase === 'rolling-back';
      return rotation.endedAt !== null;
    });
    stage.must(waited, 'the rotation never said that it waits');
    stage.must(!wentBack, 'the rotation went back because it was throttled');
    stage.must(!(await stage.wentAndCameBack(names.hub)), 'the hub was changed more than once');
  },
};
