import type { Scenario } from '../run/stage';

const COPIES = 1000;

export const duplicateEvents: Scenario = {
  name: 'duplicate-events',
  title: `${COPIES.toLocaleString('en')} copies of one near-expiry event arrive at once: one rotation`,
  expect: { phase: 'completed', standsOn: 'next', alert: 'Keyturn.Rotation.Completed' },
  async play(stage) {
    stage.say(`Event Grid delivers the near-expiry event ${COPIES.toLocaleString('en')} times at once`);
    await stage.publish('KeyNearExpiry', COPIES);
    await stage.ended();
  },
};
