import type { RunPolicy } from '../../../../shared/contracts/activities';
import { isStuck, longestUnchangedSeconds } from '../../../../shared/rotation/overdue';
import type { Claim } from '../../../../shared/rotation/ports';
import { admitted, claimOf, makeWorld } from '../use-cases/world';

const hour = 3600;
const margin = 2 * hour;

/** A claim on a hub, a DPS and a store of a thousand data keys. */
async function claimIn(columns: Partial<Claim>): Promise<{ claim: Claim; policy: RunPolicy }> {
  const world = makeWorld();
  await admitted(world);
  const target = { name: 'n', previousKid: null, previousVersion: null, total: 1 };
  const plan = {
    planHash: 'h',
    previousVersion: null,
    targets: [
      { ...target, kind: 'iotHub' as const },
      { ...target, kind: 'dps' as const },
      { ...target, kind: 'dataKeys' as const, total: 1000 },
    ],
  };
  return { claim: { ...(await claimOf(world)), plan, ...columns }, policy: world.managed.policy };
}

const asking = 3 * 60;
const moving = 3 * (1800 + asking) + 1000 * 2 + asking;
const probing = hour + 2 * 600;

/** Until our own read must show in it, and one more try. */
const askingTheLog = 3600 + 600 + 300;

test.each<[string, Partial<Claim>, number | null]>([
  ['to be admitted, as long as a fault may last before admission', { phase: 'requested' }, 24 * hour + margin],
  ['to plan, which only reads', { phase: 'planning' }, margin],
  ['to pin and to choose a version', { phase: 'creating-version' }, moving + margin],
  ['to move every target', { phase: 'rewrapping' }, moving + margin],
  ['to move every target back', { phase: 'rolling-back' }, moving + margin],
  ['to soak, and to move the data keys made meanwhile', { phase: 'soaking' }, hour + probing + 2180 + margin],
  ['to free the claim', { phase: 'completed' }, margin],
  [
    'to prove, watch and drop old blobs',
    { phase: 'completed', purpose: 'retirement' },
    (24 + 25) * hour + askingTheLog + probing + 2180 + margin,
  ],
  ['to be admitted and to go on', { phase: 'rewrapping', bound: false }, 24 * hour + moving + margin],
  ['for a fault until its deadline', { phase: 'planning', waitingFor: 'fault' }, hour + margin],
  ['for an approval without end', { phase: 'planning', waitingFor: 'approval' }, null],
  ["for Key Vault's policy without end", { phase: 'creating-version', waitingFor: 'policy' }, null],
  ['for a window without end', { phase: 'rewrapping', waitingFor: 'window' }, null],
  ['for a person who paused it without end', { phase: 'soaking', waitingFor: 'pause' }, null],
])('a live run has its time %s', async (_what, columns, seconds) => {
  const { claim, policy } = await claimIn(columns);
  expect(longestUnchangedSeconds(claim, policy)).toBe(seconds);
});

test('a run is stuck a moment after its time, and not at its end', async () => {
  const unchangedSince = '2026-11-22T12:00:00.000Z';
  const { claim, policy } = await claimIn({ phase: 'planning', unchangedSince });
  expect(isStuck(claim, policy, new Date('2026-11-22T14:00:00.000Z'))).toBe(false);
  expect(isStuck(claim, policy, new Date('2026-11-22T14:00:00.001Z'))).toBe(true);
});
