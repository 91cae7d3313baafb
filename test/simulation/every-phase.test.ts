import { FaultError, RefusalError } from '../../shared/rotation/errors';
import { dpsId, kek, v1 } from './cloud';
import { isMutation } from './mutation-rules';
import { type Given, Simulation } from './simulation';

// On a busy machine a simulation takes seconds.
jest.setTimeout(300_000);

/** How a rotation is brought to stand in a phase, and whether it can be paused there. */
interface Standing {
  readonly given?: Given;
  readonly makeReach?: (simulation: Simulation) => void;
}

const lastRefuses = (simulation: Simulation): void => {
  simulation.edge = async (call, go) => {
    const forward = JSON.stringify(call.args).includes('a000');
    if (call.method === 'put' && call.args[0] === dpsId && forward) throw new RefusalError('locked', 'It is locked.');
    return go();
  };
};
const phases: Readonly<Record<string, Standing>> = {
  planning: { given: { signIn: true, key: { approval: 'required' } } },
  'creating-version': {},
  rewrapping: {},
  soaking: {},
  'rolling-back': { makeReach: lastRefuses },
};
const titled = Object.entries(phases).map(([phase, standing]) => [phase, standing] as const);

async function standingIn(phase: string, { given = {}, makeReach }: Standing): Promise<Simulation> {
  const simulation = new Simulation(given);
  makeReach?.(simulation);
  simulation.deliver('KeyNearExpiry', `${kek}/${v1}`);
  const reached = await simulation.runUntil(() => simulation.rotations[0]?.phase === phase);
  expect(reached).toBe(true);
  return simulation;
}

const idOf = ({ rotations }: Simulation): string => rotations[0]?.rotationId ?? '';

async function goOn(simulation: Simulation, phase: string): Promise<void> {
  if (phase === 'planning') {
    await simulation.runUntil(() => simulation.rotations[0]?.waitingFor === 'approval');
    const { planHash } = simulation.rotations[0] as unknown as { readonly planHash: string };
    const params = { id: idOf(simulation) };
    expect((await simulation.ask('approveRotation', { params, body: { planHash } }, 'bob')).status).toBe(202);
  }
  await simulation.settle();
}

const ends = (phase: string) => (phase === 'rolling-back' ? 'rolled-back' : 'completed');

test.each(titled)(
  'I5: a second request while a rotation is %s is answered with the first, and a second event starts none',
  async (phase, standing) => {
    const simulation = await standingIn(phase, standing);
    const { status, body } = await simulation.ask('startRotation', { body: { key: kek, reason: 'me too' } });
    expect({ status, rotationId: body['rotationId'] }).toEqual({ status: 409, rotationId: idOf(simulation) });
    simulation.deliver('KeyExpired', `${kek}/${v1}`);
    await goOn(simulation, phase);
    expect(simulation.rotations.map((each) => each.phase)).toEqual([ends(phase)]);
    expect(simulation.judge.atEnd()).toEqual([]);
  },
);

test.each(titled)(
  'I4: a rotation that is paused while %s does nothing for a day, and ends as it would have',
  async (phase, standing) => {
    const simulation = await standingIn(phase, standing);
    const params = { id: idOf(simulation) };
    expect((await simulation.ask('pauseRotation', { params })).status).toBe(202);
    expect(await simulation.runUntil(() => simulation.rotations[0]?.waitingFor === 'pause')).toBe(true);
    const through = simulation.edge;
    const begun: string[] = [];
    simulation.edge = async (call, go) => {
      if (isMutation(call)) begun.push(`${call.port}.${call.method}`);
      return through(call, go);
    };
    await simulation.runUntil(() => false, { hours: 24 });
    expect(begun).toEqual([]);
    simulation.edge = through;
    expect((await simulation.ask('resumeRotation', { params })).status).toBe(202);
    await goOn(simulation, phase);
    expect(simulation.rotations.map((each) => each.phase)).toEqual([ends(phase)]);
    expect(simulation.judge.atEnd()).toEqual([]);
  },
);

/** What somebody does to a version in the middle of a run, and how the run ends. */
const blows = [
  ['the version to go to is disabled', 'next', { enabled: false }, 'rolled-back'],
  ['the version to go to expires', 'next', { expiresOn: new Date('2026-11-22T12:00:01Z') }, 'rolled-back'],
  ['the version before is disabled', 'previous', { enabled: false }, 'needs-attention'],
  ['the version before expires', 'previous', { expiresOn: new Date('2026-11-22T12:00:01Z') }, 'completed'],
] as const;

test.each(blows)('when %s once the first target has moved, nothing is lost', async (_, which, change, end) => {
  const simulation = new Simulation();
  let puts = 0;
  simulation.edge = async (call, go) => {
    const answer = await go();
    if (call.port === 'resourceManager' && call.method === 'put' && ++puts === 1) {
      const version = which === 'previous' ? v1 : (simulation.cloud.vault.look().at(-1)?.version ?? '');
      simulation.reader.suspended = change === blows[0][2] || change === blows[2][2];
      simulation.cloud.vault.change(version, change);
    }
    return answer;
  };
  simulation.deliver('KeyNearExpiry', `${kek}/${v1}`);
  await simulation.settle();
  expect(simulation.rotations.map(({ phase }) => phase)).toEqual([end]);
  for (const { version } of simulation.cloud.vault.look()) simulation.cloud.vault.change(version, { enabled: true });
  simulation.reader.suspended = false;
  simulation.reader.readAll();
  expect(simulation.judge.atEnd()).toEqual([]);
});

/** Whose permission is taken away for good, in the middle of the data keys. */
const losses = [
  ['the version before', (kid: string) => kid.endsWith(v1)],
  ['the version to go to', (kid: string) => !kid.endsWith(v1)],
] as const;

test.each(losses)(
  'a permission on %s that is revoked in the middle needs a person or goes back, and nothing is lost',
  async (_, isMeant) => {
    const simulation = new Simulation();
    let unwraps = 0;
    let revoked = true;
    simulation.edge = async (call, go) => {
      const meant = call.port === 'keyVault' && call.method === 'unwrap' && isMeant(String(call.args[0]));
      if (meant && ++unwraps > 8 && revoked) throw new RefusalError('key-vault-forbidden', 'The role is gone.');
      return go();
    };
    simulation.deliver('KeyNearExpiry', `${kek}/${v1}`);
    await simulation.settle();
    const [{ phase = '', rotationId = '' } = {}] = simulation.rotations;
    expect(['rolled-back', 'needs-attention']).toContain(phase);
    revoked = false;
    if (phase === 'needs-attention') {
      expect((await simulation.ask('resumeRotation', { params: { id: rotationId } })).status).toBe(202);
      await simulation.settle();
      expect(['rolled-back', 'completed']).toContain(simulation.rotations[0]?.phase);
    }
    expect(simulation.judge.atEnd()).toEqual([]);
  },
);

test('an outage of a minute at each call of the vault in turn is waited out, and nothing is done twice', async () => {
  for (let call = 0; call < 12; call++) {
    const simulation = new Simulation();
    let asked = 0;
    let until = Number.POSITIVE_INFINITY;
    simulation.edge = async (which, go) => {
      if (which.port === 'keyVault' && asked++ === call * 4) until = simulation.agenda.now + 60_000;
      const away = until !== Number.POSITIVE_INFINITY && simulation.agenda.now < until;
      if (which.port === 'keyVault' && away) throw new FaultError('vault-unreachable', 'The vault cannot be reached.');
      return go();
    };
    simulation.deliver('KeyNearExpiry', `${kek}/${v1}`);
    await simulation.settle();
    expect({ call, phases: simulation.rotations.map(({ phase }) => phase) }).toEqual({ call, phases: ['completed'] });
    expect(simulation.judge.atEnd()).toEqual([]);
  }
});
