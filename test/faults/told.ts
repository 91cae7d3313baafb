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

type Run = Parameters<typeof alertOfPhase>[1];
type Phase = Parameters<typeof alertOfPhase>[0];

function endOf(record: AuditRecord, mine: readonly AuditRecord[], run: Run): readonly Told[] {
  const { action, details } = record;
  if (action === 'phase' && !isAnswered(record, mine) && !isNoEnd(record, mine))
    return endOfRotation(details['phase'] as Phase, mine, run);
  return action === 'retire' && details['status'] === 'undone' ? ['retirement-undone'] : [];
}

/** As long as a sweep may take to find that nobody was told, with whatever has to be waited for before it sends. */
const sweptWithin = 30 * 60_000;

/** Who has said how to go on before anybody could tell him knows of it, and nobody is waited for any more. */
const isAnswered = ({ at, details }: AuditRecord, mine: readonly AuditRecord[]): boolean =>
  details['phase'] === 'needs-attention' &&
  mine.some((each) => {
    const later = Date.parse(each.at) - Date.parse(at);
    return each.action === 'command' && later >= 0 && later < sweptWithin;
  });

/** On record, but the claim could not be freed: the run went on to an end of another kind, or a new instance said the same once more. */
function isNoEnd(record: AuditRecord, mine: readonly AuditRecord[]): boolean {
  const next = mine.slice(mine.indexOf(record) + 1).find(({ action }) => action === 'phase')?.details['phase'];
  return next === 'needs-attention' || next === record.details['phase'];
}

function endOfRotation(phase: Phase, mine: readonly AuditRecord[], run: Run): readonly Told[] {
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
