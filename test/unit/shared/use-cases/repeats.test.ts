import { FaultError } from '../../../../shared/rotation/errors';
import { verifyKey } from '../../../../shared/rotation/verifying';
import { backStory, callsOf, essenceOf, forwardStory } from './story';
import { key, makeWorld, type World } from './world';

const lost = (): FaultError => new FaultError('answer-lost', 'The answer was lost.', { retryAfterSeconds: 1 });
const writes = new Set(['update', 'append', 'put', 'createVersion', 'post', 'replace', 'send']);
const oneRecord = (): World => makeWorld(['iotHub', 'dps', 'dataKeys'], 1);

/** Plays the story once for each call it makes, with that one going wrong, and compares how it ends with the undisturbed end. */
async function everywhere(
  story: (world: World) => Promise<void>,
  wrong: 'loseAnswer' | 'fail',
  counts: (method: string) => boolean,
): Promise<void> {
  const clean = oneRecord();
  await story(clean);
  const calls = callsOf(clean);
  const expected = await essenceOf(clean);
  for (const { name: port, method, count, interfere } of calls.filter((call) => counts(call.method))) {
    for (let nth = 1; nth <= count; nth++) {
      const world = oneRecord();
      interfere(world)[wrong](method, nth, lost());
      await story(world).catch((error: unknown) => {
        throw new Error(`${wrong} of ${port}.${method} number ${nth}`, { cause: error });
      });
      expect({ port, method, nth, ...(await essenceOf(world)) }).toEqual({ port, method, nth, ...expected });
      expect((await verifyKey(world.ports, key)).ok).toBe(true);
    }
  }
}

// A read that fails and one whose answer is lost are the same thing, and the way back begins with the whole way there.
test('I2 a rotation that goes back ends alike, with no hole and no double, wherever one answer is lost', async () => {
  await everywhere(backStory, 'loseAnswer', () => true);
}, 240_000);

test('I2 a rotation that goes back ends alike wherever one write fails before it does anything', async () => {
  await everywhere(backStory, 'fail', (method) => writes.has(method));
}, 240_000);

test('I2 a rotation that completes ends alike, with no hole and no double, wherever the answer of one write is lost', async () => {
  await everywhere(forwardStory, 'loseAnswer', (method) => writes.has(method));
}, 240_000);
