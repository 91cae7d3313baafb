import { type Outcome, ok } from '../contracts/outcome';
import {
  BrokenInvariantError,
  ConflictError,
  FaultError,
  InterruptedError,
  PreconditionError,
  RefusalError,
  SupersededError,
} from './errors';

/**
 * Runs one activity's work and tells its end as a value. What is not one of ours is thrown on: the orchestrator counts such
 * failures, because a bug does not heal.
 */
export async function toOutcome<T>(work: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return ok(await work());
  } catch (error) {
    return outcomeOf(error);
  }
}

function outcomeOf(error: unknown): Exclude<Outcome<never>, { kind: 'ok' }> {
  if (error instanceof RefusalError) return { kind: 'refusal', code: error.code, message: error.message };
  if (error instanceof FaultError) {
    const { code, message, retryAfterSeconds } = error;
    return { kind: 'fault', code, message, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
  }
  if (error instanceof BrokenInvariantError) return { kind: 'broken', code: error.code, message: error.message };
  if (error instanceof InterruptedError) return { kind: 'interrupted', command: error.command, message: error.message };
  if (error instanceof SupersededError) return { kind: 'superseded', message: error.message };
  // Lost a race: nothing was written, so reading again and deciding again is all it takes.
  if (error instanceof ConflictError || error instanceof PreconditionError) {
    return { kind: 'fault', code: 'conflict', message: error.message, retryAfterSeconds: 1 };
  }
  throw error;
}
