import { kek, v1 } from '../simulation/cloud';
import { Simulation } from '../simulation/simulation';
import { firstExpiry, hasRun, isAnswered } from './answered';
import { play } from './play';
import type { Fault, World } from './schedule';

const world: World = {
  ...{ run: 'rotation', cause: 'near-expiry', targets: ['dps', 'iotHub'], records: 0, approval: false },
  ...{ expiredPrevious: 'refuse', keyCache: '5m', wrapFailsAt: 'later', vaultUnreachable: 'fails' },
  ...{ operationSeconds: 25, whileBusy: 'previous', sasKeys: 'kept', staleReads: 0, seals: false },
  ...{ answer: 'abandon', stranger: false, isAdopted: false, instanceHistory: 'P90D', names: 'a version' },
};

const lost: readonly [string, Fault][] = [
  [
    'whose admission was given up because the vault was away for longer than a day',
    { kind: 'outage', of: 'vault', at: { stage: 'free', call: 3 }, minutes: 26 * 60 },
  ],
  ['that lost the race for the row of the claim', { kind: 'ledger-conflict', nth: 1, times: 1 }],
];

test.each(lost)('I2: an event %s is answered all the same', async (_what, fault) => {
  const { wrong, run, struck, outcomes } = await play({ world, faults: [fault] });
  expect(wrong).toEqual([]);
  expect(struck.size).toBe(1);
  expect(run).toBe('rotation');
  expect([...outcomes]).toContain('completed');
});

describe('what was asked for has happened', () => {
  test('only when a rotation was begun because of it, or nothing stands on the old version any more', async () => {
    const simulation = new Simulation({ targets: world.targets });
    simulation.cloud.vault.change(v1, { expiresOn: firstExpiry });
    expect(isAnswered(simulation, world)).toBe(false);
    expect(hasRun(simulation, 'rotation')).toBe(false);
    await simulation.ask('startRotation', { body: { key: kek, reason: 'by hand' } });
    expect(isAnswered(simulation, world)).toBe(false);
    await simulation.runUntil(() => isAnswered(simulation, world));
    expect(isAnswered(simulation, world)).toBe(true);
    expect(hasRun(simulation, 'rotation')).toBe(true);
    expect(hasRun(simulation, 'replace')).toBe(false);
  });

  test('where there is nothing to rotate', () => {
    const simulation = new Simulation({ targets: ['dataKeys'], records: 0 });
    simulation.cloud.vault.change(v1, { expiresOn: firstExpiry });
    expect(isAnswered(simulation, { ...world, targets: ['dataKeys'] })).toBe(true);
  });
});
