import { isDeepStrictEqual } from 'node:util';
import { added, type ErrandOutput, expected, nothing, type Tally } from './errand';
import type { Root } from './roots';
import type { Unit } from './units';

/** An instance as it was left. */
export interface Left {
  readonly runtimeStatus: string;
  readonly output: unknown;
}

export interface Seen {
  readonly roots: readonly Root[];
  readonly units: readonly Unit[];
  readonly found: (instanceId: string) => Left | undefined;
  /** The activities' lines, and `life` with its number where one begins. */
  readonly journal: readonly string[];
  /** Keys of the activities whose results were not committed, at the end of each life: these, and no others, may run again. */
  readonly deaths: readonly ReadonlySet<string>[];
}

/** What was seen of all instances together. */
export interface Verdict {
  readonly activities: number;
  /** Runs of activities whose results a kill had kept from being committed. */
  readonly repeats: number;
  readonly events: number;
  readonly unansweredEvents: number;
  readonly timers: number;
  readonly children: number;
  readonly generations: number;
  /** Activities, timers, events, children and generations that are missing in what the instances have counted. */
  readonly lost: number;
  /** Activities that ran again though their result was committed, or twice in one life; events that came twice though sent once. */
  readonly twice: number;
}

/** Holds what the instances say and what the activities wrote against what was asked for. */
export function judge(seen: Seen): { readonly problems: readonly string[]; readonly verdict: Verdict } {
  const { roots, units, found } = seen;
  const problems = units.flatMap((unit) => unit.problems);
  const tallies = new Tallies(found, problems);
  for (const root of roots) tallies.root(root);
  for (const unit of units) tallies.news(unit);
  const journal = judgeJournal(seen, problems);
  const { timers, children, generations } = tallies.counted;
  const verdict: Verdict = {
    ...{ activities: journal.activities, repeats: journal.repeats },
    events: units.reduce((sum, unit) => sum + unit.sent.length, 0),
    unansweredEvents: units.reduce((sum, unit) => sum + unit.unanswered.size, 0),
    ...{ timers, children, generations, lost: tallies.lost + journal.lost, twice: tallies.twice + journal.twice },
  };
  return { problems, verdict };
}

class Tallies {
  lost = 0;
  twice = 0;
  counted: Tally = nothing;
  private readonly found: Seen['found'];
  private readonly problems: string[];

  constructor(found: Seen['found'], problems: string[]) {
    this.found = found;
    this.problems = problems;
  }

  root({ id, kind, steps }: Root): void {
    const { runtimeStatus = 'missing', output } = this.found(id) ?? {};
    const wanted = kind === 'terminated' ? 'Terminated' : 'Completed';
    if (runtimeStatus !== wanted) {
      this.lost++;
      this.problems.push(`${id} is ${runtimeStatus} and should be ${wanted}: ${JSON.stringify(output)}`);
      return;
    }
    if (kind === 'terminated') {
      if (output !== 'enough') this.problems.push(`${id} was terminated for ${JSON.stringify(output)}`);
      return;
    }
    this.tally(id, output as ErrandOutput, expected(steps));
  }

  /** The news an instance had, each once and in the order they were sent; twice only if an attempt was not answered. */
  news({ id, sent, unanswered }: Unit): void {
    const output = this.found(id)?.output as ErrandOutput | undefined;
    const had = Array.isArray(output?.news) ? output.news : [];
    const first = [...new Set(had)];
    this.lost += sent.filter((value) => !first.includes(value)).length;
    if (!isDeepStrictEqual(first, sent)) this.problems.push(`${id} had the news ${first} and was sent ${sent}`);
    for (const value of first) {
      const times = had.filter((one) => one === value).length;
      if (times <= 1 + (unanswered.get(value) ?? 0)) continue;
      this.twice++;
      this.problems.push(`${id} had the news ${value} ${times} times`);
    }
  }

  private tally(id: string, output: ErrandOutput, wanted: Tally): void {
    const counts = added(nothing, output);
    this.counted = added(this.counted, counts);
    for (const name of Object.keys(nothing) as (keyof Tally)[]) {
      this.lost += Math.max(0, wanted[name] - counts[name]);
      this.twice += Math.max(0, counts[name] - wanted[name]);
    }
    if (!isDeepStrictEqual(counts, wanted)) {
      this.problems.push(`${id} counted ${JSON.stringify(counts)} and should have ${JSON.stringify(wanted)}`);
    }
    this.problems.push(...output.wrong.map((wrong) => `${id}: ${wrong}`));
  }
}

/** The lives in which each activity ran, over the lines they wrote. */
function runsOf(journal: readonly string[]): Map<string, number[]> {
  const runs = new Map<string, number[]>();
  let life = 0;
  for (const line of journal) {
    const begun = /^life (\d+)$/.exec(line)?.[1];
    if (begun !== undefined) life = Number(begun);
    else runs.set(line, [...(runs.get(line) ?? []), life]);
  }
  return runs;
}

/** An activity runs once; again only in a later life, and only if no kill in between found its result committed. */
function judgeJournal(
  { journal, deaths, roots }: Seen,
  problems: string[],
): { activities: number; repeats: number; lost: number; twice: number } {
  const runs = runsOf(journal);
  let repeats = 0;
  let twice = 0;
  for (const [key, ran] of runs) {
    for (const [index, life] of ran.slice(1).entries()) {
      const before = ran[index] ?? 0;
      if (before < life && deaths.slice(before, life).every((uncommitted) => uncommitted.has(key))) {
        repeats++;
        continue;
      }
      twice++;
      problems.push(`the activity ${key} ran in the lives ${ran}, and its result was committed`);
    }
  }
  const lasting = roots.filter(({ kind }) => kind !== 'terminated').map(({ steps }) => expected(steps));
  const wanted = lasting.reduce((sum, { activities, failures }) => sum + activities + failures, 0);
  const had = [...runs.keys()].filter((key) => !key.startsWith('x ')).length;
  if (had !== wanted) problems.push(`${had} activities ran, and ${wanted} were asked for`);
  return { activities: runs.size, repeats, lost: Math.max(0, wanted - had), twice };
}
