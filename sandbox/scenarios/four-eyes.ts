import type { Problem } from '../run/operator';
import type { Scenario, Stage } from '../run/stage';
import { APPROVAL_NEEDED } from './steps/approval';

export const fourEyes: Scenario = {
  name: 'four-eyes',
  title:
    'people sign in: whoever asks for a rotation cannot approve it, nobody without the role can, a second person can',
  signIn: true,
  settings: { approval: 'required' },
  expect: {
    phase: 'completed',
    standsOn: 'next',
    alert: 'Keyturn.Rotation.Completed',
    alsoAllowed: [APPROVAL_NEEDED],
  },
  async play(stage) {
    const body = { key: stage.key, reason: 'olivia asks for it' };
    await refused(stage, 401, '/api/rotations', body);
    await refused(stage, 403, '/api/rotations', body, 'rhea');
    await stage.start({ reason: body.reason }, 'olivia');
    const waiting = await stage.waitFor(
      'the plan to wait for an approval',
      ({ waitingFor }) => waitingFor === 'approval',
    );
    const approve = `/api/rotations/${waiting.rotationId}/approve`;
    const plan = { planHash: waiting.planHash };
    await refused(stage, 401, approve, plan);
    await refused(stage, 403, approve, plan, 'rhea');
    await refused(stage, 403, approve, plan, 'olivia');
    stage.say('olivia, who asked for it, may approve plans, but not this one; rhea may only read');
    stage.must((await stage.mutations()) === 0, 'something was changed before anybody approved it');
    const { status } = await stage.http(approve, { body: plan, headers: await stage.as('avery') });
    stage.must(status === 202, `avery's approval was answered ${status}`);
    stage.say('avery has approved it');
    await stage.ended();
  },
};

/** @param identity nobody unless named */
async function refused(stage: Stage, status: number, path: string, body: object, identity?: string): Promise<void> {
  const headers = identity === undefined ? { authorization: 'Bearer forged' } : await stage.as(identity);
  const answer = await stage.http(path, { body, headers: { 'x-ms-client-principal-id': 'avery', ...headers } });
  const told = `${identity ?? 'nobody'} at ${path} was answered ${answer.status} ${(answer.body as Problem)?.title}`;
  stage.must(answer.status === status, `${told}, not ${status}`);
}
