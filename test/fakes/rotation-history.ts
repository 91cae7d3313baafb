import type { Rotation } from '../../shared/contracts/rotation';
import { sameKey } from '../../shared/rotation/key-identifier';
import type { RotationHistory, RotationQuery } from '../../shared/rotation/ports';
import { type Fake, interference } from './interference';

interface FakeHistoryExtra {
  readonly rotations: ReadonlyMap<string, Rotation>;
}

/** The history in memory; newest first, by the time of the request. */
export function fakeHistory(effects: string[] = []): Fake<RotationHistory, FakeHistoryExtra> {
  const { interfere, run } = interference<RotationHistory>(effects);
  const rotations = new Map<string, Rotation>();

  return {
    interfere,
    rotations,
    put: (rotation) =>
      run('put', rotation.phase, () => {
        rotations.set(rotation.rotationId, structuredClone(rotation));
      }),
    get: (rotationId) => run('get', '', () => structuredClone(rotations.get(rotationId) ?? null)),
    list: (query) =>
      run('list', '', () => {
        const found = [...rotations.values()].filter((rotation) => matches(rotation, query)).sort(newestFirst);
        const from =
          query.continuation === null ? 0 : found.findIndex((rotation) => rotation.rotationId === query.continuation);
        const items = structuredClone(found.slice(from, from + query.limit));
        return { items, continuation: found[from + query.limit]?.rotationId ?? null };
      }),
  };
}

function matches(rotation: Rotation, { key, phase, from, to }: RotationQuery): boolean {
  const at = Date.parse(rotation.requestedAt);
  return (
    (key === null || sameKey(rotation.key, key)) &&
    (phase === null || rotation.phase === phase) &&
    (from === null || at >= from.getTime()) &&
    (to === null || at <= to.getTime())
  );
}

function newestFirst(a: Rotation, b: Rotation): number {
  return Date.parse(b.requestedAt) - Date.parse(a.requestedAt) || (a.rotationId < b.rotationId ? 1 : -1);
}
