import { sameKid, versionOf } from '../../shared/rotation/key-identifier';
import { kek, v1 } from '../simulation/cloud';
import type { Simulation } from '../simulation/simulation';
import type { World } from './schedule';

/** When the first version of a world expires, unless a run has put it off. */
export const firstExpiry = new Date('2026-12-12T00:00:00Z');
/** Longer than a back-off, and than a fault that an admission waits out. */
export const longestUnansweredHours = 40;

/**
 * What a world's cause asks for has been done: a rotation was begun because of it, or there is nothing left to rotate. Until then somebody has
 * to know that it is owed. Of a rotation by hand its answer says so.
 */
export function isAnswered(simulation: Simulation, { run, cause, targets }: World): boolean {
  if (run !== 'rotation' || cause === 'by-hand') return true;
  const { claim } = simulation.cloud.ledger.look(kek);
  if (claim?.revocation !== undefined || claim?.replacedBy !== undefined) return true;
  const stale = staleKid(simulation, cause);
  const used = targets.flatMap((target) => simulation.standing[target] ?? []);
  return used.every((kid) => !stale(kid)) || hasBegunFor(simulation);
}

/** Those that an event or the sweep has begun are told apart by the record of their claim. */
const hasBegunFor = ({ cloud }: Simulation): boolean =>
  cloud.auditLog.told(kek).some(({ action, rotationId, details }) => {
    const { cause } = details as { readonly cause?: string };
    const isForEvent = action === 'claim' && (cause === 'event' || cause === 'sweep');
    return isForEvent && rotationId !== null && cloud.history.rotations.has(rotationId);
  });

/** Which versions the cause wants nothing to stand on: the one that expires, or all but the newest. */
function staleKid({ cloud }: Simulation, cause: World['cause']): (kid: string) => boolean {
  const versions = cloud.vault.look();
  const newest = versions.findLast(({ enabled }) => enabled);
  // Who names no version follows by itself.
  if (cause === 'new-version') {
    return (kid) => newest !== undefined && versionOf(kid) !== null && !sameKid(kid, newest.kid);
  }
  const first = versions.find(({ version }) => version === v1);
  const expires = first?.expiresOn ?? null;
  return (kid) => first !== undefined && expires !== null && expires <= firstExpiry && sameKid(kid, first.kid);
}

/** Whether a run of the kind that was asked for has got as far as being planned; of a retirement, as being proved. */
export function hasRun({ rotations, cloud }: Simulation, run: World['run']): boolean {
  if (run === 'retirement') {
    return cloud.auditLog.told(kek).some(({ action, outcome }) => action === 'retire' && outcome === 'intended');
  }
  const name = run === 'rotation' ? 'rotate' : run;
  const planned = new Set(
    cloud.auditLog
      .told(kek)
      .filter(({ action, details }) => action === 'phase' && (details as { phase?: string }).phase === 'planning')
      .map(({ rotationId }) => rotationId),
  );
  return rotations.some((each) => (each.run ?? 'rotate') === name && planned.has(each.rotationId));
}
