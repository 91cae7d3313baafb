import { FaultError } from '../../../../shared/rotation/errors';
import { backStory, callsOf, essenceOf, forwardStory } from './story';
import { key, makeWorld } from './world';

const lost = (): FaultError => new FaultError('answer-lost', 'The answer was lost.', { retryAfterSeconds: 1 });

for (const [name, story] of Object.entries({ forward: forwardStory, back: backStory })) {
  describe(`a rotation that goes ${name}`, () => {
    test('I2 ends alike, with no hole and no double in its history, wherever one answer is lost', async () => {
      const clean = makeWorld();
      await story(clean);
      const calls = callsOf(clean);
      const expected = await essenceOf(clean);

      for (const { name: port, method, count, interfere } of calls) {
        for (let nth = 1; nth <= count; nth++) {
          const world = makeWorld();
          interfere(world).loseAnswer(method, nth, lost());
          await story(world).catch((error: unknown) => {
            throw new Error(`after the lost answer of ${port}.${method} number ${nth}`, { cause: error });
          });
          expect({ port, method, nth, ...(await essenceOf(world)) }).toEqual({ port, method, nth, ...expected });
          expect((await world.auditLog.verify(key)).ok).toBe(true);
        }
      }
    }, 120_000);

    test('I2 ends alike wherever one call fails before it does anything', async () => {
      const clean = makeWorld();
      await story(clean);
      const calls = callsOf(clean);
      const expected = await essenceOf(clean);

      for (const { name: port, method, count, interfere } of calls) {
        for (let nth = 1; nth <= count; nth++) {
          const world = makeWorld();
          interfere(world).fail(method, nth, lost());
          await story(world);
          expect({ port, method, nth, ...(await essenceOf(world)) }).toEqual({ port, method, nth, ...expected });
        }
      }
    }, 120_000);
  });
}
