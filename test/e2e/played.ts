import { endpointsOf, leftBehind, runFolder, type SandboxRun, startSandbox } from './sandbox-run';

/** A scenario under some readings of what nobody outside Azure knows, and how it ends. */
export interface Play {
  readonly scenario: string;
  readonly modes?: readonly string[];
  /** Null if no rotation begins. */
  readonly phase: string | null;
  /** What hub, DPS and data keys stand on at the end; null for no single version, or none that is shown. */
  readonly stands: readonly [Stand, Stand, Stand];
  /** The scenario tampers with the history, so that it must not verify. */
  readonly history?: 'broken';
}

type Stand = 'previous' | 'next' | null;
export const allNext = ['next', 'next', 'next'] as const;
export const allPrevious = ['previous', 'previous', 'previous'] as const;

type Ended = { readonly run: SandboxRun } & Awaited<SandboxRun['ended']>;

/** Two at a time: it saves half the time, and shows that two sandboxes side by side do not disturb each other. */
const AT_ONCE = 2;

/** Begins to play them all, in their order. @returns what each has come to */
export function playAll<T extends Play>(plays: readonly T[]): (play: T) => Promise<Ended> {
  const queue = plays.map((play) => ({ play, ...Promise.withResolvers<Ended>() }));
  const ended = new Map(queue.map(({ play, promise }) => [play, promise]));
  const playNext = async (): Promise<void> => {
    const next = queue.shift();
    if (next === undefined) return;
    const { scenario, modes = [] } = next.play;
    const asked = modes.flatMap((mode) => ['--mode', mode]);
    const run = startSandbox('--once', '--json', '--ports', 'auto', '--scenario', scenario, ...asked);
    next.resolve({ run, ...(await run.ended) });
    await playNext();
  };
  beforeAll(() => {
    for (let slot = 0; slot < AT_ONCE; slot += 1) void playNext();
  });
  return (play) => ended.get(play) as Promise<Ended>;
}

interface Report {
  scenario: string;
  rotationId: string | null;
  phase: string | null;
  previousVersion: string;
  nextVersion: string | null;
  targets: { kind: string; name: string; version: string | null; records: { before: number; after: number } }[];
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

/** Looks from outside: exit code, report, every target's version, every old record, and that nothing stays behind. */
export function expectAsItMust({ scenario, phase, stands, history }: Play, { run, code, stdout, stderr }: Ended): void {
  const told = `${stdout}\n${stderr}`;
  expect({ code, told: code === 0 ? '' : told }).toEqual({ code: 0, told: '' });
  expect(stdout.split('\n')).toHaveLength(2);
  const report = JSON.parse(stdout) as Report;
  expect(Object.keys(report).sort()).toEqual(members);
  expect(report).toMatchObject({ scenario, phase, audit: { ok: history !== 'broken' } });
  if (phase !== null) expect(report.audit.records).toBeGreaterThan(3);
  const version = (stand: Stand) =>
    stand === null ? null : stand === 'next' ? report.nextVersion : report.previousVersion;
  const ours = report.targets.filter(({ name }) => !['keyturn-site-hub', 'keyturn-strangers-hub'].includes(name));
  expect(ours).toEqual([
    { kind: 'iotHub', name: 'keyturn-hub', version: version(stands[0]), records: { before: 20, after: 20 } },
    { kind: 'dps', name: 'keyturn-dps', version: version(stands[1]), records: { before: 12, after: 12 } },
    { kind: 'dataKeys', name: 'fleetdatakeys', version: version(stands[2]), records: { before: 100, after: 100 } },
  ]);
  for (const { records } of report.targets) expect(records.after).toBe(records.before);
  expect(runFolder(run)).toBeDefined();
  expect(leftBehind(run)).toEqual([]);
  expect(endpointsOf(run)).toBeUndefined();
}
