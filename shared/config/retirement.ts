import type { RunPolicy } from '../contracts/activities';
import type { RetirementPolicy } from '../rotation/run-ports';
import type { Problems } from './problems';
import type { PolicyEntry } from './rotation-file';

/** A week without a use, or as long as a key cache may live where that is longer. */
const quietSeconds = 7 * 86_400;

/** On what the old versions of one key are retired. What a key does not say, member by member, the defaults do. */
export function readRetirementPolicy(
  where: string,
  [entry, defaults]: readonly [PolicyEntry, PolicyEntry],
  { policy: { watchSeconds }, hasLog }: { readonly policy: RunPolicy; readonly hasLog: boolean },
  problems: Problems,
): RetirementPolicy {
  const evidence = entry.retirementEvidence ?? defaults.retirementEvidence ?? 'control-plane';
  const quiet = entry.quiet ?? defaults.quiet ?? Math.max(quietSeconds, watchSeconds);
  const keep = entry.keepVersions ?? defaults.keepVersions ?? {};
  if (evidence === 'vault-log' && !hasLog) {
    const whatToDo =
      'set KEYTURN_LOG_WORKSPACE_ID, or "retirementEvidence": "control-plane"; else no version would ever be retired';
    problems.add(where, '"retirementEvidence" asks for a log that is not configured', whatToDo);
  }
  if (quiet < watchSeconds) {
    const whatToDo = `give at least ${watchSeconds} seconds, as "watch": who lives on a cached key does not show in less`;
    problems.add(where, '"quiet" is shorter than a key cache may live', whatToDo);
  }
  return { evidence, quietSeconds: quiet, keep: { count: keep.count ?? 0, ageSeconds: keep.age ?? 0 } };
}
