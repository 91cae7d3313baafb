import { makeWorld } from '../../shared/use-cases/world';
import { surface } from './surface';

afterEach(() => jest.restoreAllMocks());

const setUp = () => {
  const world = makeWorld();
  return { world, ...surface(world.ports) };
};

test('what ended and was begun longer ago than its history is kept is purged; what has not ended never is', async () => {
  const { world, client, tick } = setUp();
  const logged = await tick('purgeEndedInstances');
  expect(client.purged).toEqual([
    {
      createdTimeFrom: new Date(0),
      createdTimeTo: new Date(Date.parse(world.now()) - 90 * 86_400_000),
      runtimeStatus: ['Completed', 'Failed', 'Terminated', 'Canceled'],
    },
  ]);
  expect(logged.join('\n')).toMatch(/ended instances purged: 3/);
});

test('an engine that is away is asked again the next time', async () => {
  const { client, tick } = setUp();
  client.fails.purge = true;
  const logged = await tick('purgeEndedInstances');
  expect(logged.join('\n')).toMatch(/could not be purged/);
  client.fails.purge = false;
  await tick('purgeEndedInstances');
  expect(client.purged).toHaveLength(1);
});
