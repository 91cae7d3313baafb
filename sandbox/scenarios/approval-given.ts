import type { Scenario } from '../run/stage';
import { approvedThenCompletes, waitForApproval } from './steps/approval';

export const approvalGiven: Scenario = {
  name: 'approval-given',
  title: 'a rotation needs an approval: nothing is changed before it is given, then it completes',
  ...approvedThenCompletes,
  async play(stage) {
    const rotation = await waitForApproval(stage);
    stage.say(`an operator approves the plan ${rotation.planHash.slice(0, 12)}`);
    await stage.operator.command(rotation, 'approve', { planHash: rotation.planHash });
    await stage.ended();
  },
};
