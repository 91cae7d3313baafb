import type { Scenario } from '../run/stage';
import { APPROVAL_NEEDED, approvedThenCompletes, waitForApproval } from './steps/approval';

const DAY = 86_400_000;

/** What was checked is what is applied: a yes to another plan is no yes. */
export const approvalChanged: Scenario = {
  name: 'approval-changed',
  title: 'the plan changes before it is approved: 409 with the new hash, asked again, approved, completed',
  ...approvedThenCompletes,
  async play(stage) {
    const rotation = await waitForApproval(stage);
    const { expiresOn } = await stage.people.version(stage.previousVersion);
    stage.say('somebody extends the expiry of the version in use by a day');
    await stage.people.setExpiry(stage.previousVersion, new Date((expiresOn ?? stage.policyDue).getTime() + DAY));
    const { planHash } = await stage.operator.refused(rotation, 'approve', { planHash: rotation.planHash });
    if (planHash === undefined) throw new Error('the refusal does not name the hash of the new plan');
    stage.must(planHash !== rotation.planHash, 'the refusal names the hash of the plan that is no more');
    await stage.waitFor('the new plan to wait for its approval', (now) => {
      return now.waitingFor === 'approval' && now.planHash === planHash;
    });
    await stage.alert(APPROVAL_NEEDED, 2);
    stage.must((await stage.mutations()) === 0, 'something was changed before anybody approved it');
    await stage.operator.command(rotation, 'approve', { planHash });
    await stage.ended();
  },
};
