import type { RunReference } from '../contracts/activities';
import { inNewInstance, resumedBy } from './commands';
import { ConflictError } from './errors';
import { isStuck, reportStuck } from './overdue';
import type { Claim, CommandName } from './ports';
import type { RotationPorts } from './run-ports';
import { type HeldClaim, managedKey, record } from './run-record';
import { type InstanceState, retirementStart, type SweepAction } from './sweep-action';
import { finishEnd, hasEnded } from './telling';

/** Nothing that a function began can be under way longer: twice the longest function time-out. */
const longestRequestSeconds = 20 * 60;

/** Looks after a run that holds the claim: whether its instance is alive and goes on, and if not, who goes on for it. */
export async function lookAfterRun(
  ports: RotationPorts,
  { claim, etag, commands }: HeldClaim,
  instanceState: (instanceId: string) => Promise<InstanceState>,
): Promise<readonly SweepAction[]> {
  // Waits for a person, and is told by its instance or by the sweep; once a person has said how to go on, an instance must come that binds the claim.
  if (claim.phase === 'needs-attention' && claim.bound) return [];
  const state = await instanceState(claim.instanceId ?? claim.rotationId ?? '');
  if (state === 'running') {
    // It was only late: should it die some day, its last request has to run out from then on.
    if (claim.orphanedSince !== null) await unlessChanged(ports, etag, { ...claim, orphanedSince: null });
    return findOverdue(ports, claim);
  }
  const now = ports.now();
  if (claim.orphanedSince === null) {
    await unlessChanged(ports, etag, { ...claim, orphanedSince: now.toISOString() });
    return [];
  }
  // Taken over only when the longest possible request of the lost instance has run out; then everything is read again.
  if (now.getTime() - Date.parse(claim.orphanedSince) < longestRequestSeconds * 1000) return [];
  const said = claim.phase === 'needs-attention' ? commands.at(-1)?.command : undefined;
  return takeOver(ports, claim, etag, { now, command: said ?? 'resume' });
}

async function takeOver(
  ports: RotationPorts,
  claim: Claim,
  etag: string,
  { now, command }: { readonly now: Date; readonly command: CommandName },
): Promise<readonly SweepAction[]> {
  const rotationId = claim.rotationId ?? '';
  if (hasEnded(claim)) return finishForTheDead(ports, claim, etag, now);
  const where = claim.purpose === 'retirement' ? 'its retirement' : claim.phase;
  const message = `The claim of ${rotationId} on ${claim.key} was without a run in ${where}; a new instance goes on.`;
  if (claim.purpose === 'retirement') {
    const next = {
      ...claim,
      generation: claim.generation + 1,
      rotationId: null,
      instanceId: null,
      bound: false,
      orphanedSince: null,
      purpose: 'rotation' as const,
    };
    if (!(await unlessChanged(ports, etag, next))) return [];
    await noteTakeOver(ports, claim, next.generation, message, now);
    return [retirementStart(claim.key, rotationId, next.generation, message)];
  }
  const next = inNewInstance(claim, { rotationId, command }, now.toISOString());
  if (!(await unlessChanged(ports, etag, next))) return []; // somebody is alive after all
  await noteTakeOver(ports, claim, next.generation, message, now);
  return [{ kind: 'rotate', start: resumedBy(next, { command }), event: null, message }];
}

/**
 * The run has ended, only its claim was not freed: the outcome stands, and no new instance has anything to do. The claim counts
 * as orphaned until it is free, so that the next sweep finishes what this one could not.
 */
async function finishForTheDead(
  ports: RotationPorts,
  claim: Claim,
  etag: string,
  now: Date,
): Promise<readonly SweepAction[]> {
  const generation = claim.generation + 1;
  if (!(await unlessChanged(ports, etag, { ...claim, generation }))) return [];
  const message = `Rotation ${claim.rotationId} had ended as ${claim.phase}, and its instance before it freed the claim on ${claim.key}: freed.`;
  const run = await noteTakeOver(ports, claim, generation, message, now);
  await finishEnd(ports, { run, now: now.toISOString() });
  return [];
}

async function noteTakeOver(
  ports: RotationPorts,
  { key, rotationId, phase, purpose }: Claim,
  generation: number,
  message: string,
  now: Date,
): Promise<RunReference> {
  const run: RunReference = { key, rotationId: rotationId ?? '', generation };
  await record(ports, run, {
    at: now.toISOString(),
    action: 'sweep',
    target: null,
    outcome: 'noted',
    message,
    details: { phase, purpose },
  });
  return run;
}

/** @returns whether the claim was still the one that was looked at */
export async function unlessChanged(ports: RotationPorts, etag: string, claim: Claim): Promise<boolean> {
  try {
    await ports.ledger.update(claim.key, etag, { claim });
    return true;
  } catch (error) {
    if (error instanceof ConflictError) return false;
    throw error;
  }
}

/** What should have gone on is woken: its timer may have been lost with the task hub's storage. */
async function findOverdue(ports: RotationPorts, claim: Claim): Promise<readonly SweepAction[]> {
  const { instanceId } = claim;
  if (instanceId !== null && isStuck(claim, managedKey(ports, claim.key).policy, ports.now())) {
    const message = await reportStuck(ports, claim);
    if (message !== null) return [{ kind: 'wake', instanceId, message }];
  }
  return findOverdueSoak(ports, claim);
}

function findOverdueSoak(ports: RotationPorts, claim: Claim): readonly SweepAction[] {
  if (claim.phase !== 'soaking' || claim.soakStartedAt === null || claim.waitingFor !== null) return [];
  const { soakSeconds, probeEverySeconds } = managedKey(ports, claim.key).policy;
  const end = Date.parse(claim.soakStartedAt) + (soakSeconds + 2 * probeEverySeconds) * 1000;
  if (ports.now().getTime() < end || claim.instanceId === null) return [];
  return [
    { kind: 'wake', instanceId: claim.instanceId, message: `The soak of ${claim.rotationId} should have ended.` },
  ];
}
