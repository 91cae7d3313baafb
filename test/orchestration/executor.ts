import { isDeepStrictEqual } from 'node:util';
import { app } from 'durable-functions';
import type { OrchestrationContext, Story } from '../../functions/durable';
import { registerOrchestrations } from '../../functions/orchestrators';
import { orchestrationTrigger } from '../../sandbox/host/engine/episode';
import type * as events from '../../sandbox/host/engine/history';
import type { replay } from '../../sandbox/host/engine/replay';

export type Orchestrator = (context: OrchestrationContext) => Story<unknown>;
export type OrchestratorAnswer = Parameters<typeof replay>[2];
export type Action = OrchestratorAnswer['actions'][number][number];

interface Executor {
  handle(trigger: object, context: object): Promise<OrchestratorAnswer>;
}
const library = require('durable-functions/lib/src/orchestrations/Orchestrator') as {
  Orchestrator: new (story: Orchestrator) => Executor;
};

/** What the app registers, under the names by which it does. */
export const orchestrators: Readonly<Record<string, Orchestrator>> = registeredStories();

function registeredStories(): Readonly<Record<string, Orchestrator>> {
  const stories: Record<string, Orchestrator> = {};
  const { orchestration } = app;
  const keep = (name: string, story: Orchestrator) => {
    stories[name] = story;
  };
  Object.assign(app, { orchestration: keep });
  try {
    registerOrchestrations();
  } finally {
    Object.assign(app, { orchestration });
  }
  return stories;
}

/** One execution of an instance, as the library is handed it. */
interface Execution {
  readonly id: string;
  readonly executionId: string;
  readonly name: string;
  readonly past: readonly events.HistoryEvent[];
  /** The same, as it is stored; made from it where it is not kept. */
  readonly pastJson?: readonly string[];
}

function refuseOddInputs({ functionName, input, compoundActions = [] }: Action): void {
  if (functionName !== undefined) refuseUnlessPlainObject(functionName, input);
  for (const action of compoundActions) refuseOddInputs(action);
}

/** The extension turns booleans into strings and null into undefined when they are the whole input. */
function refuseUnlessPlainObject(name: string, input: unknown): void {
  const isPlain = input !== null && typeof input === 'object' && Object.getPrototypeOf(input) === Object.prototype;
  if (!isPlain) throw new Error(`${name} is handed something other than a plain object: ${JSON.stringify(input)}`);
  const arrives = JSON.parse(JSON.stringify(input));
  if (!isDeepStrictEqual(arrives, input)) throw new Error(`What ${name} is handed does not survive JSON.`);
}

/** Lets the library run the orchestrator over the whole history. */
export async function answerOf(
  instance: Execution,
  fresh: readonly events.HistoryEvent[],
  story = orchestrators[instance.name],
): Promise<OrchestratorAnswer> {
  if (story === undefined) throw new Error(`There is no orchestrator '${instance.name}'.`);
  const { past, executionId } = instance;
  const pastJson = instance.pastJson ?? past.map((event) => JSON.stringify(event));
  const trigger = orchestrationTrigger({ instanceId: instance.id, executionId, past, pastJson, fresh });
  try {
    const answer = await new library.Orchestrator(story).handle(JSON.parse(trigger), {});
    for (const action of answer.actions.flat()) refuseOddInputs(action);
    return JSON.parse(JSON.stringify(answer)) as OrchestratorAnswer;
  } catch (error) {
    const [, data] = (error instanceof Error ? error.message : '').split('$OutOfProcData$:');
    if (data === undefined) throw error;
    return JSON.parse(data) as OrchestratorAnswer;
  }
}
