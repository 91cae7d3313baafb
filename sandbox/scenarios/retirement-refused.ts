import type { Scenario } from '../run/stage';
import { completeThenWaitOutGrace, retirementIs } from './steps/grace';

/** An owner whose application still holds the old public key has wrapped one more record with it. */
export const retirementRefused: Scenario = {
  name: 'retirement-refused',
  title: 'the grace period is over, but one record still names the old version: it stays enabled, nothing is lost',
  expect: {
    phase: 'completed',
    standsOn: { iotHub: 'next', dps: 'next', dataKeys: 'no single one' },
    alert: 'Keyturn.Version.RetirementRefused',
    alsoAllowed: ['Keyturn.Rotation.Completed'],
  },
  async play(stage) {
    await completeThenWaitOutGrace(stage);
    stage.say('the owner stores a record wrapped with the old version');
    await stage.people.storeRecordUnder(stage.previousVersion);
    await stage.operator.sweep();
    await retirementIs(stage, 'refused');
    const { enabled } = await stage.people.version(stage.previousVersion);
    stage.must(enabled, 'the old version was disabled although a record names it');
    stage.must((await stage.people.oldBlobs()) > 0, 'old blobs were dropped although the version was not retired');
  },
};
