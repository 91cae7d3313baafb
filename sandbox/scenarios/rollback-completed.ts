import { names } from '../run/seed';
import type { Scenario } from '../run/stage';

export const rollbackCompleted: Scenario = {
  name: 'rollback-completed',
  title: 'an operator rolls a completed rotation back before the old version is retired: all back, no retirement',
  expect: {
    phase: 'rolled-back',
    standsOn: 'previous',
    alert: 'Keyturn.Rotation.RolledBack',
    alsoAllowed: ['Keyturn.Rotation.Completed'],
  },
  async play(stage) {
    await stage.nearExpiry();
    const rotation = await stage.ended();
    stage.must(rotation.phase === 'completed', `the rotation did not complete, and is ${rotation.phase}`);
    stage.say('an operator says rollback');
    await stage.operator.command(rotation, 'rollback');
    await stage.waitFor('everything to be back', ({ phase }) => phase === 'rolled-back');
    stage.must(await stage.wentAndCameBack(names.hub), 'the hub did not come back');
    const { allowed } = await stage.operator.refused(rotation, 'rollback');
    stage.must(allowed?.length === 0, 'a rotation that has gone back still takes commands');
  },
};
