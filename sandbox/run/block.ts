import { shortVersion, span } from './spans';
import { findingText, paceText, phaseText, type RunView } from './view';

/** Wraps text in a colour, or returns it as it is. */
export interface Paint {
  bold(text: string): string;
  faint(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  warn(text: string): string;
}

export const coloured: Paint = {
  bold: (text) => `\x1b[1m${text}\x1b[22m`,
  faint: (text) => `\x1b[2m${text}\x1b[22m`,
  good: (text) => `\x1b[32m${text}\x1b[39m`,
  bad: (text) => `\x1b[31m${text}\x1b[39m`,
  warn: (text) => `\x1b[33m${text}\x1b[39m`,
};

export const plain: Paint = {
  bold: (text) => text,
  faint: (text) => text,
  good: (text) => text,
  bad: (text) => text,
  warn: (text) => text,
};

const BAR_CELLS = 20;
const FINDINGS_SHOWN = 4;

/** The picture that a terminal repaints: never wider than `width` columns, a handful of lines high. */
export function block(view: RunView, width: number, paint: Paint): string[] {
  const { rotation } = view;
  if (rotation === null)
    return [cut('  waiting for the rotation to begin', width, paint.faint), times(view, width, paint)];
  return [
    cut(`  ${phaseText(rotation)}`, width, phasePaint(view, paint)),
    cut(`  ${shortVersion(rotation.previousVersion)} -> ${shortVersion(rotation.nextVersion)}`, width, paint.faint),
    ...rotation.targets.flatMap((target) => targetLines(target, rotation.nextVersion, width, paint)),
    ...view.findings.slice(-FINDINGS_SHOWN).map((finding) => cut(`    ${findingText(finding)}`, width, paint.faint)),
    readsLine(view, width, paint),
    times(view, width, paint),
  ];
}

type Target = NonNullable<RunView['rotation']>['targets'][number];

function targetLines(target: Target, next: string | null, width: number, paint: Paint): string[] {
  const part = target.total === 0 ? 0 : Math.min(target.done / target.total, 1);
  const full = Math.round(part * BAR_CELLS);
  const bar = `${'#'.repeat(full)}${'.'.repeat(BAR_CELLS - full)}`;
  const count = `${target.done}/${target.total}`.padStart(9);
  const text = `  ${target.kind.padEnd(8)} ${target.name.padEnd(16)} ${bar} ${count}  on ${shortVersion(target.version)}`;
  const moved = next !== null && target.version === next;
  const pace = paceText(target);
  const line = cut(text, width, moved ? paint.good : (same) => same);
  return pace === null ? [line] : [line, cut(`    ${pace}`, width, paint.faint)];
}

function readsLine({ reads }: RunView, width: number, paint: Paint): string {
  const explained = reads.explained === 0 ? '' : `, ${reads.explained} failed while a fault was asked for`;
  const failed = reads.failed === 0 ? '' : `, ${reads.failed} FAILED`;
  const text = `  old records read meanwhile: ${reads.opened} opened${explained}${failed}`;
  return cut(text, width, reads.failed > 0 ? paint.bad : paint.faint);
}

function times(view: RunView, width: number, paint: Paint): string {
  return cut(`  ${span(view.wall)} on this machine, ${span(view.virtual)} in the sandbox`, width, paint.faint);
}

function phasePaint({ rotation }: RunView, paint: Paint): (text: string) => string {
  if (rotation?.phase === 'completed') return (text) => paint.bold(paint.good(text));
  if (rotation?.phase === 'needs-attention') return (text) => paint.bold(paint.bad(text));
  if (rotation?.waitingFor !== null || rotation?.phase.startsWith('roll'))
    return (text) => paint.bold(paint.warn(text));
  return paint.bold;
}

/** Cut before it is painted, so that no colour code is cut in half. */
function cut(text: string, width: number, paint: (text: string) => string): string {
  return paint(text.length <= width ? text : `${text.slice(0, Math.max(width - 1, 0))}…`);
}
