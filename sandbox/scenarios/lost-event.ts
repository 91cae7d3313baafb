import type { Scenario } from '../run/stage';

const HOURS_LATE = 3;

/** Nothing depends on an event arriving. */
export const lostEvent: Scenario = {
  name: 'lost-event',
  title: 'the near-expiry event is lost: the sweep finds what it should have brought, starts it, and says so',
  expect: {
    phase: 'completed',
    standsOn: 'next',
    alert: 'Keyturn.Event.Missed',
    alsoAllowed: ['Keyturn.Rotation.Completed'],
  },
  async play(stage) {
    await stage.loseEvents(true);
    const late = new Date(stage.policyDue.getTime() + HOURS_LATE * 3_600_000);
    await stage.advanceTo(late, `to ${HOURS_LATE} h after Key Vault gave notice, which Event Grid has lost`);
    await stage.operator.sweep();
    await stage.ended();
  },
};
