import { isDeepStrictEqual } from 'node:util';
import type { OrchestrationContext, Story } from '../../functions/durable';
import { adoptKey } from '../../functions/orchestrators/adopt-key';
import { moveDataKeys, moveDataKeysName } from '../../functions/orchestrators/move-data-keys';
import { restoreKey } from '../../functions/orchestrators/restore-key';
import { retireVersion } from '../../functions/orchestrators/retire-version';
import { revokeKey } from '../../functions/orchestrators/revoke-key';
import { rotateKey } from '../../functions/orchestrators/rotate-key';
import { orchestrationTrigger } from '../../sandbox/host/engine/episode';
import type * as events from '../../sandbox/host/engine/history';
import { replay } from '../../sandbox/host/engine/replay';

type Orchestrator = (context: OrchestrationContext) => Story<unknown>;
export type OrchestratorAnswer = Parameters<typeof replay>[2];
export type Action = OrchestratorAnswer['actions'][number][number];

interface Executor {
  handle(trigger: object, context: object): Promise<OrchestratorAnswer>;
}
const library = require('durable-functions/lib/src/orchestrations/Orchestrator') as {
  Orchestrator: new (story: Orchestrator) => Executor;
};

export const orchestrators: Readonly<Record<string, Orchestrator>> = {
  rotateKey,
  adoptKey,
  restoreKey,
  retireVersion,
  revokeKey,
  [moveDataKeysName]: moveDataKeys,
};

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

/**
 * Replays a finished history with today's code, as Azure does with the runs that are in flight when a new version is deployed.
 * @throws Error naming the first step that the code would do otherwise
 */
export async function replayFinished(
  name: string,
  history: readonly events.HistoryEvent[],
  story?: Orchestrator,
): Promise<unknown> {
  const answer = await answerOf({ id: 'root', executionId: 'recorded', name, past: [...history] }, [], story);
  const { outcome, newWork } = replay(history, 'recorded', answer);
  if (outcome.kind === 'failed') throw new Error(outcome.reason);
  if (newWork.length > 0) throw new Error(`The code would go on with ${JSON.stringify(newWork)}`);
  if (outcome.kind !== 'completed') throw new Error(`The recorded run would be ${outcome.kind}.`);
  return outcome.output;
}
