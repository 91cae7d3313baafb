import type { Chance } from '../../survival/chance';
import type { Asked } from './client';
import { Errands, expected, reachable, type Step } from './errand';
import { Unit } from './units';

/** An instance that the test starts itself. `twins` are two starts of one id at the same moment. */
export interface Root {
  readonly id: string;
  readonly kind: 'plain' | 'twins' | 'paused' | 'terminated';
  readonly steps: readonly Step[];
}

const kinds: readonly Root['kind'][] = [...Array<'plain'>(16).fill('plain'), 'twins', 'paused', 'paused', 'terminated'];

/** As many roots as make so many instances with their children. */
export function makeRoots(chance: Chance, instances: number): Root[] {
  const errands = new Errands(chance);
  const roots: Root[] = [];
  for (let made = 0; made < instances; ) {
    const id = `r${roots.length}`;
    const kind = chance.oneOf(kinds);
    const root = { id, kind, steps: stepsOf(kind, id, errands) };
    roots.push(root);
    made += 1 + expected(root.steps).children;
  }
  return roots;
}

function stepsOf(kind: Root['kind'], id: string, errands: Errands): readonly Step[] {
  // Twins wait for news first: if one had ended before the other came, the other would run it again.
  if (kind === 'twins') return [{ do: 'news' }, ...errands.next(id)];
  // A suspension that comes in the turn of a continue-as-new goes with it (so does it in DurableTask.Core).
  if (kind === 'paused') return errands.next(id).filter((step) => step.do !== 'again');
  return kind === 'terminated' ? [...errands.next(undefined), { do: 'stay' }] : errands.next(id);
}

/** What is to be done to a root and to those of its children that can be sent news. */
export function unitsOf(root: Root, client: Asked, chance: Chance): Unit[] {
  return reachable(root.id, root.steps).map(({ id, news, races }, index) => {
    const unit = new Unit(id, client);
    if (index === 0) begin(unit, root);
    const middle = chance.between(0, news);
    const goes = Array.from({ length: races }, () => chance.between(0, 2 * news + 1));
    for (let piece = 0; piece <= news; piece++) {
      for (const place of goes) if (place === piece) unit.go();
      if (piece === middle && root.kind === 'paused' && index === 0) unit.pause();
      if (piece < news) unit.news(`${id}#${piece}`, index > 0);
    }
    if (root.kind === 'terminated') unit.terminate();
    return unit;
  });
}

function begin(unit: Unit, { kind, steps }: Root): void {
  if (kind === 'twins') unit.start(steps, 'a', 'b');
  else unit.start(steps, kind === 'terminated' ? 'x' : 'a');
}
