import { acrossModes, playsEverything } from './every-scenario';
import { expectAsItMust, playAll } from './played';
import { startSandbox } from './sandbox-run';

const LIMIT = 240_000;
/** One that ends early is enough to see that a reading is taken up at all. */
const plays = playsEverything ? acrossModes : acrossModes.filter(({ phase }) => phase === 'refused').slice(0, 1);

describe('Under another reading of what nobody outside Azure knows', () => {
  const ended = playAll(plays);

  test.each(plays.map((play) => [play.modes.join(' and '), play.scenario, play.phase, play] as const))(
    'with %s, %s ends as %s and every old record opens',
    async (_modes, _scenario, _phase, play) => expectAsItMust(play, await ended(play)),
    LIMIT,
  );

  test('a reading that does not exist is refused before anything is started', async () => {
    const { code, stderr } = await startSandbox('--once', '--mode', 'sasKeys=perhaps').ended;
    expect(code).toBe(2);
    expect(stderr).toContain('sasKeys does not know "perhaps"; one of wiped, kept');
  });
});
