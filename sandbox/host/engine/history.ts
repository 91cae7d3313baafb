/**
 * History events as the Durable extension (3.14.1, recorded) hands them to durable-functions 3.5.0: names, order of
 * fields and nulls are those of the recording in test/golden/durable-wire.
 */
export const EventType = {
  ExecutionStarted: 0,
  ExecutionCompleted: 1,
  ExecutionTerminated: 3,
  TaskScheduled: 4,
  TaskCompleted: 5,
  TaskFailed: 6,
  SubOrchestrationCreated: 7,
  SubOrchestrationCompleted: 8,
  SubOrchestrationFailed: 9,
  TimerCreated: 10,
  TimerFired: 11,
  OrchestratorStarted: 12,
  OrchestratorCompleted: 13,
  EventSent: 14,
  EventRaised: 15,
  ExecutionSuspended: 19,
  ExecutionResumed: 20,
} as const;

/** The names under which the status API shows them. */
export const eventTypeNames: Readonly<Record<number, string>> = {
  0: 'ExecutionStarted',
  1: 'ExecutionCompleted',
  3: 'ExecutionTerminated',
  4: 'TaskScheduled',
  5: 'TaskCompleted',
  6: 'TaskFailed',
  7: 'SubOrchestrationInstanceCreated',
  8: 'SubOrchestrationInstanceCompleted',
  9: 'SubOrchestrationInstanceFailed',
  10: 'TimerCreated',
  11: 'TimerFired',
  12: 'OrchestratorStarted',
  13: 'OrchestratorCompleted',
  14: 'EventSent',
  15: 'EventRaised',
  19: 'ExecutionSuspended',
  20: 'ExecutionResumed',
};

export interface ParentInstance {
  readonly Name: string;
  readonly OrchestrationInstance: { readonly InstanceId: string; readonly ExecutionId: string };
  readonly TaskScheduleId: number;
  readonly Version: null;
}

/** One event; which fields there are depends on `EventType`. `Input` and `Result` are JSON in a string. */
export interface HistoryEvent {
  readonly EventType: number;
  readonly EventId: number;
  readonly IsPlayed: boolean;
  readonly Timestamp: string;
  readonly OrchestrationInstance?: { readonly InstanceId: string; readonly ExecutionId: string };
  readonly ParentInstance?: ParentInstance | null;
  readonly Name?: string;
  readonly Input?: string | null;
  readonly Result?: string | null;
  readonly Reason?: string | null;
  readonly Details?: string | null;
  readonly InstanceId?: string;
  readonly TaskScheduledId?: number;
  readonly TimerId?: number;
  readonly FireAt?: string;
  readonly OrchestrationStatus?: string;
}

const playedOnceOld: ReadonlySet<number> = new Set([
  EventType.ExecutionStarted,
  EventType.TaskCompleted,
  EventType.TaskFailed,
  EventType.SubOrchestrationCompleted,
  EventType.SubOrchestrationFailed,
  EventType.TimerFired,
  EventType.EventRaised,
  EventType.ExecutionSuspended,
  EventType.ExecutionResumed,
]);

/** The event as the next episode sees it: completions count as played, the orchestrator's own decisions never do. */
export function asPlayed(event: HistoryEvent): HistoryEvent {
  return playedOnceOld.has(event.EventType) ? { ...event, IsPlayed: true } : event;
}

const iso = (milliseconds: number): string => new Date(milliseconds).toISOString();

const decision = (id: number, at: number) => ({ EventId: id, IsPlayed: false, Timestamp: iso(at) });
const message = (at: number) => decision(-1, at);

/** What an `ExecutionStarted` event is made of. */
export interface ExecutionStart {
  readonly instanceId: string;
  readonly executionId: string;
  readonly name: string;
  readonly input: string | null;
  readonly parent: ParentInstance | null;
  readonly generation: number | null;
}

export const executionStarted = (start: ExecutionStart, at: number): HistoryEvent =>
  ({
    OrchestrationInstance: { InstanceId: start.instanceId, ExecutionId: start.executionId },
    EventType: EventType.ExecutionStarted,
    ParentInstance: start.parent,
    Name: start.name,
    Version: null,
    Input: start.input,
    Tags: null,
    Correlation: null,
    ParentTraceContext: null,
    ScheduledStartTime: null,
    Generation: start.generation,
    GenerateNewTrace: false,
    ...message(at),
  }) as HistoryEvent;

export const orchestratorStarted = (at: number): HistoryEvent => ({
  EventType: EventType.OrchestratorStarted,
  ...message(at),
});

export const orchestratorCompleted = (at: number): HistoryEvent => ({
  EventType: EventType.OrchestratorCompleted,
  ...message(at),
});

export const taskScheduled = (id: number, name: string, at: number): HistoryEvent =>
  ({
    EventType: EventType.TaskScheduled,
    Name: name,
    Version: '',
    Input: null,
    ParentTraceContext: null,
    Tags: null,
    ...decision(id, at),
  }) as HistoryEvent;

export const taskCompleted = (taskId: number, result: string, at: number): HistoryEvent => ({
  EventType: EventType.TaskCompleted,
  TaskScheduledId: taskId,
  Result: result,
  ...message(at),
});

export const taskFailed = (taskId: number, reason: string, details: string, at: number): HistoryEvent =>
  ({
    EventType: EventType.TaskFailed,
    TaskScheduledId: taskId,
    Reason: reason,
    Details: details,
    FailureDetails: null,
    ...message(at),
  }) as HistoryEvent;

export const subOrchestrationCreated = (id: number, name: string, instanceId: string, at: number): HistoryEvent =>
  ({
    EventType: EventType.SubOrchestrationCreated,
    Name: name,
    Version: null,
    InstanceId: instanceId,
    Input: null,
    ClientSpanId: null,
    Tags: null,
    ...decision(id, at),
  }) as HistoryEvent;

export const subOrchestrationCompleted = (taskId: number, result: string, at: number): HistoryEvent => ({
  EventType: EventType.SubOrchestrationCompleted,
  TaskScheduledId: taskId,
  Result: result,
  ...message(at),
});

export const subOrchestrationFailed = (taskId: number, reason: string, details: string, at: number): HistoryEvent =>
  ({
    EventType: EventType.SubOrchestrationFailed,
    TaskScheduledId: taskId,
    Reason: reason,
    Details: details,
    FailureDetails: null,
    ...message(at),
  }) as HistoryEvent;

export const timerCreated = (id: number, fireAt: number, at: number): HistoryEvent => ({
  EventType: EventType.TimerCreated,
  FireAt: iso(fireAt),
  ...decision(id, at),
});

export const timerFired = (timerId: number, fireAt: number, at: number): HistoryEvent => ({
  EventType: EventType.TimerFired,
  TimerId: timerId,
  FireAt: iso(fireAt),
  ...message(at),
});

export const eventRaised = (name: string, input: string, at: number): HistoryEvent =>
  ({
    EventType: EventType.EventRaised,
    Name: name,
    Input: input,
    ParentTraceContext: null,
    ...message(at),
  }) as HistoryEvent;

/** `kind` is one of ExecutionSuspended, ExecutionResumed and ExecutionTerminated. */
export const control = (kind: 3 | 19 | 20, reason: string | null, at: number): HistoryEvent => ({
  EventType: kind,
  Reason: reason,
  ...message(at),
});

export const executionCompleted = (status: string, result: string | null, at: number): HistoryEvent =>
  ({
    EventType: EventType.ExecutionCompleted,
    OrchestrationStatus: status,
    Result: result,
    FailureDetails: null,
    ...message(at),
  }) as HistoryEvent;
