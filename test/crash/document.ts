import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Matrix, playMatrix, type Row } from './matrix';
import { moreRuns } from './more-runs';
import { type Run, runs } from './runs';

const path = join('docs', 'crash-matrix.md');
const command = 'KEYTURN_CRASH_DOCUMENT=write npm test -- --runInBand test/crash/matrix';

export const readDocument = (): string => (existsSync(path) ? readFileSync(path, 'utf8').replaceAll('\r\n', '\n') : '');

// biome-ignore lint/style/noProcessEnv: says whether the document is to be written, and is nobody's configuration
const writes = process.env['KEYTURN_CRASH_DOCUMENT'] === 'write';

/** The section of a run as the document has it, once it was written anew if that was asked for. */
function sectionInDocument(run: Run, section: string): string {
  if (writes) writeFileSync(path, withSection(readDocument(), run, section));
  return sectionOf(readDocument(), run.name);
}

const headingOf = (name: string): string => `## ${name[0]?.toUpperCase()}${name.slice(1)}`;

function sectionOf(document: string, name: string): string {
  const [, after] = document.split(`${headingOf(name)}\n`);
  return after === undefined ? '' : `${headingOf(name)}\n${after.split('\n## ')[0]}`.trimEnd();
}

/** Every section in the order of the runs, whatever the order in which they are played. */
function withSection(document: string, { name }: Run, section: string): string {
  const names = [...runs, ...moreRuns].map((run) => run.name);
  const sections = names.map((each) => (each === name ? section : sectionOf(document, each))).filter(Boolean);
  return `${[introduction, ...sections].join('\n\n')}\n`;
}

const columns = [
  'Step',
  'Side effect',
  'On disk before it',
  'After a restart',
  'Killed before',
  'Killed after',
  'Answer lost',
  'Operator',
];

/** What the run has shown, as a section of the document. */
function sectionFrom(run: Run, { rows, points }: Matrix): string {
  return [
    headingOf(run.name),
    '',
    `${run.said} ${points} points, each disturbed in three ways.`,
    '',
    `| ${columns.join(' | ')} |`,
    `| ${columns.map(() => '---').join(' | ')} |`,
    ...rows.map((row) => `| ${cellsOf(row).join(' | ')} |`),
  ].join('\n');
}

function cellsOf({ activity, effect, told, occurrences, disk, fates, operator }: Row): readonly string[] {
  const shown = disk.length > 2 ? [disk[0], '…', disk.at(-1)] : disk;
  return [
    `\`${activity}/${effect}${numbers(occurrences)}\``,
    told,
    shown.join(' / '),
    whoGoesOn(activity),
    ...([fates.before, fates.after, fates.lost].map((each) => [...each].sort().join(' or ')) as string[]),
    operator.size === 0 ? 'nothing' : [...operator].map((did) => `asks for ${did}`).join(', '),
  ];
}

const numbers = (occurrences: readonly string[]): string =>
  occurrences.length > 2 ? `${occurrences[0]} to ${occurrences.at(-1)}` : occurrences.join(' ');

const timers: Readonly<Record<string, string>> = {
  sweep: 'the next sweep',
  deliverAlerts: 'the next minute',
  verifyHistories: 'the next night',
};

function whoGoesOn(activity: string): string {
  if (activity === 'keyEvents') return 'delivered again';
  if (/Rotation$|All$/.test(activity)) return 'asked again';
  return timers[activity] ?? 'the step again';
}

const introduction = `# The crash matrix

Every side effect of every run, in the order in which a run has them. At each of them the app was killed before it, killed after it, and told that the answer was lost although
the work was done; it was started again and went on to its end. The tables are written by the tests that check them (\`test/crash\`), in virtual time over the fakes of the
cloud; a test fails when they and this file differ. To write it anew:

    ${command}

Each time everything ended as in the run that nobody disturbed: the same phases, every target and record on the same version, the same versions enabled, the same
retirements, the same alerts (an id a second time only where nobody could know that it had been sent). The invariants I1 to I12 held, every record opened at every moment with the version that it names, the history verified, no instance was left over, and nothing outside was
changed more than once more than in an undisturbed run.

| Column | Says |
| --- | --- |
| Step | \`activity/port.method#occurrence\`: which function, which port, and which of its calls in the run, counted from 1 |
| On disk before it | what a process that is killed before the effect leaves behind: the claim's phase, undo entries, targets that have left the previous version, retirements, disabled versions. Killed after it, or with the answer lost, the effect is there as well. Where it is met in several states, the first and the last |
| After a restart | who goes on: the engine runs \`the step again\`; Event Grid has an event \`delivered again\`; whoever got no answer has \`asked again\` (of a start under the same Idempotency-Key); a timer comes back by itself |
| Killed before, Killed after, Answer lost | what becomes of the effect: done by the \`next try\`; \`found done\`, and not done a second time; done \`again\`, which comes to the same (a record of the audit log that is asked for again is there once); \`left out\`, because another step did it, or another way led to the end |
| Operator | what a person had to do beyond what belongs to the run |`;

/** Plays a run's matrix: it must come to the same end wherever it is struck, and docs/crash-matrix.md must say how. */
export async function mustBeAsDocumented(run: Run): Promise<void> {
  const matrix = await playMatrix(run);
  expect(matrix.problems).toEqual([]);
  const section = sectionFrom(run, matrix);
  if (section === sectionInDocument(run, section)) return;
  throw new Error(
    `docs/crash-matrix.md says something else of "${run.name}". If it should not, write it anew: ${command}`,
  );
}
