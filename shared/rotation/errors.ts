/** Thrown by ports and rules inside one activity; `toOutcome` turns each into the value that the orchestrator is told. */

/** May heal by itself. `retryAfterSeconds` as the service asked. */
export class FaultError extends Error {
  override readonly name = 'FaultError';
  readonly code: string;
  readonly retryAfterSeconds: number | undefined;
  constructor(
    code: string,
    message: string,
    options: { retryAfterSeconds?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** Will not heal by itself. */
export class RefusalError extends Error {
  override readonly name = 'RefusalError';
  readonly code: string;
  constructor(code: string, message: string, options: { cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.code = code;
  }
}

/** Will not heal, and concerns one data key alone: what is told of it says nothing of the others, which go on. */
export class BadDataKeyError extends RefusalError {}

/** Somebody wrote in between (412, or an insert that found a row): read again and decide again. */
export class ConflictError extends Error {
  override readonly name = 'ConflictError';
}

/** ARM's 412: the resource changed since it was read. */
export class PreconditionError extends Error {
  override readonly name = 'PreconditionError';
}

/** An invariant does not hold; `code` names it, e.g. `I1`. */
export class BrokenInvariantError extends Error {
  override readonly name = 'BrokenInvariantError';
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** A command on record must be obeyed before the next mutation. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
  readonly command: 'rollback' | 'cancel' | 'pause' | 'stop';
  constructor(command: 'rollback' | 'cancel' | 'pause' | 'stop', message: string) {
    super(message);
    this.command = command;
  }
}

/** The claim is held by somebody else or by a newer generation. */
export class SupersededError extends Error {
  override readonly name = 'SupersededError';
}
