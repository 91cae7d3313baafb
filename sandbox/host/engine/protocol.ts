/** The answer of an orchestrator function on the wire, and what replay makes of it. */

/** An action of the "OrchestratorShim" protocol, schema version 3. */
export interface Action {
  readonly actionType: number;
  readonly functionName?: string;
  readonly input?: unknown;
  readonly instanceId?: string;
  readonly fireAt?: string;
  readonly isCanceled?: boolean;
  readonly externalEventName?: string;
  readonly retryOptions?: RetryOptions;
  readonly compoundActions?: readonly Action[];
}

export interface RetryOptions {
  readonly firstRetryIntervalInMilliseconds: number;
  readonly maxNumberOfAttempts: number;
  readonly backoffCoefficient?: number;
  readonly maxRetryIntervalInMilliseconds?: number;
  readonly retryTimeoutInMilliseconds?: number;
}

/** What an orchestrator function answered. `error` is set if it threw. */
export interface OrchestratorAnswer {
  readonly isDone: boolean;
  readonly actions: readonly (readonly Action[])[];
  readonly output?: unknown;
  readonly customStatus?: unknown;
  readonly error?: string;
}

export type NewWork =
  | { readonly kind: 'activity'; readonly id: number; readonly name: string; readonly input: unknown }
  | { readonly kind: 'timer'; readonly id: number; readonly fireAt: number }
  | {
      readonly kind: 'subOrchestration';
      readonly id: number;
      readonly name: string;
      readonly instanceId: string;
      readonly input: unknown;
    };

export interface CarriedEvent {
  readonly name: string;
  readonly input: string;
}

export type Outcome =
  | { readonly kind: 'running' }
  | { readonly kind: 'completed'; readonly output: unknown }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'continuedAsNew'; readonly input: unknown; readonly carried: readonly CarriedEvent[] };

export interface Replayed {
  readonly newWork: readonly NewWork[];
  /** Timers the orchestrator has cancelled, new or old: they still fire, as in Azure, and mean nothing any more. */
  readonly cancelledTimers: readonly number[];
  readonly suspended: boolean;
  readonly outcome: Outcome;
}

const refusedActions: Readonly<Record<number, string>> = {
  7: 'callEntity',
  8: 'callHttp',
  9: 'signalEntity',
  10: 'signalEntity',
  13: 'df.lock',
  14: 'df.lock (release)',
};

/** Names the first action this host refuses to run, or undefined. */
export function refusedAction(actions: readonly Action[]): string | undefined {
  for (const action of actions) {
    const name = refusedActions[action.actionType] ?? refusedAction(action.compoundActions ?? []);
    if (name !== undefined) return name;
    if (action.actionType > 14) return `action type ${action.actionType}`;
  }
  return undefined;
}
