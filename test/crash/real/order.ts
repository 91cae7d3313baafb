/** Where a run is struck, and how: the process ends before or after the call, or the call is made and its answer lost. */
export interface Blow {
  /** `run/function/port.method#occurrence`; occurrences count from 1 within one function and method over the whole run. */
  readonly point: string;
  readonly how: 'before' | 'after' | 'lost';
}

/** What the app is to do to itself; nothing stands after its next start. */
export interface Order {
  /** Begins the id of every point. */
  readonly run: string;
  readonly at?: Blow;
  /** Gets a line for each point that is passed; the point that was struck is in the one beside it, `.struck`. */
  readonly file: string;
}
