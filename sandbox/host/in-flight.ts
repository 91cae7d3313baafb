/**
 * Counts what is under way, so that whoever moves the clock can tell when the host is idle. `sequence` changes whenever
 * anything starts or finishes: two equal readings with nothing in flight mean that nothing happened in between.
 */
export class InFlight {
  private open = 0;
  private changes = 0;

  /** Notes a start. @returns the function that notes its end; calling it twice counts once. */
  begin(): () => void {
    this.open++;
    this.changes++;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.open--;
      this.changes++;
    };
  }

  /** Notes something that has no duration of its own, such as a message put into a queue. */
  mark(): void {
    this.changes++;
  }

  get count(): number {
    return this.open;
  }

  get sequence(): number {
    return this.changes;
  }
}
