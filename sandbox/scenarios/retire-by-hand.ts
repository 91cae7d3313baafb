import type { Scenario } from '../run/stage';
import { completeAndTell } from './steps/grace';

const HOURS = 26;

/** A day after the rotation an operator does not want to wait for the rest of the week: the grace period is cut short, no proof is. */
export const retireByHand: Scenario = {
  name: 'retire-by-hand',
  title:
    'an operator retires the old version a day after the rotation, long before its grace period is over: proved, disabled, watched',
  withLog: true,
  expect: {
    phase: 'completed',
    standsOn: 'next',
    alert: 'Keyturn.Version.Retired',
    alsoAllowed: ['Keyturn.Rotation.Completed'],
  },
  async play(stage) {
    const rotation = await completeAndTell(stage);
    const later = new Date((await stage.now()).getTime() + HOURS * 3_600_000);
    await stage.advanceTo(later, 'longer than a key may be cached');
    await stage.operator.command(rotation, 'retire');
    await stage.alert('Keyturn.Version.Retired');
    const { enabled } = await stage.people.version(stage.previousVersion);
    stage.must(!enabled, 'the old version is still enabled');
    await stage.operator.refused(rotation, 'retire');
  },
};
