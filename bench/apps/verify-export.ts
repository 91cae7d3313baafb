import { readEvidence, readRecords } from '../../shared/audit-file/exported-history';
import { verifyHistory } from '../../shared/rotation/verify-history';

/** Verifies an export as `npm run audit:verify` does, without signatures, and tells what it cost. Argument: the file. */
async function main([file = '']: readonly string[]): Promise<void> {
  const before = process.cpuUsage();
  const { key, heads } = readEvidence([file]);
  const records = readRecords([file]);
  const verdict = await verifyHistory({ key, records, heads, seals: [], anchors: null, signer: null, now: null });
  const { user, system } = process.cpuUsage(before);
  const { maxRSS } = process.resourceUsage();
  const cpuSeconds = (user + system) / 1e6;
  console.log(JSON.stringify({ ok: verdict.ok, records: verdict.records, cpuSeconds, megabytes: maxRSS / 1024 }));
}

void main(process.argv.slice(2));
