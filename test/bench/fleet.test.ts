import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Figure, keepsBar } from '../../bench/figures';
import { chance, EventMaker, type Known } from '../../bench/fleet/events';
import { exactly, notGrown, type Played, type Reading, withinLimits } from '../../bench/fleet/judgement';
import { freePort } from '../../bench/free-port';
import { gaugeEnvironment, type Held } from '../../bench/gauge';

/** What the benchmarks find wrong, they must be able to find. */

const missed = (figures: readonly Figure[]): readonly string[] =>
  figures.filter((figure) => keepsBar(figure) === false).map(({ name }) => name.trim());

// --- What has to be exact -----------------------------------------------------------------------------------------------

const key = 'https://v.test/keys/a';
const other = 'https://v.test/keys/b';
const rotation = (rotationId: string, of: string, phase = 'completed') => ({
  ...{ rotationId, phase, key: of, reason: 'KeyExpired of version 1' },
});
const alert = (rotationId: string, eventType = 'Keyturn.Rotation.Completed', copies = 1) => ({
  ...{ eventType, copies, data: { rotationId } },
});
const right: Played = {
  causes: [
    { key, type: 'KeyExpired', version: '1' },
    { key: other, type: 'KeyExpired', version: '1' },
  ],
  rotations: [rotation('r-1', key), rotation('r-2', other)],
  alerts: [alert('r-1'), alert('r-2'), alert('r-1', 'Keyturn.Version.Retired')],
  ...{ broken: 0, held: 0, running: 0, failed: 0 },
};

test('of what went as it should nothing is missed', () => {
  expect(missed(exactly(right))).toEqual([]);
});

test.each<[what: string, spoilt: Partial<Played>, said: readonly string[]]>([
  ['a cause that started nothing', { rotations: [rotation('r-1', key)] }, ['causes without a rotation']],
  [
    'a cause that started two',
    {
      rotations: [...right.rotations, rotation('r-3', key)],
      alerts: [...right.alerts, alert('r-3')],
    },
    ['rotations of a cause that had one'],
  ],
  [
    'a rotation without a cause',
    {
      rotations: [...right.rotations, { ...rotation('r-3', key), reason: 'drift' }],
      alerts: [...right.alerts, alert('r-3')],
    },
    ['rotations that nobody asked for'],
  ],
  [
    'a rotation that went back',
    { rotations: [rotation('r-1', key), rotation('r-2', other, 'rolled-back')] },
    ['rotations that did not complete'],
  ],
  ['an alert that is missing', { alerts: [alert('r-1')] }, ['completed rotations of which nobody was told']],
  ['an alert under two ids', { alerts: [...right.alerts, alert('r-2')] }, ['alerts that came twice']],
  ['an alert sent twice', { alerts: [alert('r-1'), alert('r-2', undefined, 2)] }, ['alerts that came twice']],
  [
    'an alert of something else',
    { alerts: [...right.alerts, alert('r-1', 'Keyturn.Event.Missed')] },
    ['alerts of anything else'],
  ],
  ['a history that does not verify', { broken: 1 }, ['histories that do not verify']],
  ['a claim that is held', { held: 1 }, ['claims that are not free']],
  ['an instance that runs for ever', { running: 1 }, ['orchestrations that have not ended']],
  ['an instance that failed', { failed: 1 }, ['orchestrations that failed']],
])('%s is found', (_, spoilt, said) => {
  expect(missed(exactly({ ...right, ...spoilt }))).toEqual(said);
});

// --- What must not grow --------------------------------------------------------------------------------------------------

const kept = {
  ...{ claims: 2, 'audit heads': 2, 'vault budgets': 1, 'rows of the watch': 3, 'events seen': 8, 'alerts owed': 0 },
  ...{ 'instances in the task hub': 40, 'bytes of the task hub': 9000, 'audit records': 500 },
};
const limits = { keys: 2, vaults: 1, remembered: 4 };

test('rows that are as many as there may be are not missed', () => {
  expect(missed(withinLimits(kept, limits))).toEqual([]);
});

test.each<[what: string, more: Readonly<Record<string, number>>, said: string]>([
  ['a claim too many', { claims: 3 }, 'claims beyond one for each KEK'],
  [
    'a row for each delivery of an event',
    { 'events seen': 9 },
    'events seen beyond two rows for each version and type',
  ],
  ['an event that left no row', { 'events seen': 6 }, 'events seen beyond two rows for each version and type'],
  [
    'a watch that remembers more than the present',
    { 'rows of the watch': 4 },
    'rows of the watch beyond one for each KEK and one for all',
  ],
  ['an alert that nobody took', { 'alerts owed': 1 }, 'alerts still owed'],
  ['rows that nobody knows', { 'other rows of KeyturnLedger': 1 }, 'other rows'],
])('%s is found', (_, more, said) => {
  const found = withinLimits({ ...kept, ...more }, limits);
  expect(found.filter(({ value }) => value !== 0).map(({ name }) => name)).toEqual([said]);
});

const held: Held = {
  ...{ heapBytes: 50e6, externalBytes: 6e6, residentBytes: 200e6, descriptors: 60, sockets: 4, timers: 3 },
};
const reading = (more: Partial<Held> = {}, rows: Readonly<Record<string, number>> = {}): Reading => ({
  held: { ...held, ...more },
  kept: { ...kept, ...rows },
});

test.each<[what: string, of: (hour: number) => Reading, said: readonly string[]]>([
  ['nothing that grows', () => reading(), []],
  ['a rotation’s own records', (hour) => reading({}, { 'audit records': 500 * hour }), []],
  [
    'a heap that gains two megabytes an hour',
    (hour) => reading({ heapBytes: (50 + 2 * hour) * 1e6 }),
    ['heap after a full collection'],
  ],
  ['a descriptor an hour', (hour) => reading({ descriptors: 20 + hour }), ['file descriptors']],
  ['a timer an hour', (hour) => reading({ timers: hour }), ['timers']],
  [
    'instances that are never purged',
    (hour) => reading({}, { 'instances in the task hub': 9 * hour }),
    ['instances in the task hub'],
  ],
])('of %s the last quarter of a day tells', (_, of, said) => {
  const day = Array.from({ length: 24 }, (__, hour) => of(hour + 1));
  const figures = notGrown('last ÷ second', day.slice(6, 12), day.slice(18), ['instances in the task hub']);
  const names = figures.flatMap((figure, index) => (keepsBar(figure) === false ? [figures[index - 1]?.name] : []));
  expect(names).toEqual(said);
});

// --- What is planted in a process ----------------------------------------------------------------------------------------

/** Keeps a megabyte and a half, ten timers and three sockets more for each line that it is sent. */
const leaking = `
const { createServer, connect } = require('node:net');
const kept = [];
const server = createServer((socket) => kept.push(socket)).listen(0, '127.0.0.1', () => console.log('ready'));
process.stdin.on('data', () => {
  kept.push(Array.from({ length: 50_000 }, (_, at) => ({ at })));
  for (let timer = 0; timer < 10; timer++) setTimeout(() => undefined, 3_600_000);
  let open = 3;
  for (let socket = 0; socket < 3; socket++) kept.push(connect(server.address().port, () => { open -= 1; if (open === 0) setImmediate(() => console.log('ready')); }));
});
`;

async function ready(child: ChildProcess): Promise<void> {
  await once(child.stdout as NodeJS.ReadableStream, 'data');
}

test('what is planted in a process is seen from outside: memory, timers, sockets', async () => {
  const port = await freePort();
  const [node = '', ...flags] = [process.execPath, '--eval', leaking];
  const child = spawn(node, flags, { env: gaugeEnvironment(port), stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    const read = async (): Promise<Reading> => {
      const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'PUT' });
      return { held: (await answer.json()) as Held, kept };
    };
    await ready(child);
    await read();
    const before = await read();
    child.stdin?.write('leak\n');
    await ready(child);
    const after = await read();
    const more = (name: keyof Held) => after.held[name] - before.held[name];
    expect(more('heapBytes')).toBeGreaterThan(1_000_000);
    expect(more('timers')).toBe(10);
    if (process.platform === 'linux') expect(more('sockets')).toBe(6);
    expect(missed(notGrown('after ÷ before', [before], [after])).length).toBeGreaterThanOrEqual(3);
  } finally {
    child.kill('SIGKILL');
  }
});

// --- What the events must bring ------------------------------------------------------------------------------------------

test('events that have to start nothing name no expiry of a version in use, and no version newer than that', () => {
  const known: Known[] = [key, other].map((each) => ({ key: each, versions: ['1', '2', '3'], inUse: '2', free: true }));
  const maker = new EventMaker(chance(1));
  const started = maker.starting(known[0] as Known, 0);
  const events = Array.from({ length: 500 }, () => maker.idle(known, 0)) as {
    id: string;
    eventType?: string;
    data: { Id?: string; Version?: string };
  }[];
  const starts = events.filter(
    ({ eventType, data }) =>
      data.Id !== undefined &&
      ((data.Version === '2' && eventType !== 'Microsoft.KeyVault.KeyNewVersionCreated') || data.Version === '3') &&
      !data.Id.includes('nobody'),
  );
  // Copies of what started one, and nothing else.
  const { type } = started.cause;
  expect(starts.length).toBeGreaterThan(0);
  for (const { eventType, data } of starts)
    expect({ eventType, id: data.Id }).toEqual({ eventType: `Microsoft.KeyVault.${type}`, id: `${key}/2` });
  // Two keys, each with near expiry and expired of one old version and news of two; what started one; and the version made since.
  expect(maker.remembered(known)).toBe(2 * 4 + 1 + 2);
});
