/** Kills the process at a chosen activity, for tests of what survives: nothing runs after the signal. */
export class CrashPlan {
  private armed: { readonly when: 'before' | 'after'; readonly activity: string; left: number } | undefined;

  /** @param nth 1 for the next time the activity gets there */
  arm(when: 'before' | 'after', activity: string, nth: number): void {
    this.armed = { when, activity, left: nth };
  }

  /** Called when an activity is about to start (`before`), or has ended and is not committed yet (`after`). */
  pass(when: 'before' | 'after', activity: string): void {
    if (this.armed?.when !== when || this.armed.activity !== activity) return;
    this.armed.left--;
    if (this.armed.left === 0) process.kill(process.pid, 'SIGKILL');
  }
}
