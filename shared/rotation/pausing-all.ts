import { type Asker, whoOf } from '../contracts/access';
import { partitionOf } from './key-identifier';
import type { RotationPorts } from './run-ports';

type PausingPorts = Pick<RotationPorts, 'ledger' | 'auditLog' | 'keys' | 'now'>;

/**
 * Holds every KEK at once: from now on no mutation begins anywhere, whatever runs. The stop switch is thrown first and told afterwards:
 * who pauses everything is in a hurry, and a repeat tells again.
 */
export async function pauseAll(ports: PausingPorts, asker: Asker, reason: string): Promise<void> {
  await ports.ledger.setStop(`${asker.actor}: ${reason}`);
  await tellEveryKey(ports, asker, 'pause-all', `${asker.actor} paused all keys: ${reason}`);
}

export type ResumedAll =
  /** The instances that wait, to be woken. */
  | { readonly kind: 'resumed'; readonly instanceIds: readonly string[] }
  /** The switch is thrown elsewhere too, where no route reaches: in the app's own settings. */
  | { readonly kind: 'still-stopped'; readonly reason: string };

/** Told first: what lets mutations begin again must be on record before it does (I4), whoever else still stops them. */
export async function resumeAll(ports: PausingPorts, asker: Asker): Promise<ResumedAll> {
  await tellEveryKey(ports, asker, 'resume-all', `${asker.actor} resumed all keys.`);
  await ports.ledger.setStop(null);
  const reason = await ports.ledger.stopped();
  if (reason !== null) return { kind: 'still-stopped', reason };
  const instanceIds: string[] = [];
  for (const key of ports.keys) {
    const { claim } = await ports.ledger.read(key);
    if (claim?.rotationId != null) instanceIds.push(claim.instanceId ?? claim.rotationId);
  }
  return { kind: 'resumed', instanceIds };
}

/** Each KEK has a history of its own, and this is part of all of them. */
async function tellEveryKey(ports: PausingPorts, asker: Asker, action: string, message: string): Promise<void> {
  const at = ports.now().toISOString();
  for (const key of ports.keys) {
    const { claim } = await ports.ledger.read(key);
    const rotationId = claim?.rotationId ?? noRun;
    const { actor } = asker;
    await ports.auditLog.append(
      key,
      { rotationId, at, actor, action, target: null, outcome: 'done', message, details: { ...whoOf(asker) } },
      `${action}|${at}|${partitionOf(key)}`,
    );
  }
}

/** What stands in a record that belongs to no run. */
const noRun = 'none';
