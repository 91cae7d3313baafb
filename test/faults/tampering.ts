import { alertTypes } from '../../shared/rotation/alerting';
import type { AuditRecord } from '../../shared/rotation/ports';
import type { AuditVerification } from '../../shared/rotation/verify-history';
import { kek } from '../simulation/cloud';
import type { Simulation } from '../simulation/simulation';

/** Where somebody edited a record or took it away. */
export type Tampered = Pick<AuditRecord, 'chain' | 'sequence'>;

const ways = ['edited', 'removed', 'unreadable'] as const;

/**
 * Somebody edits a record of the newest chain, takes it away, or makes of it what nobody can read. Once for each chain: of a chain that is broken
 * already nothing more is told. How a later chain begins is left: it says what became of the one before.
 * @param draw which record, counted from the newest, and what is done to it
 */
export function tamper({ cloud }: Simulation, done: Tampered[], draw: number): void {
  const records = cloud.auditLog.stored(kek);
  const newest = records.at(-1)?.chain ?? 1;
  const within = records.filter(({ chain, sequence }) => chain === newest && (chain === 1 || sequence > 1));
  const record = within.at(-1 - (draw % within.length));
  if (record === undefined || done.some(({ chain }) => chain === newest)) return;
  const { chain, sequence } = record;
  done.push({ chain, sequence });
  const way = ways[draw % ways.length];
  const instead = way === 'edited' ? { ...record, message: 'Nothing was done.' } : unreadable(record);
  records.splice(records.indexOf(record), 1, ...(way === 'removed' ? [] : [instead]));
}

/** As the table's adapter reads a row that is no JSON any more. */
const unreadable = ({ chain, sequence }: AuditRecord): AuditRecord => ({ chain, sequence, hash: '' }) as AuditRecord;

/** A history verifies; one that somebody tampered with does not, and the verdict, one alert and a new chain say where for each time. @returns what is not so */
export function historyFaults(
  { cloud }: Simulation,
  tampered: readonly Tampered[],
  verdict: AuditVerification,
): readonly string[] {
  const broken = verdict.chains
    .filter(({ ok }) => !ok)
    .map(({ chain, brokenAt }) => ({ chain, sequence: brokenAt?.sequence }));
  const alerts = cloud.alerts.sent.filter(({ type }) => type === alertTypes['history-broken']);
  const each = new Map(alerts.map(({ id, data }) => [id, { chain: data['chain'], sequence: data['sequence'] }]));
  const begun = cloud.auditLog
    .stored(kek)
    .filter(({ action }) => action === 'begin-chain')
    .map(({ details }) => ({ chain: details['brokenChain'], sequence: details['brokenSequence'] }));
  const wanted = told(tampered);
  const seen = {
    'the verdict names': told(broken),
    'alerts name': told([...each.values()]),
    'chains begin after': told(begun),
  };
  return [
    ...(verdict.ok === (tampered.length === 0) ? [] : [`the chain does not verify: ${JSON.stringify(verdict)}`]),
    ...Object.entries(seen).flatMap(([who, places]) =>
      places === wanted ? [] : [`${who} [${places}] of a history that was tampered with at [${wanted}]`],
    ),
  ];
}

const told = (places: readonly { readonly chain: unknown; readonly sequence: unknown }[]): string =>
  places
    .map(({ chain, sequence }) => `${chain}/${sequence}`)
    .sort()
    .join(', ');
