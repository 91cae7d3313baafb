import { type Asker, whoOf } from '../contracts/access';
import type { Phase } from '../contracts/rotation';
import { ConflictError } from './errors';
import { allowedCommands, isTerminal, type Standing } from './phases';
import { dryRun, needsApproval, needsSecondPerson } from './planning';
import type { Claim, Command, CommandName, LedgerState, Retirement } from './ports';
import { whyNoWayBack } from './replacing';
import { type Start, startOf } from './requests';
import { instanceIdOf } from './rotation-id';
import type { RotationPorts } from './run-ports';
import { isPaused, tellCommand } from './run-record';
import { whyNot } from './why-not';

export type CommandDecision =
  | { readonly kind: 'wake'; readonly instanceId: string }
  | { readonly kind: 'start'; readonly start: Start }
  | { readonly kind: 'not-found' }
  /** Four eyes: the approver is the one who asked for the rotation. */
  | { readonly kind: 'own-request' }
  /** The plan to approve is another one by now; `instanceId` plans anew when it is woken. */
  | { readonly kind: 'plan-changed'; readonly phase: Phase; readonly planHash: string; readonly instanceId: string }
  /** `why` also says what is possible. */
  | {
      readonly kind: 'not-allowed';
      readonly phase: Phase;
      readonly allowed: readonly CommandName[];
      readonly why: string;
    };

export interface CommandByHand extends Asker {
  readonly rotationId: string;
  readonly command: CommandName;
  /** Of `approve`: the plan as the approver saw it. */
  readonly planHash?: string;
}

/**
 * Puts a command on record before it is answered; the durable event that follows is only a wake-up call. Where no instance is
 * alive (`needs-attention`, `completed`) a new one goes on from the ledger under a new generation, which fences the old one out.
 */
export async function command(ports: RotationPorts, asked: CommandByHand): Promise<CommandDecision> {
  const rotation = await ports.history.get(asked.rotationId);
  if (rotation === null) return { kind: 'not-found' };
  for (;;) {
    const state = await ports.ledger.read(rotation.key);
    const retirements = await ports.ledger.retirements(rotation.key);
    const retirement = retirements.find(({ rotationId }) => rotationId === asked.rotationId) ?? null;
    const phase = phaseOf(state, asked.rotationId, rotation.phase);
    const noWayBack = state.claim?.rotationId === null ? await whyNoWayBack(ports, state.claim) : null;
    const standing = standingOf(ports, state, asked.rotationId, retirement);
    const canStillGoBack = standing.canStillGoBack && noWayBack === null;
    const allowed = allowedCommands(phase, { ...standing, canStillGoBack });
    const { claim, etag } = state;
    const again = givenBefore(asked, state);
    if (again !== null) {
      await tellCommand(ports, rotation.key, again.given, { phase: again.claim.phase, who: whoOf(asked) });
      return { kind: 'start', start: resumedBy(again.claim, asked) };
    }
    if (!allowed.includes(asked.command) || claim === null || etag === null) {
      const why = whyNot({
        ...asked,
        run: rotation.run ?? 'rotate',
        key: rotation.key,
        phase,
        allowed,
        claim,
        retirement,
        noWayBack: standing.canStillGoBack ? noWayBack : null,
        observed: ports.managed(rotation.key)?.mode === 'observe',
      });
      return { kind: 'not-allowed', phase, allowed, why };
    }
    if (asked.command === 'approve') {
      if (isOwnRequest(asked, claim)) return { kind: 'own-request' };
      const changed = await planChanged(ports, asked, claim);
      if (changed !== null) return changed;
    }
    try {
      return await put(ports, asked, claim, etag, retirement);
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error; // the claim moved on: decide again
    }
  }
}

/**
 * The same command, given again while the instance that it is for has not come: whoever put it on record may have died before it was
 * started. Its id is fixed, so that started twice it converges.
 */
function givenBefore(
  { rotationId, command: name }: CommandByHand,
  { claim, commands }: LedgerState,
): { readonly claim: Claim; readonly given: Command } | null {
  const given = commands.at(-1);
  if (claim === null || claim.rotationId !== rotationId || claim.bound || claim.purpose !== 'rotation') return null;
  return claim.phase === 'completed' && given?.command === name ? { claim, given } : null;
}

/** The ledger's word where the rotation holds the claim as a rotation, else the document's. */
function phaseOf({ claim }: LedgerState, rotationId: string, documented: Phase): Phase {
  return claim?.rotationId === rotationId && claim.purpose === 'rotation' ? claim.phase : documented;
}

function standingOf(
  ports: Pick<RotationPorts, 'managed'>,
  { claim, commands }: LedgerState,
  rotationId: string,
  retirement: Retirement | null,
): Standing {
  const holds = claim?.rotationId === rotationId;
  const enabled = retirement === null || ['waiting', 'refused', 'undone', 'kept'].includes(retirement.status);
  return {
    paused: holds && isPaused(commands),
    waitsForApproval: holds && claim.plan !== null && waitsForApproval(ports, claim),
    run: holds ? claim.run : undefined,
    canStillGoBack:
      claim !== null &&
      claim.rotationId === null &&
      claim.lastRotationId === rotationId &&
      // Nothing opens with a version that is disabled, and to go back is no way round the second person of a restoration.
      claim.revocation === undefined &&
      ports.managed(claim.key)?.mode !== 'observe' &&
      enabled,
  };
}

function commandOf({ rotationId, command, actor, planHash }: CommandByHand, at: string): Command {
  return { rotationId, command, actor, at, ...(planHash === undefined ? {} : { planHash }) };
}

/**
 * People can be told apart only where the platform says who they are. Who cannot be told apart is no second person where one is always
 * needed: roles may have been taken out of the configuration since the start.
 */
function isOwnRequest({ principalId = null }: CommandByHand, { cause, run }: Claim): boolean {
  if (principalId === null) return needsSecondPerson(run);
  return cause?.kind === 'http' && cause.principalId === principalId;
}

function waitsForApproval(ports: Pick<RotationPorts, 'managed'>, claim: Claim): boolean {
  const managed = ports.managed(claim.key);
  return managed !== null && needsApproval(claim.run, managed.policy);
}

/** What was checked is what is applied: the plan is made once more, and compared with what the approver saw. */
async function planChanged(ports: RotationPorts, asked: CommandByHand, claim: Claim): Promise<CommandDecision | null> {
  const { planHash } = await dryRun(ports, claim);
  if (planHash === asked.planHash) return null;
  return { kind: 'plan-changed', phase: claim.phase, planHash, instanceId: claim.instanceId ?? asked.rotationId };
}

async function put(
  ports: RotationPorts,
  asked: CommandByHand,
  claim: Claim,
  etag: string,
  retirement: Retirement | null,
): Promise<CommandDecision> {
  const at = ports.now().toISOString();
  const live = claim.rotationId === asked.rotationId && claim.phase !== 'needs-attention';
  const next = live ? claim : inNewInstance(claim.rotationId === null ? completedAgain(claim) : claim, asked, at);
  const ends = claim.rotationId === null && retirement !== null;
  await ports.ledger.update(claim.key, etag, {
    claim: next,
    addCommand: commandOf(asked, at),
    // Going back ends the retirement, in the same transaction.
    ...(ends ? { putRetirement: { ...retirement, status: 'ended' as const } } : {}),
  });
  await tellCommand(ports, claim.key, commandOf(asked, at), { phase: claim.phase, who: whoOf(asked) });
  if (live) return { kind: 'wake', instanceId: claim.instanceId ?? asked.rotationId };
  return { kind: 'start', start: resumedBy(next, asked) };
}

/**
 * A command went to a live phase, but its instance has ended without a word (its deadline passed while storage was away, or
 * somebody terminated it), so nobody would ever obey. A new instance takes the claim over, fenced by its generation.
 * @returns null when the claim has moved on meanwhile: then somebody did obey
 */
export async function takeOver(
  ports: RotationPorts,
  asked: CommandByHand,
  endedInstance: string,
): Promise<Start | null> {
  const rotation = await ports.history.get(asked.rotationId);
  if (rotation === null) return null;
  const { claim, etag } = await ports.ledger.read(rotation.key);
  if (claim === null || etag === null || claim.rotationId !== asked.rotationId) return null;
  if (claim.instanceId !== endedInstance || isTerminal(claim.phase)) return null;
  const next = inNewInstance(claim, asked, ports.now().toISOString());
  try {
    await ports.ledger.update(claim.key, etag, { claim: next });
  } catch (error) {
    if (error instanceof ConflictError) return null;
    throw error;
  }
  return resumedBy(next, asked);
}

/** The start of a new instance that goes on from the ledger. */
export function resumedBy(claim: Claim, { command: name }: Pick<CommandByHand, 'command'>): Start {
  const start = startOf(claim);
  const resumed = name === 'abandon' || name === 'rollback' ? name : 'resume';
  return { ...start, request: { ...start.request, cause: { kind: 'resume', command: resumed } } };
}

/** The claim as the last rotation left it: one that changed nothing may have planned since. */
const completedAgain = (claim: Claim): Claim => ({ ...claim, ...claim.lastRun, phase: 'completed', toVersion: null });

/** The same rotation, held by a new instance under a new generation. */
export function inNewInstance(claim: Claim, asked: Pick<CommandByHand, 'rotationId' | 'command'>, at: string): Claim {
  const generation = claim.generation + 1;
  return {
    ...claim,
    generation,
    rotationId: asked.rotationId,
    instanceId: instanceIdOf(asked.rotationId, generation),
    bound: false,
    purpose: 'rotation',
    orphanedSince: null,
    unchangedSince: at,
    direction: asked.command === 'rollback' ? 'back' : claim.direction,
  };
}
