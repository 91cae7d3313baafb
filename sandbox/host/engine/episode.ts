import type { FunctionApp } from '../function-app';
import { EventType, type HistoryEvent } from './history';
import { type OrchestratorAnswer, type Outcome, type Replayed, refusedAction } from './protocol';
import { replay } from './replay';

const outOfProcessData = '\n\n$OutOfProcData$:';
/** The extension refuses a custom status whose JSON takes more than 16 KB in UTF-16 (engine behaviour, tried 2026-11). */
const customStatusLimit = 16 * 1024;

/** What one run of an orchestrator function asks for. `customStatus` is JSON; undefined leaves it as it was. */
export interface EpisodeResult extends Replayed {
  readonly customStatus?: string | null;
}

/** An orchestration as its function is to see it: the past as it is stored, and the events of this episode. */
export interface EpisodeInput {
  readonly app: FunctionApp;
  readonly name: string;
  readonly instanceId: string;
  readonly executionId: string;
  readonly past: readonly HistoryEvent[];
  readonly pastJson: readonly string[];
  readonly fresh: readonly HistoryEvent[];
}

/** The string an orchestration trigger receives; names, order and spelling as recorded from the extension. */
export function orchestrationTrigger(episode: Omit<EpisodeInput, 'app' | 'name'>): string {
  const started = [...episode.past, ...episode.fresh].find((event) => event.EventType === EventType.ExecutionStarted);
  const history = [...episode.pastJson, ...episode.fresh.map((event) => JSON.stringify(event))].join(',');
  const rest = JSON.stringify({
    instanceId: episode.instanceId,
    isReplaying: episode.past.length > 0,
    parentInstanceId: started?.ParentInstance?.OrchestrationInstance.InstanceId ?? null,
    upperSchemaVersion: 1,
    upperSchemaVersionNew: 3,
    longRunningTimerIntervalDuration: '3.00:00:00',
    maximumShortTimerDuration: '6.00:00:00',
    defaultHttpAsyncRequestSleepTimeMillseconds: 30000,
  });
  return `{"history":[${history}],"input":${started?.Input ?? 'null'},${rest.slice(1)}`;
}

/** Runs the orchestrator function once over its history and finds out what is new. Never throws for the app's errors. */
export async function runEpisode(episode: EpisodeInput): Promise<EpisodeResult> {
  const { app, name, executionId } = episode;
  if (app.orchestrators.get(name) === undefined) return failed(unknownOrchestrator(app, name));
  const answer = await answerOf(episode);
  if ('broken' in answer) return failed(answer.broken);
  const refused = refusedAction(answer.actions[0] ?? []);
  if (refused !== undefined) {
    return failed(`Orchestrator function '${name}' failed: ${refused} is not supported by this local host.`);
  }
  const customStatus = answer.customStatus === undefined ? null : JSON.stringify(answer.customStatus);
  const size = 2 * (customStatus?.length ?? 0);
  if (size > customStatusLimit) {
    return failed(
      `Orchestrator function '${name}' failed: The UTF-16 size of the JSON-serialized payload must not exceed 16 KB. The current payload is ${Math.round(size / 1024)} KB.`,
    );
  }
  const replayed = replay([...episode.past, ...episode.fresh], executionId, answer);
  const unknown = unknownName(app, replayed);
  if (unknown !== undefined) return { ...failed(unknown), customStatus };
  return { ...replayed, outcome: withFunctionName(replayed.outcome, name), customStatus };
}

function failed(reason: string): EpisodeResult {
  return {
    newWork: [],
    cancelledTimers: [],
    suspended: false,
    outcome: { kind: 'failed', reason },
    customStatus: null,
  };
}

function withFunctionName(outcome: Outcome, name: string): Outcome {
  if (outcome.kind !== 'failed' || outcome.reason.startsWith('Non-Deterministic')) return outcome;
  return { kind: 'failed', reason: `Orchestrator function '${name}' failed: ${outcome.reason}` };
}

async function answerOf(episode: EpisodeInput): Promise<OrchestratorAnswer | { readonly broken: string }> {
  const { app, name, instanceId } = episode;
  try {
    const returned = await app.invoke(name, { string: orchestrationTrigger(episode) }, { instanceId, quiet: true });
    const answer = parseAnswer(returned?.json ?? returned?.string ?? '');
    if (answer !== undefined) return answer;
    return { broken: `Orchestrator function '${name}' failed: it did not answer as durable-functions does.` };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const at = message.indexOf(outOfProcessData);
    const answer = at < 0 ? undefined : parseAnswer(message.slice(at + outOfProcessData.length));
    if (answer === undefined) return { broken: `Orchestrator function '${name}' failed: ${message}` };
    if (answer.error !== undefined && answer.error !== '') return answer;
    return {
      broken: `Orchestrator function '${name}' failed: it threw something that is not an Error, or an Error without a message. The real extension would hang this instance in Running.`,
    };
  }
}

function parseAnswer(json: string): OrchestratorAnswer | undefined {
  try {
    const answer = JSON.parse(json) as OrchestratorAnswer;
    return Array.isArray(answer.actions) ? answer : undefined;
  } catch {
    return undefined;
  }
}

const unknownOrchestrator = (app: FunctionApp, name: string): string =>
  `The function '${name}' doesn't exist, is disabled, or is not an orchestrator function. The following are the known orchestrator functions: ${[...app.orchestrators.keys()].map((known) => `'${known}'`).join(', ')}.`;

/** Where the extension would wait for ever for a function nobody registered, this host fails the instance. */
function unknownName(app: FunctionApp, replayed: Replayed): string | undefined {
  for (const work of replayed.newWork) {
    if (work.kind === 'timer') continue;
    const known = work.kind === 'activity' ? app.activities : app.orchestrators;
    if (known.has(work.name)) continue;
    const kind = work.kind === 'activity' ? 'activity' : 'sub-orchestrator';
    return `The ${kind} function '${work.name}' is not registered. The real extension would hang this instance in Running without an error.`;
  }
  return undefined;
}
