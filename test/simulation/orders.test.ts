import fc from 'fast-check';
import { RefusalError } from '../../shared/rotation/errors';
import { dpsId, hubId, kek, v1 } from './cloud';
import type { TargetName } from './configured';
import { Simulation } from './simulation';

// On a busy machine a simulation takes seconds.
jest.setTimeout(300_000);

const orders: readonly (readonly TargetName[])[] = [
  ['iotHub', 'dps', 'dataKeys'],
  ['iotHub', 'dataKeys', 'dps'],
  ['dps', 'iotHub', 'dataKeys'],
  ['dps', 'dataKeys', 'iotHub'],
  ['dataKeys', 'iotHub', 'dps'],
  ['dataKeys', 'dps', 'iotHub'],
];
const titled = orders.map((targets) => [targets.join(', '), targets] as const);

const begun = (targets: readonly TargetName[]): Simulation => {
  const simulation = new Simulation({ targets });
  simulation.deliver('KeyNearExpiry', `${kek}/${v1}`);
  return simulation;
};
const phasesOf = ({ rotations }: Simulation) => rotations.map(({ phase }) => phase);
const allOn = (kid: string | undefined) => ({ iotHub: [kid], dps: [kid], dataKeys: [kid] });

describe('targets in the order of the configuration, whatever it is', () => {
  test.each(titled)('%s: all move, and all go back when they are called back', async (_, targets) => {
    const simulation = begun(targets);
    await simulation.settle();
    expect(phasesOf(simulation)).toEqual(['completed']);
    const [next] = simulation.standing['dps'] ?? [];
    expect(next).not.toContain(v1);
    expect(simulation.standing).toEqual(allOn(next));
    const params = { id: simulation.rotations[0]?.rotationId ?? '' };
    expect((await simulation.ask('rollbackRotation', { params })).status).toBe(202);
    await simulation.settle();
    expect(simulation.standing).toEqual(allOn(`${kek}/${v1}`));
    expect(simulation.judge.atEnd()).toEqual([]);
  });

  test.each(titled)('%s: what has moved goes back when the last one refuses', async (_, targets) => {
    const simulation = begun(targets);
    const last = targets.at(-1);
    simulation.edge = async (call, go) => {
      const [first] = call.args;
      const forward = JSON.stringify(call.args).includes('a000');
      const put = call.method === 'put' && first === (last === 'iotHub' ? hubId : dpsId) && last !== 'dataKeys';
      const store = call.port === 'dataKeyStore' && call.kind === 'effect' && last === 'dataKeys';
      if ((put && forward) || store) throw new RefusalError('resource-locked', 'The resource is locked.');
      return go();
    };
    await simulation.settle();
    expect(phasesOf(simulation)).toEqual(['rolled-back']);
    expect(simulation.standing).toEqual(allOn(`${kek}/${v1}`));
    expect(simulation.judge.atEnd()).toEqual([]);
  });
});

/** What a person or the vault sets going; each may be refused, for what went before it. */
const migrations = ['event', 'by hand', 'policy makes a version', 'back', 'revoke', 'restore', 'hours pass'] as const;
type Migration = (typeof migrations)[number];

async function migrate(simulation: Simulation, migration: Migration): Promise<void> {
  const versions = simulation.cloud.vault.look();
  const newest = versions.at(-1)?.kid ?? '';
  const id = simulation.rotations.at(-1)?.rotationId ?? 'none';
  const start = async (run: string) => {
    const { body } = await simulation.ask('startRotation', { body: { key: kek, run, reason: migration } });
    const begunId = String(body['rotationId'] ?? 'none');
    if (run === 'rotate') return;
    const waits = () => simulation.rotations.some((each) => each.rotationId === begunId && each.waitingFor !== null);
    await simulation.runUntil(() => waits() || simulation.isAtRest());
    const { planHash } = simulation.rotations.find(({ rotationId }) => rotationId === begunId) ?? {};
    await simulation.ask('approveRotation', { params: { id: begunId }, body: { planHash } }, 'bob');
  };
  switch (migration) {
    case 'event':
      simulation.deliver('KeyNearExpiry', newest);
      break;
    case 'policy makes a version':
      simulation.deliver('KeyNewVersionCreated', simulation.cloud.vault.addVersion().kid);
      break;
    case 'by hand':
      await start('rotate');
      break;
    case 'back':
      await simulation.ask('rollbackRotation', { params: { id } });
      break;
    case 'revoke':
    case 'restore':
      await start(migration);
      break;
    default:
      await simulation.runUntil(() => false, { hours: 4 });
  }
  await simulation.settle();
}

/** Every data key opens with the version that its record names, if that version is enabled; nobody's bytes are lost. */
function unreadable({ cloud }: Simulation): readonly string[] {
  const records = new Map(cloud.store.look().map((record) => [record.id.rowKey, record]));
  return cloud.owned
    .filter(({ record, dataKey }) => {
      const { kid = '', blob = '' } = records.get(record.id.rowKey) ?? {};
      for (const each of cloud.vault.look()) if (each.kid === kid) cloud.vault.change(each.version, { enabled: true });
      const opened = cloud.vault.opens(kid, 'RSA-OAEP-256', Buffer.from(blob, 'base64url'));
      return opened === null || !Buffer.from(opened).equals(dataKey);
    })
    .map(({ record }) => record.id.rowKey);
}

test('whatever migrations follow one another, in whatever order, no invariant breaks and every old record opens', async () => {
  const reached = new Map<string, number>();
  const sequence = fc.array(fc.constantFrom(...migrations), { minLength: 3, maxLength: 7 });
  await fc.assert(
    fc.asyncProperty(sequence, async (chosen) => {
      const simulation = new Simulation({ signIn: true });
      for (const migration of chosen) await migrate(simulation, migration);
      for (const { run = 'rotate', phase } of simulation.rotations) {
        const what = `${run} ${phase}`;
        reached.set(what, (reached.get(what) ?? 0) + 1);
      }
      expect(simulation.judge.atEnd()).toEqual([]);
      expect(unreadable(simulation)).toEqual([]);
    }),
    { seed: 20_261_122, numRuns: 12 },
  );
  // What never happened would prove nothing.
  expect([...reached.keys()]).toEqual(
    expect.arrayContaining(['rotate completed', 'rotate rolled-back', 'revoke completed', 'restore completed']),
  );
});
