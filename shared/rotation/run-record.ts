import type { RunReference } from '../contracts/activities';
import type { Rotation } from '../contracts/rotation';
import { BrokenInvariantError, ConflictError, InterruptedError, RefusalError, SupersededError } from './errors';
import type { AuditEntry, Claim, Fence, LedgerChange, LedgerState } from './ports';
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
 * The fence before a mutation (I11): this generation still holds the claim and, going forward, no command stands against it.
 * Without a readable ledger there is no mutation: the read's own fault ends the activity (I4).
 */
export const fenceOf =
  (ports: Pick<RotationPorts, 'ledger'>, run: RunReference, direction: 'forward' | 'back'): Fence =>
  async () => {
    const held = await readHeldClaim(ports, run);
    if (direction === 'forward') refuseIfRecalled(held);
  };

/** @throws InterruptedError when a rollback is on record: it wins over every step forward. */
export function refuseIfRecalled({ claim, commands }: HeldClaim): void {
  const rollback = commands.findLast(({ command }) => command === 'rollback');
  if (rollback !== undefined || claim.direction === 'back') {
    throw new InterruptedError('rollback', `${rollback?.actor ?? 'An operator'} asked for a rollback.`);
  }
}

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
