import { inTurn } from '../../../../functions/triggers/in-turn';

/** Work that ends when it is told to. */
function workshop(most: number) {
  const take = inTurn(most);
  const begun: string[] = [];
  const ends = new Map<string, { done: () => void; fail: (error: Error) => void }>();
  const order = (name: string): Promise<string> =>
    take(() => {
      begun.push(name);
      return new Promise((resolve, reject) => ends.set(name, { done: () => resolve(name), fail: reject }));
    });
  return { begun, order, end: (name: string) => ends.get(name)?.done(), fail: (name: string) => ends.get(name)?.fail };
}

const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

test('no more than so many run at once, and the others begin in the order in which they came', async () => {
  const { begun, order, end } = workshop(2);
  const all = ['a', 'b', 'c', 'd', 'e'].map(order);
  await turn();
  expect(begun).toEqual(['a', 'b']);
  end('b');
  await turn();
  expect(begun).toEqual(['a', 'b', 'c']);
  end('a');
  end('c');
  await turn();
  expect(begun).toEqual(['a', 'b', 'c', 'd', 'e']);
  end('d');
  end('e');
  expect(await Promise.all(all)).toEqual(['a', 'b', 'c', 'd', 'e']);
  const later = ['f', 'g', 'h'].map(order);
  await turn();
  expect(begun.slice(5)).toEqual(['f', 'g']);
  for (const name of ['f', 'g', 'h']) {
    end(name);
    await turn();
  }
  await Promise.all(later);
});

test('one that fails leaves its place to the next, and fails alone', async () => {
  const { begun, order, end, fail } = workshop(1);
  const [first, second] = [order('a'), order('b')];
  const told = expect(first).rejects.toThrow('away');
  await turn();
  fail('a')?.(new Error('away'));
  await told;
  await turn();
  expect(begun).toEqual(['a', 'b']);
  end('b');
  expect(await second).toBe('b');
});
