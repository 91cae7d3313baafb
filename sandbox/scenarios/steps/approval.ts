import type { Rotation } from '../../run/contract';
import type { Scenario, Stage } from '../../run/stage';

export const APPROVAL_NEEDED = 'Keyturn.Rotation.ApprovalNeeded';

/** Of a rotation that needs an approval, and gets it. */
export const approvedThenCompletes: Pick<Scenario, 'settings' | 'expect'> = {
  settings: { approval: 'required' },
  expect: {
    phase: 'completed',
    standsOn: 'next',
    alert: 'Keyturn.Rotation.Completed',
    alsoAllowed: [APPROVAL_NEEDED],
  },
};

/** A rotation that is planned and waits for somebody to approve it; nothing has been changed until then. */
export async function waitForApproval(stage: Stage): Promise<Rotation & { readonly planHash: string }> {
  await stage.nearExpiry();
  const rotation = await stage.waitFor(
    'the plan to wait for an approval',
    ({ waitingFor }) => waitingFor === 'approval',
  );
  await stage.alert(APPROVAL_NEEDED);
  stage.must((await stage.mutations()) === 0, 'something was changed before anybody approved it');
  const { planHash } = rotation;
  if (planHash === null) throw new Error('a plan that waits for its approval has no hash');
  return { ...rotation, planHash };
}
