import type { Used } from '../apps/gauge';
import type { Shares } from './profile';
import { Rehearsal, type Wanted } from './rehearsal';
import type { ReadBack } from './stores';

export interface Run extends Wanted {
  /** As the vault's control takes it; null for a vault without limits. */
  readonly quota: Readonly<Record<string, unknown>> | null;
  /** Whether to say where the CPU time goes; costs some of it. */
  readonly profiled?: boolean;
}

export interface Outcome {
  /** From the order to the verified end, plan and scans included. */
  readonly wholeSeconds: number;
  /** From the hundredth unwrap to the last. */
  readonly movingSeconds: number;
  readonly keysPerSecond: number;
  readonly unwraps: number;
  readonly unwrapsPerSecond: number;
  readonly refused: number;
  readonly operations: Readonly<Record<string, number>>;
  /** Speed in the last tenth by that in the first one after warm-up. */
  readonly lastTenthByFirst: number;
  /** Of the largest worker. */
  readonly peakResidentBytes: number;
  /** Of all workers together, of the vault, of storage; milliseconds. */
  readonly cpu: { readonly workers: number; readonly vault: number; readonly storage: number };
  readonly found: ReadBack;
  readonly profiles?: { readonly worker: Shares; readonly vault: Shares; readonly storage: Shares };
}

/** One rehearsal from its seed to the last record read back. */
export async function play(run: Run, say: (progress: string) => void): Promise<Outcome> {
  const rehearsal = await Rehearsal.start(run);
  try {
    await rehearsal.limit(run.quota);
    await rehearsal.beginCounting();
    const gauges = [rehearsal.vaultGauge, rehearsal.storageGauge, ...rehearsal.parts.map(({ gauge }) => gauge)];
    if (run.profiled) await Promise.all(gauges.slice(0, 3).map((gauge) => gauge.startProfile()));
    const before = await Promise.all(gauges.map((gauge) => gauge.used()));
    const milliseconds = await rehearsal.rotate(everyTenSeconds(run.keys, say));
    const after = await Promise.all(gauges.map((gauge) => gauge.used()));
    const profiles = run.profiled ? await Promise.all(gauges.slice(0, 3).map((gauge) => gauge.stopProfile())) : [];
    const counted = await rehearsal.counted();
    const found = await rehearsal.readBack();
    const [vault = {}, storage = {}, worker = {}] = profiles;
    return {
      wholeSeconds: milliseconds / 1000,
      ...paceOf(counted.eachHundredth, run.keys),
      refused: sumOf(counted.requests, / 429$/),
      operations: counted.requests,
      unwraps: counted.requests['unwrapKey 200'] ?? 0,
      peakResidentBytes: Math.max(...after.slice(2).map(({ peakResidentBytes }) => peakResidentBytes)),
      cpu: cpuOf(before, after),
      found,
      ...(run.profiled ? { profiles: { worker, vault, storage } } : {}),
    };
  } finally {
    await rehearsal.stop();
  }
}

function everyTenSeconds(keys: number, say: (progress: string) => void): (done: number) => void {
  let next = Date.now() + 10_000;
  return (done) => {
    if (Date.now() < next) return;
    next += 10_000;
    say(`${done} of ${keys} data keys`);
  };
}

/** What lies before the hundredth unwrap (the plan's probe, and its reading of the whole store) is not moving. */
function paceOf(eachHundredth: readonly number[], keys: number) {
  const [first = Number.NaN] = eachHundredth;
  const movingSeconds = ((eachHundredth.at(-1) ?? Number.NaN) - first) / 1000;
  const hundreds = eachHundredth.length - 1;
  const unwrapsPerSecond = (hundreds * 100) / movingSeconds;
  const secondsBetween = (from: number, to: number): number =>
    (eachHundredth[Math.round(to * hundreds)] ?? Number.NaN) -
    (eachHundredth[Math.round(from * hundreds)] ?? Number.NaN);
  return {
    movingSeconds,
    unwrapsPerSecond,
    keysPerSecond: unwrapsPerSecond / (((hundreds + 1) * 100) / keys),
    lastTenthByFirst: secondsBetween(0.05, 0.15) / secondsBetween(0.9, 1),
  };
}

function cpuOf(before: readonly Used[], after: readonly Used[]): Outcome['cpu'] {
  const [vault = 0, storage = 0, ...workers] = after.map(
    ({ cpuMilliseconds }, index) => cpuMilliseconds - (before[index]?.cpuMilliseconds ?? 0),
  );
  return { workers: workers.reduce((sum, it) => sum + it, 0), vault, storage };
}

const sumOf = (requests: Readonly<Record<string, number>>, matching: RegExp): number =>
  Object.entries(requests).reduce((sum, [name, count]) => sum + (matching.test(name) ? count : 0), 0);
