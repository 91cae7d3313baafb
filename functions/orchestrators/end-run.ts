import type { Phase, Reason } from '../../shared/contracts/rotation';
import { enter, type RunContext, type Story, StoryEnd, tellEnd } from '../durable';

/** How an instance ended; kept small, because the history and the ledger hold the whole. */
export interface Ending {
  readonly rotationId: string;
  readonly phase: Phase | null;
  readonly message: string;
}

/**
 * A phase in which the run ends, then the message about it; `skipped` and `refused` changed nothing: of the first nobody is told, of the other by the phase's own step where nobody had asked by hand.
 * @param alert what completion is called for this run
 */
export function* finish(
  on: RunContext,
  phase: Phase,
  reasons: readonly Reason[],
  alert: 'completed' | 'adopted' | 'replaced' | 'revoked' | 'restored' = 'completed',
): Story<Ending> {
  yield* enter(on, phase, reasons);
  if (phase === 'completed') yield* tellEnd(on, alert, reasons);
  if (phase === 'rolled-back' || phase === 'needs-attention') yield* tellEnd(on, phase, reasons);
  return { rotationId: on.run.rotationId, phase, message: reasons[0]?.message ?? `The rotation is ${phase}.` };
}

/**
 * Whatever ended the story early: a newer instance goes on without us; the rest needs a person, or refuses what has not begun.
 * @param obey what a command asks for that was accepted just before the end came on record: nobody else would hear of it
 */
export function* endOtherwise(
  on: RunContext,
  error: unknown,
  phase: 'refused' | 'needs-attention',
  obey?: (command: Reason) => Story<Ending>,
): Story<Ending> {
  const end = error instanceof StoryEnd ? error : unexpected;
  if (end.kind === 'superseded') return quietly(on, end);
  try {
    return yield* finish(on, end.kind === 'broken' ? 'needs-attention' : phase, [end.reason]);
  } catch (again) {
    if (!(again instanceof StoryEnd)) throw again;
    if (again.kind === 'superseded') return quietly(on, again);
    if (again.kind === 'interrupted' && obey !== undefined) return yield* obey(again.reason);
    throw again;
  }
}

/** After the first change: a refusal, or a person's word, takes it back; a fault never comes here, and the rest needs a person. */
export function* goBackOrEnd(on: RunContext, error: unknown, goBack: (reason: Reason) => Story<Ending>): Story<Ending> {
  if (error instanceof StoryEnd && ['refusal', 'interrupted'].includes(error.kind)) return yield* goBack(error.reason);
  return yield* endOtherwise(on, error, 'needs-attention', goBack);
}

const quietly = (on: RunContext, { reason }: StoryEnd): Ending => ({
  rotationId: on.run.rotationId,
  phase: null,
  message: reason.message,
});

const unexpected = new StoryEnd('failed', {
  code: 'orchestrator-failed',
  message: "The rotation met an error nobody foresaw; the host's log has it.",
});
