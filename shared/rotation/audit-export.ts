import type { AuditRecord } from './ports';

const columns = [
  'chain',
  'sequence',
  'at',
  'rotationId',
  'key',
  'actor',
  'action',
  'target',
  'outcome',
  'message',
  'details',
  'previousHash',
  'hash',
] as const;

export const csvHeader = columns.join(',');

/** RFC 4180, one line a record; `details` as JSON. */
export function csvLine(record: AuditRecord): string {
  return columns
    .map((column) => {
      const value = record[column];
      return quoted(typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value ?? ''));
    })
    .join(',');
}

/** A cell that a spreadsheet would take for a formula is kept from being one: records hold text that strangers can choose. */
function quoted(text: string): string {
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
