/**
 * What an activity tells the orchestrator. Faults and refusals are values, never thrown: the Durable extension retries
 * every thrown error alike and offers no predicate.
 */
export type Outcome<T> = Ok<T> | Refusal | Fault | Broken | Interrupted | Superseded;

export interface Ok<T> {
  readonly kind: 'ok';
  readonly value: T;
}

/** Will not heal by itself: before the first change the run is refused, after it everything goes back. */
export interface Refusal {
  readonly kind: 'refusal';
  readonly code: string;
  readonly message: string;
}

/** May heal by itself (429, 5xx, time-out, sign-in, storage): it is waited for, until a deadline. */
export interface Fault {
  readonly kind: 'fault';
  readonly code: string;
  readonly message: string;
  /** Seconds the service asked us to wait; absent if it did not say. */
  readonly retryAfterSeconds?: number;
}

/** An invariant does not hold: nobody but a person should go on. */
export interface Broken {
  readonly kind: 'broken';
  readonly code: string;
  readonly message: string;
}

/** The ledger holds a command that must be obeyed before any further mutation. */
export interface Interrupted {
  readonly kind: 'interrupted';
  /** `stop` is the stop switch; it and `pause` are waited out, the others change the way. */
  readonly command: 'rollback' | 'cancel' | 'pause' | 'stop';
  readonly message: string;
}

/** A newer generation holds the claim: this instance must end without another word. */
export interface Superseded {
  readonly kind: 'superseded';
  readonly message: string;
}

export const ok = <T>(value: T): Ok<T> => ({ kind: 'ok', value });
