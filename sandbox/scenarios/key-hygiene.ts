import type { CloudSeed } from '../cloud/seed';
import type { Scenario } from '../run/stage';

const YEAR_MILLISECONDS = 365 * 86_400_000;

/** As keys are made in a hurry: they work for years, and nothing ever rotates them. */
function madeInAHurry(seed: CloudSeed): CloudSeed {
  const vaults = seed.vaults.map((vault) => ({
    ...vault,
    keys: vault.keys.map(({ policy: _, versions, ...key }) => ({
      ...key,
      versions: versions.map(({ createdOn }) => ({ createdOn })),
    })),
  }));
  return { ...seed, vaults };
}

export const keyHygiene: Scenario = {
  name: 'key-hygiene',
  title: 'a key without expiry and without rotation policy: told once, shown until it is mended, and left alone',
  seed: madeInAHurry,
  expect: { phase: null, standsOn: 'previous', alert: 'Keyturn.Key.Findings' },
  async play(stage) {
    const codes = async () => (await stage.operator.keyView()).findings.map(({ code }) => code).sort();
    await stage.operator.sweep();
    await stage.until(
      'both findings to be shown',
      async () => (await codes()).join() === 'no-expiry,no-rotation-policy',
    );
    await stage.alert('Keyturn.Key.Findings');
    stage.must((await stage.mutations()) === 0, 'something was changed because of a finding');
    stage.say('the administrator sets an expiry and a rotation policy');
    await stage.people.setExpiry(stage.previousVersion, new Date((await stage.now()).getTime() + YEAR_MILLISECONDS));
    await stage.people.setRotationPolicy(90);
    await stage.operator.sweep();
    await stage.until('nothing to be left', async () => (await codes()).length === 0);
    const told = (await stage.alerts()).filter(({ eventType }) => eventType === 'Keyturn.Key.Findings');
    stage.must(new Set(told.map(({ id }) => id)).size === 1, `the findings were told ${told.length} times`);
  },
};
