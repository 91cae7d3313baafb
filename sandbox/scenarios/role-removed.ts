import type { Scenario } from '../run/stage';

/**
 * The hub has moved, and its identity loses the key: it goes on from its cache, and reads fail once that has run out. Going back
 * needs the same role, so it gets stuck until somebody gives it back.
 */
export const roleRemoved: Scenario = {
  name: 'role-removed',
  title: "the hub's identity loses its role in the middle: found by the probes, stuck, mended, then all back",
  expect: {
    phase: 'rolled-back',
    standsOn: 'previous',
    alert: 'Keyturn.Rotation.RolledBack',
    alsoAllowed: ['Keyturn.Rotation.NeedsAttention'],
  },
  async play(stage) {
    await stage.slowDownDps();
    await stage.nearExpiry();
    await stage.hubMovedAlone();
    stage.say("somebody takes the role away with which the hub's identity uses the key");
    await stage.people.takeKeyFrom('hub-identity');
    const rotation = await stage.waitFor('the rollback to get stuck', ({ phase }) => phase === 'needs-attention');
    stage.say('the role is given back, and an operator says rollback');
    await stage.people.giveKeyBackTo('hub-identity');
    await stage.operator.command(rotation, 'rollback');
    await stage.waitFor('the rollback to finish', ({ phase }) => phase === 'rolled-back');
  },
};
