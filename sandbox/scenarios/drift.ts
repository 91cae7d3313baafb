import type { Scenario } from '../run/stage';

/** A pipeline that nobody told of the rotation runs again. */
export const drift: Scenario = {
  name: 'drift',
  title: 'a deployment puts the hub back on the old version: told once, with its cause, and moved again by hand',
  expect: {
    phase: 'completed',
    standsOn: 'next',
    alert: 'Keyturn.Target.Drifted',
    alsoAllowed: ['Keyturn.Rotation.Completed'],
    rotations: 2,
  },
  async play(stage) {
    await stage.nearExpiry();
    const { nextVersion } = await stage.ended();
    // What came during the rotation is looked at before anything else happens.
    await stage.operator.sweepToItsEnd();
    stage.say('a pipeline deploys the hub as it was before the rotation');
    await stage.people.redeployHub(stage.previousVersion);
    await stage.until('the deployment to end', async () => {
      const { active, version } = await stage.people.hubStands();
      return active && version === stage.previousVersion;
    });
    await stage.operator.sweep();
    const { data } = await stage.alert('Keyturn.Target.Drifted');
    stage.must(/ARM Template/.test(String(data['cause'])), `the cause is told as ${data['cause']}`);
    await stage.until('the drift to be shown', async () => (await stage.operator.keyView()).drifts.length === 1);
    stage.must((await stage.people.hubStands()).version === stage.previousVersion, 'the sweep moved the hub by itself');
    stage.say('somebody mends the pipeline, and has the hub moved again');
    const rotationId = await stage.start({ reason: 'drift', toVersion: nextVersion ?? '' });
    await stage.waitFor(
      'the second rotation to end',
      (now) => now.rotationId === rotationId && now.phase === 'completed',
    );
    await stage.operator.sweep();
    await stage.until('no drift to be shown', async () => (await stage.operator.keyView()).drifts.length === 0);
    const told = (await stage.alerts()).filter(({ eventType }) => eventType === 'Keyturn.Target.Drifted');
    stage.must(new Set(told.map(({ id }) => id)).size === 1, `the drift was told ${told.length} times`);
  },
};
