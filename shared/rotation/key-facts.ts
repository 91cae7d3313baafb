import type { KeyVersion, LedgerState, RotationPolicy } from './ports';
import type { RotationPorts } from './run-ports';
import { managedKey } from './run-record';
import { readsAtOnce, settledSideBySide } from './side-by-side';

/**
 * What a sweep reads of one KEK, each thing once and only when it is asked for: two reads of the vault (the list of versions, a read more for
 * each further 25 of them, and the policy), one of each target.
 */
export interface KeyFacts {
  /** Read before anything else, so that what changed meanwhile can be told. */
  state(): Promise<LedgerState>;
  versions(): Promise<readonly KeyVersion[]>;
  /** Null also for a key that is not there. */
  policy(): Promise<RotationPolicy | null>;
  /** The identifiers that each target names, in the order of the configuration; one that cannot be read does not hide the others. */
  references(): Promise<readonly PromiseSettledResult<readonly string[]>[]>;
}

export function readFacts(ports: RotationPorts, key: string): KeyFacts {
  const state = once(() => ports.ledger.read(key));
  const versions = once(() => ports.keyVault.versions(key));
  return {
    state,
    versions,
    policy: once(async () => ((await versions()).length === 0 ? null : ports.keyVault.rotationPolicy(key))),
    references: once(async () => {
      const { targets } = managedKey(ports, key);
      await state();
      return settledSideBySide(targets, readsAtOnce, (target) => target.references());
    }),
  };
}

function once<T>(read: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  return () => {
    answer ??= read();
    return answer;
  };
}
