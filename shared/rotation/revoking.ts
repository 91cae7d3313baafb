import type { ProbeResult, RunReference } from '../contracts/activities';
import { BrokenInvariantError, FaultError } from './errors';
import { kidOf } from './key-identifier';
import type { Claim, Revocation } from './ports';
import { versionsToRevoke } from './revocation-plan';
import type { RotationPorts } from './run-ports';
import { changeClaim, fenceOf, managedKey, readHeldClaim, record } from './run-record';
import { eachSideBySide, readsAtOnce } from './side-by-side';

interface OnRun {
  readonly run: RunReference;
  readonly now: string;
}

/**
 * The one, audited exception to I1: disables every enabled version of the KEK, although targets stand on them. What was enabled is on
 * record before the first is disabled (I3), so that a restoration enables exactly that, whoever dies in between. A version that
 * somebody makes meanwhile is disabled too: it is called again until there is none.
 */
export async function revokeVersions(
  ports: RotationPorts,
  { run, now }: OnRun,
): Promise<{ readonly revokedAt: string; readonly versions: readonly string[] }> {
  const fence = fenceOf(ports, run, 'forward');
  await fence();
  const revocation = await recordRevocation(ports, run, now);
  await record(
    ports,
    run,
    {
      at: now,
      action: 'revoke',
      target: null,
      outcome: 'intended',
      message: `Disabling ${revocation.versions.join(', ')} of ${run.key} on purpose: what is under it will not open any more.`,
      details: { versions: revocation.versions.join(',') },
    },
    revocation.versions.join(','),
  );
  for (const version of revocation.versions) {
    await fence();
    await ports.keyVault.setEnabled(kidOf(run.key, version), false);
  }
  const left = versionsToRevoke({ versions: await ports.keyVault.versions(run.key) });
  if (left.length > 0) return revokeVersions(ports, { run, now });
  return { revokedAt: revocation.at, versions: revocation.versions };
}

async function recordRevocation(ports: RotationPorts, run: RunReference, now: string): Promise<Revocation> {
  const enabled = versionsToRevoke({ versions: await ports.keyVault.versions(run.key) });
  const { revocation } = await changeClaim(ports, run, ({ claim }) => {
    const before = claim.revocation;
    if (before !== undefined && before.rotationId !== run.rotationId) {
      throw new BrokenInvariantError('revocation', `${run.key} was revoked by run ${before.rotationId} before.`);
    }
    const known = before?.versions ?? [];
    const added = enabled.filter((version) => !known.includes(version));
    if (before !== undefined && added.length === 0) return null;
    const revoked = { rotationId: run.rotationId, versions: [...known, ...added], at: before?.at ?? now };
    return { claim: { ...claim, revocation: revoked } };
  });
  if (revocation === undefined) throw new BrokenInvariantError('revocation', 'No revocation is on record.');
  return revocation;
}

/** Enables what the revocation on record disabled. Undo first, audit after (I4); repeated it converges. */
export async function restoreVersions(
  ports: RotationPorts,
  { run, now }: OnRun,
): Promise<{ readonly versions: readonly string[] }> {
  const { claim } = await readHeldClaim(ports, run);
  const fence = fenceOf(ports, run, claim.direction);
  await fence();
  const versions = whoseToRestore(claim)?.versions ?? [];
  await enableEach(ports, run, versions, fence);
  await record(ports, run, {
    at: now,
    action: 'restore',
    target: null,
    outcome: 'done',
    message: versions.length === 0 ? 'Nothing was disabled.' : `Enabled ${versions.join(', ')} of ${run.key} again.`,
    details: { versions: versions.join(',') },
  });
  return { versions };
}

/** A restoration gives back whatever was revoked; a revocation that goes back, only what it has itself taken. */
function whoseToRestore({ run, rotationId, revocation }: Claim): Revocation | null {
  if (revocation === undefined) return null;
  return run === 'restore' || revocation.rotationId === rotationId ? revocation : null;
}

/** One that cannot be enabled must not keep the others disabled. */
async function enableEach(
  ports: RotationPorts,
  run: RunReference,
  versions: readonly string[],
  fence: () => Promise<void>,
): Promise<void> {
  const failed: unknown[] = [];
  for (const version of versions) {
    await fence();
    await ports.keyVault.setEnabled(kidOf(run.key, version), true).catch((error: unknown) => failed.push(error));
  }
  // What may heal is tried again; the rest is found again then.
  if (failed.length > 0) throw failed.find((error) => error instanceof FaultError) ?? failed[0];
}

/**
 * One look at whether the targets open old data: after a revocation none must, after a restoration all must. Only changes
 * go on record: a day of looks tells one thing.
 */
export async function lookAtAccess(
  ports: RotationPorts,
  { run, now, before }: OnRun & { readonly before: readonly string[] },
): Promise<{ readonly results: readonly ProbeResult[] }> {
  const { claim } = await readHeldClaim(ports, run);
  await fenceOf(ports, run, claim.direction)();
  const { targets } = managedKey(ports, run.key);
  const looked = await eachSideBySide(targets, readsAtOnce, async (target): Promise<ProbeResult | null> => {
    const planned = claim.plan?.targets.find(({ kind, name }) => kind === target.kind && name === target.name);
    // What had no data under the key has none to lose.
    if (planned === undefined || planned.total === 0) return null;
    if (planned.previousKid === null && planned.unread !== true) return null;
    return target.probe();
  });
  const results = looked.filter((result) => result !== null);
  for (const { kind, name, colour, message } of results) {
    if (before.includes(`${kind}/${name} ${colour}`)) continue;
    const details = { colour };
    await record(
      ports,
      run,
      { at: now, action: 'probe', target: `${kind}/${name}`, outcome: 'noted', message, details },
      now,
    );
  }
  return { results };
}

/** What a claim says of a revocation once its run has ended in `phase`. */
export function revocationAfter(claim: Claim, phase: string): Pick<Claim, 'revocation'> | null {
  const { revocation } = claim;
  if (revocation === undefined) return null;
  const given =
    (claim.run === 'restore' && phase === 'completed') || (claim.run === 'revoke' && phase === 'rolled-back');
  return given && whoseToRestore(claim) !== null ? null : { revocation };
}
