import { phases } from '../../shared/contracts/rotation';
import { isTerminal } from '../../shared/rotation/phases';
import type { Played } from './play';
import { asked, everyFault, stages } from './schedule';

const everyOutcome = [...phases.filter(isTerminal), 'retirement retired'];

type Group = 'runs' | 'stages' | 'outcomes' | 'faults';
const groups: Readonly<Record<Group, readonly string[]>> = {
  runs: asked,
  stages,
  outcomes: everyOutcome,
  faults: everyFault,
};

/** How many of the schedules reached what. */
export class Tally {
  schedules = 0;
  readonly #counts: Readonly<Record<Group, Map<string, number>>> = {
    runs: new Map(),
    stages: new Map(),
    outcomes: new Map(),
    faults: new Map(),
  };

  add({ run, stages, outcomes, struck }: Played): void {
    this.schedules += 1;
    const reached = { runs: run === null ? [] : [run], stages, outcomes, faults: struck };
    for (const group of Object.keys(groups) as Group[]) {
      const counts = this.#counts[group];
      for (const name of reached[group]) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }

  /** Everything of one group and by how many schedules it was reached; what was reached by none as well. */
  of(group: Group): readonly (readonly [string, number])[] {
    const counts = this.#counts[group];
    const names = [...new Set([...groups[group], ...counts.keys()])];
    return names.map((name) => [name, counts.get(name) ?? 0] as const);
  }

  /** What no schedule has reached although one should: such a run of schedules proves nothing about it. */
  get missed(): readonly string[] {
    return (Object.keys(groups) as Group[]).flatMap((group) =>
      this.of(group).flatMap(([name, count]) => (count === 0 ? [name] : [])),
    );
  }

  get lines(): readonly string[] {
    return (Object.keys(groups) as Group[]).flatMap((group) => [
      `${group} reached, by how many of ${this.schedules} schedules:`,
      ...this.of(group).map(([name, count]) => `  ${String(count).padStart(6)}  ${name}`),
    ]);
  }
}
