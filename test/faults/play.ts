import { isTerminal } from '../../shared/rotation/phases';
import { kek, otherKey, v1 } from '../simulation/cloud';
import { type Given, Simulation } from '../simulation/simulation';
import { firstExpiry, hasRun, isAnswered, longestUnansweredHours } from './answered';
import { faultsAtEnd } from './checks';
import { Director } from './director';
import type { Schedule, World } from './schedule';

/** What became of a schedule. */
export interface Played {
  /** What was wrong; empty if nothing was. */
  readonly wrong: readonly string[];
  /** What was asked for, if one of that kind has really begun. */
  readonly run: World['run'] | null;
  readonly stages: ReadonlySet<string>;
  readonly struck: ReadonlySet<string>;
  readonly outcomes: ReadonlySet<string>;
}

/** Hours in which a run goes on by itself before somebody looks at it. */
const untilSomebodyLooks = 40;
const mostLooks = 8;

/** Plays one schedule to its end: faults first, then whole surroundings and an operator who gives the commands that the runs ask for. */
export async function play(schedule: Schedule, look?: (simulation: Simulation) => void): Promise<Played> {
  const { world } = schedule;
  const simulation = new Simulation(givenOf(world));
  prepareCloud(simulation, world);
  await prepareRun(simulation, world);
  const director = new Director(simulation, schedule, 'event-1');
  const policies = JSON.stringify(simulation.cloud.services.map((service) => service.policies));
  begin(simulation, world);
  await undisturbed(simulation, world);
  director.heal();
  let rests = await lookAfter(simulation, world);
  if (!isAnswered(simulation, world)) {
    await simulation.runUntil(() => isAnswered(simulation, world), { hours: longestUnansweredHours });
    rests = await lookAfter(simulation, world);
  }
  rests = rests && (await nightsAfter(simulation, director));
  const wrong = await faultsAtEnd(simulation, { rests, director, policies, world });
  look?.(simulation);
  return {
    wrong,
    run: hasRun(simulation, world.run) ? world.run : null,
    stages: director.stages,
    struck: director.struck,
    outcomes: new Set([
      ...simulation.rotations.map(({ phase }) => phase),
      ...simulation.cloud.ledger.look(kek).retirements.map(({ status }) => `retirement ${status}`),
    ]),
  };
}

const needsTwo = (world: World): boolean => world.run === 'revoke' || world.run === 'restore';

function givenOf(world: World): Given {
  const moves = world.run === 'rotation' || world.run === 'replace';
  return {
    // A store that nobody configured cannot be found by looking.
    records: world.targets.includes('dataKeys') ? world.records : 0,
    targets: world.targets,
    modes: { keyCache: world.keyCache, wrapFailsAt: world.wrapFailsAt, unversionedFollowed: 'never' },
    ...{ seals: world.seals, everyTimer: true, instanceHistory: world.instanceHistory },
    signIn: needsTwo(world),
    replaceable: world.run === 'replace',
    key: {
      // A soak and a watch are longer than a cache.
      ...(world.keyCache === '24h' ? { soak: 'P1DT1H', watch: 'P1DT1H', quiet: 'P1DT1H', probeEvery: 'PT2H' } : {}),
      expiredPrevious: world.expiredPrevious,
      ...(world.names === 'none, to be pinned' ? { pin: true } : {}),
      ...(world.approval && moves ? { approval: 'required' } : {}),
      ...(world.run === 'replace' ? { acceptUnknown: ['identity-may-use-key', 'network-allows'] } : {}),
    },
  };
}

function prepareCloud({ cloud }: Simulation, world: World): void {
  const { operationSeconds, vaultUnreachable, whileBusy, sasKeys, staleReads } = world;
  for (const service of cloud.services) {
    Object.assign(service, { operationSeconds, vaultUnreachable, whileBusy, sasKeys, staleReads });
    if (!isUnderIt(service.kind, world)) Object.assign(service, { body: underAnother(service.body), data: null });
    else if (namesNone(world)) service.body = withoutVersion(service.body);
  }
  if (world.run === 'replace') cloud.otherVault.addVersion();
  if (world.run === 'rotation' && world.cause !== 'new-version') {
    cloud.vault.change(v1, { expiresOn: firstExpiry });
  }
}

/** A service that nobody configured is under another key, or, as a stranger, under this one all the same, where looking around finds it. */
function isUnderIt(kind: 'iotHub' | 'dps', { targets, stranger }: World): boolean {
  const looksAround = targets.includes('iotHub') || targets.includes('dps');
  return targets.includes(kind) || (stranger && looksAround);
}

const namesNone = ({ run, names }: World): boolean => run === 'rotation' && names !== 'a version';

const withoutVersion = (body: Record<string, unknown>): Record<string, unknown> =>
  JSON.parse(JSON.stringify(body).replaceAll(`${kek}/${v1}`, kek));

const underAnother = (body: Record<string, unknown>): Record<string, unknown> =>
  JSON.parse(JSON.stringify(body).replaceAll(kek, 'https://other.vault.azure.net/keys/another'));

/** What comes before, and goes well. */
async function prepareRun(simulation: Simulation, { run, isAdopted }: World): Promise<void> {
  if (run === 'retirement') {
    simulation.deliver('KeyNearExpiry', `${kek}/${v1}`, { id: 'event-1' });
    await simulation.settle();
  }
  if (run === 'adopt') {
    const never = { rotatesAfterCreate: null, rotatesBeforeExpiry: null };
    const wanted = { ...adoptedPolicy, notifiesBeforeExpiry: 'P30D' };
    simulation.cloud.vault.setPolicy(isAdopted ? wanted : { expiresIn: 'P2Y', notifiesBeforeExpiry: 'P30D', ...never });
  }
  if (run === 'restore') {
    await simulation.ask('startRotation', { body: { key: kek, reason: 'a leak', run: 'revoke' } });
    await lookAfter(simulation, { run, answer: 'resume' });
  }
}

const adoptedPolicy = { expiresIn: 'P90D', rotatesBeforeExpiry: 'P30D' };

/** What the request asks for, beside the key; null for a run that events or the sweep begin. */
function requestOf({ run, cause }: World): object | null {
  if (run === 'rotation') return cause === 'by-hand' ? {} : null;
  if (run === 'retirement') return null;
  if (run === 'replace') return { run, replacement: otherKey };
  if (run !== 'adopt') return { run };
  return { run, adopt: { rotationPolicy: adoptedPolicy, expiresOn: '2027-06-01T00:00:00Z' } };
}

function begin(simulation: Simulation, world: World): void {
  const request = requestOf(world);
  if (request !== null) {
    void simulation.begin('startRotation', { body: { key: kek, reason: 'by hand', ...request } });
  } else if (world.run === 'rotation' && world.cause === 'near-expiry') {
    simulation.deliver('KeyNearExpiry', `${kek}/${v1}`, { id: 'event-1' });
  } else if (world.run === 'rotation' && world.cause === 'new-version') {
    const { kid } = simulation.cloud.vault.addVersion();
    simulation.deliver('KeyNewVersionCreated', kid, { id: 'event-1' });
  }
}

const needsSomebody = ({ rotations }: Simulation): boolean =>
  rotations.some(({ phase }) => phase === 'needs-attention');
const waitsForApproval = ({ rotations }: Simulation): boolean =>
  rotations.some(({ waitingFor }) => waitingFor === 'approval');
const waitsForSomebody = (simulation: Simulation): boolean =>
  needsSomebody(simulation) ||
  waitsForApproval(simulation) ||
  simulation.rotations.some(({ waitingFor }) => waitingFor === 'pause');

/** Everything goes its way, faults and all; what a person has to do, but for approving, is left for later. */
async function undisturbed(simulation: Simulation, world: World): Promise<void> {
  for (let look = 0; look < mostLooks; look++) {
    await simulation.runUntil(() => waitsForApproval(simulation) || isOver(simulation, world), {
      hours: untilSomebodyLooks,
    });
    if (!waitsForApproval(simulation)) return;
    await approve(simulation);
    await simulation.runUntil(() => false, { hours: 0.1 });
  }
}

async function approve(simulation: Simulation): Promise<void> {
  for (const { rotationId: id, waitingFor, planHash } of simulation.rotations) {
    if (waitingFor !== 'approval') continue;
    await simulation.ask('approveRotation', { params: { id }, body: { planHash } }, 'bob');
  }
}

function isOver(simulation: Simulation, { run }: Pick<World, 'run'>): boolean {
  if (simulation.agenda.now < Date.parse('2026-11-22T12:30:00Z')) return false;
  if (needsSomebody(simulation)) return true;
  return run === 'retirement' ? retirementIsOver(simulation) && simulation.isAtRest() : simulation.isAtRest();
}

const retirementIsOver = ({ cloud }: Simulation): boolean =>
  cloud.ledger.look(kek).retirements.every(({ status }) => ['retired', 'ended', 'kept'].includes(status));

/** Somebody who looks every now and then, and gives the commands that the runs ask for. @returns whether everything came to its end */
async function lookAfter(simulation: Simulation, { run, answer }: Pick<World, 'run' | 'answer'>): Promise<boolean> {
  const done = (): boolean => simulation.isAtRest() && simulation.rotations.every(({ phase }) => isTerminal(phase));
  for (let look = 0; look < mostLooks; look++) {
    await simulation.runUntil(() => done() || waitsForSomebody(simulation), { hours: 6 });
    if (!(await answerWhoWaits(simulation, answers(look, answer))) && done()) break;
    await simulation.runUntil(() => false, { hours: 0.1 });
  }
  if (run === 'retirement') await simulation.runUntil(() => retirementIsOver(simulation), { hours: 80 });
  return simulation.runUntil(done, { hours: 24 });
}

/** A history that somebody tampered with is verified at night, and once more the next: nothing is told a second time. @returns whether all was told */
async function nightsAfter(simulation: Simulation, { tampered }: Director): Promise<boolean> {
  if (tampered.length === 0) return true;
  for (let night = 0; night < 2; night++) await simulation.tick('verifyHistories');
  return simulation.settle(24);
}

/** What did not help twice is not tried for ever. */
function answers(look: number, first: World['answer']): World['answer'] {
  if (look < 2) return first;
  return look < 4 ? 'rollback' : 'abandon';
}

/** @returns whether there was anything to answer */
async function answerWhoWaits(simulation: Simulation, command: World['answer']): Promise<boolean> {
  let answered = waitsForApproval(simulation);
  await approve(simulation);
  if (simulation.cloud.ledger.look(kek).stop !== null) {
    answered = true;
    await simulation.ask('resumeAll');
  }
  for (const { rotationId: id, waitingFor, phase } of simulation.rotations) {
    const params = { id };
    if (phase === 'needs-attention') {
      answered = true;
      const { status } = await simulation.ask(`${command}Rotation`, { params });
      if (status === 409) await simulation.ask('abandonRotation', { params });
    } else if (waitingFor === 'pause') {
      answered = true;
      await simulation.ask('resumeRotation', { params });
    }
  }
  return answered;
}
