import { randomBytes } from 'node:crypto';
import type { RunReference } from '../contracts/activities';
import { madeVersionUnusable } from '../contracts/rotation';
import { byCreation, chooseNext, expiryFrom, usability } from './choose-version';
import { BrokenInvariantError, RefusalError } from './errors';
import { kidOf, nextKeyOf } from './key-identifier';
import { type PolicyWait, policyWait } from './policy-wait';
import type { Claim, KeyVersion, KeyVersionDetail } from './ports';
import { chooseOfReplacement } from './replacement-checks';
import type { RotationPorts } from './run-ports';
import { changeClaim, changeRotation, fenceOf, readHeldClaim, record } from './run-record';
import { equalBytes, wrapLocally } from './wrapping';

/**
 * Step 3: settles which version is next, makes it if there is none, proves that it can wrap and unwrap, and writes the choice to
 * the ledger before anybody uses it. Repeated, it finds the choice (or the version tagged with this rotation) and converges.
 */
export async function chooseVersion(
  ports: RotationPorts,
  input: { readonly run: RunReference; readonly now: string },
): Promise<{ readonly nextVersion: string } | PolicyWait> {
  const { run, now } = input;
  await fenceOf(ports, run, 'forward')();
  const { claim } = await readHeldClaim(ports, run);
  const choice = await settle(ports, run, claim, now);
  if ('waitSeconds' in choice) return choice;
  const { version, why, ours } = choice;
  const detail = await readUsable(ports, kidOf(nextKeyOf(claim), version), new Date(now)).catch((error: unknown) => {
    if (ours && error instanceof RefusalError)
      throw new RefusalError(madeVersionUnusable, error.message, { cause: error });
    throw error;
  });
  // Key Vault has no conditional create, so two makers can win there; in the ledger only one can.
  const settled = await changeClaim(ports, run, (held) =>
    held.claim.nextVersion === null ? { claim: { ...held.claim, nextVersion: version } } : null,
  );
  const nextVersion = settled.nextVersion ?? version;
  await record(ports, run, {
    at: now,
    action: 'choose-version',
    target: null,
    outcome: 'done',
    message: `Version ${nextVersion} is next: ${why}. A data key wrapped with it was unwrapped again by the vault.`,
    details: { kid: kidOf(nextKeyOf(claim), nextVersion), why, expiresOn: detail.expiresOn?.toISOString() ?? null },
  });
  await changeRotation(ports, run.rotationId, (rotation) => ({ ...rotation, nextVersion }));
  return { nextVersion };
}

interface SettledVersion {
  readonly version: string;
  readonly why: string;
  /** Made by this very run: refused, it is left behind, so there is something that was changed. */
  readonly ours: boolean;
}

async function settle(
  ports: RotationPorts,
  run: RunReference,
  claim: Claim,
  now: string,
): Promise<SettledVersion | PolicyWait> {
  const versions = await ports.keyVault.versions(nextKeyOf(claim));
  if (claim.replacement !== undefined) {
    const wanted = claim.nextVersion ?? claim.toVersion;
    const found = chooseOfReplacement({ key: claim.replacement, versions, wanted, now: new Date(now) });
    if ('refuse' in found) throw new RefusalError(found.refuse.code, found.refuse.message);
    return { version: found.use, why: found.why, ours: false };
  }
  const choice = chooseNext({
    ledgerVersion: claim.nextVersion,
    toVersion: claim.toVersion,
    rotationId: run.rotationId,
    versions,
    inUse: inUseOf(claim, versions),
    now: new Date(now),
  });
  if ('refuse' in choice) throw new RefusalError(choice.refuse.code, choice.refuse.message);
  if ('use' in choice) {
    const ours = versions.some(({ version, tags }) => version === choice.use && tags['rotationId'] === run.rotationId);
    return { version: choice.use, why: choice.why, ours };
  }
  return create(ports, run, claim, now);
}

/**
 * The version in use, as the plan saw it: the oldest that a hub or DPS stands on. Not that of the first target, which may be a store
 * with a data key older than all of them: the version that is about to expire would count as newer, and be chosen.
 */
function inUseOf({ plan }: Claim, versions: readonly KeyVersion[]): string | null {
  const named = (plan?.targets ?? [])
    .filter(({ kind }) => kind !== 'dataKeys')
    .map(({ previousVersion }) => previousVersion);
  const oldest = versions.filter(({ version }) => named.includes(version)).sort(byCreation)[0];
  return oldest?.version ?? plan?.previousVersion ?? null;
}

async function create(
  ports: RotationPorts,
  run: RunReference,
  claim: Claim,
  now: string,
): Promise<SettledVersion | PolicyWait> {
  const previous = claim.plan?.previousVersion ?? null;
  if (previous === null) throw new BrokenInvariantError('plan', 'The plan names no version to make the next one like.');
  const like = await ports.keyVault.version(kidOf(run.key, previous));
  const policy = await ports.keyVault.rotationPolicy(run.key);
  const wait = policyWait(policy, like, new Date(now));
  if (wait !== null) return wait;
  await record(ports, run, {
    at: now,
    action: 'create-version',
    target: null,
    outcome: 'intended',
    message: `A new version of ${run.key} like ${previous}.`,
    details: { keyType: like.keyType, keySize: like.keySize, policyExpiry: policy?.expiresIn ?? null },
  });
  await fenceOf(ports, run, 'forward')();
  const made = await ports.keyVault.createVersion(run.key, {
    like,
    expiresOn: expiryFrom(policy, new Date(now)),
    // A retry, and our own KeyNewVersionCreated event (I7), recognise the version by this tag.
    tags: { rotationId: run.rotationId },
  });
  return { version: made.version, why: 'made for this rotation', ours: true };
}

/** @throws RefusalError `next-version-unusable`, or what Key Vault refuses to show */
async function readUsable(ports: RotationPorts, kid: string, now: Date): Promise<KeyVersionDetail> {
  const detail = await ports.keyVault.version(kid);
  const faults = usability(detail, now);
  if (faults.length > 0) {
    throw new RefusalError('next-version-unusable', faults.map(({ message }) => message).join(' '));
  }
  await proveRoundTrip(ports, detail, 'next-version-unusable');
  return detail;
}

/**
 * Wraps a random data key with the public key here and has the vault unwrap it: the private half is there and we may use it.
 * @throws RefusalError with the given code when other bytes come back
 */
export async function proveRoundTrip(
  ports: Pick<RotationPorts, 'keyVault'>,
  detail: KeyVersionDetail,
  code: string,
): Promise<void> {
  if (detail.publicKey === null) {
    throw new RefusalError(code, `${detail.kid} is not an RSA key, so it cannot wrap. Use an RSA or RSA-HSM key.`);
  }
  const probe = randomBytes(32);
  const blob = wrapLocally(detail.publicKey, 'RSA-OAEP-256', probe);
  if (!equalBytes(await ports.keyVault.unwrap(detail.kid, 'RSA-OAEP-256', blob), probe)) {
    throw new RefusalError(
      code,
      `The vault unwrapped a test key with ${detail.kid} to other bytes than were wrapped. Do not use this version; ask Azure support.`,
    );
  }
}
