import { newVault, withNewVault } from '../run/new-vault';
import { names } from '../run/seed';
import type { Scenario } from '../run/stage';

/** The hub stands on the other vault's key by the time the DPS says no: both must end on the old key. */
export const replaceGoesBack: Scenario = {
  name: 'replace-goes-back',
  title: 'the DPS refuses the key in the other vault after the hub has moved there: all go back to the old key',
  seed: withNewVault,
  expect: { phase: 'rolled-back', standsOn: 'previous', alert: 'Keyturn.Rotation.RolledBack' },
  async play(stage) {
    const replacement = stage.keyIn(newVault.name, newVault.key);
    await stage.fault({
      standIn: 'arm',
      operation: 'dpsOperation',
      times: 1,
      effect: { kind: 'operationFails', code: '400004', message: 'The key could not be applied to this service.' },
    });
    await stage.start({ reason: 'somebody may have a copy of this key', run: 'replace', replacement });
    await stage.ended();
    stage.must(await stage.wentAndCameBack(names.hub), 'the hub did not move and come back, so nothing was proved');
    const { replacedBy } = await stage.operator.keyView();
    stage.must(replacedBy === null, `the key's view says that it was replaced by ${replacedBy?.key}`);
    const body = { key: stage.key, reason: 'a look', run: 'replace', replacement, dryRun: true };
    const { decision } = (await stage.http('/api/rotations', { body })).body as { readonly decision?: string };
    stage.must(decision === 'go', `the replacement could not be tried again: ${decision}`);
  },
};
