import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { EventType, type HistoryEvent } from '../../sandbox/host/engine/history';
import { replay } from '../../sandbox/host/engine/replay';
import { type Action, answerOf, type Orchestrator, type OrchestratorAnswer, orchestrators } from './executor';
import { type Play, play } from './harness';

const folder = join(process.cwd(), 'test/golden/histories');

/** History of one finished execution, as it lies in a task hub, and what it came to: an output, or the input of the next. */
export interface Recorded {
  readonly orchestrator: string;
  readonly history: readonly HistoryEvent[];
  readonly output?: unknown;
  readonly goesOn?: unknown;
}

/** Names of all recordings that are kept, those of stories that are no longer played among them. */
export const recordedNames = (): readonly string[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.replace(/\.json$/, ''))
    .toSorted();

export const recordingOf = (name: string): Recorded =>
  JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as Recorded;

/** Plays a road and keeps the history of each of its executions. What is kept already stays as it is. */
export async function record(name: string, road: Play): Promise<void> {
  const { history, output, leftBehind } = await play(road);
  const orchestrator = road.orchestrator ?? 'rotateKey';
  const keep = (execution: string, what: Omit<Recorded, 'orchestrator'>) =>
    writeFileSync(join(folder, `${execution}.json`), `${JSON.stringify({ orchestrator, ...what })}\n`, { flag: 'wx' });
  for (const [index, { goesOn, history: earlier }] of leftBehind.entries())
    keep(`${name}.${index + 1}`, { goesOn, history: earlier });
  keep(name, { output, history });
}

/**
 * Replays a recording with the code of today, as Azure does with the runs that are in flight when a new release is deployed.
 * @param story instead of the one that is registered
 * @throws Error that names the first step or timer that differs, and says how to make the change safe
 */
export async function replayRecorded(name: string, recorded: Recorded, story?: Orchestrator): Promise<void> {
  const { orchestrator } = recorded;
  if (!(orchestrator in orchestrators)) throw new Error(notRegistered(name, orchestrator));
  const difference = await firstDifference(recorded, story).catch((error: Error) => error.message);
  if (difference !== null) throw new Error(howToChange(name, orchestrator, difference));
}

async function firstDifference(recorded: Recorded, story: Orchestrator | undefined): Promise<string | null> {
  const { history, output, goesOn } = recorded;
  const execution = { id: 'root', executionId: 'recorded', name: recorded.orchestrator, past: [...history] };
  const answer = await answerOf(execution, [], story);
  const { outcome, newWork } = replay(history, 'recorded', answer);
  if (outcome.kind === 'failed') return outcome.reason;
  const timer = firstOtherTimer(history, answer);
  if (timer !== null) return timer;
  if (newWork.length > 0) return `It would go on with ${JSON.stringify(newWork)}.`;
  const came =
    outcome.kind === 'continuedAsNew'
      ? { goesOn: outcome.input }
      : { output: outcome.kind === 'completed' ? outcome.output : undefined };
  const should = 'goesOn' in recorded ? { goesOn } : { output };
  if (outcome.kind !== 'running' && isDeepStrictEqual(came, should)) return null;
  return `It would be ${outcome.kind} with ${JSON.stringify(came)} instead of ${JSON.stringify(should)}.`;
}

/** Azure compares a timer's place and not its instant: a run in flight would sleep by the old one and count by the new. */
function firstOtherTimer(history: readonly HistoryEvent[], { actions }: OrchestratorAnswer): string | null {
  const set = history.filter(({ EventType: type }) => type === EventType.TimerCreated);
  const asked = actions.flat().flatMap(timersOf);
  for (const [index, { FireAt = '' }] of set.entries()) {
    const today = asked[index];
    if (today !== undefined && Date.parse(today) !== Date.parse(FireAt))
      return `Its timer ${index + 1} was set to ${FireAt}, and would be set to ${today}.`;
  }
  return null;
}

const createTimer = 5;
const timersOf = ({ actionType, fireAt = '', compoundActions = [] }: Action): readonly string[] =>
  actionType === createTimer ? [fireAt] : compoundActions.flatMap(timersOf);

const nextName = (orchestrator: string): string => {
  const [, stem = orchestrator, number = '1'] = /^(.*?)(\d*)$/.exec(orchestrator) ?? [];
  return `${stem}${Number(number || '1') + 1}`;
};

/** What a person has to do who has changed an orchestrator. */
function howToChange(name: string, orchestrator: string, difference: string): string {
  const next = nextName(orchestrator);
  return [
    `${orchestrator} no longer takes the road of its recorded run "${name}". ${difference}`,
    'A run in flight replays its history with the code that is deployed, and would fail or go astray there. So:',
    `1. Leave the story that is registered as "${orchestrator}" as it was, until no run of it lives.`,
    `2. Register the changed one under a new name ("${next}"), and start new runs under that.`,
    '3. Keep this recording as it is, and record the new story beside it:',
    `   RECORD_HISTORIES=1 npm test -- recorded-histories`,
    `4. When no run of "${orchestrator}" lives any more, delete the story and its recordings together.`,
    'CONTRIBUTING.md says more under "Changing an orchestrator".',
  ].join('\n');
}

const notRegistered = (name: string, orchestrator: string): string =>
  [
    `The recorded run "${name}" is one of "${orchestrator}", which is registered no longer: a run of it in flight would fail.`,
    `Register it again; or, once no run of "${orchestrator}" lives in any task hub, delete its recordings too.`,
  ].join('\n');
