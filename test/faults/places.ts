import { kek } from '../simulation/cloud';
import type { Simulation } from '../simulation/simulation';
import type { Stage } from './schedule';

/** Where the claim stands now. */
export function stageOf({ cloud }: Simulation): Stage {
  const { claim } = cloud.ledger.look(kek);
  if (claim === null || claim.rotationId === null) return claim?.phase === 'completed' ? 'completed' : 'free';
  return claim.purpose === 'retirement' ? 'retiring' : claim.phase;
}

/** The version that the run moves to, if it is one of this KEK. */
export function nextVersionOf({ cloud }: Simulation): string | null {
  const { claim } = cloud.ledger.look(kek);
  return claim?.replacement === undefined ? (claim?.nextVersion ?? null) : null;
}
