import type { WantedVersion } from '../run/people';
import type { Scenario, Stage } from '../run/stage';

const unusable: readonly { readonly what: string; readonly version: (stage: Stage) => WantedVersion }[] = [
  { what: 'a version that is disabled', version: () => ({ enabled: false }) },
  {
    what: 'a version that is not valid before next year',
    version: ({ policyDue }) => ({ notBefore: new Date(policyDue.getTime() + 365 * 86_400_000) }),
  },
  { what: 'a version that may not wrap', version: () => ({ operations: ['unwrapKey', 'decrypt'] }) },
];

export const nextUnusable: Scenario = {
  name: 'next-unusable',
  title: 'the version to go to is disabled, not yet valid, or may not wrap: no target moves',
  expect: { phase: 'refused', standsOn: 'previous', alert: null, rotations: unusable.length },
  async play(stage) {
    await stage.loseEvents(true);
    for (const { what, version } of unusable) {
      const toVersion = await stage.people.createVersion(version(stage));
      stage.say(`POST /api/rotations, to ${what}`);
      await stage.start({ reason: `To ${what}.`, toVersion });
      const { phase, reasons } = await stage.ended();
      stage.must(phase === 'refused', `a rotation to ${what} must be refused, and is ${phase}`);
      stage.must(reasons.length > 0, `the refusal of ${what} gives no reason`);
    }
    stage.must((await stage.mutations()) === 0, 'something was changed although everything was refused');
  },
};
