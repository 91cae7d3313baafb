import { firstAlone } from '../../../../shared/azure/first-alone';

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('the first call of a client', () => {
  test('is alone until it has been answered; then the others go together', async () => {
    const gate = firstAlone();
    const log: string[] = [];
    const answers = ['a', 'b', 'c'].map((name) => ({ name, ...Promise.withResolvers<string>() }));
    const calls = answers.map(({ name, promise }) =>
      gate(() => {
        log.push(name);
        return promise;
      }),
    );
    await settle();
    expect(log).toEqual(['a']);
    answers[0]?.resolve('A');
    await settle();
    expect(log).toEqual(['a', 'b', 'c']);
    answers[1]?.resolve('B');
    answers[2]?.resolve('C');
    expect(await Promise.all(calls)).toEqual(['A', 'B', 'C']);
  });

  test.each([
    ['was not answered', new Error('reset'), ['first', 'second']],
    ['was answered that it may not', Object.assign(new Error('no'), { statusCode: 403 }), ['first', 'second', 'third']],
  ])('that %s decides whether the next one is alone', async (_how, failure, begun) => {
    const gate = firstAlone();
    const log: string[] = [];
    const first = gate(async () => {
      log.push('first');
      throw failure;
    });
    const pending = new Promise<void>(() => {});
    for (const name of ['second', 'third']) {
      void gate(() => {
        log.push(name);
        return pending;
      });
    }
    await expect(first).rejects.toBe(failure);
    await settle();
    expect(log).toEqual(begun);
  });
});
