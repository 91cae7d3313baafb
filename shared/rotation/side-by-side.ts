/**
 * Does `work` for every item, at most so many at a time. All that were begun have ended before the first failure is told: nothing is
 * left running behind the answer; after a failure none is begun.
 */
export async function sideBySide<T>(items: Iterable<T>, most: number, work: (item: T) => Promise<void>): Promise<void> {
  const iterator = items[Symbol.iterator]();
  let failed = false;
  const worker = async (): Promise<void> => {
    for (let next = iterator.next(); !failed && !next.done; next = iterator.next()) {
      try {
        await work(next.value);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: most }, worker));
  for (const end of ended) if (end.status === 'rejected') throw end.reason;
}

/** Reads of targets, of versions or of keys that go side by side: a throttle is then told by one of a few, not by all at once. */
export const readsAtOnce = 16;

/** As `sideBySide`: what `work` makes of each item, in the order of the items. */
export async function eachSideBySide<T, R>(
  items: readonly T[],
  most: number,
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const made: R[] = [];
  await sideBySide(items.entries(), most, async ([index, item]) => {
    made[index] = await work(item);
  });
  return made;
}

/** As `eachSideBySide`, and one that fails does not keep the others from being done. */
export function settledSideBySide<T, R>(
  items: readonly T[],
  most: number,
  work: (item: T) => Promise<R>,
): Promise<readonly PromiseSettledResult<R>[]> {
  return eachSideBySide(items, most, async (item) => (await Promise.allSettled([work(item)]))[0]);
}
