import { newVault, withWeakerKey } from '../run/new-vault';
import type { Scenario } from '../run/stage';

interface Problem {
  readonly decision?: string;
  readonly checks?: readonly { readonly code: string; readonly result: string; readonly message: string }[];
}

/** Nothing is changed for a replacement that would make things worse, or that nobody allowed. */
export const replaceRefused: Scenario = {
  name: 'replace-refused',
  title: 'a replacement that is weaker, is the key itself, or is in a vault outside the configuration: refused by name',
  seed: withWeakerKey,
  expect: { phase: 'refused', standsOn: 'previous', alert: null },
  async play(stage) {
    const refusals: readonly (readonly [string, string])[] = [
      [stage.key, 'same-key'],
      ['https://keyturn-elsewhere.vault.azure.net/keys/fleet-kek', 'replacement-not-configured'],
      [stage.keyIn(newVault.name, newVault.key), 'replacement-weaker'],
    ];
    for (const [replacement, code] of refusals) {
      const body = { key: stage.key, reason: 'a look', run: 'replace', replacement, dryRun: true };
      const plan = (await stage.http('/api/rotations', { body })).body as Problem;
      const found = plan.checks?.find((check) => check.code === code && check.result === 'no');
      stage.must(plan.decision === 'refuse' && found !== undefined, `${replacement} was planned as ${plan.decision}`);
      stage.say(`refused: ${found?.message}`);
    }
    const before = await stage.mutations();
    const replacement = stage.keyIn(newVault.name, newVault.key);
    await stage.start({ reason: 'somebody may have a copy of this key', run: 'replace', replacement });
    const { reasons } = await stage.ended();
    stage.must(reasons[0]?.code === 'replacement-weaker', `the run was refused for ${reasons[0]?.code}`);
    stage.must((await stage.mutations()) === before, 'something was changed');
  },
};
