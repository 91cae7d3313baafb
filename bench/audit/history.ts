import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { chain } from '../../shared/rotation/audit-chain';
import type { AuditEntry, AuditRecord } from '../../shared/rotation/ports';

export const key = 'https://bench.vault.azure.net/keys/fleet-kek';

/** As long as the records of a real run are on average: about 600 characters. */
export const entryOf = (number: number): AuditEntry => ({
  rotationId: `20261122T120000000Z-${String(number).padStart(6, '0')}-abcdef`,
  at: new Date(Date.UTC(2026, 0, 1) + number * 60_000).toISOString(),
  actor: 'keyturn',
  action: 'rewrap',
  target: number % 3 === 0 ? 'dataKeys/fleetdatakeys' : 'iotHub/factory',
  outcome: 'done',
  message: `Moved to version 0123456789abcdef0123456789abcdef and read again; step ${number} of this history.`,
  details: { kid: `${key}/0123456789abcdef0123456789abcdef`, done: number, total: 100, evidence: 'data-plane' },
});

/** Writes an export of so many records, as `GET /api/audit` gives it. */
export async function writeExport(file: string, records: number): Promise<void> {
  const out = createWriteStream(file);
  const opening = {
    kind: 'export',
    schema: 'keyturn/audit-export/v1',
    key,
    exportedAt: '2026-11-22T12:00:00.000Z',
    narrowedBy: null,
    continuation: null,
  };
  out.write(`${JSON.stringify(opening)}\n`);
  let last: AuditRecord | null = null;
  let lines = '';
  for (let number = 1; number <= records; number++) {
    last = chain(last, key, entryOf(number));
    lines += `${JSON.stringify(last)}\n`;
    if (number % 1000 !== 0 && number !== records) continue;
    if (!out.write(lines)) await once(out, 'drain');
    lines = '';
  }
  out.write(`${JSON.stringify({ kind: 'head', chain: 1, sequence: records, hash: last?.hash ?? '' })}\n`);
  out.end(`${JSON.stringify({ kind: 'end', records, continuation: null })}\n`);
  await once(out, 'finish');
}
