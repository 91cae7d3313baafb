import type { Rotation } from '../../run/contract';
import type { Stage } from '../../run/stage';

/** Somebody asks for a run, somebody else approves its plan as he saw it; nothing has been changed until then. */
export async function startAndApprove(stage: Stage, body: { reason: string; run: string }): Promise<Rotation> {
  await stage.start(body, 'olivia');
  const waiting = await stage.waitFor(
    `the plan of "${body.run}" to wait for an approval`,
    ({ waitingFor }) => waitingFor === 'approval',
  );
  await approve(stage, waiting);
  stage.say(`olivia asked for "${body.run}", avery has approved its plan`);
  return waiting;
}

async function approve(stage: Stage, { rotationId, planHash }: Rotation): Promise<void> {
  const answer = await stage.http(`/api/rotations/${rotationId}/approve`, {
    body: { planHash },
    headers: await stage.as('avery'),
  });
  stage.must(answer.status === 202, `avery's approval was answered ${answer.status}`);
}
