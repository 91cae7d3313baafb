import type { Scenario } from '../run/stage';
import { strangersHub, withStrangersHub } from '../run/strangers-hub';
import { completeThenWaitOutGrace, retirementIs } from './steps/grace';

/** Were the version disabled, the hub that nobody configured would be cut off from its data. */
export const unknownHub: Scenario = {
  name: 'unknown-hub',
  title: 'a hub that nobody configured stands on the old version: it is discovered, and the version stays enabled',
  seed: withStrangersHub,
  expect: {
    phase: 'completed',
    standsOn: 'next',
    alert: 'Keyturn.Key.Findings',
    alsoAllowed: ['Keyturn.Rotation.Completed', 'Keyturn.Version.RetirementRefused'],
  },
  async play(stage) {
    await completeThenWaitOutGrace(stage);
    await stage.operator.sweep();
    await retirementIs(stage, 'refused');
    await stage.alert('Keyturn.Key.Findings');
    const { findings } = await stage.operator.keyView();
    stage.must(
      findings.some(({ code, message }) => code === 'unknown-resource' && message.includes(strangersHub)),
      'GET /api/keys does not name the hub that nobody configured',
    );
    const { enabled } = await stage.people.version(stage.previousVersion);
    stage.must(enabled, 'the old version was disabled although a hub stands on it');
    stage.must((await stage.people.oldBlobs()) > 0, 'old blobs were dropped although the version was not retired');
  },
};
