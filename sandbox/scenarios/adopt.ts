import type { Scenario } from '../run/stage';

interface Check {
  readonly code: string;
  readonly result: string;
  readonly message: string;
}

export const adopt: Scenario = {
  name: 'adopt',
  title:
    'a key without expiry and policy is taken under management: one list of what is missing, then what was asked for is written',
  seed: (seed) => ({
    ...seed,
    vaults: seed.vaults.map((vault) => ({
      ...vault,
      keys: vault.keys.map(({ policy: _policy, versions, ...key }) => ({
        ...key,
        versions: versions?.map(({ expiresOn: _expiresOn, ...version }) => version) ?? [],
      })),
    })),
  }),
  expect: {
    phase: 'completed',
    standsOn: 'previous',
    alert: 'Keyturn.Key.Adopted',
    // A sweep that comes before finds what is missing too.
    alsoAllowed: ['Keyturn.Key.Findings'],
  },
  async play(stage) {
    const order = {
      rotationPolicy: { expiresIn: 'P90D', rotatesBeforeExpiry: 'P30D' },
      expiresOn: new Date((await stage.now()).getTime() + 90 * 86_400_000).toISOString().replace(/\.\d+Z/, 'Z'),
    };
    const look = async () => {
      const { status, body } = await stage.http('/api/rotations', {
        body: { key: stage.key, reason: 'a look', run: 'adopt', dryRun: true },
      });
      stage.must(status === 200, `the dry run was answered ${status}`);
      return (body as { readonly checks: readonly Check[] }).checks.filter(({ result }) => result === 'no');
    };
    const missing = await look();
    for (const { message } of missing) stage.say(`missing: ${message}`);
    stage.must(missing.length === 3, `${missing.length} things are told to be missing, not 3`);
    await stage.start({ reason: 'take it under management', run: 'adopt', adopt: order });
    await stage.ended();
    const left = await look();
    stage.must(left.length === 0, `${left.map(({ code }) => code).join(', ')} is still missing`);
    const { expiresOn } = await stage.people.version(stage.previousVersion);
    stage.must(
      expiresOn?.getTime() === Date.parse(order.expiresOn),
      'the version has another expiry than was asked for',
    );
  },
};
