/** The invariants of ARCHITECTURE.md. */
export const invariants = ['I1', 'I2', 'I3', 'I4', 'I5', 'I6', 'I7', 'I8', 'I9', 'I10', 'I11', 'I12'] as const;
export type Invariant = (typeof invariants)[number];

/** The sources with one guard of an invariant taken out. */
export interface Mutant {
  readonly invariant: Invariant;
  /** The source, from the root of the repository. */
  readonly file: string;
  /** What no longer holds, as a sentence. */
  readonly removed: string;
  /** Stands in the source exactly once. */
  readonly find: string;
  readonly replace: string;
  /** Why no test can see it, where none can: it is shown with this reason, and not tried. */
  readonly equivalent?: string;
}

/** The guards of one invariant. */
export const guardsOf = (invariant: Invariant, guards: readonly Omit<Mutant, 'invariant'>[]): readonly Mutant[] =>
  guards.map((guard) => ({ invariant, ...guard }));

/** A mutant with the name that `--only` takes: `I5.3`. */
export interface NamedMutant extends Mutant {
  readonly name: string;
}

export const named = (all: readonly Mutant[]): readonly NamedMutant[] => {
  const counted = new Map<Invariant, number>();
  return all.map((mutant) => {
    const number = (counted.get(mutant.invariant) ?? 0) + 1;
    counted.set(mutant.invariant, number);
    return { ...mutant, name: `${mutant.invariant}.${number}` };
  });
};

/** How often the text to be replaced stands in a source: once, or the list is out of date. */
export const occurrences = ({ find }: Pick<Mutant, 'find'>, source: string): number => source.split(find).length - 1;

export const mutated = ({ find, replace }: Mutant, source: string): string => source.replace(find, () => replace);
