import type { RunReference } from '../contracts/activities';
import type { Page } from '../contracts/rotation';
import { alertIdOf, alertTypes, sendAlert } from './alerting';
import type { KeyFacts } from './key-facts';
import type { AuditRecord, Claim, UntoldEnd } from './ports';
import type { RotationPorts } from './run-ports';
import type { InstanceState } from './sweep-action';
import { noteEntered } from './telling';
import { unlessChanged } from './unattended-run';
import { withoutUntold } from './untold-end';

/** What an instance that was ended began to send may still arrive for so long. */
const stillOnItsWaySeconds = 5 * 60;

/**
 * Tells, for the sweep, of ends whose own instance did not: it was lost or ended by somebody, or could hand nothing over for a day. Under the
 * same id, so that whoever was told all the same can tell. Nothing is read but the claim, unless a run has ended since the last sweep.
 * @returns what to log
 */
export async function tellUntold(
  ports: RotationPorts,
  key: string,
  instanceState: (instanceId: string) => Promise<InstanceState>,
  facts: Pick<KeyFacts, 'state'>,
): Promise<readonly string[]> {
  if ((await facts.state()).claim?.untold === undefined) return [];
  const { claim } = await ports.ledger.read(key);
  const messages: string[] = [];
  for (const end of claim?.untold ?? []) {
    if (isFresh(end, ports.now()) || (await instanceState(end.instanceId)) === 'running') continue;
    const message = await tellOf(ports, { key, ...end }, end, claim);
    if (message !== null) messages.push(message);
    await strikeOff(ports, key, end);
  }
  return messages;
}

/** A clock that is wrong by more, in either direction, holds nothing up. */
const isFresh = ({ at }: UntoldEnd, now: Date): boolean =>
  Math.abs(now.getTime() - Date.parse(at)) < stillOnItsWaySeconds * 1000;

/** @returns what to log; null where somebody was told, or nobody need be any more */
async function tellOf(
  ports: RotationPorts,
  { key, rotationId, generation }: RunReference,
  { alert, reasons }: UntoldEnd,
  claim: Claim | null,
): Promise<string | null> {
  const run: RunReference = { key, rotationId, generation };
  if (await isTold(ports, run, alertIdOf(run, alert))) return null;
  if (await isOvertaken(ports, run, alert, claim)) return null;
  const now = ports.now().toISOString();
  // Who died between the claim and the document told nobody at all, not even the history.
  if (alert === 'needs-attention') {
    const known = await ports.history.get(rotationId);
    if (known?.phase !== alert) await noteEntered(ports, { run, phase: alert, reasons, now }, alert);
  }
  await sendAlert(ports, { run, now, alert, occasion: '', reasons });
  return `Nobody had been told of ${alertTypes[alert]} of ${rotationId}: told.`;
}

async function isTold({ auditLog }: RotationPorts, run: RunReference, alertId: string): Promise<boolean> {
  const query = { rotationId: run.rotationId, outcome: 'done' as const, limit: 100 };
  for (let continuation: string | null = null; ; ) {
    const page: Page<AuditRecord> = await auditLog.list(run.key, { ...query, continuation });
    if (page.items.some(({ action, details }) => action === 'alert' && details['alertId'] === alertId)) return true;
    if (page.continuation === null) return false;
    ({ continuation } = page);
  }
}

/** How a retirement ended stays true; a rotation that somebody has let go on, or taken back, tells of that instead. */
async function isOvertaken(
  ports: RotationPorts,
  { rotationId, generation }: RunReference,
  alert: UntoldEnd['alert'],
  claim: Claim | null,
): Promise<boolean> {
  switch (alert) {
    case 'retired':
    case 'retirement-undone':
    case 'retirement-refused':
      return false;
    case 'needs-attention':
      return claim?.rotationId !== rotationId || claim.generation !== generation || claim.phase !== alert;
    default: {
      const phase = alert === 'rolled-back' ? alert : 'completed';
      return (await ports.history.get(rotationId))?.phase !== phase;
    }
  }
}

/** Should somebody be faster, the next sweep finds on record that it was told. */
async function strikeOff(ports: RotationPorts, key: string, end: UntoldEnd): Promise<void> {
  const { claim, etag } = await ports.ledger.read(key);
  if (claim !== null && etag !== null) await unlessChanged(ports, etag, withoutUntold(claim, end));
}
