import type { Chance } from '../../survival/chance';

/** One thing that an orchestration does before the next. Times are milliseconds. */
export type Step =
  | { readonly do: 'activity' }
  | { readonly do: 'together'; readonly width: number }
  | { readonly do: 'caught' }
  | { readonly do: 'retried'; readonly failures: number }
  | { readonly do: 'sleep'; readonly milliseconds: number }
  /** Waits for news that it has not had yet. */
  | { readonly do: 'news' }
  /** An event against a timer, which is cancelled if it loses. */
  | { readonly do: 'race'; readonly milliseconds: number }
  /** An activity against a timer that nobody cancels: the instance lives until it has fired. */
  | { readonly do: 'leave'; readonly milliseconds: number }
  | { readonly do: 'child'; readonly id?: string; readonly steps: readonly Step[] }
  | { readonly do: 'children'; readonly errands: readonly (readonly Step[])[] }
  /** Goes on under a new execution, with an empty history. */
  | { readonly do: 'again' }
  /** Waits for an event that nobody sends. */
  | { readonly do: 'stay' };

/** What an errand has counted so far, that of its children too; `news` is its own. */
export interface Tally {
  readonly activities: number;
  readonly failures: number;
  readonly timers: number;
  readonly races: number;
  readonly children: number;
  readonly generations: number;
}

/** The input of an errand. `mark` tells starts of one id apart. */
export interface ErrandInput {
  readonly mark: string;
  readonly steps: readonly Step[];
  readonly so: ErrandOutput;
  /** Activities it has named so far, which makes the next name. */
  readonly named: number;
}

export interface ErrandOutput extends Tally {
  readonly mark: string;
  readonly news: readonly string[];
  /** Results that were another's, and timers that fired over a second early. */
  readonly wrong: readonly string[];
}

export const nothing: Tally = { activities: 0, failures: 0, timers: 0, races: 0, children: 0, generations: 0 };

export const begin = (mark: string, steps: readonly Step[]): ErrandInput => ({
  ...{ mark, steps, named: 0 },
  so: { ...nothing, mark, news: [], wrong: [] },
});

export function added(one: Tally, other: Partial<Tally>): Tally {
  const entries = Object.keys(nothing).map((name) => {
    const key = name as keyof Tally;
    return [key, one[key] + (other[key] ?? 0)];
  });
  return Object.fromEntries(entries) as Tally;
}

/** What an errand must have counted when it has ended, whatever happened to the host meanwhile. */
export function expected(steps: readonly Step[]): Tally {
  return steps.map(counted).reduce(added, nothing);
}

function counted(step: Step): Tally {
  switch (step.do) {
    case 'activity':
    case 'retried':
    case 'leave':
      return { ...nothing, activities: 1 };
    case 'together':
      return { ...nothing, activities: step.width };
    case 'caught':
      return { ...nothing, failures: 1 };
    case 'sleep':
      return { ...nothing, timers: 1 };
    case 'race':
      return { ...nothing, races: 1 };
    case 'child':
      return added(expected(step.steps), { children: 1 });
    case 'children':
      return step.errands.map(expected).reduce(added, { ...nothing, children: step.errands.length });
    case 'again':
      return { ...nothing, generations: 1 };
    default:
      return nothing;
  }
}

const MINUTE = 60_000;
const kinds: readonly Step['do'][] = [
  ...(['activity', 'activity', 'together', 'caught', 'sleep', 'sleep', 'news', 'news', 'news', 'race'] as const),
  ...(['leave', 'retried', 'child', 'child', 'children', 'again', 'again'] as const),
];

/** Makes errands that are the same for the same chance. Those with an id of their own can be sent news. */
export class Errands {
  private readonly chance: Chance;

  constructor(chance: Chance) {
    this.chance = chance;
  }

  /** @param id where its news are sent to; undefined if it can have none */
  next(id: string | undefined, depth = 0): readonly Step[] {
    const steps: Step[] = [];
    const length = this.chance.between(1, depth === 0 ? 6 : 3);
    while (steps.length < length) {
      const step = this.step(id, depth, steps.length);
      if (step !== undefined) steps.push(step);
    }
    return steps;
  }

  private step(id: string | undefined, depth: number, index: number): Step | undefined {
    const { chance } = this;
    const kind = chance.oneOf(kinds);
    switch (kind) {
      case 'together':
        return { do: kind, width: chance.between(2, 5) };
      case 'retried':
        return { do: kind, failures: chance.between(1, 2) };
      case 'sleep':
      case 'race':
      case 'leave':
        return { do: kind, milliseconds: chance.oneOf([0, 1, 20, MINUTE, 10 * MINUTE]) };
      case 'news':
        return id === undefined ? undefined : { do: kind };
      case 'child':
        return depth > 1 ? undefined : this.child(id, depth, index);
      case 'children': {
        if (depth > 0) return undefined;
        const width = chance.between(2, 3);
        return { do: kind, errands: Array.from({ length: width }, () => this.next(undefined, 2)) };
      }
      case 'again':
      case 'activity':
      case 'caught':
        return { do: kind };
      default:
        return undefined;
    }
  }

  private child(id: string | undefined, depth: number, index: number): Step {
    if (id === undefined || this.chance.next() < 0.5) return { do: 'child', steps: this.next(undefined, depth + 1) };
    const own = `${id}.${index}`;
    return { do: 'child', id: own, steps: this.next(own, depth + 1) };
  }
}

/** Those in an errand that can be sent events, itself first: their ids, how many news each needs, and how many races it runs. */
export function reachable(id: string, steps: readonly Step[]): { id: string; news: number; races: number }[] {
  const count = (kind: Step['do']): number => steps.filter((step) => step.do === kind).length;
  const below = steps.flatMap((step) =>
    step.do === 'child' && step.id !== undefined ? reachable(step.id, step.steps) : [],
  );
  return [{ id, news: count('news'), races: count('race') }, ...below];
}
