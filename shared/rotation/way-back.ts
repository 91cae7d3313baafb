import type { RunReference } from '../contracts/activities';
import type { Evidence } from '../contracts/rotation';
import { BrokenInvariantError } from './errors';
import { proveRoundTrip } from './next-version';
import { holdReplacement } from './replacing';
import type { RotationPorts } from './run-ports';
import { readHeldClaim, record } from './run-record';

interface OnRun {
  readonly run: RunReference;
  readonly now: string;
}

/** Which targets have an undo on record, oldest first: each of them may have moved, whatever became of the answer. */
export async function listUndo(ports: RotationPorts, { run }: OnRun): Promise<{ readonly targets: readonly number[] }> {
  const { undo } = await readHeldClaim(ports, run);
  const oldestFirst = undo.toSorted((a, b) => a.savedAt.localeCompare(b.savedAt) || a.target - b.target);
  return { targets: [...new Set(oldestFirst.map(({ target }) => target))] };
}

/**
 * Before anything goes back (step 7): every version that a target would go back to unwraps now. Going back to a version that
 * does not would lose what is still readable.
 * @throws RefusalError `previous-does-not-unwrap`, `version-disabled`, …
 */
export async function proveWayBack(
  ports: RotationPorts,
  { run, now }: OnRun,
): Promise<{ readonly evidence: readonly Evidence[] }> {
  const { undo, claim } = await readHeldClaim(ports, run);
  await holdReplacement(ports, claim, now);
  const kids = new Set(
    undo.flatMap(({ kid, target }) => {
      const back = kid ?? claim.plan?.targets[target]?.previousKid ?? null;
      return back === null ? [] : [back];
    }),
  );
  if (kids.size === 0 && undo.some(({ kind }) => kind !== 'dataKeys')) {
    throw new BrokenInvariantError('I3', 'The undo on record names no version to go back to.');
  }
  const evidence: Evidence[] = [];
  for (const kid of kids) {
    await proveRoundTrip(ports, await ports.keyVault.version(kid), 'previous-does-not-unwrap');
    evidence.push({ strength: 'data-plane', message: `The vault unwraps with ${kid} now.` });
  }
  await record(ports, run, {
    at: now,
    action: 'prove-way-back',
    target: null,
    outcome: 'done',
    message: evidence.map(({ message }) => message).join(' ') || 'Nothing has to go back.',
    details: { versions: kids.size },
  });
  return { evidence };
}
