import { setTimeout as delay } from 'node:timers/promises';
import type { Stage } from './stage';

/** What people do over the app's API; what nobody answered they ask again. */

const LOOK_MILLISECONDS = 20;

/** A second person, who approves the plan that waits for it. */
export async function approve(stage: Stage): Promise<void> {
  const { waitingFor, planHash } = await stage.rotation();
  if (waitingFor !== 'approval') return;
  const headers = await stage.ground.as('avery');
  await stage.ground.asked(`/api/rotations/${stage.rotationId}/approve`, { body: { planHash }, headers });
}

export async function start(stage: Stage, more: object): Promise<void> {
  const body = { key: stage.key, reason: 'played with kills', ...more };
  const answer = await stage.ground.app<{ rotationId: string }>('/api/rotations', { body });
  stage.follow(answer.rotationId);
}

/** What is answered 409 after a try that nobody answered was heard the first time. */
export async function command(stage: Stage, name: 'rollback' | 'retire'): Promise<void> {
  const { status, unheard } = await give(stage, name);
  if (status === 202 || (status === 409 && unheard > 0)) return;
  throw new Error(`the command ${name} was answered ${status}`);
}

/** Before anything was changed it is cancelled; the phase may pass while it is asked for. */
export async function callBack(stage: Stage): Promise<void> {
  for (;;) {
    for (const name of ['cancel', 'rollback'] as const) if ((await give(stage, name)).status === 202) return;
    // Between its last phase and the end of its claim it can neither be cancelled nor go back.
    await delay(LOOK_MILLISECONDS);
  }
}

const give = (stage: Stage, name: string) =>
  stage.ground.asked(`/api/rotations/${stage.rotationId}/${name}`, { body: {} });
