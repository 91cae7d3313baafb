import type { Rotation } from './contract';
import { shortVersion, span } from './spans';

/** One finding of a verification, as the history tells it. */
export interface Finding {
  /** `<kind>/<name>` */
  readonly target: string;
  /** With the strength of the evidence, as the history has it. */
  readonly message: string;
}

/** Everything the screen shows of a run; a new one is made after each look at the app. */
export interface RunView {
  readonly rotation: Rotation | null;
  readonly findings: readonly Finding[];
  /** Reads of old records while the rotation runs. */
  readonly reads: { readonly opened: number; readonly explained: number; readonly failed: number };
  /** Machine time since the scenario began, in milliseconds. */
  readonly wall: number;
  /** The sandbox's time since then. */
  readonly virtual: number;
}

export interface Line {
  /** What the line is about: `phase`, a target kind, `evidence`, `clock`, `note`. */
  readonly about: string;
  readonly text: string;
}

/** What became different, in lines: the whole picture for somebody who reads a log. */
export function changes(before: RunView | null, after: RunView): Line[] {
  const rotation = after.rotation;
  if (rotation === null) return [];
  const known = before?.rotation ?? null;
  const planned = known?.targets.length ?? 0;
  const moved = rotation.targets.map((target, index) => targetChange(known?.targets[index], target));
  return [
    ...(known === null ? [{ about: 'rotation', text: `${rotation.rotationId} (${rotation.reason})` }] : []),
    // What was finished comes before the phase that follows it, what has just begun after the phase it belongs to.
    ...moved.slice(0, planned).flat(),
    ...after.findings.slice(before?.findings.length ?? 0).map(findingLine),
    ...phaseChange(known, rotation),
    ...versionChange(known, rotation),
    ...moved.slice(planned).flat(),
    ...readChange(before, after),
  ];
}

/** Phase, and what it waits for, as one text. */
export function phaseText(rotation: Rotation): string {
  if (rotation.waitingFor === null) return rotation.phase;
  const why = rotation.reasons.at(-1)?.message;
  return `${rotation.phase}, waiting for ${waitNames[rotation.waitingFor] ?? rotation.waitingFor}${why ? `: ${why}` : ''}`;
}

const waitNames: Readonly<Record<string, string>> = {
  fault: 'a fault to pass',
  approval: 'an approval',
  pause: 'an operator to resume it',
  policy: 'the policy',
  window: 'its window',
};

/** `[machine's time | sandbox's time]`, in columns. */
export function stamp(view: Pick<RunView, 'wall' | 'virtual'>): string {
  return `[${span(view.wall).padStart(9)} | ${span(view.virtual).padStart(11)}]`;
}

/** While data keys move: how fast, and for how long yet. */
export function paceText({ keysPerSecond, secondsLeft }: Rotation['targets'][number]): string | null {
  if (keysPerSecond === undefined || secondsLeft === undefined) return null;
  return `${keysPerSecond >= 10 ? Math.round(keysPerSecond) : keysPerSecond} keys/s, ${span(secondsLeft * 1000)} left`;
}

export function findingText(finding: Finding): string {
  return `${finding.target} ${finding.message}`;
}

function phaseChange(known: Rotation | null, rotation: Rotation): Line[] {
  if (known !== null && phaseText(known) === phaseText(rotation)) return [];
  return [{ about: 'phase', text: phaseText(rotation) }];
}

function versionChange(known: Rotation | null, rotation: Rotation): Line[] {
  const { previousVersion, nextVersion } = rotation;
  if (nextVersion === null || (known?.nextVersion === nextVersion && known.previousVersion === previousVersion))
    return [];
  return [{ about: 'version', text: `${shortVersion(previousVersion)} -> ${shortVersion(nextVersion)}` }];
}

function targetChange(known: Rotation['targets'][number] | undefined, target: Rotation['targets'][number]): Line[] {
  if (known?.done === target.done && known.version === target.version) return [];
  const text = `${target.name} ${target.done}/${target.total}, ${paceText(target) ?? `on ${shortVersion(target.version)}`}`;
  return [{ about: target.kind, text }];
}

function findingLine(finding: Finding): Line {
  return { about: 'evidence', text: findingText(finding) };
}

function readChange(before: RunView | null, after: RunView): Line[] {
  const failed = after.reads.failed - (before?.reads.failed ?? 0);
  const explained = after.reads.explained > 0 && (before?.reads.explained ?? 0) === 0;
  return [
    ...(failed > 0
      ? [
          {
            about: 'readers',
            text: `${failed === 1 ? 'a read of an old record' : `${failed} reads of old records`} failed, and no fault explains it`,
          },
        ]
      : []),
    ...(explained ? [{ about: 'readers', text: 'reads fail too while the fault that was asked for lasts' }] : []),
  ];
}
