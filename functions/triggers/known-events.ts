interface Named {
  readonly key: string;
  readonly type: string;
  readonly version: string;
}

/**
 * What this process knows to be on record as acted upon: by key, type and version, whatever the ids. It spares a crowd of repeats the ledger,
 * which stays the truth: whoever is not known here is looked for there.
 * @param most so many at once; beyond it the one that was told of longest ago is forgotten
 */
export function knownEvents(most: number): { has(event: Named): boolean; add(event: Named): void } {
  const known = new Set<string>();
  return {
    has: (event) => known.has(nameOf(event)),
    add(event) {
      const name = nameOf(event);
      known.delete(name);
      known.add(name);
      const [oldest] = known;
      if (known.size > most && oldest !== undefined) known.delete(oldest);
    },
  };
}

const nameOf = ({ key, type, version }: Named): string => `${type} ${key}/${version}`;
