import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { block, coloured, plain } from '../../sandbox/run/block';
import type { Rotation } from '../../sandbox/run/contract';
import { createScreen } from '../../sandbox/run/screen';
import { shortVersion, span } from '../../sandbox/run/spans';
import { changes, type RunView } from '../../sandbox/run/view';

const previous = '11111111aaaa4aaa8aaaaaaaaaaaaaaa';
const next = '22222222bbbb4bbb8bbbbbbbbbbbbbbb';

const rotation: Rotation = {
  rotationId: '20261122T150000000Z-abcdef-123456',
  key: 'https://localhost:7450/keys/fleet-kek',
  phase: 'requested',
  waitingFor: null,
  reason: 'The key is near its expiry.',
  previousVersion: null,
  nextVersion: null,
  planHash: null,
  targets: [],
  reasons: [],
  requestedAt: '2026-11-22T15:00:00.000Z',
  endedAt: null,
};

function targets(hub: number, dps: number, keys: number): Rotation['targets'] {
  return [
    { kind: 'iotHub', name: 'keyturn-hub', version: hub ? next : previous, done: hub, total: 1 },
    { kind: 'dps', name: 'keyturn-dps', version: dps ? next : previous, done: dps, total: 1 },
    { kind: 'dataKeys', name: 'fleetdatakeys', version: keys === 100 ? next : previous, done: keys, total: 100 },
  ];
}

const versions = { previousVersion: previous, nextVersion: next };
const quiet = { opened: 3, explained: 0, failed: 0 };
const second = 1000;
const hour = 3_600 * second;

function view(changed: Partial<Rotation>, rest: Partial<RunView> = {}): RunView {
  return { rotation: { ...rotation, ...changed }, findings: [], reads: quiet, wall: 0, virtual: 0, ...rest };
}

const hubFinding = { target: 'iotHub/keyturn-hub', message: 'data-plane: the twin device-0001 opened.' };

/** A run as the screen is shown it, look after look. */
const story: RunView[] = [
  { rotation: null, findings: [], reads: { opened: 0, explained: 0, failed: 0 }, wall: 100, virtual: 100 },
  view({}, { wall: 400, virtual: hour }),
  view({ phase: 'planning' }, { wall: 500, virtual: hour }),
  view({ phase: 'rewrapping', ...versions, targets: targets(0, 0, 0) }, { wall: 900, virtual: hour }),
  view(
    { phase: 'rewrapping', ...versions, targets: targets(1, 0, 0) },
    { wall: 1_200, virtual: hour + 30 * second, findings: [hubFinding] },
  ),
  view(
    {
      phase: 'rewrapping',
      waitingFor: 'fault',
      reasons: [{ code: 'http-503', message: 'Key Vault answered 503.' }],
      ...versions,
      targets: targets(1, 1, 40),
    },
    { wall: 2_000, virtual: 2 * hour, findings: [hubFinding], reads: { opened: 9, explained: 2, failed: 0 } },
  ),
  view(
    { phase: 'soaking', ...versions, targets: targets(1, 1, 100) },
    { wall: 3_000, virtual: 4 * hour, findings: [hubFinding], reads: { opened: 12, explained: 3, failed: 1 } },
  ),
  view(
    { phase: 'completed', ...versions, targets: targets(1, 1, 100) },
    { wall: 6_500, virtual: 28 * hour, findings: [hubFinding], reads: { opened: 20, explained: 3, failed: 1 } },
  ),
];

class Recorded {
  text = '';
  readonly isTTY: boolean;
  readonly columns = 60;
  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }
  write(text: string): boolean {
    this.text += text;
    return true;
  }
}

describe('The output of a run', () => {
  test('that is not a terminal has one plain line for each change, as recorded', () => {
    const output = new Recorded(false);
    const screen = createScreen(output, {});
    screen.say('starting', 'storage and the local cloud');
    for (const one of story) screen.show(one);
    screen.say('clock', `the sandbox's clock jumped ${span(24 * hour)} ahead to the end of the soak`);
    const golden = readFileSync(join(process.cwd(), 'test', 'golden', 'run', 'plain.txt'), 'utf8');
    expect(output.text).toBe(golden);
  });

  test('says nothing when nothing has changed but the time', () => {
    const one = view({ phase: 'planning' }, { wall: 1 });
    expect(changes(one, { ...one, wall: 5_000, virtual: hour })).toEqual([]);
  });

  test('in a terminal is one block that is painted over, never wider than the terminal', () => {
    const output = new Recorded(true);
    const screen = createScreen(output, { NO_COLOR: '1' });
    for (const one of story) screen.show(one);
    const lines = block(story.at(-1) as RunView, 59, plain);
    expect(output.text.split('\n').every((line) => stripVTControlCharacters(line).length <= 60)).toBe(true);
    expect(output.text).toContain('\x1b[');
    expect(output.text.endsWith(`${lines.join('\n')}\n`)).toBe(true);
  });

  test('says of data keys on their way how fast they go and how long it takes yet', () => {
    const [hub, dps, keys] = targets(1, 1, 40);
    if (!hub || !dps || !keys) throw new Error('There are three targets.');
    const moving = { ...keys, done: 40_000, total: 100_000, keysPerSecond: 199.6, secondsLeft: 301 };
    const one = view({ phase: 'rewrapping', ...versions, targets: [hub, dps, moving] });
    const lines = block(one, 79, plain);
    const at = lines.findIndex((text) => text.includes('fleetdatakeys'));
    expect(lines[at]).toMatch(/#{8}\.{12} 40000\/100000 {2}on 11111111$/);
    expect(lines[at + 1]).toBe('    200 keys/s, 5 min 1 s left');
    const [told] = changes(story[4] as RunView, one).filter(({ about }) => about === 'dataKeys');
    expect(told?.text).toBe('fleetdatakeys 40000/100000, 200 keys/s, 5 min 1 s left');
    const slow = { ...moving, keysPerSecond: 6.3, secondsLeft: 9600 };
    expect(block(view({ targets: [slow] }), 99, plain).join()).toContain('6.3 keys/s, 2 h 40 min left');
  });

  test('in a terminal that cannot move its cursor is plain lines', () => {
    const output = new Recorded(true);
    const screen = createScreen(output, { TERM: 'dumb' });
    for (const one of story) screen.show(one);
    expect(output.text).not.toContain('\x1b');
    expect(output.text).toContain('phase     completed');
  });

  test('leaves the cursor of the terminal visible, however often it is restored', () => {
    const output = new Recorded(true);
    const screen = createScreen(output, { NO_COLOR: '1' });
    screen.show(story[1] as RunView);
    screen.restore();
    screen.restore();
    expect(output.text.split('\x1b[?25l')).toHaveLength(2);
    expect(output.text.endsWith('\x1b[?25h')).toBe(true);
  });

  test.each([true, false])('says nothing after the last word of a run that was stopped (terminal: %s)', (isTTY) => {
    const output = new Recorded(isTTY);
    const screen = createScreen(output, { NO_COLOR: '1' });
    screen.show(story[3] as RunView);
    screen.restore();
    screen.print(['', 'Stopping …']);
    screen.show(story[6] as RunView);
    screen.say('clock', 'it jumped');
    screen.restore();
    expect(output.text).toContain('rewrapping');
    expect(output.text.split('\n').slice(-2)).toEqual(['Stopping …', '']);
  });

  test('has no colour when none is wanted, and cuts no colour code in half when it is', () => {
    const failed = story.at(-1) as RunView;
    expect(block(failed, 30, plain).join('')).not.toContain('\x1b');
    const painted = block(failed, 30, coloured);
    expect(painted.map((line) => stripVTControlCharacters(line))).toEqual(block(failed, 30, plain));
    expect(painted.join('')).toContain('\x1b[');
  });
});

describe('A span of time', () => {
  test.each([
    [40, '0.0 s'],
    [1_240, '1.2 s'],
    [59_400, '59 s'],
    [185_000, '3 min 5 s'],
    [24 * hour, '24 h'],
    [25.5 * hour, '25 h 30 min'],
    [25 * 24 * hour, '25 d'],
    [50 * hour, '2 d 2 h'],
  ])('of %d ms is said as people say it: %s', (milliseconds, said) => {
    expect(span(milliseconds)).toBe(said);
  });

  test('and a version are short on the screen', () => {
    expect(shortVersion(next)).toBe('22222222');
    expect(shortVersion(null)).toBe('none');
  });
});
