import type { CloudSeed } from '../cloud/seed';
import type { Scenario } from '../run/stage';

/** Making a version would be the switch itself, without canary or order. */
export const unversioned: Scenario = {
  name: 'unversioned',
  title: "the hub's key identifier names no version: refused by default; pinned first, as configured, it completes",
  seed: withoutVersion,
  expect: {
    phase: 'completed',
    standsOn: 'next',
    alert: 'Keyturn.Rotation.Completed',
    alsoAllowed: ['Keyturn.Rotation.Refused'],
    rotations: 2,
  },
  async play(stage) {
    await stage.nearExpiry();
    const refused = await stage.ended();
    stage.must(refused.phase === 'refused', `by default it must be refused, and is ${refused.phase}`);
    const codes = refused.reasons.map(({ code }) => code).join(', ');
    stage.must(codes.includes('unversioned-identifier'), `it is refused, but because of ${codes}`);
    stage.must((await stage.mutations()) === 0, 'something was changed although it was refused');
    stage.say('the operator lets Keyturn pin the identifier, and starts again');
    await stage.reconfigure({ pin: true });
    await stage.start({ reason: 'Pinned by configuration.' });
    await stage.ended();
    const told = (await stage.alerts()).some(({ eventType }) => eventType === 'Keyturn.Rotation.Refused');
    stage.must(told, 'nobody was told that it was refused');
  },
};

function withoutVersion(seed: CloudSeed): CloudSeed {
  return {
    ...seed,
    hubs: seed.hubs.map((hub) => ({ ...hub, kek: hub.kek && { ...hub.kek, versioned: false } })),
  };
}
