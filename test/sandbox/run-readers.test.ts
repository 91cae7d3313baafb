import type { FaultRule } from '../../sandbox/kit';
import { AskedFaults } from '../../sandbox/run/asked-faults';
import { ContinuousReader, type Stock } from '../../sandbox/run/readers';
import type { RecordSource } from '../../sandbox/run/sources';
import type { Call, Wire } from '../../sandbox/run/wire';

/** The local cloud's list of faults in force, without a local cloud. */
function faultsInForce() {
  const inForce = new Map<string, FaultRule>();
  const wire = {
    async ask(_url: string, call: Call = {}) {
      if (call.method !== 'POST') return [...inForce.values()];
      const rule = call.body as FaultRule & { id: string };
      inForce.set(rule.id, rule);
      return { id: rule.id };
    },
  };
  return { inForce, asked: new AskedFaults(wire as unknown as Wire, 'http://control') };
}

const outage: FaultRule = { standIn: 'keyVault', effect: { kind: 'status', status: 503 } };

/** Reads one record over and over; each read is one step of `story`, the last goes on for ever. */
async function readThrough(story: (() => Promise<string>)[], asked: AskedFaults): Promise<ContinuousReader> {
  let step = 0;
  const told = Promise.withResolvers<void>();
  const source: RecordSource = {
    kind: 'dataKeys',
    name: 'keys',
    noun: 'documents',
    leaning: { standIns: ['keyVault'], principals: ['owner'] },
    ids: async () => ['a'],
    open: async () => {
      const read = story[step];
      step += 1;
      if (read === undefined) told.resolve();
      return read === undefined ? 'content' : read();
    },
  };
  const stock: Stock = { source, opened: new Map([['a', 'content']]), failed: new Map() };
  const reader = new ContinuousReader([stock], asked);
  reader.start();
  await told.promise;
  await reader.stop();
  return reader;
}

const refused = async (): Promise<string> => {
  throw new Error('answered 503');
};

describe('A reader that goes on during the run', () => {
  test('counts a failure that nobody asked for, and says which record', async () => {
    const { counts, problems } = await readThrough([refused, async () => 'content'], faultsInForce().asked);
    expect(counts).toMatchObject({ failed: 1, explained: 0 });
    expect(problems).toEqual(['dataKeys/keys a: answered 503']);
  });

  test('counts a record that opens to something else', async () => {
    const { counts } = await readThrough([async () => 'other content'], faultsInForce().asked);
    expect(counts.failed).toBe(1);
  });

  test('holds a failure against nobody while a fault that explains it lasts, and does again once it is over', async () => {
    const { inForce, asked } = faultsInForce();
    await asked.add(outage);
    const overNow = async () => {
      inForce.clear();
      return 'content';
    };
    const { counts } = await readThrough([refused, refused, overNow, refused], asked);
    expect(counts).toMatchObject({ explained: 2, failed: 1 });
  });

  test.each<[string, FaultRule]>([
    ['of another service', { ...outage, standIn: 'arm' }],
    ['that strikes somebody else', { ...outage, principal: 'keyturn' }],
  ])('is not excused by a fault %s', async (_, rule) => {
    const { asked } = faultsInForce();
    await asked.add(rule);
    expect((await readThrough([refused], asked)).counts).toMatchObject({ explained: 0, failed: 1 });
  });
});
