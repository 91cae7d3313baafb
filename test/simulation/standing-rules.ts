import { nextKeyOf, sameKid } from '../../shared/rotation/key-identifier';
import { isMove } from '../../shared/rotation/phases';
import type { Claim } from '../../shared/rotation/ports';
import type { Simulation } from './simulation';

/** I8: at `completed` every target is on next, at `rolled-back` each is where the plan found it. @returns what is not */
export function whereTheyShouldNot(
  simulation: Simulation,
  excused: ReadonlySet<string>,
  claim: Claim,
): readonly string[] {
  const { plan, nextVersion, phase } = claim;
  if (!isMove(claim.run) || plan === null) return [];
  const next = nextVersion === null ? null : `${nextKeyOf(claim)}/${nextVersion}`;
  const wrong: string[] = [];
  const { standing, cloud } = simulation;
  for (const { kind, name, previousKid } of plan.targets) {
    if (kind === 'dataKeys') continue;
    const belongs = phase === 'completed' ? next : previousKid;
    const stands = standing[kind]?.[0];
    if (belongs !== null && (stands === undefined || !sameKid(stands, belongs))) {
      wrong.push(`${phase}: ${kind}/${name} stands on ${stands} instead of ${belongs}`);
    }
  }
  if (!plan.targets.some(({ kind }) => kind === 'dataKeys') || next === null) return wrong;
  for (const { id, kid } of cloud.store.look()) {
    if (excused.has(id.rowKey)) continue;
    if (phase === 'completed' ? !sameKid(kid, next) : sameKid(kid, next)) {
      wrong.push(`${phase}: the data key ${id.rowKey} names ${kid}`);
    }
  }
  return wrong;
}
