import type { Scenario } from '../run/stage';

const DAYS_PAST_EXPIRY = 2;

/** An expired version unwraps and does not wrap: without a later expiry no hub or DPS could be put back on it. */
export const previousExpired: Scenario = {
  name: 'previous-expired',
  title: 'the version in use has expired: refused by default; with its expiry extended, as configured, it completes',
  expect: {
    phase: 'completed',
    standsOn: 'next',
    alert: 'Keyturn.Rotation.Completed',
    // The sweep may see the expired version before the rotation moves everything off it.
    alsoAllowed: ['Keyturn.Rotation.Refused', 'Keyturn.Event.Missed', 'Keyturn.Key.Findings'],
    rotations: 2,
  },
  async play(stage) {
    await stage.loseEvents(true);
    const { expiresOn } = await stage.people.version(stage.previousVersion);
    const past = new Date((expiresOn ?? stage.policyDue).getTime() + DAYS_PAST_EXPIRY * 86_400_000);
    await stage.advanceTo(past, `to ${DAYS_PAST_EXPIRY} days after the version in use has expired`);
    await stage.publish('KeyExpired');
    const refused = await stage.ended();
    stage.must(refused.phase === 'refused', `by default it must be refused, and is ${refused.phase}`);
    stage.must((await stage.mutations()) === 0, 'something was changed although it was refused');
    stage.say('the operator lets Keyturn extend the expiry, and starts again');
    await stage.reconfigure({ expiredPrevious: 'extend' });
    await stage.start({ reason: 'The version has expired.' });
    await stage.ended();
    const told = (await stage.alerts()).some(({ eventType }) => eventType === 'Keyturn.Rotation.Refused');
    stage.must(told, 'nobody was told that it was refused');
    const extended = await stage.people.version(stage.previousVersion);
    stage.must((extended.expiresOn ?? past) > past, 'the expiry of the old version was not extended');
  },
};
