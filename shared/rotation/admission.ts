import type { Admission, RotationRequest, RunReference } from '../contracts/activities';
import type { Reason, Rotation } from '../contracts/rotation';
import { alertTypes, subjectOf, tell } from './alerting';
import { ConflictError, RefusalError, SupersededError } from './errors';
import { isRelevant, type KeyEventType } from './key-event';
import { kidOf, versionOf } from './key-identifier';
import { isTerminal } from './phases';
import { dryRun } from './planning';
import type { Claim, LedgerState, Target } from './ports';
import { messageOfReplaced, successorOf } from './replacing';
import type { ManagedKey, RotationPorts } from './run-ports';
import { changeClaim, managedKey, neverHeld, record } from './run-record';
import { eachSideBySide, readsAtOnce } from './side-by-side';

export interface AdmitInput {
  readonly request: RotationRequest;
  readonly instanceId: string;
  readonly now: string;
}

/** How often a race for the claim is decided again before it is left to the orchestrator's own loop. */
const racesBeforeGivingUp = 5;

const notAdmitted = (why: string, message: string): Admission => ({ admitted: false, why, message });

/**
 * Step 1: binds the KEK's claim to this orchestration instance, or says why the run ends here. For an event it asks the vault
 * and the targets first whether there is anything to do; a run that is not admitted leaves nothing behind. Whoever was faster at the
 * row need not hold the claim, and nobody else would answer an event: everything is decided again.
 * @throws ConflictError when that was so time and again; it is a fault, and the step is repeated
 */
export async function admit(ports: RotationPorts, input: AdmitInput): Promise<Admission> {
  for (let race = 1; ; race++) {
    try {
      return await admitOnce(ports, input);
    } catch (error) {
      if (!(error instanceof ConflictError) || race === racesBeforeGivingUp) throw error;
    }
  }
}

async function admitOnce(ports: RotationPorts, input: AdmitInput): Promise<Admission> {
  const { request } = input;
  const managed = managedKey(ports, request.key);
  // Starting a finished instance id runs it again without a word: its own history tells it that it has been.
  const known = await ports.history.get(request.rotationId);
  if (known !== null && isTerminal(known.phase) && request.cause.kind !== 'resume') {
    return notAdmitted('already-ended', `Rotation ${request.rotationId} has ended before: ${known.phase}.`);
  }
  const state = await ports.ledger.read(request.key);
  const held = heldBy(state, input);
  if (held === 'by-another') {
    await noteMissedChance(ports, state, request);
    return notAdmitted('claim-lost', `Rotation ${state.claim?.rotationId} of ${request.key} is under way.`);
  }
  if (held === 'nobody') {
    if (request.generation !== null) return notAdmitted('claim-lost', `The claim on ${request.key} has been given up.`);
    const successor = successorOf(managed, state.claim);
    if (successor !== null) return notAdmitted('key-replaced', messageOfReplaced(managed.key, successor));
    const relevance = await relevanceOf(ports, managed, request);
    if (!relevance.relevant) return notAdmitted(relevance.code, relevance.message);
    const notNow = cutOff(state) ?? backingOff(state, input);
    if (notNow !== null) {
      const { claim } = state;
      // The sweep looks at it when that is over: the event does not come again.
      if (claim !== null) await ports.ledger.update(request.key, state.etag, { claim: { ...claim, recheck: true } });
      return notAdmitted(notNow.code, notNow.message);
    }
    if (managed.mode === 'observe') return observe(ports, input);
  }
  const claim = await bind(ports, state, input);
  const run: RunReference = { key: request.key, rotationId: request.rotationId, generation: claim.generation };
  if (known === null) await ports.history.put(newRotation(request));
  await record(ports, run, {
    at: input.now,
    action: 'claim',
    target: null,
    outcome: 'done',
    message: `${request.reason} (generation ${claim.generation})`,
    details: { generation: claim.generation, instanceId: input.instanceId, cause: request.cause.kind },
  });
  // A plan counts as made once the run has begun by it: one that still waited for its approval is made anew.
  const begun = claim.begun === true || claim.nextVersion !== null || claim.direction === 'back';
  const plan = begun ? claim.plan : null;
  return { admitted: true, run, policy: managed.policy, direction: claim.direction, plan };
}

function heldBy(state: LedgerState, { request, instanceId }: AdmitInput): 'us' | 'nobody' | 'by-another' {
  const { claim } = state;
  if (claim === null || claim.rotationId === null) return 'nobody';
  if (claim.rotationId !== request.rotationId) return 'by-another';
  if (claim.bound) return claim.instanceId === instanceId ? 'us' : 'by-another';
  return claim.generation === request.generation ? 'us' : 'by-another';
}

/** @throws ConflictError when somebody wrote the row meanwhile, be it this very instance, whose answer was lost */
async function bind(ports: RotationPorts, state: LedgerState, input: AdmitInput): Promise<Claim> {
  const { request, instanceId } = input;
  const { claim } = state;
  if (claim !== null && claim.rotationId === request.rotationId && claim.bound) return claim;
  const bound: Claim =
    claim !== null && claim.rotationId === request.rotationId
      ? { ...claim, bound: true, instanceId, orphanedSince: null, unchangedSince: input.now }
      : { ...newClaim(request, claim, instanceId, input.now), bound: true };
  await ports.ledger.update(request.key, state.etag, { claim: bound });
  return bound;
}

const isForEvent = ({ cause: { kind } }: RotationRequest): boolean => kind === 'event' || kind === 'sweep';

/** A claim for a request, before it is bound to an instance. */
export function newClaim(request: RotationRequest, last: Claim | null, instanceId: string, now: string): Claim {
  return {
    ...neverHeld(request.key, now),
    generation: (last?.generation ?? 0) + 1,
    rotationId: request.rotationId,
    instanceId,
    requestedAt: request.requestedAt,
    reason: request.reason,
    cause: request.cause,
    toVersion: request.toVersion,
    // Only a run for an event answers those that were put off: one by hand may be refused, called off or ask for something else.
    recheck: last?.recheck === true && !isForEvent(request),
    lastRotationId: last?.lastRotationId ?? null,
    ...(last?.lastRun === undefined ? {} : { lastRun: last.lastRun }),
    ...(last?.revocation === undefined ? {} : { revocation: last.revocation }),
    ...(last?.replacedBy === undefined ? {} : { replacedBy: last.replacedBy }),
    ...(last?.replaces === undefined ? {} : { replaces: last.replaces }),
    ...(last?.untold === undefined ? {} : { untold: last.untold }),
    ...(request.run === undefined ? {} : { run: request.run }),
    ...(request.adopt === undefined ? {} : { adopt: request.adopt }),
    ...(request.replacement === undefined ? {} : { replacement: request.replacement }),
    backOffUntil: last?.backOffUntil ?? null,
  };
}

export function newRotation(request: RotationRequest): Rotation {
  return {
    rotationId: request.rotationId,
    run: request.run ?? 'rotate',
    key: request.key,
    phase: 'requested',
    waitingFor: null,
    reason: request.reason,
    previousVersion: null,
    nextVersion: null,
    ...(request.replacement === undefined ? {} : { replacement: request.replacement }),
    planHash: null,
    targets: [],
    reasons: [],
    requestedAt: request.requestedAt,
    endedAt: null,
  };
}

/** After a rollback the same cause waits; an operator does not. */
function backingOff({ claim }: LedgerState, { request, now }: AdmitInput): Reason | null {
  const until = claim?.backOffUntil ?? null;
  if (until === null || request.cause.kind === 'http' || Date.parse(until) <= Date.parse(now)) return null;
  const message = `The last rotation of ${request.key} went back; events start no other before ${until}. Start one by hand, or wait.`;
  return { code: 'backing-off', message };
}

/** A key that was revoked is not rotated; nor does it need to be refused anew for every event, with a claim that holds up a restoration. */
function cutOff({ claim }: LedgerState): Reason | null {
  const { key, revocation } = claim ?? {};
  if (revocation === undefined) return null;
  return {
    code: 'key-revoked',
    message: `${key} was revoked at ${revocation.at}; nothing is rotated before "restore".`,
  };
}

/** Observe mode: the plan is made and told, and nothing else happens, for ever. */
async function observe(ports: RotationPorts, { request, now }: AdmitInput): Promise<Admission> {
  const plan = await dryRun(ports, request);
  const message = `${request.key} is in observe mode: planned (${plan.decision}), nothing done.`;
  const alert = {
    id: `${request.rotationId}.observed`,
    type: alertTypes.observed,
    subject: subjectOf(request.key),
    time: now,
    data: { key: request.key, reason: request.reason, plan: { ...plan, checks: plan.checks.length }, done: message },
  };
  await tell(ports, alert, new Date(now));
  return notAdmitted('observe', message);
}

async function relevanceOf(ports: RotationPorts, managed: ManagedKey, request: RotationRequest) {
  const { cause } = request;
  if (cause.kind !== 'event' && cause.kind !== 'sweep') return { relevant: true } as const;
  const { type, version } = cause;
  const [versions, kids] = await Promise.all([
    ports.keyVault.versions(request.key),
    eachSideBySide(managed.targets, readsAtOnce, (target) => kidsOf(target).catch(unreadable)),
  ]);
  const inUse = new Set(kids.flat().map(versionOf));
  // Of a target that hides its key, uses another one or names no version nothing can be said here: the plan refuses it by name.
  const inTheDark = inUse.has(null);
  const versionsInUse = versions
    .filter((candidate) => inUse.has(candidate.version))
    .toSorted((a, b) => a.createdOn.getTime() - b.createdOn.getTime())
    .map((candidate) => candidate.version);
  const event = {
    eventId: cause.kind === 'event' ? cause.eventId : 'sweep',
    type: type as KeyEventType,
    key: request.key,
    kid: kidOf(request.key, version),
    version,
    eventTime: null,
  };
  const relevance = isRelevant(event, { versionsInUse, versions, managedTag: 'rotationId' });
  return !relevance.relevant && relevance.code === 'version-not-in-use' && inTheDark
    ? ({ relevant: true } as const)
    : relevance;
}

/** Of data keys every version that one of them names, for some may have been left behind; what names none is a bad record. */
async function kidsOf(target: Target): Promise<readonly string[]> {
  if (target.kind === 'dataKeys') return (await target.references()).filter((kid) => versionOf(kid) !== null);
  const kid = await target.currentKid();
  return kid === null ? [] : [kid];
}

/** A target that refuses to say which key it is on says as much as one that names no version. */
function unreadable(error: unknown): readonly string[] {
  if (error instanceof RefusalError) return [''];
  throw error;
}

/**
 * An event that comes during a live run starts nothing; it is looked at again when the run closes.
 * @throws ConflictError if the run has closed meanwhile: nobody would look
 */
async function noteMissedChance(ports: RotationPorts, state: LedgerState, request: RotationRequest): Promise<void> {
  const { claim } = state;
  if (claim === null || claim.rotationId === null || !isForEvent(request)) return;
  if (claim.rotationId === request.rotationId) return;
  const run: RunReference = { key: claim.key, rotationId: claim.rotationId, generation: claim.generation };
  try {
    await changeClaim(ports, run, (held) => (held.claim.recheck ? null : { claim: { ...held.claim, recheck: true } }));
  } catch (error) {
    if (!(error instanceof SupersededError)) throw error;
    throw new ConflictError(`Rotation ${run.rotationId} of ${run.key} has closed.`, { cause: error });
  }
}
