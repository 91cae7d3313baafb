import type { ChosenMode } from '../../../sandbox/run/modes';
import { withModes } from '../../../sandbox/run/modes';
import type { ReadCounts } from '../../../sandbox/run/readers';
import { castOf, seedOf } from './cast';
import { Ground, type Need } from './ground';
import { lateAlertProblems } from './judgement';
import type { Blow } from './order';
import { type Played, passedPoints, playRun } from './play';
import type { Run } from './runs';
import { Stage } from './stage';

const KEYS = 12;

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
  /** How many local clouds are played on side by side; one unless set. */
  readonly lanes?: number;
  /** No other play is begun once it is aborted. */
  readonly signal?: AbortSignal;
  /** Told of each play as it ends. */
  readonly told?: (result: Result) => void;
}

/**
 * Plays each wanted run once without a blow, which says what its points are, and then once for each blow that is chosen. A run that follows
 * a rotation is played on the stage of one that was struck itself, so that two blows cost one stage.
 */
export async function playMatrix(wanted: Wanted): Promise<Tally> {
  const { runs, modes = [], keys = KEYS, lanes = 1 } = wanted;
  const needs = new Set(runs.flatMap(({ needs: need }) => need ?? []));
  const grounds = Array.from({ length: lanes }, () => new Grounds({ modes, keys, needs }));
  const matrix = new Matrix(wanted);
  // A ground that cannot be brought up ends its own lane; what was played until then is told all the same.
  const learnt = await outcomeOf(matrix.learn(grounds[0] as Grounds));
  const ended = [learnt];
  if (learnt === null) {
    ended.push(...(await Promise.all(grounds.map((each) => outcomeOf(matrix.play(each))))));
  }
  for (const each of grounds) ended.push(await outcomeOf(each.down()));
  const reads = { opened: 0, explained: 0, failed: 0 };
  for (const each of grounds) for (const kind of kinds) reads[kind] += each.reads[kind];
  return {
    ...{ results: matrix.results, reads },
    late: [...grounds.flatMap(({ late }) => late), ...ended.filter((each) => each !== null)],
    kept: grounds.flatMap(({ kept }) => kept),
  };
}

/** Why something did not come to its end; null if it did. */
const outcomeOf = (work: Promise<void>): Promise<string | null> =>
  work.then(
    () => null,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );

const kinds = ['opened', 'explained', 'failed'] as const;

/** What is to be played yet, and what has been. */
class Matrix {
  readonly results: Result[] = [];
  readonly #wanted: Wanted;
  readonly #queues = new Map<Run, Blow[]>();
  /** Blows that found nothing to strike, so far. */
  readonly #missed = new Set<Blow>();

  constructor(wanted: Wanted) {
    this.#wanted = wanted;
  }

  /** Plays each run without a blow. @throws Error when one comes to no good end: nothing could be told of its points */
  async learn(grounds: Grounds): Promise<void> {
    for (const run of this.#wanted.runs) {
      if (this.#queues.has(run)) continue;
      await grounds.onStage(async (stage) => {
        if (run.after !== null) await this.#learnOf(grounds, stage, run.after);
        await this.#learnOf(grounds, stage, run.pointsOf ?? run);
      });
    }
  }

  async #learnOf(grounds: Grounds, stage: Stage, run: Run): Promise<void> {
    const { runs, choose } = this.#wanted;
    const isNews = runs.includes(run) && !this.#queues.has(run);
    mustBeSound(run, isNews ? await this.#playOne(grounds, stage, run, null) : await playRun(stage, run, null));
    for (const each of runs) {
      if ((each.pointsOf ?? each) !== run || this.#queues.has(each)) continue;
      this.#queues.set(each, [...choose(each, passedPoints(stage, each))]);
    }
  }

  /** Plays until nothing is left; several may do so side by side, each on grounds of its own. */
  async play(grounds: Grounds): Promise<void> {
    while (this.#wanted.signal?.aborted !== true) {
      const left = this.#wanted.runs.filter((run) => this.#left(run) > 0);
      const first = left.find(({ after }) => after === null) ?? left[0]?.after;
      if (first == null) return;
      const second = this.#follower(first);
      const blow = this.#queues.get(first)?.shift() ?? null;
      await grounds.onStage(async (stage) => {
        if (blow === null) mustBeSound(first, await playRun(stage, first, null));
        // What stands wrong after the first would be held against the second.
        else if ((await this.#playOne(grounds, stage, first, blow)).problems.length > 0) return;
        const next = second === null ? undefined : this.#queues.get(second)?.shift();
        if (second !== null && next !== undefined) await this.#playOne(grounds, stage, second, next);
      });
    }
  }

  async #playOne(grounds: Grounds, stage: Stage, run: Run, blow: Blow | null): Promise<Result> {
    const result = { ...(await playRun(stage, run, blow)), run: run.name };
    if (blow !== null && !result.met && !this.#missed.has(blow) && result.problems.length === 1) {
      // Once more behind another run, one that may have been disturbed elsewhere.
      this.#missed.add(blow);
      this.#queues.get(run)?.push(blow);
      return result;
    }
    grounds.found(result.problems);
    this.results.push(result);
    this.#wanted.told?.(result);
    return result;
  }

  #left(run: Run): number {
    return this.#queues.get(run)?.length ?? 0;
  }

  /** Of the runs that follow another one that with most left to play. */
  #follower(first: Run): Run | null {
    const left = this.#wanted.runs.filter((run) => run.after === first && this.#left(run) > 0);
    return left.sort((a, b) => this.#left(b) - this.#left(a))[0] ?? null;
  }
}

function mustBeSound({ name }: Run, { problems }: Played): void {
  if (problems.length > 0) throw new Error(`the ${name} comes to no good end without a blow: ${problems.join('; ')}`);
}

/** One local cloud after another, each until its keys have been played on. */
class Grounds {
  readonly reads: ReadCounts = { opened: 0, explained: 0, failed: 0 };
  readonly late: string[] = [];
  readonly kept: string[] = [];
  readonly #like: Like;
  #ground: Ground | undefined;
  #stages: Stage[] = [];
  #problems = 0;

  constructor(like: Like) {
    this.#like = like;
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
      for (const kind of kinds) this.reads[kind] += stage.reader.counts[kind];
      this.#stages.push(stage);
    }
  }

  /** A last look at what came of everything, when the alerts that were owed have had their turn. */
  async down(): Promise<void> {
    const ground = this.#ground;
    this.#ground = undefined;
    if (ground === undefined) return;
    const late: string[] = [];
    try {
      await ground.letPass(20);
      await ground.sweep();
      for (const stage of this.#stages) late.push(...(await lateAlertProblems(stage)));
    } catch (error) {
      late.push(error instanceof Error ? error.message : String(error));
    }
    this.late.push(...late);
    const keep = this.#problems + late.length > 0;
    if (keep) this.kept.push(ground.folder);
    this.#stages = [];
    this.#problems = 0;
    this.late.push(...(await ground.down(keep)));
  }

  #up(): Promise<Ground> {
    const { modes, keys, needs } = this.#like;
    const casts = Array.from({ length: keys }, (_, index) => castOf(index + 1, needs.has('another key')));
    return Ground.up(withModes(seedOf(casts), modes), casts, needs);
  }
}

interface Like {
  readonly modes: readonly ChosenMode[];
  readonly keys: number;
  readonly needs: ReadonlySet<Need>;
}
