import type { Phase, RunName } from '../contracts/rotation';
import type { CommandName } from './ports';

/**
 * The phases of a rotation, and the only place that says which may follow which.
 *
 * Forward: requested → planning → creating-version → rewrapping → soaking → completed.
 * Back: rewrapping or soaking → rolling-back → rolled-back.
 *
 * - `requested`: the claim is on record, nothing has been read. Exists because the intent must be on disk before the first
 *   side effect. Used for everything: previous. Next: planning; or an end, if the run turns out to have no cause.
 * - `planning`: everything is read, nothing written. Exists so that what is refused is refused before anything has changed.
 *   Used: previous. Next: creating-version, or one of the ends without a change (skipped, refused, cancelled).
 * - `creating-version`: next is chosen, or made, and written to the ledger. Exists apart from rewrapping because targets must
 *   never move to a version that is not on record: two makers of a version can both win. Used: previous. Next: rewrapping; refused,
 *   while no version has been made; rolling-back, when one has been made and turns out unfit.
 * - `rewrapping`: the targets move one by one, the first as canary. Used: previous by those that wait, next by those that
 *   have moved; both must stay enabled. Next: soaking when the last is verified; rolling-back on a refusal or at a command.
 * - `soaking`: all targets are on next, and are probed. Exists because a service may go on with a cached key for hours, so that
 *   a green probe right after the move proves little. Used: next; previous stays enabled as the way back. Next: completed,
 *   or rolling-back on confirmed red.
 *   From here and from `rewrapping` also back to creating-version: an instance that was lost with its task hub is followed by one that walks
 *   the road again from there, and finds done what was done.
 * - `adopting`: what was asked for is written to the key's policy and expiry. Used: what was used before. Next: completed; rolling-back, which puts back
 *   what was found.
 * - `revoking`: the versions are disabled on purpose, and the targets are watched until they have lost access. Used: what a service has cached, for as
 *   long as it keeps it. Next: completed; rolling-back at a command, which enables them again.
 * - `restoring`: what a revocation disabled is enabled, and old data is read. Next: completed.
 * - `rolling-back`: targets go back, newest first. Used: both, as in rewrapping, so data stays readable all the way. It has
 *   no way forward: a target moves one way at a time. Next: rolled-back, when every target is verified on previous.
 * - `needs-attention`: only a person can say what comes next. Keeps the claim, so that nothing else mutates meanwhile, while
 *   no instance runs. Reached from every phase in which a deadline can pass or an invariant can break. Next: planning, or, of a
 *   run that had begun, the phase that it began with, at `resume` (the road is walked again from there, and what was done is found
 *   done); rolling-back, at `rollback`, or at `resume` of a rollback; abandoned, at `abandon`.
 * - `completed`: an end after a change; the claim is free. Next: rolling-back, under a new claim, while the old version has not
 *   begun to be retired.
 * - `rolled-back`, `abandoned`: ends after a change; the claim is free.
 * - `skipped`, `refused`, `cancelled`: ends before any change; the claim is free.
 */
const transitions: Readonly<Record<Phase, readonly Phase[]>> = {
  requested: ['planning', 'skipped', 'refused', 'cancelled', 'needs-attention'],
  planning: [
    'creating-version',
    'adopting',
    'revoking',
    'restoring',
    'skipped',
    'refused',
    'cancelled',
    'needs-attention',
  ],
  'creating-version': ['rewrapping', 'refused', 'rolling-back', 'needs-attention'],
  rewrapping: ['soaking', 'rolling-back', 'needs-attention', 'creating-version'],
  soaking: ['completed', 'rolling-back', 'needs-attention', 'creating-version'],
  adopting: ['completed', 'rolling-back', 'needs-attention'],
  revoking: ['completed', 'rolling-back', 'needs-attention'],
  restoring: ['completed', 'needs-attention'],
  'rolling-back': ['rolled-back', 'needs-attention'],
  'needs-attention': ['planning', 'creating-version', 'adopting', 'revoking', 'restoring', 'rolling-back', 'abandoned'],
  completed: ['rolling-back'],
  'rolled-back': [],
  abandoned: [],
  skipped: [],
  refused: [],
  cancelled: [],
};

/** Whether a run moves targets, to another version or to another key: only such a one leaves versions behind that can be retired. */
export function isMove(run: RunName | undefined): boolean {
  return run === undefined || run === 'rotate' || run === 'replace';
}

/** The phases in which what a run is for is done, and whose they are; every other phase is everybody's. */
const ofOneRun: Readonly<Partial<Record<Phase, (run: RunName | undefined) => boolean>>> = {
  'creating-version': isMove,
  rewrapping: isMove,
  soaking: isMove,
  adopting: (run) => run === 'adopt',
  revoking: (run) => run === 'revoke',
  restoring: (run) => run === 'restore',
};

/** Whether a run in this phase has begun to do what it is for: its plan is decided and approved, and it is not planned again. */
export const isBegun = (phase: Phase): boolean => ofOneRun[phase] !== undefined;

/** The phases of a run (absent: `rotate`) that may directly follow this one. */
export function nextPhases(phase: Phase, run?: RunName): readonly Phase[] {
  return transitions[phase].filter((next) => ofOneRun[next]?.(run) ?? true);
}

/** Whether a run (absent: `rotate`) may go from one phase to another. Staying is always allowed: an activity may run twice (I2). */
export function mayMove(from: Phase, to: Phase, run?: RunName): boolean {
  return from === to || nextPhases(from, run).includes(to);
}

/** Whether the rotation is over for good. */
export function isTerminal(phase: Phase): boolean {
  // From `completed` only a person leads on, by a new claim, until the retirement of the old version has begun.
  return phase === 'completed' || transitions[phase].length === 0;
}

/** Whether a rotation in this phase keeps others from mutating under its KEK. */
export function holdsClaim(phase: Phase): boolean {
  return !isTerminal(phase);
}

/** Whether an instance works on a rotation in this phase: all that hold the claim, but for the one that waits for a person. */
export function isRunning(phase: Phase): boolean {
  return holdsClaim(phase) && phase !== 'needs-attention';
}

const commands: Readonly<Record<Phase, readonly CommandName[]>> = {
  requested: ['cancel', 'pause'],
  planning: ['approve', 'cancel', 'pause'],
  // Creating a version is a change: from here on there is no cancelling, only the way back.
  'creating-version': ['rollback', 'pause'],
  rewrapping: ['rollback', 'pause'],
  soaking: ['rollback', 'pause'],
  adopting: ['rollback', 'pause'],
  revoking: ['rollback', 'pause'],
  // What comes back is not taken away again by halves: that would be another revocation.
  restoring: ['pause'],
  'rolling-back': ['pause'],
  'needs-attention': ['rollback', 'resume', 'abandon'],
  completed: ['rollback'],
  'rolled-back': [],
  abandoned: [],
  skipped: [],
  refused: [],
  cancelled: [],
};

/** What decides, beside the phase, which commands are possible. */
export interface Standing {
  /** Absent: `rotate`. */
  readonly run?: RunName | undefined;
  readonly paused: boolean;
  readonly waitsForApproval: boolean;
  /** Of a completed rotation: it was the KEK's latest, nothing runs now, and the retirement has not begun. */
  readonly canStillGoBack: boolean;
}

/** The commands a person may give; any other is answered 409 with these as `allowed`. One table for all phases. */
export function allowedCommands(phase: Phase, standing: Standing): readonly CommandName[] {
  return commands[phase].flatMap((command): CommandName[] => {
    if (command === 'pause' && standing.paused) return ['resume'];
    if (command === 'approve' && !standing.waitsForApproval) return [];
    if (phase === 'completed' && !standing.canStillGoBack) return [];
    if (command === 'rollback' && !goesBack(phase, standing.run)) return [];
    return [command];
  });
}

/** A revocation that is complete is taken back by `restore`, with a plan and a second person; a restoration by another revocation. */
const goesBack = (phase: Phase, run: RunName = 'rotate'): boolean =>
  isMove(run) || (['revoke', 'adopt'].includes(run) && phase !== 'completed');
