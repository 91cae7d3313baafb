import type { WrappedDataKey } from '../../shared/rotation/ports';
import { decodeBase64url, equalBytes, isWrapAlgorithm } from '../../shared/rotation/wrapping';
import { type Cloud, inForce, kek } from './cloud';

/** An owner who reads all the time: after whatever has an effect, every record of his, as his application would. */
export class Reader {
  reads = 0;
  /** For who plays accidents that explain a failed read: a version that somebody else disabled. */
  suspended = false;
  readonly #cloud: Cloud;
  readonly #failed: (what: string) => void;
  /** What was found unreadable and has been told. */
  readonly #told = new Set<string>();

  constructor(cloud: Cloud, failed: (what: string) => void) {
    this.#cloud = cloud;
    this.#failed = failed;
  }

  /** Hub twins, DPS enrollments and all data keys. */
  readAll(): void {
    // A revocation is there to make reads fail.
    if (this.suspended || this.#cloud.ledger.look(kek).claim?.revocation !== undefined) return;
    for (const service of this.#cloud.services) {
      this.reads += 1;
      const shut = inForce(service).filter((kid) => !this.#isEnabled(kid));
      if (shut.length > 0) this.#tell(`${service.kind} cannot open its data: ${shut.join(', ')} is not enabled`);
    }
    const records = new Map(this.#cloud.store.look().map((record) => [record.id.rowKey, record]));
    for (const { record, dataKey } of this.#cloud.owned) {
      this.reads += 1;
      const present = records.get(record.id.rowKey);
      if (present === undefined) this.#tell(`the data key ${record.id.rowKey} is gone`);
      else if (!this.#opens(present, dataKey))
        this.#tell(`the data key ${record.id.rowKey} does not open with ${present.kid}`);
    }
  }

  /** The blob that stands there opens with the version that the record names. */
  #opens({ kid, alg, blob }: Pick<WrappedDataKey, 'kid' | 'alg' | 'blob'>, dataKey: Uint8Array): boolean {
    const bytes = decodeBase64url(blob);
    if (bytes === null || !isWrapAlgorithm(alg)) return false;
    return this.#cloud.vaults.some((vault) => {
      const opened = vault.opens(kid, alg, bytes);
      return opened !== null && equalBytes(opened, dataKey);
    });
  }

  #isEnabled(kid: string): boolean {
    return this.#cloud.vaults.some((vault) => vault.look().some((each) => each.kid === kid && each.enabled));
  }

  #tell(what: string): void {
    if (this.#told.has(what)) return;
    this.#told.add(what);
    this.#failed(what);
  }
}
