import { type Asker, whoOf } from '../contracts/access';
import type { RetirementRequest } from '../contracts/activities';
import { isOpen } from './change-windows';
import { ConflictError } from './errors';
import type { Claim, Retirement } from './ports';
import { hasItsTurn } from './retiring';
import type { RotationPorts } from './run-ports';
import { managedKey, record } from './run-record';
import { retirementStart } from './sweep-action';

export type RetireDecision =
  | { readonly kind: 'not-found' }
  /** `why` is a sentence for the person who asked. */
  | { readonly kind: 'not-possible'; readonly why: string }
  | { readonly kind: 'running'; readonly rotationId: string; readonly why: string }
  /** On record; the sweep begins it when a change window opens. */
  | { readonly kind: 'waits' }
  | { readonly kind: 'start'; readonly instanceId: string; readonly request: RetirementRequest };

export interface RetireByHand extends Asker {
  readonly rotationId: string;
}

/**
 * Begins the retirement that a completed rotation left behind now, without its grace period, but with every proof. Who asked is on record
 * before anything is due for it, and that it is due before anything is answered: a start that is lost is made up for by the sweep.
 */
export async function retireByHand(ports: RotationPorts, asked: RetireByHand): Promise<RetireDecision> {
  const rotation = await ports.history.get(asked.rotationId);
  if (rotation === null) return { kind: 'not-found' };
  const { key } = rotation;
  const now = ports.now();
  for (;;) {
    const { claim, etag } = await ports.ledger.read(key);
    const retirement = (await ports.ledger.retirements(key)).find((each) => each.rotationId === asked.rotationId);
    const refused = refusalOf(ports, asked, claim, retirement);
    if (refused !== null) return refused;
    if (claim === null || etag === null || retirement === undefined) return nothingPending(asked);
    await noteAsked(ports, asked, claim, retirement, now.toISOString());
    try {
      await ports.ledger.update(key, etag, { claim, putRetirement: { ...retirement, dueAt: now.toISOString() } });
    } catch (error) {
      if (error instanceof ConflictError) continue; // somebody was faster: decide again
      throw error;
    }
    if (!isOpen(managedKey(ports, key).windows, now)) return { kind: 'waits' };
    const start = retirementStart(key, asked.rotationId, claim.generation + 1, '');
    return start.kind === 'retire'
      ? { kind: 'start', instanceId: start.instanceId, request: start.request }
      : { kind: 'waits' };
  }
}

function refusalOf(
  ports: RotationPorts,
  asked: RetireByHand,
  claim: Claim | null,
  retirement: Retirement | undefined,
): RetireDecision | null {
  const holder = claim?.rotationId ?? null;
  if (holder !== null) {
    const what = claim?.purpose === 'retirement' ? 'The retirement after rotation' : 'Rotation';
    return {
      kind: 'running',
      rotationId: holder,
      why: `${what} ${holder} of the same key is under way. Wait for its end.`,
    };
  }
  if (retirement === undefined || !hasItsTurn(retirement) || retirement.status === 'retired')
    return nothingPending(asked);
  const managed = claim === null ? null : ports.managed(claim.key);
  if (managed === null) return { kind: 'not-possible', why: 'The key is not in the configuration any more.' };
  if (managed.mode === 'observe')
    return { kind: 'not-possible', why: 'The key is in observe mode: nothing is retired.' };
  if (claim?.revocation !== undefined) {
    return { kind: 'not-possible', why: 'The key is revoked: nothing can be proved until it is restored.' };
  }
  return null;
}

const nothingPending = ({ rotationId }: RetireByHand): RetireDecision => ({
  kind: 'not-possible',
  why: `There is nothing to retire after rotation ${rotationId}; GET /api/keys shows what is pending.`,
});

async function noteAsked(
  ports: RotationPorts,
  asked: RetireByHand,
  { key, generation }: Claim,
  { versions, dueAt }: Retirement,
  at: string,
): Promise<void> {
  const { rotationId, actor } = asked;
  const message = `${actor} asked to retire ${versions.join(', ')} now; it was due at ${dueAt}.`;
  const details = { command: 'retire', dueAt, ...whoOf(asked) };
  await record(
    ports,
    { key, rotationId, generation },
    { at, actor, action: 'command', target: null, outcome: 'done', message, details },
    at,
  );
}
