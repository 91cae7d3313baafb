import { spawnSync } from 'node:child_process';
import type { Chance } from '../../survival/chance';
import type { Blow } from './order';
import type { Run } from './runs';

/** Where there is no commit to take it from. */
const FIXED_SEED = 20_261_122;

/** Every way to strike each of the points of a run. */
export function everyBlow({ ways }: Run, points: readonly string[]): readonly Blow[] {
  return points.flatMap((point) => ways.map((how) => ({ point, how })));
}

/** So many of them, other ones for another seed. */
export function someBlows(run: Run, points: readonly string[], count: number, chance: Chance): readonly Blow[] {
  return chance.someOf(everyBlow(run, points), count);
}

/** Of each point one of the ways in which it would be struck. */
export function inOneWay(blows: readonly Blow[], chance: Chance): readonly Blow[] {
  const ofPoints = Map.groupBy(blows, ({ point }) => point);
  return [...ofPoints.values()].flatMap((ways) => chance.someOf(ways, 1));
}

/** The one that `<point> <way>`, as it is printed, or a point alone, in every way, names. */
export function namedBlows(run: Run, points: readonly string[], named: readonly string[]): readonly Blow[] {
  return everyBlow(run, points).filter(({ point, how }) => named.includes(point) || named.includes(`${point} ${how}`));
}

/** What chance begins with: as asked for, else the commit's hash, so that another sample is played at each commit. */
export function seedOfCommit(asked: string | undefined): number {
  if (asked !== undefined) return Number(asked);
  const { status, stdout } = spawnSync('git', ['rev-parse', '--short=7', 'HEAD'], { encoding: 'utf8' });
  const commit = status === 0 ? Number.parseInt(stdout, 16) : Number.NaN;
  return Number.isNaN(commit) ? FIXED_SEED : commit;
}
