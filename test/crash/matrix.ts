import { type Played, type Point, played, type Way, ways } from './played';
import type { Run } from './runs';

/** What came of an effect that was disturbed. */
export type Fate = 'next try' | 'found done' | 'again' | 'left out';

/** One effect of one step of a run, at all the places where it is met. */
export interface Row {
  readonly activity: string;
  readonly effect: string;
  readonly told: string;
  readonly occurrences: readonly string[];
  readonly disk: readonly string[];
  readonly fates: Readonly<Record<Way, ReadonlySet<Fate>>>;
  /** What a person had to do beyond the run's own steps. */
  readonly operator: ReadonlySet<string>;
}

export interface Matrix {
  readonly rows: readonly Row[];
  readonly points: number;
  /** Everything that was not as it must be, each with the point and the way. */
  readonly problems: readonly string[];
}

/** Plays a run once undisturbed, and then once for each of its points and each way to disturb it there. */
export async function playMatrix(run: Run): Promise<Matrix> {
  const clean = await played(run);
  const repeated = clean.repeated.map((id) => `told again: ${id}`);
  const problems = [
    ...clean.troubles,
    ...repeated,
    ...clean.breaches.map(({ invariant, seen }) => `${invariant}: ${seen}`),
  ].map((problem) => `undisturbed: ${problem}`);
  const rows = new Map<string, Row>();
  for (const point of clean.points) {
    const row = rowOf(rows, point);
    for (const way of ways) {
      const disturbed = await played(run, { id: point.id, way });
      problems.push(...problemsOf(clean, disturbed).map((problem) => `${run.name}/${point.id} ${way}: ${problem}`));
      row.fates[way].add(fateOf(clean, disturbed, point, way));
      for (const did of disturbed.operator) row.operator.add(did);
    }
  }
  return { rows: [...rows.values()], points: clean.points.length, problems };
}

interface OpenRow extends Row {
  readonly occurrences: string[];
  readonly disk: string[];
  readonly fates: Readonly<Record<Way, Set<Fate>>>;
  readonly operator: Set<string>;
}

function rowOf(rows: Map<string, Row>, { id, activity, effect, told, disk }: Point): OpenRow {
  const name = `${activity} ${effect} ${told}`;
  const known = rows.get(name) as OpenRow | undefined;
  const row: OpenRow = known ?? {
    ...{ activity, effect, told, occurrences: [], disk: [], operator: new Set() },
    fates: { before: new Set(), after: new Set(), lost: new Set() },
  };
  rows.set(name, row);
  row.occurrences.push(id.slice(id.indexOf('#')));
  if (!row.disk.includes(disk)) row.disk.push(disk);
  return row;
}

function problemsOf(clean: Played, disturbed: Played): readonly string[] {
  const problems = [...disturbed.troubles, ...disturbed.breaches.map(({ invariant, seen }) => `${invariant}: ${seen}`)];
  for (const [what, wanted] of Object.entries(clean.outcome)) {
    const came = JSON.stringify(Reflect.get(disturbed.outcome, what));
    if (came !== JSON.stringify(wanted)) problems.push(`${what}: ${came} instead of ${JSON.stringify(wanted)}`);
  }
  if (disturbed.repeated.length > 0) problems.push(`told again: ${disturbed.repeated}`);
  for (const [effect, times] of disturbed.mutations) {
    const usual = clean.mutations.get(effect) ?? 0;
    if (times > usual + 1) problems.push(`${effect} was done ${times} times instead of ${usual}`);
  }
  return problems;
}

function fateOf({ done: usual }: Played, { done }: Played, { activity, told }: Point, way: Way): Fate {
  const effect = `${activity}: ${told}`;
  const more = (done.get(effect) ?? 0) - (usual.get(effect) ?? 0);
  if (more > 0) return 'again';
  if (way === 'before') return more === 0 ? 'next try' : 'left out';
  return 'found done';
}
