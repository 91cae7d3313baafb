import type { ChosenMode } from '../../../sandbox/run/modes';
import { withModes } from '../../../sandbox/run/modes';
import type { ReadCounts } from '../../../sandbox/run/readers';
import { castOf, seedOf } from './cast';
import { Ground } from './ground';
import { lateAlertProblems } from './judgement';
import type { Blow } from './order';
import { type Played, passedPoints, playRun } from './play';
import { type Run, rotation, runs } from './runs';
import { Stage } from './stage';

const KEYS = 24;

export interface Result extends Played {
  readonly run: Run['name'];
}

/** What a matrix has come to. */
export interface Tally {
  readonly results: readonly Result[];
  readonly reads: ReadCounts;
  /** What was found only when all had been played, such as an alert that came late and should not have come. */
  readonly late: readonly string[];
  /** Folders with the logs of grounds on which something was found. */
  readonly kept: readonly string[];
}

export interface Wanted {
  readonly runs: readonly Run[];
  /** Which of the points that a run passes are played, in which ways. */
  readonly choose: (run: Run, points: readonly string[]) => readonly Blow[];
  readonly modes?: readonly ChosenMode[];
  /** KEKs of one local cloud; when all have been played on, another one is brought up. */
  readonly keys?: number;
  /** Told of each play as it ends. */
  readonly told?: (result: Result) => void;
}

/**
 * Plays each wanted run once without a blow, which says what its points are, and then once for each blow that is chosen. A run that follows
 * a rotation is played on the stage of one that was struck itself, so that two blows cost one stage.
 */
export async function playMatrix({
  runs: wanted,
  choose,
  modes = [],
  keys = KEYS,
  told = () => {},
}: Wanted): Promise<Tally> {
  const grounds = new Grounds(modes, keys);
  const results: Result[] = [];
  const queues = new Map<Run, Blow[]>();
  const play = async (stage: Stage, run: Run, blow: Blow | null): Promise<Result> => {
    const result = { ...(await playRun(stage, run, blow)), run: run.name };
    grounds.found(result.problems);
    results.push(result);
    told(result);
    return result;
  };
  const learn = async (stage: Stage, run: Run): Promise<boolean> => {
    const known = !wanted.includes(run) || queues.has(run);
    const { problems } = known ? await playRun(stage, run, null) : await play(stage, run, null);
    if (!known && problems.length === 0) queues.set(run, [...choose(run, passedPoints(stage, run))]);
    return problems.length === 0;
  };
  try {
    const followers = wanted.filter(({ after }) => after !== null);
    for (const follower of followers.length === 0 ? [null] : followers) {
      await grounds.onStage(async (stage) => {
        if ((await learn(stage, rotation)) && follower !== null) await learn(stage, follower);
      });
    }
    for (;;) {
      const first = queues.get(rotation)?.shift() ?? null;
      const second = longest(queues);
      if (first === null && second === null) break;
      await grounds.onStage(async (stage) => {
        if (first === null && second !== null && (await playRun(stage, rotation, null)).problems.length > 0) {
          throw new Error(`a rotation without a blow, before a ${second.name}, came to no good end`);
        }
        // What stands wrong after the first would be held against the second.
        if (first !== null && (await play(stage, rotation, first)).problems.length > 0) return;
        const blow = second === null ? undefined : queues.get(second)?.shift();
        if (second !== null && blow !== undefined) await play(stage, second, blow);
      });
    }
  } finally {
    await grounds.down();
  }
  return { results, reads: grounds.reads, late: grounds.late, kept: grounds.kept };
}

/** Of the runs that follow a rotation the one with most left to play. */
function longest(queues: ReadonlyMap<Run, readonly Blow[]>): Run | null {
  const left = [...queues].filter(([run, blows]) => run.after !== null && blows.length > 0);
  return left.sort(([, a], [, b]) => b.length - a.length)[0]?.[0] ?? null;
}

/** One local cloud after another, each until its keys have been played on. */
class Grounds {
  readonly reads: ReadCounts = { opened: 0, explained: 0, failed: 0 };
  readonly late: string[] = [];
  readonly kept: string[] = [];
  readonly #modes: readonly ChosenMode[];
  #ground: Ground | undefined;
  #stages: { readonly stage: Stage; readonly last: Run }[] = [];
  #problems = 0;
  readonly #keys: number;

  constructor(modes: readonly ChosenMode[], keys: number) {
    this.#modes = modes;
    this.#keys = keys;
  }

  found(problems: readonly string[]): void {
    this.#problems += problems.length;
  }

  async onStage(work: (stage: Stage) => Promise<void>): Promise<void> {
    if (this.#ground?.left === 0) await this.down();
    this.#ground ??= await this.#up();
    const stage = await Stage.set(this.#ground);
    try {
      await work(stage);
    } finally {
      await stage.leave();
      for (const kind of ['opened', 'explained', 'failed'] as const) this.reads[kind] += stage.reader.counts[kind];
      const last = runs.findLast((run) => stage.played.has(run.name));
      if (last !== undefined) this.#stages.push({ stage, last });
    }
  }

  /** A last look at what came of everything, when the alerts that were owed have had their turn. */
  async down(): Promise<void> {
    const ground = this.#ground;
    this.#ground = undefined;
    if (ground === undefined) return;
    try {
      await ground.letPass(20);
      await ground.sweep();
      for (const { stage, last } of this.#stages) this.late.push(...(await lateAlertProblems(stage, last)));
    } catch (error) {
      this.late.push(error instanceof Error ? error.message : String(error));
    }
    const keep = this.#problems + this.late.length > 0;
    if (keep) this.kept.push(ground.folder);
    this.#stages = [];
    this.#problems = 0;
    await ground.down(keep);
  }

  #up(): Promise<Ground> {
    const casts = Array.from({ length: this.#keys }, (_, index) => castOf(index + 1));
    return Ground.up(withModes(seedOf(casts), this.#modes), casts);
  }
}
