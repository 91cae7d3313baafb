/**
 * What is under way right now: requests being answered, scheduled work being run. The clock may jump only while nothing is.
 *
 * `sequence` changes with every enter and every leave, so that somebody who looks twice sees whether anything happened in between.
 */
export class InFlight {
  count = 0;
  sequence = 0;

  /** Returns the function that leaves again; calling it more than once leaves once. */
  enter(): () => void {
    this.count += 1;
    this.sequence += 1;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.count -= 1;
      this.sequence += 1;
    };
  }
}
