import { alertTypes, subjectOf, tell } from './alerting';
import { partitionOf } from './key-identifier';
import type { RotationPorts } from './run-ports';

/** Tells that a history was tampered with, or that its head is not signed: no matter of one rotation. */
export async function tellOfHistory(
  ports: Pick<RotationPorts, 'alerts' | 'outbox' | 'now'>,
  alert: 'history-broken' | 'history-not-sealed',
  about: {
    readonly key: string;
    readonly occasion: string;
    readonly at: string;
    readonly facts: Readonly<Record<string, string | number>>;
    readonly reason: string;
  },
): Promise<void> {
  const { key, occasion, at, facts, reason } = about;
  const { done, left } = said[alert];
  await tell(
    ports,
    {
      id: `${partitionOf(key)}.${alert}.${occasion}`,
      type: alertTypes[alert],
      subject: subjectOf(key),
      time: at,
      data: {
        key,
        ...facts,
        reasons: [{ code: String(facts['fault'] ?? facts['code']), message: reason }],
        done,
        left,
      },
    },
    ports.now(),
  );
}

const said = {
  'history-broken': {
    done: 'Nothing was mended or taken away: what is there stays as evidence. Runs are told of in a new chain, which begins with why.',
    left: 'Ask GET /api/audit/verify, keep an export and the anchors, and find out who can write the table KeyturnAudit or use the signing key.',
  },
  'history-not-sealed': {
    done: 'Nothing else is held up by it; the sweep tries again every quarter of an hour.',
    left: 'Mend what the reason names: the signing key (auditKey in rotation.json), its role, the container of the anchors.',
  },
} as const;
