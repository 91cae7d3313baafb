import { kek, otherKey, v1 } from './cloud';
import { type Given, Simulation } from './simulation';

/** A rotation that an event has started, and how it ended. */
async function rotated(given: Given = {}, prepare: (simulation: Simulation) => void = () => undefined) {
  const simulation = new Simulation(given);
  prepare(simulation);
  simulation.deliver('KeyNearExpiry', `${kek}/${v1}`);
  const rests = await simulation.settle();
  return { simulation, rests, phases: simulation.rotations.map(({ phase }) => phase) };
}

const retirementOf = ({ cloud }: Simulation) => cloud.ledger.look(kek).retirements[0]?.status;

test('a near-expiry event moves everything to a new version; hours later the sweep retires the old one', async () => {
  const { simulation, rests, phases } = await rotated();
  expect({ rests, phases }).toEqual({ rests: true, phases: ['completed'] });
  const [next] = simulation.standing['iotHub'] ?? [];
  expect(next).not.toContain(v1);
  expect(simulation.standing).toEqual({ iotHub: [next], dps: [next], dataKeys: [next] });
  expect(await simulation.runUntil(() => retirementOf(simulation) === 'retired')).toBe(true);
  expect(simulation.cloud.vault.look().find(({ version }) => version === v1)?.enabled).toBe(false);
  expect(simulation.cloud.alerts.sent.map(({ type }) => type)).toContain('Keyturn.Rotation.Completed');
  expect(simulation.judge.atEnd()).toEqual([]);
  expect(simulation.reader.reads).toBeGreaterThan(500);
});

test('the same simulation happens twice alike, to the millisecond', async () => {
  const effects = async () => (await rotated()).simulation.judge.effects;
  expect(await effects()).toEqual(await effects());
});

test('a process that is killed comes back, and what it had asked for has no effect any more', async () => {
  let asked = 0;
  const { simulation, phases } = await rotated({}, (it) => {
    it.edge = async (call, go) => {
      if (call.method !== 'put' || call.port !== 'resourceManager' || ++asked > 1) return go();
      return it.kill();
    };
  });
  expect(phases).toEqual(['completed']);
  expect(simulation.kills).toBe(1);
  expect(simulation.cloud.resourceManager.puts).toHaveLength(2);
  expect(simulation.judge.atEnd()).toEqual([]);
});

test('an answer that is lost is asked for again, and the work is not done twice', async () => {
  let asked = 0;
  const { simulation, phases } = await rotated({}, (it) => {
    it.edge = async (call, go) => {
      const answer = await go();
      return call.method === 'createVersion' && ++asked === 1 ? it.lose() : answer;
    };
  });
  expect(phases).toEqual(['completed']);
  expect(simulation.cloud.vault.look()).toHaveLength(2);
});

test('an operator pauses, resumes and goes back over HTTP', async () => {
  const simulation = new Simulation();
  const started = await simulation.ask('startRotation', { body: { key: kek, reason: 'by hand' } });
  expect(started.status).toBe(202);
  const params = { id: String(started.body['rotationId']) };
  await simulation.runUntil(() => simulation.rotations[0]?.phase === 'soaking');
  expect((await simulation.ask('pauseRotation', { params })).status).toBe(202);
  await simulation.runUntil(() => simulation.rotations[0]?.waitingFor === 'pause');
  expect((await simulation.ask('resumeRotation', { params })).status).toBe(202);
  expect((await simulation.ask('rollbackRotation', { params })).status).toBe(202);
  expect(await simulation.settle()).toBe(true);
  expect(simulation.rotations).toMatchObject([{ phase: 'rolled-back' }]);
  expect(simulation.standing['dataKeys']).toEqual([`${kek}/${v1}`]);
  expect(simulation.judge.atEnd()).toEqual([]);
});

test('a key is replaced by one of another vault', async () => {
  const simulation = new Simulation({
    replaceable: true,
    key: { acceptUnknown: ['identity-may-use-key', 'network-allows'] },
  });
  simulation.cloud.otherVault.addVersion();
  const body = { key: kek, reason: 'compromised', run: 'replace', replacement: otherKey };
  expect((await simulation.ask('startRotation', { body })).status).toBe(202);
  expect(await simulation.settle()).toBe(true);
  expect(simulation.rotations).toMatchObject([{ phase: 'completed' }]);
  expect(simulation.standing['dps']?.[0]).toContain(otherKey);
  expect(simulation.judge.atEnd()).toEqual([]);
});

test('who disables a version that is in use is seen by the reader, and named by the invariant', async () => {
  const { simulation } = await rotated({}, (it) => {
    it.agenda.in(40_000, () => it.cloud.vault.change(v1, { enabled: false }));
  });
  expect(simulation.judge.atEnd().map(({ invariant }) => invariant)).toContain('I10');
});

test('a lost task hub is noticed by the sweep, and the run goes on from the ledger', async () => {
  const { simulation, phases } = await rotated({}, (it) => {
    it.agenda.in(30_000, () => it.engine.forgetAll());
  });
  expect(phases).toEqual(['completed']);
  expect(simulation.judge.atEnd()).toEqual([]);
});
