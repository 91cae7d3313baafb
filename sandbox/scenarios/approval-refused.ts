import type { Scenario } from '../run/stage';
import { APPROVAL_NEEDED, waitForApproval } from './steps/approval';

export const approvalRefused: Scenario = {
  name: 'approval-refused',
  title: 'a rotation needs an approval, and an operator says no: cancelled, nothing changed',
  settings: { approval: 'required' },
  expect: { phase: 'cancelled', standsOn: 'previous', alert: APPROVAL_NEEDED },
  async play(stage) {
    const rotation = await waitForApproval(stage);
    stage.say('an operator cancels it');
    await stage.operator.command(rotation, 'cancel');
    await stage.ended();
    stage.must((await stage.mutations()) === 0, 'something was changed although nobody approved it');
  },
};
