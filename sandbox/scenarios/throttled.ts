import { names } from '../run/seed';
import type { Scenario } from '../run/stage';
import { endedAfterWaiting, waitsThenCompletes } from './steps/fault';

const STORM_MINUTES = 40;
const RETRY_AFTER_SECONDS = 60;

export const throttled: Scenario = {
  name: 'throttled',
  title: `ARM answers everything with 429 for ${STORM_MINUTES} min in the middle: the rotation waits, then completes`,
  expect: waitsThenCompletes,
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
    await endedAfterWaiting(stage);
    stage.must(!(await stage.wentAndCameBack(names.hub)), 'the hub was changed more than once');
  },
};
