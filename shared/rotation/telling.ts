import type { RunReference } from '../contracts/activities';
import type { Phase, Reason, Rotation, WaitingFor } from '../contracts/rotation';
import { alertOfPhase, sendAlert } from './alerting';
import { BrokenInvariantError } from './errors';
import { kidOf, nextKeyOf, sameKid, versionOf } from './key-identifier';
import { isBegun, isMove, isTerminal, mayMove } from './phases';
import type { Claim, Command, Retirement } from './ports';
import { withoutPace } from './progress';
import { replacedAfter, settleReplacement, versionsLeft } from './replacing';
import { revocationAfter } from './revoking';
import type { RotationPorts } from './run-ports';
import {
  changeClaim,
  changeRotation,
  freed,
  managedKey,
  readHeldClaim,
  record,
  refuseIfPaused,
  refuseIfRecalled,
  tellCommand,
} from './run-record';
import { withUntold } from './untold-end';

interface OnRun {
  readonly run: RunReference;
  readonly now: string;
}

/**
 * Enters a phase; one that promises where the targets stand only after they were seen there (I8). The claim goes first and
 * under its ETag: a command that was accepted before wins, one that comes later is answered by the new phase. Then the audit record (no record, no next step: I4) and the document. A terminal phase frees the
 * claim last, so that a repeat after a crash finds either the claim or the finished document.
 */
export async function enterPhase(ports: RotationPorts, input: Entering): Promise<{ readonly phase: Phase }> {
  const { run, phase } = input;
  const known = await ports.history.get(run.rotationId);
  if (known !== null && isTerminal(phase) && known.phase === phase && !(await stillHeld(ports, run))) return { phase };
  // Before the claim says so: from `completed` there is no way to anywhere, and a promise that is broken needs a person.
  if (phase === 'completed' || phase === 'rolled-back') await proveWhereTargetsStand(ports, run, phase);
  let from: Phase = phase;
  let commands: readonly Command[] = [];
  await changeClaim(ports, run, (held) => {
    ({ commands } = held);
    if (held.claim.phase === phase) return null;
    // A claim that is still held has not ended, whatever phase it was about to end in.
    const stuck = isTerminal(held.claim.phase) && phase === 'needs-attention';
    if (!stuck && !mayMove(held.claim.phase, phase, held.claim.run)) {
      throw new BrokenInvariantError('phases', `A rotation may not go from ${held.claim.phase} to ${phase}.`);
    }
    if (goesForward(phase)) {
      refuseIfRecalled(held);
      refuseIfPaused(held);
    }
    // The instance is about to end: a command that it has not obeyed yet would be obeyed by nobody.
    if (phase === 'needs-attention' && goesForward(held.claim.phase) && held.claim.direction === 'forward') {
      refuseIfRecalled(held);
    }
    from = held.claim.phase;
    return { claim: claimIn(held.claim, input) };
  });
  await tellCommands(ports, run, commands);
  await noteEntered(ports, input, from);
  // While the claim is held: who dies here is found again, and tells again.
  if (phase === 'refused') await tellRefusal(ports, input);
  if (isTerminal(phase)) await release(ports, input);
  if (isTerminal(phase) || phase === 'needs-attention') await ports.sealNow?.(run.key);
  return { phase };
}

/** Who asked by hand has the answer; of what an event or the sweep began nobody would hear that it will not be done. */
async function tellRefusal(ports: RotationPorts, { run, now, reasons }: Omit<Entering, 'phase'>): Promise<void> {
  const { cause } = (await readHeldClaim(ports, run)).claim;
  if (cause?.kind === 'event' || cause?.kind === 'sweep') {
    await sendAlert(ports, { run, now, alert: 'refused', occasion: '', reasons });
  }
}

/** What people have asked for comes before what was done about it. */
async function tellCommands(ports: RotationPorts, run: RunReference, commands: readonly Command[]): Promise<void> {
  for (const command of commands) await tellCommand(ports, run.key, command);
}

type Entering = OnRun & { readonly phase: Phase; readonly reasons: readonly Reason[] };

/** The phase of the claim, as the audit log and the document tell it. */
export async function noteEntered(
  ports: RotationPorts,
  { run, phase, reasons, now }: Entering,
  from: Phase,
): Promise<void> {
  await record(
    ports,
    run,
    {
      at: now,
      action: 'phase',
      target: null,
      outcome: 'done',
      message: [`Entered ${phase}.`, ...reasons.map(({ message }) => message)].join(' '),
      details: { phase, from, code: reasons[0]?.code ?? null },
    },
    phase,
  );
  await changeRotation(ports, run.rotationId, (rotation) => inPhase(rotation, phase, reasons, now));
}

/** Whether the run of a claim that is held has ended, so that nothing is left to do but to say so and to free the claim. */
export const hasEnded = ({ purpose, phase, direction }: Claim): boolean =>
  // Of a completed run that goes back the claim says so before it has entered the phase.
  purpose === 'rotation' && isTerminal(phase) && !(phase === 'completed' && direction === 'back');

/** What an instance that died between its last phase and the end of its claim has left to do: the outcome stands. */
export async function finishEnd(ports: RotationPorts, { run, now }: OnRun): Promise<void> {
  const { phase, run: kind = 'rotate' } = (await readHeldClaim(ports, run)).claim;
  await noteEntered(ports, { run, now, phase, reasons: [] }, phase);
  // While the claim is held: who dies here is found again, and tells again.
  const reasons = (await ports.history.get(run.rotationId))?.reasons ?? [];
  if (phase === 'refused') await tellRefusal(ports, { run, now, reasons });
  const alert = alertOfPhase(phase, kind);
  if (alert !== null) {
    await sendAlert(ports, { run, now, alert, occasion: '', reasons });
  }
  await release(ports, { run, phase, now, reasons }, true);
  await ports.sealNow?.(run.key);
}

/**
 * Gives the claim up; a completed run leaves behind which versions are to be retired, and when, in the same transaction. One
 * that left no version behind (every target stood on next already) has nothing to retire.
 * @param told somebody was told of the end already
 */
async function release(ports: RotationPorts, input: Entering, told = false): Promise<void> {
  const { run, phase, now } = input;
  const { graceSeconds, backOffSeconds } = managedKey(ports, run.key).policy;
  const after = (seconds: number): string => new Date(Date.parse(now) + seconds * 1000).toISOString();
  const { claim: held } = await readHeldClaim(ports, run);
  const replaced = held.run === 'replace' && phase === 'completed';
  const all = replaced ? await versionsLeft(ports, run.key) : null;
  await settleReplacement(ports, run, held, { phase, now });
  if (held.replacement !== undefined) await ports.sealNow?.(held.replacement);
  await changeClaim(ports, run, ({ claim }) => {
    const retirement = retirementOf(claim, run, { completedAt: now, dueAt: after(graceSeconds), all });
    const moved = isMove(claim.run);
    const { revocation: _over, replacedBy: _by, ...kept } = freed(claim);
    return {
      claim: {
        ...kept,
        ...revocationAfter(claim, phase),
        ...replacedAfter(claim, phase, now),
        ...(moved && changedSomething(phase) ? lastOf(claim) : {}),
        // The same cause must not start a run again at once, and go back again.
        backOffUntil: moved && phase === 'rolled-back' ? after(backOffSeconds) : claim.backOffUntil,
        ...(told ? {} : untoldAfter(claim, input)),
      },
      ...(moved && phase === 'completed' && retirement.versions.length > 0 ? { putRetirement: retirement } : {}),
    };
  });
}

const lastOf = ({
  rotationId,
  plan,
  nextVersion,
  run,
  replacement,
}: Claim): Pick<Claim, 'lastRotationId' | 'lastRun'> => ({
  lastRotationId: rotationId,
  lastRun: {
    plan,
    nextVersion,
    ...(run === undefined ? {} : { run }),
    ...(replacement === undefined ? {} : { replacement }),
  },
});

const changedSomething = (phase: Phase): boolean => ['completed', 'rolled-back', 'abandoned'].includes(phase);

/** @param all every version that is left, where the whole key is */
function retirementOf(
  claim: Claim,
  { rotationId }: RunReference,
  {
    completedAt,
    dueAt,
    all,
  }: { readonly completedAt: string; readonly dueAt: string; readonly all: readonly string[] | null },
): Retirement {
  const moved = (claim.plan?.targets ?? []).flatMap(({ previousVersion }) =>
    previousVersion === null || previousVersion === claim.nextVersion ? [] : [previousVersion],
  );
  const left = all ?? moved;
  return {
    rotationId,
    versions: [...new Set(left)],
    completedAt,
    dueAt,
    status: 'waiting',
    disabledAt: null,
    reasons: [],
  };
}

const goesForward = (phase: Phase): boolean =>
  ['planning', 'creating-version', 'rewrapping', 'soaking', 'adopting', 'revoking', 'restoring', 'completed'].includes(
    phase,
  );

async function stillHeld(ports: RotationPorts, run: RunReference): Promise<boolean> {
  const { claim } = await ports.ledger.read(run.key);
  return claim?.rotationId === run.rotationId && claim.generation === run.generation;
}

function inPhase(rotation: Rotation, phase: Phase, reasons: readonly Reason[], now: string): Rotation {
  // A wait that still stands here is over, though storage failed when that should have been noted: so are its reasons.
  const standing = rotation.waitingFor === null ? rotation.reasons : [];
  return {
    ...withoutPace(rotation),
    phase,
    waitingFor: null,
    reasons: reasons.length > 0 ? [...reasons] : standing,
    endedAt: isTerminal(phase) ? (rotation.endedAt ?? now) : null,
  };
}

/** The end that the run goes on to tell of, should it get that far. */
function untoldAfter(claim: Claim, { run, phase, reasons, now }: Entering): Pick<Claim, 'untold'> {
  const alert = alertOfPhase(phase, claim.run);
  return alert === null ? {} : withUntold(claim, { run, alert, reasons, now });
}

function claimIn(claim: Claim, input: Entering): Claim {
  const { phase, now } = input;
  return {
    ...claim,
    phase,
    ...(isBegun(phase) ? { begun: true } : {}),
    waitingFor: null,
    unchangedSince: now,
    direction: phase === 'rolling-back' ? 'back' : claim.direction,
    ...(phase === 'needs-attention' ? untoldAfter(claim, input) : {}),
  };
}

/** I8: at `completed` every target is on next, at `rolled-back` each is on the version the plan found it on. */
async function proveWhereTargetsStand(ports: RotationPorts, run: RunReference, phase: Phase): Promise<void> {
  const held = await readHeldClaim(ports, run);
  const { claim } = held;
  if (goesForward(phase)) refuseIfRecalled(held);
  if (claim.plan === null || !isMove(claim.run)) return;
  const { targets } = managedKey(ports, claim.key);
  const next = claim.nextVersion === null ? null : kidOf(nextKeyOf(claim), claim.nextVersion);
  for (const [index, planned] of claim.plan.targets.entries()) {
    if (planned.kind === 'dataKeys') continue; // proved record by record in its own verification
    const stands = await targets[index]?.currentKid();
    // A target that the plan found on next already has nothing to go back to.
    const belongs = (phase === 'completed' ? null : planned.previousKid) ?? next;
    if (stands == null || belongs === null || !sameKid(stands, belongs)) {
      throw new BrokenInvariantError(
        'I8',
        `${planned.kind}/${planned.name} should be on version ${versionOf(belongs ?? '')} but is on ${versionOf(stands ?? '')}. ` +
          'Somebody else moved it meanwhile: decide which version it belongs on, then resume or abandon.',
      );
    }
  }
}

/** Says in the ledger and the document what the run is waiting for; null when it goes on. */
export async function noteWaiting(
  ports: RotationPorts,
  input: OnRun & { readonly waitingFor: WaitingFor; readonly reasons: readonly Reason[] },
): Promise<{ readonly noted: true }> {
  const { run, waitingFor, reasons, now } = input;
  let asked: readonly Command[] = [];
  const before = await changeClaim(ports, run, ({ claim, commands }) => {
    asked = commands;
    return claim.waitingFor === waitingFor ? null : { claim: { ...claim, waitingFor, unchangedSince: now } };
  });
  await tellCommands(ports, run, asked);
  await changeRotation(ports, run.rotationId, (rotation) => ({
    ...withoutPace(rotation),
    waitingFor,
    reasons: waitingFor === null ? [] : [...reasons],
  }));
  await record(
    ports,
    run,
    {
      at: now,
      action: 'wait',
      target: null,
      outcome: 'noted',
      message:
        waitingFor === null
          ? 'The run goes on.'
          : `Waiting for ${waitingFor}: ${reasons[0]?.message ?? 'no reason given'}`,
      details: { waitingFor, phase: before.phase, code: reasons[0]?.code ?? null },
    },
    now,
  );
  return { noted: true };
}
