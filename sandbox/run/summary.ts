import type { Paint } from './block';
import type { Outcome } from './outcome';
import { span } from './spans';

const PROBLEMS_SHOWN = 12;

/** What a person is told at the end: what was proved, by what, and what was not. */
export function summary(
  outcome: Outcome,
  problems: readonly string[],
  paint: Paint,
  modes: string | null = null,
): string[] {
  return [
    '',
    heading(outcome, problems, paint),
    '',
    ...targetTable(outcome, paint),
    '',
    `  History   ${historyText(outcome, paint)}`,
    `  Alerts    ${alertsText(outcome)}`,
    ...(modes === null ? [] : [`  Modes     ${modes}`]),
    ...versionLines(outcome),
    ...problemLines(problems, paint),
    '',
  ];
}

function heading(outcome: Outcome, problems: readonly string[], paint: Paint): string {
  const { rotation, milliseconds, virtualMilliseconds } = outcome;
  const phase = rotation?.phase ?? 'without a rotation';
  const times = `${span(milliseconds)} on this machine, ${span(virtualMilliseconds)} in the sandbox`;
  const verdict = problems.length === 0 ? paint.good('as it must') : paint.bad('NOT as it must');
  return paint.bold(`${outcome.scenario} ended ${verdict}: ${phase}, ${times}`);
}

function targetTable(outcome: Outcome, paint: Paint): string[] {
  const rows = outcome.comparisons.map(({ source, total, before, after }) => {
    const version = outcome.standings.find(({ name }) => name === source.name)?.version ?? null;
    const reads = outcome.reads.get(source.kind) ?? { opened: 0, explained: 0, failed: 0 };
    return {
      cells: [
        `${source.kind} ${source.name}`,
        version === null ? 'no single version' : `${version.slice(0, 8)} (${roleOf(version, outcome)})`,
        `${before} of ${total} ${source.noun}`,
        `${after} of ${total}`,
        readsText(reads),
      ],
      well: before === total && after === total && reads.failed === 0,
    };
  });
  const titles = ['Target', 'Stands on', 'Opened before', 'and after', 'Read meanwhile'];
  const widths = titles.map((title, column) =>
    Math.max(title.length, ...rows.map(({ cells }) => (cells[column] ?? '').length)),
  );
  const line = (cells: readonly string[]) =>
    `  ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('   ')}`.trimEnd();
  return [paint.faint(line(titles)), ...rows.map(({ cells, well }) => (well ? line(cells) : paint.bad(line(cells))))];
}

function roleOf(version: string, { rotation, versionBefore }: Outcome): string {
  if (version === versionBefore) return 'previous';
  return version === rotation?.nextVersion ? 'next' : 'neither previous nor next';
}

function readsText({ opened, explained, failed }: { opened: number; explained: number; failed: number }): string {
  const parts = [`${opened} times`];
  if (explained > 0) parts.push(`${explained} failed by the fault asked for`);
  if (failed > 0) parts.push(`${failed} FAILED`);
  return parts.join(', ');
}

function historyText({ audit }: Outcome, paint: Paint): string {
  if (audit === null) return paint.bad('could not be read');
  if (!audit.ok) return paint.bad(`broken at record ${audit.brokenAt?.sequence}`);
  const head = audit.head === null ? '' : `, head ${audit.head.slice(0, 12)}`;
  return `${audit.records} records, their chain of hashes verifies${head}`;
}

function alertsText({ alerts }: Outcome): string {
  if (alerts.length === 0) return 'none';
  return alerts.map(({ eventType, copies }) => (copies > 1 ? `${eventType} (${copies} copies)` : eventType)).join(', ');
}

function versionLines({ rotation, versionBefore }: Outcome): string[] {
  if (rotation === null) return [];
  const next = rotation.nextVersion ?? 'none made';
  return [
    `  Rotation  ${rotation.rotationId}`,
    `  Versions  previous ${rotation.previousVersion ?? versionBefore}, next ${next}`,
    ...rotation.reasons.map(({ code, message }) => `  Reason    ${message} (${code})`),
  ];
}

function problemLines(problems: readonly string[], paint: Paint): string[] {
  if (problems.length === 0) return [];
  const shown = problems.slice(0, PROBLEMS_SHOWN).map((problem) => paint.bad(`  - ${problem}`));
  const more = problems.length - shown.length;
  return ['', paint.bold('What is not as it must be:'), ...shown, ...(more > 0 ? [`  - and ${more} more`] : [])];
}
