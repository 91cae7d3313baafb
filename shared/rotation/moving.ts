import type { Direction, MoveState, PlannedTarget, ProbeResult, RunReference } from '../contracts/activities';
import { BrokenInvariantError, FaultError, RefusalError } from './errors';
import { kidOf, nextKeyOf, sameKid, versionOf } from './key-identifier';
import type { Claim, ServiceTarget, Target, UndoEntry, Verification } from './ports';
import { noteProgress, type Progress } from './progress';
import type { RotationPorts } from './run-ports';
import { changeClaim, fenceOf, type HeldClaim, managedKey, readHeldClaim, record } from './run-record';

export interface OnTarget {
  readonly run: RunReference;
  readonly now: string;
  /** Index into the plan's targets, and so into the configuration's. */
  readonly target: number;
  readonly direction: Direction;
}

export interface Move {
  readonly held: HeldClaim;
  readonly planned: PlannedTarget;
  readonly target: Target;
  /** Null while a service is pinned, before a version was chosen. */
  readonly nextKid: string | null;
  readonly undo: UndoEntry | null;
  /** `<kind>/<name>` */
  readonly name: string;
}

/** Step 4 for a hub or DPS: saves the undo, puts the intent on record, then writes. Repeated, it polls or finds it done. */
export async function moveTarget(ports: RotationPorts, input: OnTarget): Promise<MoveState> {
  const { run, direction } = input;
  const fence = fenceOf(ports, run, direction);
  await fence();
  const move = await readMove(ports, input);
  const service = serviceOf(move);
  const undo = direction === 'back' ? move.undo : (move.undo ?? (await saveUndo(ports, input, move, service)));
  if (undo === null) return { state: 'done' }; // nothing of ours to move or to put back
  const kid = direction === 'forward' ? nextOf(move) : kidToGoBackTo(undo, move);
  if (direction === 'forward') await recordIntent(ports, input, move, kid);
  else await reconcile(ports, run, move, service, undo);
  return service.move(kid, fence, (operationUrl) => saveOperation(ports, run, undo, operationUrl));
}

/**
 * I11: an operation that is under way is seen to its end before anything else is done. Its end is not judged here: the
 * operation that moved the target forward may have failed, and that is why it goes back.
 */
async function reconcile(
  ports: RotationPorts,
  run: RunReference,
  { nextKid, name }: Move,
  service: ServiceTarget,
  undo: UndoEntry,
): Promise<void> {
  if (undo.operationUrl === null || nextKid === null) return;
  const state = await service.checkMove(nextKid, undo.operationUrl).catch((error: unknown): MoveState => {
    if (error instanceof RefusalError) return { state: 'done' };
    throw error;
  });
  if (state.state === 'pending') {
    const { retryAfterSeconds } = state;
    throw new FaultError('resource-busy', `An operation on ${name} is still under way.`, { retryAfterSeconds });
  }
  await saveOperation(ports, run, undo, null);
}

/** Asks after the long-running operation that `moveTarget` began. */
export async function checkMove(ports: RotationPorts, input: OnTarget): Promise<MoveState> {
  const move = await readMove(ports, input);
  const service = serviceOf(move);
  if (move.undo === null) return { state: 'done' };
  const kid = input.direction === 'forward' ? nextOf(move) : kidToGoBackTo(move.undo, move);
  return service.checkMove(kid, move.undo.operationUrl);
}

/** Step 5: the target is where it should be and opens old data; says on which evidence. @throws RefusalError */
export async function verifyTarget(
  ports: RotationPorts,
  input: OnTarget,
): Promise<Verification & { readonly behind: number }> {
  const { run, direction } = input;
  const move = await readMove(ports, input);
  const { evidence, probe, behind, store } = await verifyOn(move, direction);
  await record(
    ports,
    run,
    {
      at: input.now,
      action: direction === 'forward' ? 'verify' : 'verify-back',
      target: move.name,
      outcome: probe.colour === 'green' ? 'done' : 'failed',
      message: [...evidence.map(({ strength, message }) => `${strength}: ${message}`), ...doubt(probe)].join(' '),
      details: { strongest: evidence[0]?.strength ?? null, kid: standsOn(move, direction) },
    },
    input.now,
  );
  const version = standsOn(move, direction);
  await noteProgress(ports, input, ({ total }) => ({
    ...(store ?? { done: direction === 'forward' ? total : 0 }),
    ...(version === null ? {} : { version: versionOf(version) }),
  }));
  return { evidence, probe, behind };
}

const doubt = ({ colour, message }: ProbeResult): readonly string[] =>
  colour === 'green' ? [] : [`It does not open old data: ${message}`];

const standsOn = (move: Move, direction: Direction): string | null =>
  direction === 'forward' ? move.nextKid : (move.undo?.kid ?? move.planned.previousKid);

async function verifyOn(
  move: Move,
  direction: Direction,
): Promise<Verification & { readonly behind: number; readonly store: Pick<Progress, 'done' | 'total'> | null }> {
  if (move.target.kind === 'dataKeys') {
    const { count, behind, ...verification } = await move.target.verify(nextOf(move), direction);
    const done = direction === 'forward' ? count - behind : 0;
    return { ...verification, behind, store: { done, total: count } };
  }
  const kid = standsOn(move, direction);
  if (kid === null) throw new BrokenInvariantError('undo', `There is no version on record for ${move.name}.`);
  return { ...(await move.target.verify(kid, move.undo?.fingerprints ?? {})), behind: 0, store: null };
}

export async function readMove(ports: RotationPorts, { run, target: index }: OnTarget): Promise<Move> {
  const held = await readHeldClaim(ports, run);
  const planned = held.claim.plan?.targets[index];
  const target = managedKey(ports, run.key).targets[index];
  const { nextVersion } = held.claim;
  if (planned === undefined || target === undefined || target.kind !== planned.kind || target.name !== planned.name) {
    throw new RefusalError(
      'configuration-changed',
      `Target ${index} of the plan (${planned?.kind}/${planned?.name}) is not the configured one any more. Put the configuration back, or abandon the run.`,
    );
  }
  return {
    held,
    planned,
    target,
    nextKid: nextVersion === null ? null : kidOf(nextKeyOf(held.claim), nextVersion),
    undo: held.undo.findLast((entry) => entry.target === index) ?? null,
    name: `${planned.kind}/${planned.name}`,
  };
}

export function nextOf({ nextKid }: Move): string {
  if (nextKid === null) throw new BrokenInvariantError('version', 'No next version is on record.');
  return nextKid;
}

function serviceOf({ target, name }: Move): ServiceTarget {
  if (target.kind === 'dataKeys') throw new BrokenInvariantError('target', `${name} is not a hub or DPS.`);
  return target;
}

function kidToGoBackTo(undo: UndoEntry, { name }: Move): string {
  if (undo.kid === null) throw new BrokenInvariantError('I3', `The undo of ${name} names no version.`);
  return undo.kid;
}

/** I3: on record before the step, because a step can take effect and its answer be lost. Null if the target stands on next already. */
async function saveUndo(
  ports: RotationPorts,
  input: OnTarget,
  move: Move,
  service: ServiceTarget,
): Promise<UndoEntry | null> {
  const { kid, fingerprints } = await service.readUndo();
  if (sameKid(kid, nextOf(move))) return null;
  if (move.planned.previousKid === null || !sameKid(kid, move.planned.previousKid)) {
    throw new RefusalError(
      'changed-since-plan',
      `${move.name} stood on ${move.planned.previousKid} when it was planned and stands on ${kid} now. Find out who changed it, then start again.`,
    );
  }
  return putUndo(ports, input, move, { kid, fingerprints });
}

export async function putUndo(
  ports: RotationPorts,
  { run, target, now }: OnTarget,
  { planned: { kind, name } }: Move,
  back: Pick<UndoEntry, 'kid' | 'fingerprints'>,
): Promise<UndoEntry> {
  const undo = { rotationId: run.rotationId, target, kind, name, savedAt: now, operationUrl: null, ...back };
  // What was saved first stays: a second try may read a resource that the first one has written by now.
  let saved: UndoEntry = undo;
  await changeClaim(ports, run, ({ claim, undo: present }) => {
    saved = present.find((entry) => entry.target === target) ?? undo;
    return saved === undo ? { claim, saveUndo: undo } : null;
  });
  return saved;
}

async function saveOperation(
  ports: RotationPorts,
  run: RunReference,
  undo: UndoEntry,
  operationUrl: string | null,
): Promise<void> {
  await changeClaim(ports, run, ({ claim }: { claim: Claim }) => ({ claim, saveUndo: { ...undo, operationUrl } }));
}

export const recordIntent = (ports: RotationPorts, { run, now }: OnTarget, move: Move, kid: string): Promise<void> =>
  record(ports, run, {
    at: now,
    action: 'rewrap',
    target: move.name,
    outcome: 'intended',
    message: `${move.name} moves from ${move.planned.previousKid ?? 'no version'} to ${kid}.`,
    details: { from: move.planned.previousKid, to: kid },
  });
