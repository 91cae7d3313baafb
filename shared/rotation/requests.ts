import type { RotationRequest, RunReference } from '../contracts/activities';
import type { Phase } from '../contracts/rotation';
import { newClaim, newRotation } from './admission';
import { ConflictError } from './errors';
import { parseKeyEvent } from './key-event';
import type { Claim, LedgerState, SeenEvent } from './ports';
import { newRotationId, rotationIdOfEvent } from './rotation-id';
import type { RotationPorts } from './run-ports';
import { changeClaim, changeRotation, record } from './run-record';

/** What a trigger has to start in the durable client, and under which instance id. */
export interface Start {
  readonly instanceId: string;
  readonly request: RotationRequest;
}

// --- Events ------------------------------------------------------------------------------------------------------------

export type EventDecision =
  | { readonly kind: 'dropped'; readonly code: string; readonly message: string }
  | { readonly kind: 'start'; readonly start: Start; readonly event: SeenEvent };

/**
 * Decides about one event without asking the vault or ARM. Malformed and foreign events are dropped; the same event again (by
 * id, or by type and version) is recognised, whatever became of the run it started. Throws only if the ledger cannot be written.
 */
export async function acceptEvent(ports: RotationPorts, raw: unknown): Promise<EventDecision> {
  const parsed = parseKeyEvent(raw);
  if (!parsed.ok) return { kind: 'dropped', code: parsed.code, message: parsed.message };
  const { event } = parsed;
  if (ports.managed(event.key) === null) {
    return { kind: 'dropped', code: 'key-not-configured', message: `${event.key} is not in the configuration.` };
  }
  const receivedAt = ports.now();
  const rotationId = rotationIdOfEvent({ ...event, receivedAt: receivedAt.toISOString() });
  const { eventId, type, version } = event;
  const recorded = await ports.ledger.recordEvent(event.key, {
    eventId,
    type,
    version,
    instanceId: rotationId,
    receivedAt: receivedAt.toISOString(),
    started: false,
  });
  if (recorded.seen && recorded.event.started) {
    return { kind: 'dropped', code: 'seen-before', message: `${type} of version ${version} was received before.` };
  }
  const request: RotationRequest = {
    rotationId: recorded.event.instanceId,
    key: event.key,
    reason: `${type} of version ${version}`,
    cause: { kind: 'event', type, version, eventId },
    toVersion: null,
    generation: null,
    requestedAt: recorded.event.receivedAt,
  };
  return { kind: 'start', start: { instanceId: recorded.event.instanceId, request }, event: recorded.event };
}

/** From now on a redelivery is dropped. */
export const eventStarted = (ports: RotationPorts, key: string, event: SeenEvent): Promise<void> =>
  ports.ledger.markEventStarted(key, { ...event, started: true });

// --- Starting by hand ----------------------------------------------------------------------------------------------------

export interface StartByHand {
  readonly key: string;
  readonly reason: string;
  readonly toVersion: string | null;
  readonly actor: string;
  readonly idempotencyKey: string | null;
  /** SHA-256 of the canonical request body. */
  readonly requestHash: string;
}

export type StartDecision =
  | { readonly kind: 'start'; readonly start: Start }
  | { readonly kind: 'answered'; readonly rotationId: string }
  | { readonly kind: 'running'; readonly rotationId: string; readonly phase: Phase }
  | { readonly kind: 'other-request' }
  | { readonly kind: 'observe' }
  | { readonly kind: 'key-not-configured' };

/** Claims the KEK for a start over HTTP, so that a second start is answered at once with the first one's id. */
export async function startByHand(ports: RotationPorts, wanted: StartByHand): Promise<StartDecision> {
  const managed = ports.managed(wanted.key);
  if (managed === null) return { kind: 'key-not-configured' };
  if (managed.mode === 'observe') return { kind: 'observe' };
  for (;;) {
    const remembered = await rememberedStart(ports, wanted);
    if (remembered !== null) return remembered;
    const state = await ports.ledger.read(wanted.key);
    if (state.claim !== null && state.claim.rotationId !== null) {
      return { kind: 'running', rotationId: state.claim.rotationId, phase: state.claim.phase };
    }
    const start = await claimFor(ports, wanted, state);
    if (start !== null) return { kind: 'start', start };
  }
}

async function rememberedStart(ports: RotationPorts, wanted: StartByHand): Promise<StartDecision | null> {
  if (wanted.idempotencyKey === null) return null;
  const remembered = await ports.ledger.rememberedAnswer(wanted.key, wanted.idempotencyKey);
  if (remembered === null) return null;
  if (remembered.requestHash !== wanted.requestHash) return { kind: 'other-request' };
  const { claim } = await ports.ledger.read(wanted.key);
  // The first answer was given, or lost, before anybody took the claim up: start it again under the same id.
  if (claim?.rotationId === remembered.rotationId && !claim.bound) return { kind: 'start', start: startOf(claim) };
  return { kind: 'answered', rotationId: remembered.rotationId };
}

async function claimFor(ports: RotationPorts, wanted: StartByHand, state: LedgerState): Promise<Start | null> {
  const now = ports.now();
  const generation = (state.claim?.generation ?? 0) + 1;
  const rotationId = newRotationId(wanted.key, now, () => crypto.randomUUID().replaceAll('-', '').slice(0, 6));
  const request: RotationRequest = {
    rotationId,
    key: wanted.key,
    reason: wanted.reason,
    cause: { kind: 'http', actor: wanted.actor },
    toVersion: wanted.toVersion,
    generation,
    requestedAt: now.toISOString(),
  };
  const { idempotencyKey, requestHash } = wanted;
  try {
    await ports.ledger.update(wanted.key, state.etag, {
      claim: newClaim(request, state.claim, rotationId, request.requestedAt),
      ...(idempotencyKey === null ? {} : { rememberAnswer: { idempotencyKey, requestHash, rotationId } }),
    });
  } catch (error) {
    if (error instanceof ConflictError) return null;
    throw error;
  }
  await ports.history.put(newRotation(request));
  const run: RunReference = { key: wanted.key, rotationId, generation };
  await record(ports, run, {
    at: request.requestedAt,
    actor: wanted.actor,
    action: 'request',
    target: null,
    outcome: 'done',
    message: wanted.reason,
    details: { toVersion: wanted.toVersion },
  });
  return { instanceId: rotationId, request };
}

/** The start of a claim's instance, as the claim tells it. */
export const startOf = (claim: Claim): Start => ({
  instanceId: claim.instanceId ?? '',
  request: {
    rotationId: claim.rotationId ?? '',
    key: claim.key,
    reason: claim.reason,
    cause: claim.cause ?? { kind: 'http', actor: 'unknown' },
    toVersion: claim.toVersion,
    generation: claim.generation,
    requestedAt: claim.requestedAt,
  },
});

/** The orchestration could not be started: gives the claim up if nobody has taken it up, so that the next start is not refused. */
export async function giveUpStart(ports: RotationPorts, { request }: Start): Promise<void> {
  const run: RunReference = { key: request.key, rotationId: request.rotationId, generation: request.generation ?? 0 };
  let gaveUp = false;
  await changeClaim(ports, run, ({ claim }) => {
    gaveUp = !claim.bound;
    return claim.bound ? null : { claim: { ...claim, phase: 'cancelled', rotationId: null, instanceId: null } };
  });
  if (!gaveUp) return;
  const message = 'The orchestration could not be started. Nothing was changed; start again.';
  await changeRotation(ports, request.rotationId, (rotation) => ({
    ...rotation,
    phase: 'cancelled',
    reasons: [{ code: 'not-started', message }],
    endedAt: ports.now().toISOString(),
  }));
}
