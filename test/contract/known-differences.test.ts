import { type Difference, knowing } from './known-differences';

const differences: readonly Difference[] = [
  {
    asked: 'a wrap',
    answered: '500',
    azure: '403',
    tests: [
      { name: 'wraps', says: /\+\s+"status": 500/ },
      { name: 'wraps with %s', says: /Received: 500/ },
    ],
  },
];

/** Plays one test through the list. @returns what it told, and what it threw */
async function played(name: string, body: () => unknown) {
  const told: string[] = [];
  const plays: Promise<unknown>[] = [];
  const plain = ((_: string, given: () => unknown) => plays.push(Promise.resolve().then(given))) as unknown as jest.It;
  knowing(differences, (line) => told.push(line), plain).test(name, body as jest.ProvidesCallback);
  const [result] = await Promise.allSettled(plays);
  return { told, threw: result?.status === 'rejected' ? String(result.reason.message) : null };
}

test('a listed test may fail as it is listed, and is told of', async () => {
  const { told, threw } = await played('wraps', () => expect({ status: 500 }).toMatchObject({ status: 403 }));
  expect({ told, threw }).toEqual({ told: ['known to differ: "wraps": a wrap: 500'], threw: null });
});

test('a listed test that fails in another way fails', async () => {
  const { told, threw } = await played('wraps', () => expect({ status: 404 }).toMatchObject({ status: 403 }));
  expect(told).toEqual([]);
  expect(threw).toContain('404');
});

test('a test that is not listed fails as ever', async () => {
  const { told, threw } = await played('unwraps', () => expect({ status: 500 }).toMatchObject({ status: 403 }));
  expect(told).toEqual([]);
  expect(threw).toContain('500');
});

test('a listed test that passes is told of, because the list is out of date', async () => {
  expect(await played('wraps', () => undefined)).toEqual({
    told: ['does not differ, and may be taken off the list: "wraps"'],
    threw: null,
  });
});

describe('a test of several cases is listed by its name before anything is put into it', () => {
  const told: string[] = [];
  const known = knowing(differences, (line) => told.push(line));
  known.test.each(['one', 'another'])('wraps with %s', (which) => {
    expect(which === 'one' ? 500 : 400).toBe(400);
  });
  known.test.each([['one']])('unwraps with %s', (which) => expect(which).toBe('one'));
  test('and each of its cases is judged by itself', () => {
    expect([...known.met]).toEqual(['wraps with %s']);
    expect(told).toEqual([
      'known to differ: "wraps with %s": a wrap: 500',
      'does not differ, and may be taken off the list: "wraps with %s"',
    ]);
  });
});
