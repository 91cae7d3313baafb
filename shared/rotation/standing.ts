import type { RunReference } from '../contracts/activities';
import type { Reason } from '../contracts/rotation';
import type { Claim } from './ports';
import type { RotationPorts } from './run-ports';
import { managedKey, readHeldClaim, record } from './run-record';
import { eachSideBySide, readsAtOnce } from './side-by-side';

/** Says where each target stands before a run is abandoned. What cannot be read is said to be unknown, and stops nobody. */
export async function recordStanding(
  ports: RotationPorts,
  { run, now }: { readonly run: RunReference; readonly now: string },
): Promise<{ readonly reasons: readonly Reason[] }> {
  const { claim } = await readHeldClaim(ports, run);
  const { targets } = managedKey(ports, run.key);
  const stand = await eachSideBySide(targets, readsAtOnce, async ({ kind, name, currentKid }): Promise<Reason> => {
    const kid = await currentKid().catch(() => undefined);
    const stands = kid === undefined ? 'could not be read' : kid === null ? 'names no key' : `stands on ${kid}`;
    return { code: 'stands-on', message: `${kind}/${name} ${stands}.` };
  });
  const reasons = [...stand, ...leftBy(claim)];
  await record(ports, run, {
    at: now,
    action: 'abandon',
    target: null,
    outcome: 'noted',
    message: reasons.map(({ message }) => message).join(' '),
    details: { nextVersion: claim.nextVersion, previousVersion: claim.plan?.previousVersion ?? null },
  });
  return { reasons };
}

/** What somebody has to know who thinks that an abandoned run leaves a key as it was. */
function leftBy({ key, revocation, adoptedFrom }: Claim): readonly Reason[] {
  const revoked: readonly Reason[] =
    revocation === undefined
      ? []
      : [
          {
            code: 'revocation-on-record',
            message: `${revocation.versions.join(', ')} of ${key}, revoked at ${revocation.at}, may still be disabled. Start "restore" to give it back.`,
          },
        ];
  if (adoptedFrom === undefined) return revoked;
  const message = `The rotation policy or the expiry of ${key} may have been written; the history has what it had before.`;
  return [...revoked, { code: 'adoption-begun', message }];
}
