import { FaultError } from '../../../../shared/rotation/errors';
import { retireByHand } from '../../../../shared/rotation/retiring-by-hand';
import { completed, key, makeWorld, rotationId, type World } from './world';

const asked = { rotationId, actor: 'ann' };

const commandsOnRecord = (world: World): readonly string[] =>
  world.auditLog
    .stored(key)
    .flatMap(({ action, actor, message }) => (action === 'command' ? [`${actor}: ${message}`] : []));

const dueOf = async (world: World): Promise<string | undefined> =>
  (await world.ledger.retirements(key)).find((each) => each.rotationId === rotationId)?.dueAt;

async function rotated(): Promise<World> {
  const world = makeWorld();
  await completed(world);
  world.pass(60);
  return world;
}

describe('a retirement that is asked for by hand', () => {
  test('is due at once, is started under an id of its own, and says who asked and when it was due before', async () => {
    const world = await rotated();
    const due = await dueOf(world);
    expect(await retireByHand(world.ports, asked)).toMatchObject({ kind: 'start', request: { key, rotationId } });
    expect(await dueOf(world)).toBe(world.now());
    expect(commandsOnRecord(world)).toEqual([expect.stringContaining(`ann asked to retire`)]);
    expect(commandsOnRecord(world)[0]).toContain(`it was due at ${due}`);
  });

  test('I4: nothing is due whose asker is not on record, wherever it is killed', async () => {
    const world = await rotated();
    const due = await dueOf(world);
    world.auditLog.interfere.fail('append');
    await expect(retireByHand(world.ports, asked)).rejects.toThrow(FaultError);
    expect(await dueOf(world)).toBe(due);
    world.ledger.interfere.loseAnswer('update');
    await expect(retireByHand(world.ports, asked)).rejects.toThrow(FaultError);
    expect(await dueOf(world)).not.toBe(due);
    expect(commandsOnRecord(world)).toHaveLength(1);
  });

  test('is asked for once where somebody else was faster at the row', async () => {
    const world = await rotated();
    world.ledger.interfere.before('update', 1, async () => {
      const { claim, etag } = await world.ledger.read(key);
      if (claim !== null) await world.ledger.update(key, etag, { claim });
    });
    expect(await retireByHand(world.ports, asked)).toMatchObject({ kind: 'start' });
    expect(commandsOnRecord(world)).toHaveLength(1);
  });

  test('of a rotation that nobody knows is told so', async () => {
    const world = makeWorld();
    expect(await retireByHand(world.ports, asked)).toEqual({ kind: 'not-found' });
  });
});
