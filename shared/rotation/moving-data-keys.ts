import type { DataKeysPage, LeftDataKey } from '../contracts/activities';
import type { TargetProgress } from '../contracts/rotation';
import { BrokenInvariantError, FaultError } from './errors';
import { type Move, nextOf, type OnTarget, putUndo, readMove, recordIntent } from './moving';
import type { DataKeysMoved, DataKeysTally, DataKeysTarget } from './ports';
import { noteProgress, type Progress, paceOf } from './progress';
import type { RotationPorts } from './run-ports';
import { fenceOf, record } from './run-record';

/** The most data keys that are named of those that one pass over a store leaves; the others are counted. */
const mostNamed = 100;

type Stretch = OnTarget & { readonly continuation: string | null; readonly done: number; readonly left: number };

/**
 * Step 4 for data keys: one stretch of a pass over the store. The undo of each record is its own old blob, kept beside the new one. What
 * was left is on record by name before the pass goes on (I4).
 */
export async function moveDataKeysPage(ports: RotationPorts, input: Stretch): Promise<DataKeysPage> {
  const { run, direction, continuation } = input;
  const fence = fenceOf(ports, run, direction);
  await fence();
  const move = await readMove(ports, input);
  const store = storeOf(move);
  const kid = nextOf(move);
  if (direction === 'forward' && continuation === null) {
    if (move.undo === null) await putUndo(ports, input, move, { kid: null, fingerprints: {} });
    await recordIntent(ports, input, move, kid);
  }
  const began = ports.now().getTime();
  const tell = (tally: DataKeysTally, ended: boolean) =>
    noteProgress(ports, input, (known) => {
      const pace = ended ? null : ports.now().getTime() - began;
      return progressOf(known, input, sumsOf(input, move, tally), tally, pace);
    });
  const moved = await store.movePage({
    kid,
    direction,
    continuation,
    fence,
    previousKid: move.planned.previousKid,
    mostNamed: Math.max(0, mostNamed - input.left),
    progress: (tally) => tell(tally, false).catch(forgiveFault),
  });
  await recordStretch(ports, input, move, moved);
  await tell(moved, moved.continuation === null);
  const { done, left, total } = sumsOf(input, move, moved);
  return { continuation: moved.continuation, done, total, left, named: moved.named };
}

/** How far it is can be told a little later; the work itself fails where storage does. */
function forgiveFault(error: unknown): void {
  if (!(error instanceof FaultError)) throw error;
}

function sumsOf(input: Stretch, { planned }: Move, tally: DataKeysTally) {
  const done = input.done + tally.seen - tally.left - tally.late;
  const left = input.left + tally.left;
  return { done, left, total: Math.max(planned.total, done + left + tally.late) };
}

/**
 * Forward, what an earlier pass has done stays done until this one has ended and knows. Going back, what is done is what still
 * stands on next: it ends at none.
 * @param milliseconds since the stretch began; null at the end of the pass
 */
function progressOf(
  known: TargetProgress,
  { direction }: Stretch,
  { done, left, total }: ReturnType<typeof sumsOf>,
  { moved, late }: DataKeysTally,
  milliseconds: number | null,
): Progress {
  const forward = direction === 'forward';
  if (milliseconds === null) return { done: forward ? done : left, total: done + left + late };
  const now = forward ? Math.max(known.done, done) : Math.min(known.done, total - done);
  return { done: now, total, ...paceOf(moved, milliseconds, forward ? total - now : now) };
}

async function recordStretch(ports: RotationPorts, input: Stretch, move: Move, moved: DataKeysMoved): Promise<void> {
  const { run, direction, now, continuation } = input;
  const forward = direction === 'forward';
  const action = forward ? 'rewrap' : 'put-back';
  const occasion = `${continuation ?? 'first'}.${now}`;
  const { seen, left, late } = moved;
  const details = { moved: moved.moved, seen, left, late, kid: nextOf(move) };
  const message = [
    ...(forward ? [movedForward(moved)] : [`${moved.moved} of ${seen} data keys put back.`]),
    ...(late === 0 ? [] : [`${late} were written by their owner each time; the next pass meets them again.`]),
  ].join(' ');
  await record(ports, run, { at: now, action, target: move.name, outcome: 'done', message, details }, occasion);
  for (let from = 0; from < left; from += namesInRecord) {
    const named = moved.named.slice(from, from + namesInRecord);
    if (named.length === 0) break;
    const told = { at: now, action, target: move.name, outcome: 'failed' as const, message: leftByName(named, left) };
    await record(ports, run, { ...told, details: { left } }, `left.${from}.${occasion}`);
  }
}

/** So that each record of the audit log stays of a size that is read. */
const namesInRecord = 25;

const movedForward = ({ moved, seen, left, late }: DataKeysTally): string =>
  moved === 0 && left + late === 0
    ? `All ${seen} data keys were on the next version already.`
    : `${moved} of ${seen} data keys rewrapped; each was unwrapped again and compared before it was written.`;

const leftByName = (named: readonly LeftDataKey[], left: number): string =>
  `Left as they were (${left} in this stretch): ${named.map(({ record: name, code }) => `${name} (${code})`).join(', ')}.`;

function storeOf({ target, name }: Move): DataKeysTarget {
  if (target.kind !== 'dataKeys') throw new BrokenInvariantError('target', `${name} is not a store of data keys.`);
  return target;
}
