import type { RunReference } from '../contracts/activities';
import type { Phase, Rotation } from '../contracts/rotation';
import { BrokenInvariantError, ConflictError, InterruptedError, RefusalError, SupersededError } from './errors';
import type { AuditEntry, Claim, Command, CommandName, Fence, LedgerChange, LedgerState } from './ports';
import type { ManagedKey, RotationPorts } from './run-ports';

/** The claim as its holder sees it, with what belongs to its run. */
export interface HeldClaim extends LedgerState {
  readonly claim: Claim;
  readonly etag: string;
}

/** How often a lost race for a row is read and decided again before it is left to the orchestrator's own loop. */
const racesBeforeGivingUp = 5;

/** @throws SupersededError when this run, in this generation, does not hold the claim any more. */
export async function readHeldClaim(ports: Pick<RotationPorts, 'ledger'>, run: RunReference): Promise<HeldClaim> {
  const state = await ports.ledger.read(run.key);
  const { claim, etag } = state;
  if (claim === null || etag === null || claim.rotationId !== run.rotationId || claim.generation !== run.generation) {
    throw new SupersededError(
      `Rotation ${run.rotationId} no longer holds the claim on ${run.key} in generation ${run.generation}.`,
    );
  }
  return { ...state, claim, etag };
}

/** Changes the claim under its ETag; a lost race reads again, and finds out there whether the claim is still ours. */
export async function changeClaim(
  ports: Pick<RotationPorts, 'ledger'>,
  run: RunReference,
  change: (held: HeldClaim) => LedgerChange | null,
): Promise<Claim> {
  for (let race = 1; ; race++) {
    const held = await readHeldClaim(ports, run);
    const wanted = change(held);
    if (wanted === null) return held.claim;
    try {
      await ports.ledger.update(run.key, held.etag, wanted);
      return wanted.claim;
    } catch (error) {
      if (!(error instanceof ConflictError) || race === racesBeforeGivingUp) throw error;
    }
  }
}

/**
 * What is left of a claim once nobody holds it: its generation, because the next one must be higher, and what outlives a run. What was
 * done under it goes with the run: whoever takes the claim next must not be taken for one of that kind.
 */
export function freed({
  run: _run,
  replacement: _to,
  adopt: _order,
  adoptedFrom: _found,
  begun: _begun,
  ...claim
}: Claim): Claim {
  return { ...claim, rotationId: null, instanceId: null, bound: false, soakStartedAt: null, orphanedSince: null };
}

/**
 * The fence before a mutation (I11): this generation still holds the claim and, going forward, no command stands against it.
 * Without a readable ledger there is no mutation: the read's own fault ends the activity (I4).
 */
export const fenceOf =
  (ports: Pick<RotationPorts, 'ledger'>, run: RunReference, direction: 'forward' | 'back'): Fence =>
  async () => {
    const held = await readHeldClaim(ports, run);
    if (direction === 'forward') refuseIfRecalled(held);
    refuseIfPaused(held);
    const stopped = await ports.ledger.stopped();
    if (stopped !== null) throw new InterruptedError('stop', `The stop switch is thrown: ${stopped}`);
  };

/** @throws InterruptedError when a rollback or a cancellation is on record: it wins over every step forward. */
export function refuseIfRecalled({ claim, commands }: HeldClaim): void {
  const rollback = commands.findLast(({ command }) => command === 'rollback');
  if (rollback !== undefined || claim.direction === 'back') {
    throw new InterruptedError('rollback', `${rollback?.actor ?? 'An operator'} asked for a rollback.`);
  }
  const cancel = commands.find(({ command }) => command === 'cancel');
  if (cancel !== undefined) throw new InterruptedError('cancel', `${cancel.actor} cancelled the rotation.`);
}

/** @throws InterruptedError while a pause is on record that no later command has ended (I11). */
export function refuseIfPaused({ commands }: Pick<HeldClaim, 'commands'>): void {
  if (!isPaused(commands)) return;
  const actor = commands.findLast(({ command }) => command === 'pause')?.actor ?? 'An operator';
  throw new InterruptedError('pause', `${actor} paused the rotation.`);
}

/** Whether a pause stands. To resume ends it, and so does to go back or to cancel: both say what to do now. */
export const isPaused = (commands: HeldClaim['commands']): boolean =>
  commands.findLast(({ command }) => pausing.has(command))?.command === 'pause';

const pausing: ReadonlySet<CommandName> = new Set(['pause', 'resume', 'rollback', 'cancel']);

/** Appends to the audit log. `occasion` tells apart what may rightly happen twice in a run; a repeated activity does not. */
export async function record(
  ports: Pick<RotationPorts, 'auditLog'>,
  run: RunReference,
  entry: Omit<AuditEntry, 'rotationId' | 'actor'> & { readonly actor?: string },
  occasion = '',
): Promise<void> {
  const { action, target, outcome } = entry;
  const idempotencyKey = [run.rotationId, run.generation, action, target ?? '-', outcome, occasion].join('|');
  await ports.auditLog.append(run.key, { actor: 'keyturn', ...entry, rotationId: run.rotationId }, idempotencyKey);
}

/**
 * Tells of a command: whoever gave it, and, because he may have died between putting it on record and telling, whoever obeys it. The
 * history has it once.
 * @param known what only the one who took it knows
 */
export async function tellCommand(
  ports: Pick<RotationPorts, 'auditLog'>,
  key: string,
  { rotationId, command, actor, at, planHash }: Command,
  known: { readonly phase: Phase; readonly who: AuditEntry['details'] } | null = null,
): Promise<void> {
  const entry: AuditEntry = {
    ...{ rotationId, at, actor, action: 'command', target: null, outcome: 'done' },
    message: `${actor} asked for ${command}${known === null ? '' : ` in ${known.phase}`}.`,
    details: { command, planHash: planHash ?? null, ...(known === null ? {} : { phase: known.phase, ...known.who }) },
  };
  await ports.auditLog.append(key, entry, [rotationId, 'command', command, at].join('|'));
}

/** The claim of a KEK that nobody has ever held. */
export const neverHeld = (key: string, now: string): Claim => ({
  key,
  generation: 0,
  rotationId: null,
  instanceId: null,
  bound: false,
  claimedAt: now,
  requestedAt: now,
  reason: '',
  cause: null,
  toVersion: null,
  phase: 'requested',
  waitingFor: null,
  direction: 'forward',
  plan: null,
  nextVersion: null,
  soakStartedAt: null,
  recheck: false,
  purpose: 'rotation',
  lastRotationId: null,
  backOffUntil: null,
  orphanedSince: null,
  unchangedSince: now,
  toldStuckSince: null,
});

/** Rewrites the rotation's document; only the run that holds the claim does so. */
export async function changeRotation(
  ports: Pick<RotationPorts, 'history'>,
  rotationId: string,
  change: (rotation: Rotation) => Rotation,
): Promise<void> {
  const rotation = await ports.history.get(rotationId);
  if (rotation === null) throw new BrokenInvariantError('history', `The history has no rotation ${rotationId}.`);
  await ports.history.put(change(rotation));
}

/** @throws RefusalError `key-not-configured` */
export function managedKey(ports: Pick<RotationPorts, 'managed'>, key: string): ManagedKey {
  const managed = ports.managed(key);
  if (managed === null) {
    throw new RefusalError(
      'key-not-configured',
      `${key} is not in the configuration. Add it to rotation.json, or ask for a key that is there.`,
    );
  }
  return managed;
}
