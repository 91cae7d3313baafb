import { chain } from '../../../../shared/rotation/audit-chain';
import { csvHeader, csvLine } from '../../../../shared/rotation/audit-export';
import type { AuditEntry, AuditRecord } from '../../../../shared/rotation/ports';

const key = 'https://kv-test.vault.azure.net/keys/kek';

const entry = (columns: Partial<AuditEntry> = {}): AuditEntry => ({
  ...{ rotationId: 'run', at: '2026-11-22T12:00:00.000Z', actor: 'ann', action: 'request', target: null },
  ...{ outcome: 'done', message: 'because', details: { count: 1, none: null, yes: true } },
  ...columns,
});

function records(...entries: AuditEntry[]): AuditRecord[] {
  const chained: AuditRecord[] = [];
  for (const each of entries) chained.push(chain(chained.at(-1) ?? null, key, each));
  return chained;
}

/** A CSV reader by RFC 4180, written apart from the writer. */
function cellsOf(line: string): string[] {
  const cells: string[] = [];
  for (let rest = `,${line}`; rest !== ''; ) {
    const [all, quoted, plain] = /^,(?:"((?:[^"]|"")*)"|([^",]*))/.exec(rest) ?? [''];
    if (all === '') throw new Error(`No CSV: ${rest}`);
    cells.push(quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'));
    rest = rest.slice(all.length);
  }
  return cells;
}

const cell = (record: AuditRecord, column: string): string | undefined =>
  cellsOf(csvLine(record))[csvHeader.split(',').indexOf(column)];

const odd = ['a,b', 'say "x"', 'two\r\nlines', '"', ',', 'ünï ✓ \u2028 end', "O'Brien", ''];

test.each(odd)('CSV: %j comes back as it was, in a line with as many cells as the header', (message) => {
  const [record] = records(entry({ message }));
  if (record === undefined) throw new Error('No record.');
  expect(cellsOf(csvLine(record))).toHaveLength(csvHeader.split(',').length);
  expect(cell(record, 'message')).toBe(message);
  expect(cell(record, 'target')).toBe('');
  expect(JSON.parse(cell(record, 'details') ?? '')).toEqual(record.details);
  expect(cell(record, 'hash')).toBe(record.hash);
});

test.each(['=HYPERLINK("http://evil")', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1'])(
  'CSV: %j is text to a spreadsheet, in every column a stranger can choose',
  (text) => {
    const [record] = records(entry({ message: text, actor: text, target: text }));
    if (record === undefined) throw new Error('No record.');
    for (const column of ['message', 'actor', 'target']) expect(cell(record, column)).toBe(`'${text}`);
  },
);
