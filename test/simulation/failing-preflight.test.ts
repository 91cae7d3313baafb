import { FaultError, RefusalError } from '../../shared/rotation/errors';
import type { Call } from '../edges/with-edges';
import { kek, v1 } from './cloud';
import { isMutation } from './mutation-rules';
import { Simulation } from './simulation';

const days = 3;
// Hundreds of sweeps; on a busy machine that takes a while.
jest.setTimeout(300_000);

const target = (call: Call) => call.port === 'keyVault' || call.port === 'resourceManager';

/** Why a plan cannot be made, or must be refused: what the cloud answers. */
const troubles: readonly (readonly [string, (call: Call) => void])[] = [
  [
    'the vault cannot be reached',
    ({ port }) => {
      if (port === 'keyVault') throw new FaultError('vault-unreachable', 'Nobody answers at the address of the vault.');
    },
  ],
  [
    'Keyturn may not unwrap',
    ({ port, method }) => {
      if (port === 'keyVault' && method === 'unwrap') throw new RefusalError('key-vault-forbidden', 'No role.');
    },
  ],
  [
    'ARM lets nobody read',
    ({ port }) => {
      if (port === 'resourceManager') throw new RefusalError('resource-forbidden', 'No role.');
    },
  ],
  [
    'ARM is away',
    ({ port }) => {
      if (port === 'resourceManager') throw new FaultError('resource-manager-unreachable', 'ARM cannot be reached.');
    },
  ],
];

/** Three days of events every six hours, of sweeps every quarter of an hour, and of an operator who tries every day. */
async function threeDays(simulation: Simulation): Promise<void> {
  for (let day = 0; day < days; day++) {
    for (let quarter = 0; quarter < 4; quarter++) {
      simulation.deliver('KeyNearExpiry', `${kek}/${v1}`);
      await simulation.runUntil(() => false, { hours: 6 });
    }
    await simulation.ask('startRotation', { body: { key: kek, reason: 'again' } });
  }
}

test.each(troubles)(
  'while %s, three days of trying make no version and change nothing; then it recovers',
  async (_, trouble) => {
    const simulation = new Simulation();
    const changed: string[] = [];
    let lasts = true;
    simulation.edge = async (call, go) => {
      if (lasts && isMutation(call)) changed.push(`${call.port}.${call.method}`);
      if (lasts && target(call)) trouble(call);
      return go();
    };
    await threeDays(simulation);
    expect(changed).toEqual([]);
    expect(simulation.cloud.vault.look()).toHaveLength(1);
    const others = simulation.rotations.filter(({ phase }) => !['requested', 'planning', 'refused'].includes(phase));
    expect(others).toEqual([]);
    expect(simulation.rotations.length).toBeGreaterThanOrEqual(days);
    const ids = simulation.cloud.alerts.sent.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);

    lasts = false;
    simulation.deliver('KeyNearExpiry', `${kek}/${v1}`);
    expect(await simulation.runUntil(() => simulation.rotations.at(-1)?.phase === 'completed', { hours: 24 })).toBe(
      true,
    );
    expect(await simulation.settle()).toBe(true);
    expect(simulation.cloud.vault.look()).toHaveLength(2);
    expect(simulation.judge.atEnd()).toEqual([]);
  },
);
