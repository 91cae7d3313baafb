import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { shortcomings } from './judgement';
import type { Blow, Order } from './order';
import type { Run } from './runs';
import type { Stage } from './stage';

export interface Played {
  readonly blow: Blow | null;
  /** Where the rotation before it on the same stage was struck. */
  readonly onto: Blow | null;
  /** Whether it was struck: a run that follows one which was disturbed may pass a call less. */
  readonly met: boolean;
  readonly problems: readonly string[];
  readonly milliseconds: number;
}

const LOOK_MILLISECONDS = 100;
const PATIENCE_MILLISECONDS = 300_000;
/** More than a quarter of an hour: the next sweep is due. */
const SWEEP_MINUTES = 16;
/** Sweeps that may be needed until a run that nobody works on is over. */
const MOST_SWEEPS = 12;

/** Plays one run on a stage, with a blow or none, until it is over, and looks at how everything stands. */
export async function playRun(stage: Stage, run: Run, blow: Blow | null): Promise<Played> {
  const began = Date.now();
  const { ground } = stage;
  ground.takeDeaths();
  stage.played.add(run.name);
  const file = stage.passedFile(run.name);
  const order: Order = { run: run.name, file, ...(blow === null ? {} : { at: blow }) };
  await ground.order(order);
  const problems: string[] = [];
  const onto = stage.struck;
  try {
    await run.begin(stage, () => blow === null || existsSync(`${file}.struck`));
    problems.push(...(await untilOver(stage, run)));
    await ground.order({ run: 'between', file: `${file}.between` });
    const struck = existsSync(`${file}.struck`) ? readFileSync(`${file}.struck`, 'utf8').trim().split('\n') : [];
    problems.push(...blowProblems(blow, struck, ground.takeDeaths()));
    problems.push(...(await shortcomings(stage, run, blow)));
    const met = blow === null || struck.length > 0;
    stage.struck = blow;
    return { blow, onto, met, problems, milliseconds: Date.now() - began };
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
    return { blow, onto, met: true, problems, milliseconds: Date.now() - began };
  }
}

/** The points that a run has passed, in their order, by the name of the run that is to be struck there. */
export function passedPoints(stage: Stage, run: Run): readonly string[] {
  const { name } = run.pointsOf ?? run;
  const lines = readFileSync(stage.passedFile(name), 'utf8').trim().split('\n');
  return lines.map((line) => line.replace(/^\w+/, run.name)).filter(run.isPoint ?? isItsOwn);
}

/** Not what is done for the event of the version that the run made itself: it may come at any time, or when all is over. */
const isItsOwn = (point: string): boolean =>
  !point.includes('/keyEvents/') && !/\/admit\/ledger\.update#([2-9]|\d\d)$/.test(point);

/** Nobody does anything but wait: what the run cannot do by itself it does not do. */
async function untilOver(stage: Stage, run: Run): Promise<readonly string[]> {
  const { ground } = stage;
  let late = Date.now() + PATIENCE_MILLISECONDS;
  for (let sweeps = 0; ; ) {
    const alive = await liveInstances(stage);
    if (alive.length > 0) await run.attend?.(stage);
    if (alive.length === 0) {
      if (await run.isOver(stage)) return [];
      if (sweeps === MOST_SWEEPS) return [`the ${run.name} is not over, and nothing works on it: it needs an operator`];
      sweeps += 1;
      await ground.letPass(SWEEP_MINUTES);
      late = Date.now() + PATIENCE_MILLISECONDS;
    } else if (Date.now() > late) {
      return [`${alive.map(({ name, instanceId }) => `${name} ${instanceId}`).join(', ')} does not come to an end`];
    }
    await delay(LOOK_MILLISECONDS);
  }
}

interface Instance {
  readonly name: string;
  readonly instanceId: string;
  readonly runtimeStatus: string;
}

function liveInstances({ ground }: Stage): Promise<readonly Instance[]> {
  const statuses = 'Running,Pending,Suspended';
  return ground.app(`/runtime/webhooks/durabletask/instances?runtimeStatus=${statuses}&showInput=false`);
}

/** What was to happen happened, once, and nothing else ended the app: a point that is not met proves nothing. */
function blowProblems(blow: Blow | null, struck: readonly string[], deaths: number): string[] {
  if (blow !== null && struck.length === 0) return [`${blow.point} was not met, and nothing was struck`];
  const expected = blow === null || blow.how === 'lost' ? 0 : 1;
  if (deaths !== expected) return [`the app ended ${deaths} times, not ${expected}`];
  return struck.length > 1 ? [`it was struck ${struck.length} times`] : [];
}
