import type { Scenario } from '../run/stage';
import { getStuckInRollback } from './steps/stuck';

export const rollbackStuck: Scenario = {
  name: 'rollback-stuck',
  title: 'the rollback itself cannot finish: needs-attention; once that is mended an operator resumes it: all back',
  expect: {
    phase: 'rolled-back',
    standsOn: 'previous',
    alert: 'Keyturn.Rotation.RolledBack',
    alsoAllowed: ['Keyturn.Rotation.NeedsAttention'],
  },
  async play(stage) {
    const rotation = await getStuckInRollback(stage);
    await stage.alert('Keyturn.Rotation.NeedsAttention');
    const other = await stage.http('/api/rotations', { body: { key: stage.key, reason: 'Another one, meanwhile.' } });
    stage.must(other.status === 409, `another rotation could be started meanwhile (${other.status})`);
    stage.say('the role is given back, and an operator says resume');
    await stage.people.letKeyturnChangeHub(true);
    await stage.operator.command(rotation, 'resume');
    await stage.waitFor('the rollback to finish', ({ phase }) => phase === 'rolled-back');
  },
};
