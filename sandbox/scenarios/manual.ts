import type { Scenario } from '../run/stage';

export const manual: Scenario = {
  name: 'manual',
  title: 'an operator starts a rotation over the API',
  expect: { phase: 'completed', standsOn: 'next', alert: 'Keyturn.Rotation.Completed' },
  async play(stage) {
    stage.say('POST /api/rotations');
    await stage.start({ reason: 'An operator asked for it.' });
    await stage.ended();
  },
};
