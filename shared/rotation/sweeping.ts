import type { RotationRequest } from '../contracts/activities';
import { alertTypes, subjectOf, tell } from './alerting';
import { isOpen } from './change-windows';
import { subtractDuration } from './iso-duration';
import { keptForBackups } from './kept-versions';
import { isRelevant, type KeyEventType } from './key-event';
import { type KeyFacts, readFacts } from './key-facts';
import { fingerprintOf, kidOf, versionOf } from './key-identifier';
import type { Claim, KeyVersion, Retirement, RotationPolicy, SeenEvent } from './ports';
import { freeIfLeft, keptOf, successorOf } from './replacing';
import { eventStarted, type Start } from './requests';
import { hasItsTurn } from './retiring';
import { rotationIdOfEvent } from './rotation-id';
import type { RotationPorts } from './run-ports';
import { managedKey } from './run-record';
import { type InstanceState, retirementStart, type SweepAction } from './sweep-action';
import { lookAfterRun, unlessChanged } from './unattended-run';

/** When a near-expiry event is raised unless the key's policy says otherwise (Key Vault's documentation, 2021-02-11: 30 days before). */
const noticeBeforeExpiry = 'P30D';
/** An event that is on its way is not lost: delivery is tried again for hours, but most of it comes within the first. */
const lateSeconds = 3600;

/**
 * What one KEK needs, found without being told: claims without a run, runs that should have gone on, what a lost event should
 * have brought, retirements whose day has come. Every finding converges: the next sweep finds what this one could not finish.
 */
export async function sweepKey(
  ports: RotationPorts,
  key: string,
  instanceState: (instanceId: string) => Promise<InstanceState>,
  facts: KeyFacts = readFacts(ports, key),
): Promise<readonly SweepAction[]> {
  const state = await facts.state();
  const { claim, etag } = state;
  await freeWhatWasLeft(ports, key, claim);
  if (claim?.purpose === 'replacement') return []; // whoever moves here is looked after under the key that it moves away from
  if (claim !== null && etag !== null && claim.rotationId !== null) {
    return lookAfterRun(ports, { ...state, claim, etag }, instanceState);
  }
  // Nothing is missed under a key that was revoked, and nothing can be retired.
  if (claim?.revocation !== undefined) return [];
  // A version must not stay disabled unwatched, least of all while a target cannot be read.
  const retirements = await ports.ledger.retirements(key);
  const unwatched = retirements.find(({ status, disabledAt }) => status === 'watching' && disabledAt !== null);
  if (unwatched !== undefined) return findDueRetirement(ports, key, [unwatched]);
  // Of a key that was replaced nothing is left but to retire it.
  const isReplaced = successorOf(managedKey(ports, key), claim) !== null;
  const rotate = isReplaced ? null : await findMissed(ports, { key, claim, facts, instanceState });
  if (rotate !== null) return [rotate];
  return findDueRetirement(ports, key, retirements);
}

/** The claims on the keys that this one may be moved to: those that are no KEKs of the configuration are swept by nobody else. */
async function freeWhatWasLeft(ports: RotationPorts, key: string, claim: Claim | null): Promise<void> {
  const { replacements } = managedKey(ports, key);
  const own = claim?.purpose === 'replacement' ? [key] : [];
  for (const each of [...own, ...replacements.map((replacement) => replacement.key)]) await freeIfLeft(ports, each);
}

// --- Lost events -------------------------------------------------------------------------------------------------------

interface Missed {
  readonly type: KeyEventType;
  readonly version: string;
}

/** A KEK whose claim nobody holds, as the sweep looks at it. */
interface Swept {
  readonly key: string;
  readonly claim: Claim | null;
  readonly facts: KeyFacts;
  readonly instanceState: (instanceId: string) => Promise<InstanceState>;
}

async function findMissed(ports: RotationPorts, swept: Swept): Promise<SweepAction | null> {
  const { key, claim, facts } = swept;
  const now = ports.now();
  if (claim?.backOffUntil != null && Date.parse(claim.backOffUntil) > now.getTime()) return null;
  const [versions, policy, references] = await Promise.all([facts.versions(), facts.policy(), facts.references()]);
  const { targets } = managedKey(ports, key);
  const named = references.flatMap((each, index) => {
    if (each.status === 'rejected') throw each.reason;
    // A data key without a version is a bad record: nothing is started for it, and admission would say so each time.
    const unversioned = targets[index]?.kind === 'dataKeys' ? [] : followed(versions);
    return each.value.flatMap((kid) => versionOf(kid) ?? unversioned);
  });
  const inUse = new Set(named);
  const used = versions.filter(({ version }) => inUse.has(version)).toSorted(byCreation);
  const versionsInUse = used.map(({ version }) => version);
  // What a recheck is about has come: it only was not acted upon.
  const told = claim?.recheck === true ? now : new Date(now.getTime() - lateSeconds * 1000);
  for (const missed of [...expiring(used, policy, { now, told }), ...newer(versions, used, { now, told })]) {
    const event = { eventId: 'sweep', key, kid: kidOf(key, missed.version), eventTime: null, ...missed };
    if (!isRelevant(event, { versionsInUse, versions, managedTag: 'rotationId' }).relevant) continue;
    const action = await claimMissed(ports, swept, missed);
    if (action !== null) return action;
  }
  if (claim?.recheck === true) await forgetRecheck(ports, key);
  return null;
}

/** Where an identifier without a version leads: to the newest that is enabled, expired or not. */
function followed(versions: readonly KeyVersion[]): readonly string[] {
  const newest = versions
    .filter(({ enabled }) => enabled)
    .toSorted(byCreation)
    .at(-1);
  return newest === undefined ? [] : [newest.version];
}

const byCreation = (a: KeyVersion, b: KeyVersion): number => a.createdOn.getTime() - b.createdOn.getTime();

/** `told`: of what has been due by then, somebody should have been told. */
interface Times {
  readonly now: Date;
  readonly told: Date;
}

function expiring(used: readonly KeyVersion[], policy: RotationPolicy | null, { now, told }: Times): readonly Missed[] {
  return used.flatMap(({ version, expiresOn }): Missed[] => {
    if (expiresOn === null) return [];
    if (expiresOn <= told) return [{ type: 'KeyExpired', version }];
    const notice = subtractDuration(expiresOn, policy?.notifiesBeforeExpiry ?? noticeBeforeExpiry);
    const due = notice !== null && notice <= told && expiresOn > now;
    return due ? [{ type: 'KeyNearExpiry', version }] : [];
  });
}

function newer(versions: readonly KeyVersion[], used: readonly KeyVersion[], { now, told }: Times): readonly Missed[] {
  const newest = versions
    .filter(({ enabled, expiresOn }) => enabled && (expiresOn === null || expiresOn > now))
    .toSorted(byCreation)
    .at(-1);
  const [oldest] = used;
  if (newest === undefined || oldest === undefined || newest.createdOn <= oldest.createdOn) return [];
  return newest.createdOn <= told ? [{ type: 'KeyNewVersionCreated', version: newest.version }] : [];
}

/**
 * Puts what the event should have been on record, so that the event coming late is recognised; null if it came and was answered. During a
 * recheck an event that was seen counts as not acted upon: it came while another run was under way.
 */
async function claimMissed(
  ports: RotationPorts,
  { key, claim, instanceState }: Swept,
  { type, version }: Missed,
): Promise<SweepAction | null> {
  const receivedAt = ports.now().toISOString();
  const recheck = claim?.recheck === true;
  const rotationId = rotationIdOfEvent({ key, type, version, eventTime: null, receivedAt });
  const wanted = {
    eventId: `sweep:${type}:${version}`,
    type,
    version,
    instanceId: rotationId,
    receivedAt,
    started: false,
  };
  const recorded = await ports.ledger.recordEvent(key, wanted);
  if (recorded.seen && recorded.event.started && !recheck) {
    if (!(await isUnanswered(ports, key, recorded.event, instanceState))) return null;
    const message = `The run for ${type} of version ${version} was lost before it had decided; it is started again.`;
    return { kind: 'rotate', start: startFor(ports, key, recorded.event, message), event: null, message };
  }
  const event = recorded.seen && !recheck ? recorded.event : wanted;
  const message = recheck
    ? `${type} of version ${version} came during a run and is acted upon now.`
    : `No event told of it: ${type} of version ${version}.`;
  if (!recheck) await tellMissed(ports, key, event, message);
  return { kind: 'rotate', start: startFor(ports, key, event, message), event, message };
}

/**
 * Whether an event was started and nobody has answered it: it has left no rotation, nothing to be looked at again, and no instance that
 * could still decide. Faults outlasted its admission, or the task hub was lost before that.
 */
async function isUnanswered(
  ports: RotationPorts,
  key: string,
  { instanceId }: SeenEvent,
  instanceState: Swept['instanceState'],
): Promise<boolean> {
  // The answer was an alert.
  if (managedKey(ports, key).mode === 'observe') return false;
  if ((await ports.history.get(instanceId)) !== null) return false;
  return (await instanceState(instanceId)) !== 'running';
}

/** Under the id that is on record: whatever of it is still alive, or has ended, keeps a second one out. */
function startFor(
  ports: RotationPorts,
  key: string,
  { instanceId, type, version, receivedAt }: SeenEvent,
  reason: string,
): Start {
  const request: RotationRequest = {
    ...{ rotationId: instanceId, key, reason },
    cause: { kind: 'sweep', type, version },
    toVersion: null,
    generation: null,
    requestedAt: receivedAt,
    ...(ports.keys.length > 1 ? { notBefore: staggered(key, ports.now()) } : {}),
  };
  return { instanceId, request };
}

/** The KEKs in an order of their own, the same at every sweep: those of one vault, which stand together, are not asked for in a row. */
export const inTheirPlaces = (keys: readonly string[]): readonly string[] =>
  keys
    .map((key) => ({ key, place: fingerprintOf(key) }))
    .toSorted((a, b) => (a.place < b.place ? -1 : Number(a.place > b.place)))
    .map(({ key }) => key);

/** A fleet that fell due at once is spread, each KEK always at its own place. */
function staggered(key: string, now: Date): string {
  const place = Number.parseInt(fingerprintOf(key).slice(0, 8), 16) / 0xffffffff;
  return new Date(now.getTime() + Math.floor(place * staggerSeconds) * 1000).toISOString();
}

const staggerSeconds = 600;

async function tellMissed(ports: RotationPorts, key: string, event: SeenEvent, message: string): Promise<void> {
  await tell(
    ports,
    {
      id: `${event.instanceId}.missed`,
      type: alertTypes['missed-event'],
      subject: subjectOf(key),
      time: event.receivedAt,
      data: {
        key,
        rotationId: event.instanceId,
        type: event.type,
        version: event.version,
        done: `${message} The sweep starts the rotation.`,
        left: "Look at the vault's Event Grid subscription: it may be gone (soft-deleting a vault deletes it), filtered or dead-lettering.",
      },
    },
    ports.now(),
  );
}

/** What a missed event should have brought was started: from now on it was acted upon. */
export async function missedStarted(ports: RotationPorts, key: string, event: SeenEvent): Promise<void> {
  await eventStarted(ports, key, event);
  await forgetRecheck(ports, key);
}

async function forgetRecheck(ports: RotationPorts, key: string): Promise<void> {
  const { claim, etag } = await ports.ledger.read(key);
  // Of a run that has begun since, it tells of what came during that one.
  if (claim === null || etag === null || !claim.recheck || claim.rotationId !== null) return;
  await unlessChanged(ports, etag, { ...claim, recheck: false });
}

// --- Retirements -------------------------------------------------------------------------------------------------------

async function findDueRetirement(
  ports: RotationPorts,
  key: string,
  all: readonly Retirement[],
): Promise<readonly SweepAction[]> {
  const now = ports.now();
  const managed = managedKey(ports, key);
  const { windows } = managed;
  const { claim } = await ports.ledger.read(key);
  const isKept = (each: Retirement) =>
    each.status === 'kept' && keptForBackups(all, each, keptOf(managed, claim), now) !== null;
  const due = all.find(
    (each) => hasItsTurn(each) && Date.parse(each.dueAt) <= now.getTime() && each.versions.length > 0 && !isKept(each),
  );
  if (due === undefined) return [];
  // One that was begun is seen to its end: a version must not stay disabled unwatched.
  if (due.disabledAt === null && !isOpen(windows, now)) return [];
  const names = due.versions.join(', ');
  const message =
    due.status === 'retired' ? `Kept old blobs of ${names} are left.` : `The grace period of ${names} is over.`;
  return [retirementStart(key, due.rotationId, (claim?.generation ?? 0) + 1, message)];
}
