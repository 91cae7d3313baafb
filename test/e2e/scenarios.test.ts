import { scenarios } from '../../sandbox/scenarios';
import { central, others, playsEverything } from './every-scenario';
import { expectAsItMust, playAll } from './played';

const LIMIT = 240_000;

/** As the contract names them, in its order. */
const fixed = [
  'near-expiry',
  'new-version',
  'manual',
  'nothing-to-do',
  'dps-refuses',
  'vault-outage',
  'duplicate-events',
  'host-killed',
];

describe('A scenario in the local cloud', () => {
  const plays = playsEverything ? [...central, ...others] : central;
  const ended = playAll(plays);

  test('has the name that the contract fixes, and each is played by a test', () => {
    const names = scenarios.map(({ name }) => name);
    expect(names.slice(0, fixed.length)).toEqual(fixed);
    expect([...central, ...others].map(({ scenario }) => scenario).sort()).toEqual([...names].sort());
  });

  test.each(plays.map((play) => [play.scenario, play.phase ?? 'nothing', play] as const))(
    '%s ends as %s, every old record opens, and nothing stays behind',
    async (_name, _phase, play) => expectAsItMust(play, await ended(play)),
    LIMIT,
  );
});
