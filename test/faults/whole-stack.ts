import * as fc from 'fast-check';
import type { FaultRule } from '../../sandbox/kit';
import { castOf, seedOf } from '../crash/real/cast';
import { everyBlow } from '../crash/real/choice';
import { Ground } from '../crash/real/ground';
import type { Blow } from '../crash/real/order';
import { passedPoints, playRun } from '../crash/real/play';
import { type Run, runs } from '../crash/real/runs';
import { Stage } from '../crash/real/stage';

/** Each operation of a stand-in that a rotation asks for. What goes to Keyturn alone leaves the services and the reader whole. */
const operations = [
  ['keyVault', 'createKey'],
  ['keyVault', 'getKey'],
  ['keyVault', 'listVersions'],
  ['keyVault', 'unwrapKey'],
  ['keyVault', 'getRotationPolicy'],
  ['arm', 'getHub'],
  ['arm', 'putHub'],
  ['arm', 'listHubKeys'],
  ['arm', 'hubOperation'],
  ['arm', 'getDps'],
  ['arm', 'putDps'],
  ['arm', 'listDpsKeys'],
  ['arm', 'dpsOperation'],
  ['arm', 'roleAssignments'],
  ['iotHub', 'getTwin'],
  ['dps', 'getEnrollment'],
  ['token', 'getToken'],
] as const;

const throttled = { 'Retry-After': '7' };
const effects: readonly FaultRule['effect'][] = [
  { kind: 'latency', milliseconds: 1500 },
  { kind: 'reset' },
  { kind: 'lostAnswer' },
  { kind: 'status', status: 429 },
  { kind: 'status', status: 429, headers: throttled },
  { kind: 'status', status: 500 },
  { kind: 'status', status: 503 },
];

const passing: fc.Arbitrary<FaultRule> = fc
  .record({
    at: fc.constantFrom(...operations),
    effect: fc.constantFrom(...effects),
    skip: fc.integer({ min: 0, max: 6 }),
    times: fc.integer({ min: 1, max: 3 }),
  })
  .map(({ at: [standIn, operation], ...rule }) => ({ standIn, operation, principal: 'keyturn', ...rule }));

/** What only these can answer. */
const odd: fc.Arbitrary<FaultRule> = fc.constantFrom<FaultRule>(
  { standIn: 'arm', operation: 'putHub', times: 1, effect: { kind: 'status', status: 412 } },
  { standIn: 'arm', operation: 'putHub', times: 2, effect: { kind: 'status', status: 409 } },
  {
    standIn: 'arm',
    operation: 'getDps',
    skip: 3,
    times: 1,
    principal: 'keyturn',
    effect: { kind: 'status', status: 404 },
  },
  {
    standIn: 'arm',
    operation: 'dpsOperation',
    times: 1,
    effect: { kind: 'operationFails', code: '400099', message: 'The operation failed, as the schedule has it.' },
  },
  {
    standIn: 'keyVault',
    operation: 'unwrapKey',
    principal: 'keyturn',
    skip: 4,
    times: 1,
    effect: { kind: 'wrongBytes' },
  },
);

interface WholeSchedule {
  readonly rules: readonly FaultRule[];
  /** Which of all the ways to kill the app, as a share of them; null: it is not killed. */
  readonly blow: number | null;
}

const schedules: fc.Arbitrary<WholeSchedule> = fc.record({
  rules: fc.array(fc.oneof({ weight: 4, arbitrary: passing }, { weight: 1, arbitrary: odd }), {
    minLength: 1,
    maxLength: 4,
    size: 'max',
  }),
  blow: fc.option(fc.noBias(fc.double({ min: 0, max: 0.999, noNaN: true }))),
});

const named = (name: Run['name']): Run => {
  const run = runs.find((each) => each.name === name);
  if (run === undefined) throw new Error(`there is no run ${name}`);
  return run;
};

/** A rotation that may come to its end, or go back where a fault is a refusal. */
const disturbed: Run = { ...named('rotation'), endings: [...named('rotation').endings, ...named('recall').endings] };

export interface WholePlayed {
  readonly told: string;
  readonly phase: string;
  readonly problems: readonly string[];
}

const keysOfAGround = 24;

/** Plays schedules over the app in its host, Azurite and the stand-ins, with the real clients of Azure between. */
export async function playWholeStack(
  { seed, count }: { readonly seed: number; readonly count: number },
  told: (played: WholePlayed) => void,
): Promise<readonly WholePlayed[]> {
  const drawn = fc.sample(schedules, { seed, numRuns: count });
  const all: WholePlayed[] = [];
  while (all.length < count) {
    const some = drawn.slice(all.length, all.length + keysOfAGround - 1);
    for (const played of await onOneGround(some, told)) all.push(played);
  }
  return all;
}

async function onOneGround(
  drawn: readonly WholeSchedule[],
  told: (played: WholePlayed) => void,
): Promise<readonly WholePlayed[]> {
  const casts = Array.from({ length: drawn.length + 1 }, (_, index) => castOf(index + 1, false));
  const ground = await Ground.up(seedOf(casts), casts, new Set());
  const all: WholePlayed[] = [];
  try {
    const blows = await blowsOn(ground);
    for (const schedule of drawn) {
      const played = await playOne(ground, schedule, blows);
      all.push(played);
      told(played);
    }
  } finally {
    const secrets = await ground.down(all.some(({ problems }) => problems.length > 0));
    // Of the ground, and so of whoever played on it last.
    const last = all.pop();
    if (last !== undefined) all.push({ ...last, problems: [...last.problems, ...secrets] });
  }
  return all;
}

/** Every way to strike a rotation, from one that nothing disturbs. */
async function blowsOn(ground: Ground): Promise<readonly Blow[]> {
  const stage = await Stage.set(ground);
  const run = named('rotation');
  const { problems } = await playRun(stage, run, null);
  await stage.leave();
  if (problems.length > 0) throw new Error(`a rotation that nothing disturbs: ${problems.join('; ')}`);
  return everyBlow(run, passedPoints(stage, run));
}

async function playOne(ground: Ground, schedule: WholeSchedule, blows: readonly Blow[]): Promise<WholePlayed> {
  const blow = schedule.blow === null ? null : (blows[Math.floor(schedule.blow * blows.length)] ?? null);
  const stage = await Stage.set(ground);
  for (const rule of schedule.rules) await ground.control('/faults', rule);
  const { problems } = await playRun(stage, disturbed, blow);
  await ground.wire.ask(`${ground.cloud.control}/faults`, { method: 'DELETE' });
  await stage.leave();
  const steps = schedule.rules.map(
    ({ standIn, operation, skip = 0, times = 1, effect }) =>
      `${effect.kind}${effect.kind === 'status' ? ` ${effect.status}` : ''} ${times}x at ${standIn}.${operation} after ${skip}`,
  );
  const struck = blow === null ? [] : [`killed: ${blow.point} ${blow.how}`];
  const phase = await stage.rotation().then(
    (rotation) => rotation.phase,
    () => 'unknown',
  );
  return { told: [...steps, ...struck].join('; '), phase, problems };
}
