import type { RotationRequest } from '../../shared/contracts/activities';
import type { Reason } from '../../shared/contracts/rotation';
import { type RunContext, type Story, step } from '../durable';
import { type Ending, finish } from './end-run';

/** Changes nothing: says where each target stands, and gives the claim up. */
export function* abandon(on: RunContext): Story<Ending> {
  const { reasons } = yield* step(on, 'recordStanding', {});
  return yield* finish(on, 'abandoned', reasons);
}

/** Why a run that goes back, in an instance of its own, does so. */
export const wordOf = ({ cause }: RotationRequest): Reason => ({
  code: 'operator-rollback',
  message:
    cause.kind === 'resume' && cause.command === 'rollback'
      ? 'An operator asked to go back.'
      : 'The rollback that was under way goes on.',
});
