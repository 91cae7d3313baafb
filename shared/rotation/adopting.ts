import type { RunReference } from '../contracts/activities';
import type { Reason } from '../contracts/rotation';
import { currentOf, isPolicy } from './adoption-plan';
import { BrokenInvariantError, RefusalError } from './errors';
import { kidOf } from './key-identifier';
import { readAdoption } from './planning';
import type { AdoptedFrom, RotationPolicy } from './ports';
import type { RotationPorts } from './run-ports';
import { changeClaim, fenceOf, readHeldClaim, record } from './run-record';

interface OnRun {
  readonly run: RunReference;
  readonly now: string;
}

/** Writes what was asked for and is not so already. What was before is on record first (I3). Answers what is still missing. */
export async function writeAdoption(
  ports: RotationPorts,
  { run, now }: OnRun,
): Promise<{ readonly left: readonly Reason[] }> {
  const fence = fenceOf(ports, run, 'forward');
  await fence();
  const before = await recordBefore(ports, run);
  const { adopt } = (await readHeldClaim(ports, run)).claim;
  await record(ports, run, {
    at: now,
    action: 'adopt',
    target: null,
    outcome: 'intended',
    message: `Taking ${run.key} under management: ${told(adopt?.rotationPolicy, adopt?.expiresOn)}`,
    details: {
      policyBefore: JSON.stringify(before.rotationPolicy),
      expiresOnBefore: before.expiresOn,
      version: before.version,
    },
  });
  const policy = adopt?.rotationPolicy;
  if (policy !== undefined && !isPolicy(await ports.keyVault.rotationPolicy(run.key), policy)) {
    await fence();
    await ports.keyVault.setRotationPolicy(run.key, { rotatesAfterCreate: null, ...policy });
  }
  if (adopt?.expiresOn !== undefined) {
    await fence();
    await ports.keyVault.setExpiry(kidOf(run.key, before.version), new Date(adopt.expiresOn));
  }
  return {
    left: (await readAdoption(ports, run.key, new Date(now))).reasons.filter(({ code }) => code !== 'nothing-missing'),
  };
}

async function recordBefore(ports: RotationPorts, run: RunReference): Promise<AdoptedFrom> {
  const [versions, rotationPolicy] = await Promise.all([
    ports.keyVault.versions(run.key),
    ports.keyVault.rotationPolicy(run.key),
  ]);
  const current = currentOf(versions);
  if (current === null)
    throw new RefusalError('no-version-enabled', `No version of ${run.key} is enabled: enable one, then start again.`);
  const found: AdoptedFrom = {
    rotationPolicy,
    version: current.version,
    expiresOn: current.expiresOn?.toISOString() ?? null,
  };
  // What was found first stays: a second try would find its own work.
  const { adoptedFrom } = await changeClaim(ports, run, ({ claim }) =>
    claim.adoptedFrom === undefined ? { claim: { ...claim, adoptedFrom: found } } : null,
  );
  return adoptedFrom ?? found;
}

/** Puts back what was found. */
export async function undoAdoption(ports: RotationPorts, { run, now }: OnRun): Promise<{ readonly undone: boolean }> {
  const { claim } = await readHeldClaim(ports, run);
  const fence = fenceOf(ports, run, 'back');
  await fence();
  const before = claim.adoptedFrom;
  if (before === undefined) return { undone: false };
  if (claim.adopt?.rotationPolicy !== undefined) await putPolicyBack(ports, run, before.rotationPolicy);
  if (claim.adopt?.expiresOn !== undefined) {
    await fence();
    await ports.keyVault.setExpiry(
      kidOf(run.key, before.version),
      before.expiresOn === null ? null : new Date(before.expiresOn),
    );
  }
  await record(ports, run, {
    at: now,
    action: 'adopt',
    target: null,
    outcome: 'failed',
    message: `Put back what ${run.key} had before: ${told(before.rotationPolicy ?? undefined, before.expiresOn ?? undefined)}`,
    details: { version: before.version },
  });
  return { undone: true };
}

async function putPolicyBack(ports: RotationPorts, run: RunReference, before: RotationPolicy | null): Promise<void> {
  // Key Vault tells of a policy for every key; one without is one that it does not let us read.
  if (before === null) throw new BrokenInvariantError('adoption', `The policy that ${run.key} had is not on record.`);
  await fenceOf(ports, run, 'back')();
  await ports.keyVault.setRotationPolicy(run.key, before);
}

function told(policy: Partial<RotationPolicy> | undefined, expiresOn: string | undefined): string {
  const parts = [
    ...(policy === undefined
      ? []
      : [
          `rotation policy: expiry ${policy.expiresIn ?? 'none'}, next version ${policy.rotatesBeforeExpiry ?? 'never'} before it`,
        ]),
    ...(expiresOn === undefined ? [] : [`expiry of the current version: ${expiresOn}`]),
  ];
  return parts.length === 0 ? 'nothing is written.' : `${parts.join('; ')}.`;
}
