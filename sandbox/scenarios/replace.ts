import { newVault, newVaultResourceId, withNewVault } from '../run/new-vault';
import type { Scenario } from '../run/stage';
import { overGrace } from './steps/grace';

/** Another key in another vault: old data moves first, the old key is disabled last, and only on evidence. */
export const replace: Scenario = {
  name: 'replace',
  title:
    'a compromised key: everything moves to a larger key in another vault, and every version of the old one is retired',
  seed: withNewVault,
  expect: {
    phase: 'completed',
    standsOn: 'next',
    alert: 'Keyturn.Version.Retired',
    alsoAllowed: ['Keyturn.Key.Replaced'],
  },
  async play(stage) {
    const replacement = stage.keyIn(newVault.name, newVault.key);
    await stage.start({ reason: 'somebody may have a copy of this key', run: 'replace', replacement });
    await stage.ended();
    const { data } = await stage.alert('Keyturn.Key.Replaced');
    stage.say(`the alert: ${String(data['left'])}`);
    stage.must(String(data['left']).includes(`"key": "${replacement}"`), 'the alert does not say which line to change');
    stage.must((await stage.people.version(stage.previousVersion)).enabled, 'the old version was disabled at once');
    const { replacedBy } = await stage.operator.keyView();
    stage.must(replacedBy?.key === replacement, `the old key's view says that it was replaced by ${replacedBy?.key}`);
    // Its own policy may make one more: that starts nothing, and goes with the others.
    const late = await stage.people.createVersion({});
    const again = await stage.http('/api/rotations', { body: { key: stage.key, reason: 'out of habit' } });
    stage.must(again.status === 422, `a run of the replaced key was answered ${again.status}`);

    // What the alert says: from here on the new key is the one that rotations go on under.
    const vaultResourceId = newVaultResourceId;
    await stage.reconfigure({ key: replacement, vaultResourceId, replacements: [], formerKeys: [{ key: stage.key }] });
    const plan = await stage.http('/api/rotations', { body: { key: replacement, reason: 'a look', dryRun: true } });
    const { decision } = plan.body as { readonly decision?: string };
    stage.must(decision === 'go', `a rotation of the new key would be planned as ${decision}`);
    const { replaces } = await stage.operator.keyView(replacement);
    stage.must(replaces?.key === stage.key, `the new key's view says that it replaces ${replaces?.key}`);

    await overGrace(stage);
    await stage.operator.sweep();
    await stage.alert('Keyturn.Version.Retired');
    for (const version of [stage.previousVersion, late]) {
      stage.must(!(await stage.people.version(version)).enabled, `version ${version} of the old key is still enabled`);
    }
    stage.must((await stage.people.oldBlobs()) === 0, 'old blobs were left behind');
  },
};
