import fc from 'fast-check';
import { type Phase, phases, runs } from '../../../../shared/contracts/rotation';
import {
  allowedCommands,
  holdsClaim,
  isRunning,
  isTerminal,
  mayMove,
  nextPhases,
} from '../../../../shared/rotation/phases';

const ends = ['completed', 'rolled-back', 'abandoned', 'skipped', 'refused', 'cancelled'];

test('a rotation goes forward step by step', () => {
  const road: Phase[] = ['requested', 'planning', 'creating-version', 'rewrapping', 'soaking', 'completed'];
  for (const [index, phase] of road.slice(0, -1).entries()) {
    expect(mayMove(phase, road[index + 1] as Phase)).toBe(true);
    for (const tooFar of road.slice(index + 2)) expect(mayMove(phase, tooFar)).toBe(false);
    const again = phase === 'rewrapping' || phase === 'soaking' ? ['creating-version'] : [];
    expect(road.slice(0, index).filter((past) => mayMove(phase, past))).toEqual(again);
  }
});

test('whoever goes on for an instance that was lost walks the road again from where the plan was made', () => {
  for (const lostIn of ['planning', 'creating-version', 'rewrapping', 'soaking', 'needs-attention'] as const) {
    expect(mayMove(lostIn, 'creating-version')).toBe(true);
  }
});

test('I8: what rolls back ends rolled back or before a person, never completed', () => {
  expect(nextPhases('rolling-back')).toEqual(['rolled-back', 'needs-attention']);
});

test('I2: staying is allowed in every phase, because an activity may run twice', () => {
  for (const phase of phases) expect(mayMove(phase, phase)).toBe(true);
});

test('the ends are those that are named; nothing leaves them but a completed one that goes back, and only they free the claim', () => {
  expect(phases.filter(isTerminal).sort()).toEqual([...ends].sort());
  for (const from of phases) {
    expect(holdsClaim(from)).toBe(!ends.includes(from));
    const ways = phases.filter((to) => to !== from && runs.some((run) => mayMove(from, to, run)));
    if (isTerminal(from)) expect(ways).toEqual(from === 'completed' ? ['rolling-back'] : []);
  }
});

test('the ends without a change are out of reach once a target may have moved', () => {
  for (const from of [
    'rewrapping',
    'soaking',
    'adopting',
    'revoking',
    'restoring',
    'rolling-back',
    'needs-attention',
  ] as const) {
    for (const to of ['skipped', 'refused', 'cancelled'] as const) {
      for (const run of runs) expect(mayMove(from, to, run)).toBe(false);
    }
  }
});

test('only a person abandons, so only needs-attention leads there', () => {
  expect(phases.filter((from) => from !== 'abandoned' && mayMove(from, 'abandoned'))).toEqual(['needs-attention']);
});

test('I8: however a rotation goes, completed comes directly after soaking, and soaking after rewrapping', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 30 }), (choices) => {
      const walk: Phase[] = ['requested'];
      for (const choice of choices) {
        const options = nextPhases(walk.at(-1) as Phase);
        if (options.length > 0) walk.push(options[choice % options.length] as Phase);
      }
      const completed = walk.indexOf('completed');
      if (completed >= 0)
        expect(walk.slice(completed - 3, completed + 1)).toEqual([
          'creating-version',
          'rewrapping',
          'soaking',
          'completed',
        ]);
      if (completed >= 0 && walk.length > completed + 1) expect(walk[completed + 1]).toBe('rolling-back');
      if (walk.includes('rolled-back')) expect(walk.at(-2)).toBe('rolling-back');
    }),
    { numRuns: 1000 },
  );
});

test('every phase can be reached, and from every one an end', () => {
  const reachable = new Set<Phase>(['requested']);
  for (const phase of reachable) {
    for (const run of runs) for (const next of nextPhases(phase, run)) reachable.add(next);
  }
  expect([...reachable].sort()).toEqual([...phases].sort());
});

test.each([
  ['adopt', 'adopting'],
  ['revoke', 'revoking'],
  ['restore', 'restoring'],
] as const)('%s does what it is for in %s, and moves no target', (run, own) => {
  expect(nextPhases('planning', run)).toContain(own);
  expect(mayMove(own, 'completed', run)).toBe(true);
  for (const other of runs) if (other !== run) expect(mayMove('planning', own, other)).toBe(false);
  for (const moving of ['creating-version', 'rewrapping', 'soaking'] as const) {
    for (const from of phases) if (from !== moving) expect(mayMove(from, moving, run)).toBe(false);
  }
});

test('commands: cancel before the first change, rollback after it, resume and abandon before a person', () => {
  const standing = { paused: false, waitsForApproval: true, canStillGoBack: true };
  const allowed = Object.fromEntries(phases.map((phase) => [phase, allowedCommands(phase, standing)]));
  expect(allowed).toEqual({
    ...Object.fromEntries(phases.map((phase) => [phase, []])),
    requested: ['cancel', 'pause'],
    planning: ['approve', 'cancel', 'pause'],
    'creating-version': ['rollback', 'pause'],
    rewrapping: ['rollback', 'pause'],
    soaking: ['rollback', 'pause'],
    adopting: ['rollback', 'pause'],
    revoking: ['rollback', 'pause'],
    restoring: ['pause'],
    'rolling-back': ['pause'],
    completed: ['rollback'],
    'needs-attention': ['rollback', 'resume', 'abandon'],
  });
});

test('an instance works on every phase that holds the claim but the one that waits for a person', () => {
  expect(phases.filter(isRunning)).toEqual([
    'requested',
    'planning',
    'creating-version',
    'rewrapping',
    'soaking',
    'adopting',
    'revoking',
    'restoring',
    'rolling-back',
  ]);
});

test('what was revoked or restored goes back no more once it is complete, and a restoration not at all', () => {
  const standing = { paused: false, waitsForApproval: false, canStillGoBack: true };
  for (const run of ['revoke', 'restore', 'adopt'] as const) {
    expect(allowedCommands('completed', { ...standing, run })).toEqual([]);
  }
  expect(allowedCommands('needs-attention', { ...standing, run: 'restore' })).toEqual(['resume', 'abandon']);
  expect(allowedCommands('needs-attention', { ...standing, run: 'revoke' })).toEqual(['rollback', 'resume', 'abandon']);
});
