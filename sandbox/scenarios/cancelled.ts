import type { Scenario } from '../run/stage';

export const cancelled: Scenario = {
  name: 'cancelled',
  title: 'an operator cancels while the plan waits for ARM, which is away: cancelled, nothing changed',
  expect: { phase: 'cancelled', standsOn: 'previous', alert: null },
  async play(stage) {
    await stage.fault({
      standIn: 'arm',
      principal: 'keyturn',
      path: 'IotHubs|provisioningServices',
      effect: { kind: 'status', status: 503 },
    });
    await stage.hold();
    await stage.start({ reason: 'An operator asked for it.' });
    const rotation = await stage.waitFor('the plan to wait for ARM', ({ waitingFor }) => waitingFor === 'fault');
    const { allowed } = await stage.operator.refused(rotation, 'rollback');
    stage.must(allowed?.includes('cancel') === true, 'whoever asks for a rollback is not told that he can cancel');
    await stage.operator.command(rotation, 'cancel');
    await stage.release();
    await stage.ended();
    stage.must((await stage.mutations()) === 0, 'something was changed although it was cancelled');
    stage.must((await stage.newestVersion()) === stage.previousVersion, 'a version was made although it was cancelled');
  },
};
