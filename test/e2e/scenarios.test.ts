import { scenarios } from '../../sandbox/scenarios';
import { endpointsOf, leftBehind, runFolder, type SandboxRun, startSandbox } from './sandbox-run';

/** As the contract names them; a new scenario has to be written down here too. */
const expected = {
  'near-expiry': 'completed',
  'new-version': 'completed',
  manual: 'completed',
  'nothing-to-do': 'skipped',
  'dps-refuses': 'rolled-back',
  'vault-outage': 'completed',
  'duplicate-events': 'completed',
  'host-killed': 'completed',
} as const;

interface Report {
  scenario: string;
  rotationId: string;
  phase: string;
  previousVersion: string;
  nextVersion: string | null;
  targets: { kind: string; name: string; version: string; records: { before: number; after: number } }[];
  audit: { ok: boolean; records: number };
  milliseconds: number;
}

const members = [
  'audit',
  'milliseconds',
  'nextVersion',
  'phase',
  'previousVersion',
  'rotationId',
  'scenario',
  'targets',
];

type Played = { run: SandboxRun } & Awaited<SandboxRun['ended']>;

/** Two at a time: it saves half the time, and shows that two sandboxes side by side do not disturb each other. */
const AT_ONCE = 2;
const queue = Object.keys(expected).map((name) => ({ name, ...Promise.withResolvers<Played>() }));
const played = new Map(queue.map(({ name, promise }) => [name, promise]));

async function playNext(): Promise<void> {
  const next = queue.shift();
  if (next === undefined) return;
  const run = startSandbox('--once', '--json', '--ports', 'auto', '--scenario', next.name);
  next.resolve({ run, ...(await run.ended) });
  await playNext();
}

beforeAll(() => {
  for (let slot = 0; slot < AT_ONCE; slot += 1) void playNext();
});

describe('A scenario in the local cloud', () => {
  test('has a name that the contract fixes', () => {
    expect(scenarios.map(({ name }) => name)).toEqual(Object.keys(expected));
  });

  test.each(Object.entries(expected))(
    '%s ends as %s, every old record opens, and nothing stays behind',
    async (name, phase) => {
      const { run, code, stdout, stderr } = (await played.get(name)) as Played;
      const told = `${stdout}\n${stderr}`;
      expect({ code, told: code === 0 ? '' : told }).toEqual({ code: 0, told: '' });
      expect(stdout.split('\n')).toHaveLength(2);
      const report = JSON.parse(stdout) as Report;
      expect(Object.keys(report).sort()).toEqual(members);
      expect(report).toMatchObject({ scenario: name, phase, audit: { ok: true } });
      expect(report.audit.records).toBeGreaterThan(3);
      const version = phase === 'completed' ? report.nextVersion : report.previousVersion;
      expect(report.targets).toEqual([
        { kind: 'iotHub', name: 'keyturn-hub', version, records: { before: 20, after: 20 } },
        { kind: 'dps', name: 'keyturn-dps', version, records: { before: 12, after: 12 } },
        { kind: 'dataKeys', name: 'fleetdatakeys', version, records: { before: 100, after: 100 } },
      ]);
      expect(runFolder(run)).toBeDefined();
      expect(leftBehind(run)).toEqual([]);
      expect(endpointsOf(run)).toBeUndefined();
    },
    240_000,
  );
});
