import type { Scenario } from '../run/stage';

export const observe: Scenario = {
  name: 'observe',
  title: 'the key is only observed: planned, an alert says so, nothing is changed and no rotation begins',
  settings: { mode: 'observe' },
  expect: { phase: null, standsOn: 'previous', alert: 'Keyturn.Rotation.Observed' },
  async play(stage) {
    await stage.nearExpiry();
    await stage.alert('Keyturn.Rotation.Observed');
    const start = await stage.http('/api/rotations', { body: { key: stage.key, reason: 'By hand, then.' } });
    stage.must(start.status === 409, `a rotation by hand must be answered 409, and was ${start.status}`);
    const plan = await stage.http('/api/rotations', { body: { key: stage.key, reason: 'To see it.', dryRun: true } });
    const { decision } = plan.body as { decision?: string };
    stage.must(plan.status === 200 && decision === 'go', `a dry run must answer the plan, and answered ${plan.status}`);
    stage.must((await stage.mutations()) === 0, 'something was changed although the key is only observed');
  },
};
