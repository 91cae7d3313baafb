import fc from 'fast-check';
import { wakeUp } from '../../functions/durable';
import type { Activities, ActivityName } from '../../shared/contracts/activities';
import type { Phase } from '../../shared/contracts/rotation';
import { mayMove } from '../../shared/rotation/phases';
import { type Played, play } from './harness';
import {
  type Answer,
  broken,
  type Changes,
  cancelled,
  fault,
  interrupted,
  ok,
  paused,
  planOf,
  probeOf,
  refusal,
  request,
  superseded,
  thrown,
  usual,
  verified,
} from './script';

/** What befalls one call; `odd` is an answer that is a value, but not the one hoped for. */
const fates = [
  'usual',
  'odd',
  'red',
  'fault',
  'refusal',
  'thrown',
  'interrupted',
  'cancelled',
  'paused',
  'superseded',
  'broken',
] as const;
type Fate = (typeof fates)[number];

const fate = fc.oneof(
  { weight: 30, arbitrary: fc.constant<Fate>('usual') },
  { weight: 6, arbitrary: fc.constantFrom<Fate>('odd', 'red', 'fault') },
  { weight: 4, arbitrary: fc.constantFrom<Fate>(...fates) },
);
const world = fc.record({
  seed: fc.nat(1000),
  fates: fc.array(fate, { minLength: 5, maxLength: 60 }),
  wakeUps: fc.array(fc.nat(4000), { maxLength: 3 }),
  start: fc.constantFrom('new', 'resumed', 'back'),
});
type World = typeof world extends fc.Arbitrary<infer T> ? T : never;

interface Call {
  readonly name: ActivityName;
  readonly fate: Fate;
  readonly input: Readonly<Record<string, unknown>>;
  readonly answer: Answer<ActivityName> | undefined;
}

function odd(name: ActivityName, input: Readonly<Record<string, unknown>>, colour: 'red' | 'unknown'): unknown {
  const target = Number(input['target']);
  switch (name) {
    case 'makePlan':
      if (colour === 'unknown') return ok({ decision: 'go', plan: planOf(), approved: false });
      return ok({ decision: 'refuse', reasons: [{ code: 'c', message: 'm' }] });
    case 'secureWayBack':
      return ok({ pinned: [0, 1] });
    case 'chooseVersion':
      return ok({ waitSeconds: 600, message: 'm' });
    case 'moveTarget':
    case 'checkMove':
      return ok({ state: 'pending', retryAfterSeconds: 30 });
    case 'moveDataKeysPage':
      return ok({ continuation: 'more', done: 1, total: 2 });
    case 'verifyTarget':
      return verified(target, colour);
    case 'probeTargets':
      return ok({ results: [0, 1, 2].map((at) => probeOf(at, at === 1 ? colour : 'green')) });
    default:
      return undefined;
  }
}

function answerTo(
  given: Fate,
  name: ActivityName,
  input: Readonly<Record<string, unknown>>,
): Answer<ActivityName> | undefined {
  switch (given) {
    case 'usual':
      return undefined;
    case 'odd':
      return odd(name, input, 'unknown') as Answer<ActivityName> | undefined;
    case 'red':
      return odd(name, input, 'red') as Answer<ActivityName> | undefined;
    case 'thrown':
      return thrown;
    case 'interrupted':
      return interrupted;
    case 'cancelled':
      return cancelled;
    case 'paused':
      return paused;
    case 'superseded':
      return superseded;
    case 'broken':
      return broken();
    case 'refusal':
      return refusal();
    default:
      return fault();
  }
}

async function playWorld({ seed, fates: befalls, wakeUps, start }: World) {
  const calls: Call[] = [];
  const befall = (name: ActivityName) => (input: object) => {
    const given = befalls[calls.length] ?? 'usual';
    const answer = answerTo(given, name, input as Call['input']);
    calls.push({ name, fate: given, input: input as Call['input'], answer });
    return answer;
  };
  const names = Object.keys(usual()) as (keyof Activities)[];
  const changes = Object.fromEntries(names.map((name) => [name, befall(name)])) as Changes;
  const policy = { faultDeadlineSeconds: 900, operationDeadlineSeconds: 120, alertAfterSeconds: 300 };
  const script = usual(changes, {
    policy,
    ...(start === 'new' ? {} : { known: planOf() }),
    ...(start === 'back' ? { direction: 'back' as const, moved: [0, 1, 2] } : {}),
  });
  const input = start === 'new' ? request : { ...request, cause: { kind: 'resume', command: 'resume' } };
  const raise = wakeUps.map((atSeconds) => ({ name: wakeUp, atSeconds }));
  return { played: await play({ input, script, seed, raise }), calls, start };
}

const isEntered = ({ name, answer }: Call): boolean => name === 'enterPhase' && answer === undefined;

/** The phases that were entered, as the ledger has them, are a road that `phases.ts` allows. */
function expectLegalRoad(calls: readonly Call[], start: string): void {
  let phase: Phase = start === 'new' ? 'requested' : 'needs-attention';
  for (const { input } of calls.filter(isEntered)) {
    const next = input['phase'] as Phase;
    expect({ from: phase, to: next, legal: mayMove(phase, next) }).toEqual({ from: phase, to: next, legal: true });
    phase = next;
  }
}

/** Once a run goes back, nothing of it goes forward (phases.ts: rolling-back has no way forward). */
function expectOneWay({ told }: Played): void {
  const back = told.indexOf('enterPhase rolling-back');
  if (back >= 0) expect(told.slice(back).filter((step) => step.includes(' forward'))).toEqual([]);
}

/** I8: nothing goes back without cause: a fault, a thrown error or an unknown answer is none. */
function expectCause({ told }: Played, calls: readonly Call[], start: string): void {
  if (start === 'back' || !told.includes('enterPhase rolling-back')) return;
  expect(calls.some((call) => ['refusal', 'interrupted', 'cancelled', 'red'].includes(call.fate))).toBe(true);
}

/** I8: at completion the newest certain answer of every target was green, and each was verified since it last moved. */
function expectGreen({ output }: Played, calls: readonly Call[]): void {
  if ((output as { phase?: Phase } | undefined)?.phase !== 'completed') return;
  const colours = new Map<number, string>();
  for (const { name, input, fate: given, answer } of calls) {
    const target = Number(input['target']);
    if (answer === undefined && name === 'verifyTarget') colours.set(target, 'green');
    if (answer === undefined && name === 'probeTargets') for (const at of [0, 1, 2]) colours.set(at, 'green');
    if (answer === undefined && name.startsWith('move')) colours.set(target, 'moved');
    if (given === 'red' && name === 'verifyTarget') colours.set(target, 'red');
    if (given === 'red' && name === 'probeTargets') colours.set(1, 'red');
  }
  expect([0, 1, 2].map((at) => colours.get(at))).toEqual(['green', 'green', 'green']);
}

/** Who has lost the claim does nothing more. */
function expectSilence(calls: readonly Call[]): void {
  const lost = calls.findIndex(
    ({ name, fate: given }) => given === 'superseded' && name !== 'noteWaiting' && name !== 'sendAlert',
  );
  if (lost >= 0) expect(calls.slice(lost + 1).map(({ name }) => name)).toEqual([]);
}

/** What ends a run is the last thing it enters, and only what changed something tells anybody. */
function expectOneEnding({ told, output, failure }: Played): void {
  const entered = told.filter((step) => step.startsWith('enterPhase')).map((step) => step.slice('enterPhase '.length));
  const phase = (output as { phase?: Phase | null } | undefined)?.phase;
  if (failure === null && phase != null) expect(entered.at(-1)).toBe(phase);
  if (phase === 'needs-attention') expect(told).toContain('sendAlert needs-attention');
}

test('whatever befalls it, a rotation ends, on a legal road, going back only with cause, completing only when green', async () => {
  await fc.assert(
    fc.asyncProperty(world, async (given) => {
      const { played, calls, start } = await playWorld(given);
      expectLegalRoad(calls, start);
      expectOneWay(played);
      expectCause(played, calls, start);
      expectGreen(played, calls);
      expectSilence(calls);
      expectOneEnding(played);
    }),
    { numRuns: 150 },
  );
}, 60_000);
