import type { ProbeResult, RunReference } from '../contracts/activities';
import type { RotationPorts } from './run-ports';
import { changeClaim, fenceOf, managedKey, record } from './run-record';
import { eachSideBySide, readsAtOnce } from './side-by-side';

interface OnRun {
  readonly run: RunReference;
  readonly now: string;
}

/** Step 6 begins: the start is fixed once, in the ledger, so that a resumed run goes on with the same soak. */
export async function beginSoak(
  ports: RotationPorts,
  { run, now }: OnRun,
): Promise<{ readonly soakStartedAt: string }> {
  await fenceOf(ports, run, 'forward')();
  const claim = await changeClaim(ports, run, (held) =>
    held.claim.soakStartedAt === null ? { claim: { ...held.claim, soakStartedAt: now } } : null,
  );
  return { soakStartedAt: claim.soakStartedAt ?? now };
}

/** Probes every target once. Only what is not green goes on record: a day of green probes is told by the phase that follows. */
export async function probeTargets(
  ports: RotationPorts,
  { run, now }: OnRun,
): Promise<{ readonly results: readonly ProbeResult[] }> {
  await fenceOf(ports, run, 'forward')();
  const results = await eachSideBySide(managedKey(ports, run.key).targets, readsAtOnce, (target) => target.probe());
  for (const { kind, name, colour, message } of results.filter((result) => result.colour !== 'green')) {
    const details = { colour };
    await record(
      ports,
      run,
      { at: now, action: 'probe', target: `${kind}/${name}`, outcome: 'noted', message, details },
      now,
    );
  }
  return { results };
}
