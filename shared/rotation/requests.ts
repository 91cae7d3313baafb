import { type Asker, whoOf } from '../contracts/access';
import type { AdoptionOrder, RotationRequest, RunReference } from '../contracts/activities';
import type { Phase, RunName } from '../contracts/rotation';
import { newClaim, newRotation } from './admission';
import { ConflictError } from './errors';
import { type KeyEvent, parseKeyEvent } from './key-event';
import { allowedCommands, type Standing } from './phases';
import type { Claim, CommandName, LedgerState, SeenEvent } from './ports';
import { refuseIfReplaced, replacementOf, runUnder } from './replacing';
import { newRotationId, rotationIdOfEvent } from './rotation-id';
import type { RotationPorts } from './run-ports';
import { changeClaim, changeRotation, freed, isPaused, readHeldClaim, record } from './run-record';

/** What a trigger has to start in the durable client, and under which instance id. */
export interface Start {
  readonly instanceId: string;
  readonly request: RotationRequest;
}

// --- Events ------------------------------------------------------------------------------------------------------------

interface Dropped {
  readonly kind: 'dropped';
  readonly code: string;
  readonly message: string;
}

export type EventDecision =
  /** `onRecord`: what was acted upon before; of an id that comes twice it may tell of something else. */
  | (Dropped & { readonly onRecord?: SeenEvent })
  | { readonly kind: 'start'; readonly start: Start; readonly event: SeenEvent };

/**
 * Decides about one event that was understood, without asking the vault or ARM. The same event again (by id, or by type and version) is
 * recognised, whatever became of the run it started. Throws only if the ledger cannot be written.
 */
export async function acceptEvent(ports: RotationPorts, event: KeyEvent): Promise<EventDecision> {
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
    return { ...seenBefore(event), onRecord: recorded.event };
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

/** What can be said of an event without asking anybody: malformed and foreign ones are dropped. */
export function understandEvent(
  { managed }: Pick<RotationPorts, 'managed'>,
  raw: unknown,
): Dropped | { readonly kind: 'understood'; readonly event: KeyEvent } {
  const parsed = parseKeyEvent(raw);
  if (!parsed.ok) return { kind: 'dropped', code: parsed.code, message: parsed.message };
  const known = managed(parsed.event.key);
  if (known === null) {
    return { kind: 'dropped', code: 'key-not-configured', message: `${parsed.event.key} is not in the configuration.` };
  }
  // From here on the key is spelled as the configuration spells it, whatever the event made of it.
  return { kind: 'understood', event: { ...parsed.event, key: known.key } };
}

export const seenBefore = ({ type, version }: Pick<KeyEvent, 'type' | 'version'>): Dropped => ({
  kind: 'dropped',
  code: 'seen-before',
  message: `${type} of version ${version} was received before.`,
});

/** From now on a redelivery is dropped. */
export const eventStarted = (ports: RotationPorts, key: string, event: SeenEvent): Promise<void> =>
  ports.ledger.markEventStarted(key, { ...event, started: true });

// --- Starting by hand ----------------------------------------------------------------------------------------------------

export interface StartByHand extends Asker {
  readonly key: string;
  readonly reason: string;
  readonly toVersion: string | null;
  /** Absent: `rotate`. */
  readonly run?: RunName;
  readonly adopt?: AdoptionOrder;
  /** Of `replace`: the key to move to, unversioned. */
  readonly replacement?: string;
  readonly idempotencyKey: string | null;
  /** SHA-256 of the canonical request body. */
  readonly requestHash: string;
}

export type StartDecision =
  | { readonly kind: 'start'; readonly start: Start }
  | { readonly kind: 'answered'; readonly rotationId: string }
  | {
      readonly kind: 'running';
      readonly rotationId: string;
      /** The key that it runs under: of a replacement it may be the other one. */
      readonly key: string;
      readonly purpose: Claim['purpose'];
      readonly phase: Phase;
      readonly allowed: readonly CommandName[];
      /** Present while nobody has taken the claim up: whoever made it may have died before it was started. */
      readonly start: Start | null;
    }
  | { readonly kind: 'other-request' }
  | { readonly kind: 'observe' }
  | { readonly kind: 'key-not-configured' };

/** Claims the KEK for a start over HTTP, so that a second start is answered at once with the first one's id. */
export async function startByHand(ports: RotationPorts, wanted: StartByHand): Promise<StartDecision> {
  const managed = ports.managed(wanted.key);
  if (managed === null) return { kind: 'key-not-configured' };
  if (managed.mode === 'observe') return { kind: 'observe' };
  for (;;) {
    const state = await ports.ledger.read(wanted.key);
    const remembered = await rememberedStart(ports, wanted, state);
    if (remembered !== null && remembered.kind !== 'given-up') return remembered;
    if (state.claim !== null && state.claim.rotationId !== null) return await running(ports, state.claim, state);
    refuseIfReplaced(managed, state.claim);
    const replacement = replacementOf(managed, wanted.replacement);
    const other = replacement === null ? null : await runUnder(ports, replacement, managed.key);
    if (replacement !== null && other !== null) {
      return await running(ports, other, await ports.ledger.read(replacement.key));
    }
    const start = await claimFor(ports, wanted, state, remembered?.rotationId ?? null);
    if (start !== null) return { kind: 'start', start };
  }
}

async function running(ports: RotationPorts, claim: Claim, state: LedgerState): Promise<StartDecision> {
  const { phase, purpose, rotationId } = claim;
  const start = isOrphan(claim) ? startOf(claim) : null;
  if (start !== null) await tellOfRequest(ports, start.request);
  return {
    kind: 'running',
    rotationId: rotationId ?? '',
    key: claim.key,
    purpose,
    phase,
    allowed: allowedCommands(phase, standing(claim, state)),
    start,
  };
}

function standing(claim: Claim, { commands }: LedgerState): Standing {
  const { run, waitingFor } = claim;
  return { run, paused: isPaused(commands), waitsForApproval: waitingFor === 'approval', canStillGoBack: false };
}

/** A claim made over HTTP that no instance has bound. Started twice it converges: the instance id is fixed. */
const isOrphan = ({ bound, phase, cause }: Claim): boolean => !bound && phase === 'requested' && cause?.kind === 'http';

async function rememberedStart(
  ports: RotationPorts,
  wanted: StartByHand,
  { claim }: LedgerState,
): Promise<StartDecision | { readonly kind: 'given-up'; readonly rotationId: string } | null> {
  if (wanted.idempotencyKey === null) return null;
  const remembered = await ports.ledger.rememberedAnswer(wanted.key, wanted.idempotencyKey);
  if (remembered === null) return null;
  if (remembered.requestHash !== wanted.requestHash) return { kind: 'other-request' };
  const { rotationId } = remembered;
  // The first answer was given, or lost, before anybody took the claim up: start it again under the same id.
  if (claim?.rotationId === rotationId && isOrphan(claim)) {
    const start = startOf(claim);
    await tellOfRequest(ports, start.request);
    return { kind: 'start', start };
  }
  if (claim?.rotationId === rotationId) return { kind: 'answered', rotationId };
  // The first answer was that it could not be started: the same request is not answered with a rotation that never ran.
  const rotation = await ports.history.get(rotationId);
  const givenUp = rotation === null || rotation.reasons.some(({ code }) => code === notStarted);
  return givenUp ? { kind: 'given-up', rotationId } : { kind: 'answered', rotationId };
}

/** @param again id of a start that was given up and is asked for again under its Idempotency-Key */
async function claimFor(
  ports: RotationPorts,
  wanted: StartByHand,
  state: LedgerState,
  again: string | null,
): Promise<Start | null> {
  const now = ports.now();
  const generation = (state.claim?.generation ?? 0) + 1;
  const rotationId = again ?? newRotationId(wanted.key, now, () => crypto.randomUUID().replaceAll('-', '').slice(0, 6));
  const request: RotationRequest = {
    rotationId,
    key: wanted.key,
    reason: wanted.reason,
    cause: { kind: 'http', actor: wanted.actor, ...whoOf(wanted) },
    toVersion: wanted.toVersion,
    ...(wanted.run === undefined || wanted.run === 'rotate' ? {} : { run: wanted.run }),
    ...(wanted.adopt === undefined ? {} : { adopt: wanted.adopt }),
    ...(wanted.replacement === undefined ? {} : { replacement: wanted.replacement }),
    generation,
    requestedAt: now.toISOString(),
  };
  const { idempotencyKey, requestHash } = wanted;
  try {
    await ports.ledger.update(wanted.key, state.etag, {
      claim: newClaim(request, state.claim, rotationId, request.requestedAt),
      ...(idempotencyKey === null || again !== null
        ? {}
        : { rememberAnswer: { idempotencyKey, requestHash, rotationId } }),
    });
  } catch (error) {
    if (error instanceof ConflictError) return null;
    throw error;
  }
  await ports.history.put(newRotation(request));
  await tellOfRequest(ports, request);
  return { instanceId: rotationId, request };
}

/** Repeated, it tells nothing twice: a start whose answer was lost between its steps is told by the next one. */
async function tellOfRequest(ports: RotationPorts, request: RotationRequest): Promise<void> {
  const { key, rotationId, generation, cause, reason, requestedAt } = request;
  const { toVersion, run, replacement } = request;
  if ((await ports.history.get(rotationId)) === null) await ports.history.put(newRotation(request));
  await record(
    ports,
    { key, rotationId, generation: generation ?? 0 },
    {
      at: requestedAt,
      actor: cause.kind === 'http' ? cause.actor : 'unknown',
      action: 'request',
      target: null,
      outcome: 'done',
      message: reason,
      details: {
        toVersion,
        ...(run === undefined ? {} : { run }),
        ...(replacement === undefined ? {} : { replacement }),
        ...(cause.kind === 'http' ? whoOf(cause) : {}),
      },
    },
  );
}

const notStarted = 'not-started';

/** The start of a claim's instance, as the claim tells it. */
export const startOf = (claim: Claim): Start => ({
  instanceId: claim.instanceId ?? '',
  request: {
    rotationId: claim.rotationId ?? '',
    key: claim.key,
    reason: claim.reason,
    cause: claim.cause ?? { kind: 'http', actor: 'unknown' },
    toVersion: claim.toVersion,
    ...(claim.run === undefined ? {} : { run: claim.run }),
    ...(claim.adopt === undefined ? {} : { adopt: claim.adopt }),
    ...(claim.replacement === undefined ? {} : { replacement: claim.replacement }),
    generation: claim.generation,
    requestedAt: claim.requestedAt,
  },
});

/**
 * The orchestration could not be started: gives the claim up if nobody has taken it up, so that the next start is not refused. The history says
 * so first: with the claim nobody would be left to come back and say it. Where it cannot, the claim stays to be started again.
 */
export async function giveUpStart(ports: RotationPorts, { request }: Start): Promise<void> {
  const run: RunReference = { key: request.key, rotationId: request.rotationId, generation: request.generation ?? 0 };
  if ((await readHeldClaim(ports, run)).claim.bound) return;
  const message = 'The orchestration could not be started. Nothing was changed; start again.';
  await changeRotation(ports, request.rotationId, (rotation) => ({
    ...rotation,
    phase: 'cancelled',
    reasons: [{ code: notStarted, message }],
    endedAt: ports.now().toISOString(),
  }));
  await changeClaim(ports, run, ({ claim }) =>
    claim.bound ? null : { claim: { ...freed(claim), phase: 'cancelled' } },
  );
}
