import type { RunReference } from '../contracts/activities';
import type { Reason } from '../contracts/rotation';
import type { RotationPorts } from './run-ports';
import { managedKey, readHeldClaim, record } from './run-record';

/** Says where each target stands before a run is abandoned. What cannot be read is said to be unknown, and stops nobody. */
export async function recordStanding(
  ports: RotationPorts,
  { run, now }: { readonly run: RunReference; readonly now: string },
): Promise<{ readonly reasons: readonly Reason[] }> {
  const { claim } = await readHeldClaim(ports, run);
  const reasons = await Promise.all(
    managedKey(ports, run.key).targets.map(async ({ kind, name, currentKid }): Promise<Reason> => {
      const kid = await currentKid().catch(() => undefined);
      const stands = kid === undefined ? 'could not be read' : kid === null ? 'names no key' : `stands on ${kid}`;
      return { code: 'stands-on', message: `${kind}/${name} ${stands}.` };
    }),
  );
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
