import type { DatabaseSync } from 'node:sqlite';
import { Store } from '../../../sandbox/host/engine/store';

/** Where the host dies: before a transaction is on disk, or after it and before anything else. */
export interface CrashPoint {
  readonly commit: number;
  readonly when: 'before' | 'after';
}

/** What ends a life of the host in the test's own process. */
export class Crash extends Error {}

/** One step of a transaction's way to disk is where the host may die. */
export class MortalStore extends Store {
  private readonly passing: (when: CrashPoint['when']) => void;

  constructor(directory: string, passing: (when: CrashPoint['when']) => void) {
    super(directory);
    this.passing = passing;
  }

  override flush(): void {
    if (this.written === undefined) return;
    this.passing('before');
    super.flush();
    this.passing('after');
  }

  /** As the end of the process leaves it: what was not committed is gone. */
  die(): void {
    (this as unknown as { database: DatabaseSync }).database.close();
  }
}
