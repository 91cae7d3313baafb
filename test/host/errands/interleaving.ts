import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Chance } from '../../survival/chance';
import { judge } from './judgement';
import type { CrashPoint } from './mortal-store';
import { makeRoots, unitsOf } from './roots';
import type { Unit } from './units';
import { World } from './world';

/** Jest's timers stand still until they are told; this one does not. */
const realTurn = setImmediate;
const settled = (): Promise<void> => new Promise((resolve) => void realTurn(resolve));
const tooMany = 20_000;
/** In memory where there is such a place: what survives is the file, and no test pulls the plug. */
const place = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** What one order of things has led to. */
export interface Played {
  readonly problems: readonly string[];
  readonly commits: number;
  readonly deaths: number;
  readonly repeats: number;
}

/**
 * Plays a few errands in one random order of everything that can happen, in virtual time. The same seed is the same order, up to the
 * first crash.
 */
export async function play(seed: number, instances: number, crashAt: readonly CrashPoint[]): Promise<Played> {
  const chance = new Chance(seed);
  const roots = makeRoots(chance, instances);
  const directory = mkdtempSync(join(place, 'keyturn-order-'));
  const world = new World(directory, chance, crashAt);
  try {
    const units = roots.flatMap((root) => unitsOf(root, world, chance));
    const hangs = await drive(world, units, chance);
    const { journal, deaths, commits } = world;
    world.end();
    const { problems, verdict } = judge({ roots, units, found: (id) => world.status(id), journal, deaths });
    const left = (['messages', 'activities', 'timers'] as const).filter((kind) => world.left(kind) > 0);
    const all = [...hangs, ...world.late, ...problems, ...left.map((kind) => `${kind} are left on disk`)];
    return { problems: all, commits, deaths: deaths.length, repeats: verdict.repeats };
  } finally {
    world.close();
    rmSync(directory, { recursive: true });
  }
}

/** @returns what hangs: units that wait though nothing can happen any more */
async function drive(world: World, units: readonly Unit[], chance: Chance): Promise<readonly string[]> {
  const busy = new Set<Unit>();
  for (let still = 0, steps = 0; ; steps++) {
    const free = units.filter((unit) => unit.left > 0 && !busy.has(unit));
    if (free.length > 0 && (world.isStill || chance.next() < 0.2)) {
      const unit = chance.oneOf(free);
      busy.add(unit);
      void unit.act().then(() => busy.delete(unit));
    } else await world.step();
    await settled();
    if (!world.isStill) still = 0;
    else if (units.every(({ left }) => left === 0) && busy.size === 0) return [];
    else if (++still > 20 * units.length)
      return [`nothing goes on, and ${units.map(({ id, left }) => `${id} ${left}`)}`];
    if (steps > tooMany) return ['it goes on for ever'];
  }
}
