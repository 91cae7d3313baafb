import type {
  AlertKind,
  ProbeResult,
  RetirementAdmission,
  RetirementEnd,
  RetirementRequest,
  RunReference,
} from '../contracts/activities';
import type { Reason } from '../contracts/rotation';
import { ConflictError, InterruptedError, RefusalError } from './errors';
import { kidOf } from './key-identifier';
import type { Claim, Retirement } from './ports';
import { requireStillIdle } from './proving-idle';
import { versionsLeft } from './replacing';
import { findRetirement, hasComeDue, putRetirement, retirementOf } from './retirement-record';
import type { RotationPorts } from './run-ports';
import { changeClaim, fenceOf, managedKey, readHeldClaim, record } from './run-record';
import { eachSideBySide, readsAtOnce } from './side-by-side';
import { withUntold } from './untold-end';

interface OnRun {
  readonly run: RunReference;
  readonly now: string;
}

/** Whether a retirement has its turn when its day has come. */
export const hasItsTurn = ({ status, oldBlobsLeft }: Retirement): boolean =>
  ['waiting', 'refused', 'undone', 'kept', 'proving', 'watching'].includes(status) ||
  (status === 'retired' && oldBlobsLeft === true);

/**
 * Step 8 begins: takes the KEK's claim, which nobody gives up before the watch is over, so that nothing can move back onto a
 * version that is being disabled.
 */
export async function beginRetirement(
  ports: RotationPorts,
  input: { readonly request: RetirementRequest; readonly instanceId: string; readonly now: string },
): Promise<RetirementAdmission> {
  const { request, instanceId, now } = input;
  const { policy, targets, mode } = managedKey(ports, request.key);
  // The claim is read first: whoever ends the retirement from here on changes the claim too, and so is noticed.
  const state = await ports.ledger.read(request.key);
  const found = await findRetirement(ports, request.key, request.rotationId);
  if (found === null || !hasItsTurn(found)) {
    return { admitted: false, message: `There is nothing to retire after rotation ${request.rotationId}.` };
  }
  if (!hasComeDue(found, now)) {
    return {
      admitted: false,
      message: `The versions before rotation ${request.rotationId} are kept until ${found.dueAt}.`,
    };
  }
  const retirement = await withNewVersions(ports, state.claim, found);
  // What was begun before the mode was changed is seen to its end: a disabled version must not stay so unwatched.
  if (mode === 'observe' && retirement.disabledAt === null) {
    return { admitted: false, message: `${request.key} is in observe mode: nothing is retired.` };
  }
  const watched = retirement.status === 'retired';
  const { evidence: _, ...unproved } = retirement;
  const { claim } = state;
  const mine =
    claim?.rotationId === request.rotationId && claim.purpose === 'retirement' && claim.instanceId === instanceId;
  if (claim === null || (claim.rotationId !== null && !mine)) {
    return { admitted: false, message: `Rotation ${claim?.rotationId} holds the claim on ${request.key}.` };
  }
  // Under a revoked key every probe is red: nothing could be proved, and enabling again would let somebody in.
  if (claim.revocation !== undefined)
    return { admitted: false, message: `${request.key} is revoked: nothing is retired.` };
  const held: Claim = mine ? claim : heldForRetirement(claim, request, instanceId, now);
  if (!mine) {
    try {
      await ports.ledger.update(request.key, state.etag, {
        claim: held,
        putRetirement: watched
          ? retirement
          : { ...(retirement.disabledAt === null ? unproved : retirement), status: 'proving' },
      });
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      return { admitted: false, message: `Another run of ${request.key} was faster.` };
    }
  }
  const run: RunReference = { key: request.key, rotationId: request.rotationId, generation: held.generation };
  const versions = retirement.versions;
  const names = versions.join(', ');
  await record(ports, run, {
    at: now,
    action: 'retire',
    target: null,
    outcome: 'intended',
    message: `${watched ? `Forgetting what is left of ${names}` : `Retiring ${names}`} (generation ${held.generation}).`,
    details: { versions: versions.join(','), generation: held.generation },
  });
  const admitted = { admitted: true, run, policy, versions, targets: targets.length } as const;
  if (watched) return { ...admitted, disabledAt: retirement.disabledAt, watched };
  return { ...admitted, disabledAt: await disabledBefore(ports, run, retirement) };
}

/** Of a key that was replaced every version goes, one that its own policy has made since too. */
async function withNewVersions(ports: RotationPorts, claim: Claim | null, found: Retirement): Promise<Retirement> {
  const { rotationId, versions, disabledAt, status } = found;
  if (claim?.replacedBy?.rotationId !== rotationId || disabledAt !== null || status === 'retired') return found;
  return { ...found, versions: [...new Set([...versions, ...(await versionsLeft(ports, claim.key))])] };
}

/**
 * When an earlier instance disabled the versions. One that died between saying so and doing it for every version is undone, and
 * begun afresh: its watch proves nothing, and what was idle then may be in use now.
 */
async function disabledBefore(ports: RotationPorts, run: RunReference, retirement: Retirement): Promise<string | null> {
  const { versions, disabledAt } = retirement;
  if (disabledAt === null) return null;
  if (await areDisabled(ports, run.key, versions)) return disabledAt;
  await enableAll(ports, run.key, versions);
  await putRetirement(ports, run, { ...retirement, status: 'proving', disabledAt: null });
  return null;
}

async function areDisabled(ports: RotationPorts, key: string, versions: readonly string[]): Promise<boolean> {
  const listed = await ports.keyVault.versions(key);
  return versions.every((each) => listed.some(({ version, enabled }) => version === each && !enabled));
}

async function someAreDisabled(ports: RotationPorts, key: string, versions: readonly string[]): Promise<boolean> {
  const listed = await ports.keyVault.versions(key);
  return listed.some(({ version, enabled }) => !enabled && versions.includes(version));
}

/** One that cannot be enabled must not keep the others disabled. */
async function enableAll(ports: RotationPorts, key: string, versions: readonly string[]): Promise<void> {
  const all = await Promise.allSettled(versions.map((version) => ports.keyVault.setEnabled(kidOf(key, version), true)));
  for (const each of all) if (each.status === 'rejected') throw each.reason;
}

const heldForRetirement = (claim: Claim, request: RetirementRequest, instanceId: string, now: string): Claim => ({
  ...claim,
  generation: claim.generation + 1,
  rotationId: request.rotationId,
  instanceId,
  bound: true,
  claimedAt: now,
  unchangedSince: now,
  purpose: 'retirement',
  phase: 'completed',
  waitingFor: null,
  direction: 'forward',
});

/**
 * I1: under the claim, and only after nothing visible referred to the versions, and no log showed a user, at this very moment. Never deletes. An interruption
 * between two versions waits for a person's word, who knows how long: those that are disabled are watched meanwhile.
 */
export async function disableVersions(
  ports: RotationPorts,
  { run, now }: OnRun,
): Promise<{ readonly disabledAt: string; readonly unfinished?: true }> {
  const retirement = await retirementOf(ports, run);
  const fence = fenceOf(ports, run, 'forward');
  try {
    await fence();
  } catch (error) {
    // An earlier try may have died between two versions.
    const some = retirement.disabledAt !== null && (await someAreDisabled(ports, run.key, retirement.versions));
    if (!(error instanceof InterruptedError) || !some) throw error;
    return { disabledAt: retirement.disabledAt ?? now, unfinished: true };
  }
  await requireStillIdle(ports, { run, now }, retirement);
  // What was said at a first try is true only if that try disabled them: the watch must not be short.
  const before = retirement.disabledAt;
  const disabledAt = before !== null && (await areDisabled(ports, run.key, retirement.versions)) ? before : now;
  // Before the step that it undoes (I3): who finds this must expect the versions to be disabled.
  await putRetirement(ports, run, { ...retirement, status: 'watching', disabledAt });
  await record(ports, run, {
    at: now,
    action: 'disable-version',
    target: null,
    outcome: 'intended',
    message: `Disabling ${retirement.versions.join(', ')} of ${run.key}.`,
    details: { versions: retirement.versions.join(',') },
  });
  for (const [done, version] of retirement.versions.entries()) {
    try {
      await fence();
    } catch (error) {
      if (!(error instanceof InterruptedError) || done === 0) throw error;
      return { disabledAt, unfinished: true };
    }
    await ports.keyVault.setEnabled(kidOf(run.key, version), false);
  }
  return { disabledAt };
}

/** Back at once: undo first, audit after (I4). Works without asking what the fence says but for the claim itself. */
export async function enableVersions(
  ports: RotationPorts,
  { run, now, reasons }: OnRun & { readonly reasons: readonly Reason[] },
): Promise<{ readonly enabled: readonly string[] }> {
  await readHeldClaim(ports, run);
  const retirement = await retirementOf(ports, run);
  const { versions } = retirement;
  await enableAll(ports, run.key, versions);
  // Whoever goes on from here must not watch, and call retired, what is enabled.
  await putRetirement(ports, run, { ...retirement, status: 'undone', disabledAt: null, reasons: [...reasons] });
  await record(ports, run, {
    at: now,
    action: 'enable-version',
    target: null,
    outcome: 'done',
    message: [`Enabled ${versions.join(', ')} again.`, ...reasons.map(({ message }) => message)].join(' '),
    details: { versions: versions.join(',') },
  });
  return { enabled: versions };
}

/** One round of the watch; an answer that is not green goes on record. */
export async function watchTargets(
  ports: RotationPorts,
  { run, now }: OnRun,
): Promise<{ readonly results: readonly ProbeResult[] }> {
  await readHeldClaim(ports, run);
  const results = await eachSideBySide(managedKey(ports, run.key).targets, readsAtOnce, (target) => target.probe());
  for (const { kind, name, colour, message } of results.filter((result) => result.colour !== 'green')) {
    const details = { colour };
    const target = `${kind}/${name}`;
    await record(ports, run, { at: now, action: 'watch', target, outcome: 'noted', message, details }, now);
  }
  return { results };
}

/** Only after the watch: until then the old blob is the way back (I9). */
export async function dropOldBlobs(
  ports: RotationPorts,
  input: OnRun & { readonly target: number; readonly continuation: string | null },
): Promise<{ readonly continuation: string | null; readonly dropped: number }> {
  const { run, now, continuation } = input;
  const fence = fenceOf(ports, run, 'forward');
  await fence();
  const { versions } = await retirementOf(ports, run);
  const target = managedKey(ports, run.key).targets[input.target];
  if (target?.kind !== 'dataKeys') return { continuation: null, dropped: 0 };
  // Somebody may have enabled one by hand since it was retired, to go back to it.
  if (continuation === null && !(await areDisabled(ports, run.key, versions))) {
    const message = `Of ${versions.join(', ')}, which were retired, not every one is disabled: disable it, or the old blobs stay.`;
    throw new RefusalError('version-enabled', message);
  }
  const page = await target.dropOldBlobs(versions, continuation, fence);
  await record(
    ports,
    run,
    {
      at: now,
      action: 'drop-old-blobs',
      target: `dataKeys/${target.name}`,
      outcome: 'done',
      message: `${page.dropped} old blobs forgotten.`,
      details: { dropped: page.dropped },
    },
    continuation ?? 'first',
  );
  return page;
}

/** Ends the retirement and frees the claim. */
export async function endRetirement(
  ports: RotationPorts,
  input: OnRun & { readonly status: RetirementEnd; readonly reasons: readonly Reason[] },
): Promise<{ readonly status: string; readonly isNews?: true }> {
  const { run, status, reasons, now } = input;
  const known = await findRetirement(ports, run.key, run.rotationId);
  const { claim } = await ports.ledger.read(run.key);
  if (known?.status === status && claim?.rotationId !== run.rotationId) return { status, ...newsOf(known) };
  await readHeldClaim(ports, run);
  const retirement = await retirementOf(ports, run);
  await record(
    ports,
    run,
    {
      at: now,
      action: 'retire',
      target: null,
      outcome: status === 'retired' ? 'done' : 'refused',
      message: [
        `Retirement of ${retirement.versions.join(', ')}: ${status}.`,
        ...reasons.map(({ message }) => message),
      ].join(' '),
      details: { status, code: reasons[0]?.code ?? null, evidence: retirement.evidence?.strength ?? null },
    },
    status,
  );
  const { graceSeconds } = managedKey(ports, run.key).policy;
  const ended = asEnded(retirement, input, graceSeconds);
  const alert = alertOfEnd(retirement, ended);
  await changeClaim(ports, run, ({ claim: held }) => ({
    claim: {
      ...{ ...held, rotationId: null, instanceId: null, bound: false, purpose: 'rotation' },
      ...(alert === null ? {} : withUntold(held, { run, alert, reasons, now })),
    },
    putRetirement: ended,
  }));
  return { status, ...newsOf(ended) };
}

function asEnded(
  retirement: Retirement,
  {
    status,
    reasons,
    now,
  }: { readonly status: RetirementEnd; readonly reasons: readonly Reason[]; readonly now: string },
  graceSeconds: number,
): Retirement {
  const { oldBlobsLeft: _, refusedSince, ...rest } = retirement;
  const ended = { ...rest, status, disabledAt: null, reasons: [...reasons] };
  switch (status) {
    case 'retired': {
      const retired = { ...ended, disabledAt: retirement.disabledAt };
      // A retired version is done with, unless something is left of it, which the reasons say.
      return reasons.length === 0 ? retired : { ...retired, dueAt: after(now, aDaySeconds), oldBlobsLeft: true };
    }
    case 'undone':
      return { ...ended, dueAt: after(now, graceSeconds) };
    case 'kept':
      return ended; // the sweep looks whether it still is
    case 'refused': {
      const same = refusedSince !== undefined && retirement.reasons[0]?.code === reasons[0]?.code;
      const since = same ? refusedSince : now;
      // At the next sweep; what is refused for the same again and again leaves fewer and fewer records.
      const waited = (Date.parse(now) - Date.parse(since)) / 1000;
      return { ...ended, refusedSince: since, dueAt: after(now, Math.min(waited, aDaySeconds)) };
    }
  }
}

/** Of a refusal that was not refused for this before. */
const newsOf = ({ status, dueAt, refusedSince }: Retirement): { readonly isNews?: true } =>
  status === 'refused' && dueAt === refusedSince ? { isNews: true } : {};

/** What is told of a retirement that has ended; null where nobody is told. */
function alertOfEnd(before: Retirement, ended: Retirement): AlertKind | null {
  if (ended.status === 'undone') return 'retirement-undone';
  if (newsOf(ended).isNews) return 'retirement-refused';
  // That old blobs are left was told when it was retired; that the last of them is gone is told.
  return ended.status === 'retired' && (before.status !== 'retired' || !ended.oldBlobsLeft) ? 'retired' : null;
}

const aDaySeconds = 24 * 3600;
const after = (now: string, seconds: number): string => new Date(Date.parse(now) + seconds * 1000).toISOString();
