import type { RunReference } from '../contracts/activities';
import { kidOf, versionOf } from './key-identifier';
import { longestRunSeconds } from './plan-facts';
import type { ServiceTarget } from './ports';
import type { RotationPorts } from './run-ports';
import { changeClaim, fenceOf, type HeldClaim, managedKey, readHeldClaim, record } from './run-record';

interface OnRun {
  readonly run: RunReference;
  readonly now: string;
}

/**
 * Before a version is chosen the way back is made sure, as the configuration asks: a previous version that would expire too soon
 * gets a later expiry, and services with an unversioned identifier are pinned to the version they stand on, since creating a
 * version would otherwise be the switch itself. Answers which targets have to be pinned; their undo is on record (I3).
 */
export async function secureWayBack(
  ports: RotationPorts,
  { run, now }: OnRun,
): Promise<{ readonly pinned: readonly number[] }> {
  const fence = fenceOf(ports, run, 'forward');
  await fence();
  const held = await readHeldClaim(ports, run);
  const { policy } = managedKey(ports, run.key);
  if (policy.expiredPrevious === 'extend') await extendPrevious(ports, { run, now }, held, fence);
  return { pinned: policy.pin ? await savePins(ports, { run, now }, held) : [] };
}

async function extendPrevious(
  ports: RotationPorts,
  { run, now }: OnRun,
  { claim }: HeldClaim,
  fence: () => Promise<void>,
): Promise<void> {
  const { policy } = managedKey(ports, run.key);
  const targets = claim.plan?.targets ?? [];
  const needed = new Date(Date.parse(now) + longestRunSeconds(policy, targets) * 1000);
  for (const version of new Set(targets.flatMap(({ previousVersion }) => previousVersion ?? []))) {
    const kid = kidOf(run.key, version);
    const { expiresOn } = await ports.keyVault.version(kid);
    if (expiresOn === null || expiresOn >= needed) continue;
    // The record is the undo: it holds the expiry that the version had.
    await record(
      ports,
      run,
      {
        at: now,
        action: 'extend-expiry',
        target: null,
        outcome: 'intended',
        message: `Version ${version} expires ${expiresOn.toISOString()}, before this run could have gone back; it gets until ${needed.toISOString()}.`,
        details: { kid, before: expiresOn.toISOString(), after: needed.toISOString() },
      },
      version,
    );
    await fence();
    await ports.keyVault.setExpiry(kid, needed);
  }
}

async function savePins(ports: RotationPorts, { run, now }: OnRun, held: HeldClaim): Promise<readonly number[]> {
  const { targets } = managedKey(ports, run.key);
  const pinned: number[] = [];
  for (const [index, target] of targets.entries()) {
    const planned = held.claim.plan?.targets[index];
    if (target.kind === 'dataKeys' || planned?.previousKid == null) continue;
    if (!(await isUnversioned(target))) continue;
    const { fingerprints } = await target.readUndo();
    const saveUndo = {
      rotationId: run.rotationId,
      target: index,
      kind: target.kind,
      name: target.name,
      savedAt: now,
      kid: planned.previousKid,
      fingerprints,
      operationUrl: null,
    };
    // What was saved first stays: a second try may read a resource that the first one has written by now.
    await changeClaim(ports, run, ({ claim, undo }) =>
      undo.some((entry) => entry.target === index) ? null : { claim, saveUndo },
    );
    await record(ports, run, {
      at: now,
      action: 'pin',
      target: `${target.kind}/${target.name}`,
      outcome: 'intended',
      message: `${target.kind}/${target.name} names the key without a version; it is pinned to ${planned.previousVersion}, where it stands.`,
      details: { kid: planned.previousKid },
    });
    pinned.push(index);
  }
  return pinned;
}

async function isUnversioned(target: ServiceTarget): Promise<boolean> {
  return (await target.references()).some((kid) => versionOf(kid) === null);
}
