import { alertOfPhase, type alertTypes } from '../../shared/rotation/alerting';
import type { AuditRecord } from '../../shared/rotation/ports';
import { kek } from '../simulation/cloud';
import type { Simulation } from '../simulation/simulation';

type Told = keyof typeof alertTypes;

/** Every end that the history has, of a rotation or of a retirement, was told, each time it came. @returns those that nobody was told of */
export function untoldEnds({ cloud, rotations }: Simulation): readonly string[] {
  const history = cloud.auditLog.told(kek);
  const ids = new Set(cloud.alerts.sent.map(({ id }) => id));
  return rotations.flatMap(({ rotationId, run }) => {
    const mine = history.filter((record) => record.rotationId === rotationId);
    const wanted = [...mine.flatMap((record) => endOf(record, mine, run)), ...refusalsIn(mine)];
    return [...Map.groupBy(wanted, (alert) => alert)].flatMap(([alert, times]) => {
      const told = [...ids].filter((id) => id.startsWith(`${rotationId}.${alert}.`)).length;
      return told >= times.length
        ? []
        : [`${alert} of ${rotationId} came ${times.length} times and was told ${told} times`];
    });
  });
}

function endOf(
  { action, details }: AuditRecord,
  mine: readonly AuditRecord[],
  run: Parameters<typeof alertOfPhase>[1],
): readonly Told[] {
  if (action === 'phase') return endOfRotation(details['phase'] as Parameters<typeof alertOfPhase>[0], mine, run);
  return action === 'retire' && details['status'] === 'undone' ? ['retirement-undone'] : [];
}

function endOfRotation(
  phase: Parameters<typeof alertOfPhase>[0],
  mine: readonly AuditRecord[],
  run: Parameters<typeof alertOfPhase>[1],
): readonly Told[] {
  const cause = mine.find(({ action }) => action === 'claim')?.details['cause'];
  // Who asked by hand has the answer.
  if (phase === 'refused') return cause === 'event' || cause === 'sweep' ? ['refused'] : [];
  const alert = alertOfPhase(phase, run);
  return alert === null ? [] : [alert];
}

/** A retirement is refused again and again: news only when it is for something else than the time before. Retired it is once, whatever is left of it. */
function refusalsIn(mine: readonly AuditRecord[]): readonly Told[] {
  const told: Told[] = [];
  let before: unknown = null;
  for (const { details } of mine.filter(({ action, outcome }) => action === 'retire' && outcome !== 'intended')) {
    const { status, code } = details;
    if (status === 'refused' && code !== before) told.push('retirement-refused');
    if (status === 'retired' && !told.includes('retired')) told.push('retired');
    before = status === 'refused' ? code : null;
  }
  return told;
}
