import type { Scenario } from '../run/stage';
import { getStuckInRollback } from './steps/stuck';

/** The last way out: nothing is changed any more, where everything stands is on record, and the key is free for the next run. */
export const abandoned: Scenario = {
  name: 'abandoned',
  title: 'the rollback cannot finish and an operator gives it up: everything stays where it stands, and is on record',
  expect: {
    phase: 'abandoned',
    standsOn: { iotHub: 'next', dps: 'previous', dataKeys: 'previous' },
    alert: 'Keyturn.Rotation.NeedsAttention',
  },
  async play(stage) {
    const rotation = await getStuckInRollback(stage);
    await stage.alert('Keyturn.Rotation.NeedsAttention');
    const before = await stage.mutations();
    await stage.operator.command(rotation, 'abandon');
    const { reasons } = await stage.waitFor('the rotation to be given up', ({ phase }) => phase === 'abandoned');
    stage.must((await stage.mutations()) === before, 'something was changed after the rotation was given up');
    const told = reasons.map(({ message }) => message).join(' ');
    for (const { kind, name } of rotation.targets) {
      stage.must(told.includes(`${kind}/${name}`), `it is not on record where ${kind}/${name} stands`);
    }
  },
};
